package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

var gzipMagic = []byte("\x1f\x8b\x08")

// members reads a gzip file member by member: seek or resync, then begin, then Read to its io.EOF, then begin for the next.
type members struct {
	o     object
	raw   io.ReadCloser
	count counter
	in    *bufio.Reader
	z     *gzip.Reader
	g     guard
	start int64 // of the member that is being read
}

func (m *members) close() {
	if m.raw != nil {
		_ = m.raw.Close() // read only: nothing can be lost
		m.raw = nil
	}
}

// seek makes the file be read from an offset.
func (m *members) seek(at int64) error {
	m.close()
	raw, err := m.o.From(at)
	if err != nil {
		return err
	}
	m.raw, m.count = raw, counter{r: raw, n: at}
	if m.in == nil {
		m.in = bufio.NewReaderSize(&m.count, 64<<10)
	} else {
		m.in.Reset(&m.count)
	}
	return nil
}

// offset is where the file is read next.
func (m *members) offset() int64 { return m.count.n - int64(m.in.Buffered()) }

// begin opens the member at the present offset. io.EOF is the end of the file; zeros before it count as padding.
func (m *members) begin() error {
	m.start = m.offset()
	m.g = guard{in: m.start}
	head, err := m.in.Peek(len(gzipMagic))
	if len(head) == 0 {
		return m.failure(err)
	}
	if !bytes.Equal(head, gzipMagic) {
		if m.onlyZeros() {
			return io.EOF
		}
		return &damage{FaultCompress, m.start, true, errGarbage}
	}
	if m.z == nil {
		m.z, err = gzip.NewReader(m.in)
	} else {
		err = m.z.Reset(m.in)
	}
	if err != nil {
		return m.failure(err)
	}
	m.z.Multistream(false)
	return nil
}

// onlyZeros steps over zeros and reports whether nothing else follows.
func (m *members) onlyZeros() bool {
	for {
		b, err := m.in.ReadByte()
		if err != nil {
			return m.count.err == nil
		}
		if b != 0 {
			return false
		}
	}
}

// failure is an error of the decompressor as damage, or the disk's own, or io.EOF.
func (m *members) failure(err error) error {
	switch {
	case m.count.err != nil:
		return m.count.err
	case errors.Is(err, io.EOF) && m.offset() == m.start:
		return io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &damage{packingReason(err), m.start, true, err}
}

// Read reads the member that was begun; io.EOF is its end.
func (m *members) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	switch {
	case m.g.swells(n, m.offset()):
		return 0, &damage{FaultBomb, m.start, true, errBomb}
	case err == nil || err == io.EOF: //nolint:errorlint // the end itself, not an error that wraps it
		return n, err
	}
	return n, m.failure(err)
}

// resync begins the next member at or behind an offset. io.EOF means that there is none.
func (m *members) resync(from int64, fits func(head []byte) bool) error {
	at, err := findMember(m.o, from, fits)
	if err == nil && at < 0 {
		err = io.EOF
	}
	if err == nil {
		err = m.seek(at)
	}
	if err != nil {
		return err
	}
	return m.begin()
}

// findMember returns the offset of the first gzip member at or behind from whose content begins as fits wants it, -1 for none.
func findMember(o object, from int64, fits func(head []byte) bool) (int64, error) {
	raw, err := o.From(from)
	if err != nil {
		return -1, err
	}
	defer raw.Close()
	var s stream
	s.reset(raw, from)
	var z gzip.Reader
	head := make([]byte, 4096)
	for s.find(gzipMagic) {
		if n, ok := beginsMember(&z, s.peek(32<<10), head); ok && (fits == nil || fits(head[:n])) {
			return s.pos, nil
		}
		s.advance(1)
	}
	return -1, s.failed()
}

// beginsMember decompresses the beginning of what may be a member into head.
func beginsMember(z *gzip.Reader, data, head []byte) (n int, ok bool) {
	const flags, reserved = 3, 0xe0
	if len(data) < 18 || data[flags]&reserved != 0 {
		return 0, false
	}
	if z.Reset(bytes.NewReader(data)) != nil {
		return 0, false
	}
	z.Multistream(false)
	n, err := io.ReadFull(z, head)
	return n, err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > 0
}

// joined reads all members of a gzip file as one stream. Behind damage it goes on with the next member that can be found.
type joined struct {
	m      *members
	state  int8
	broken int64
}

const (
	joinedFresh = iota
	joinedIn
	joinedBroken
	joinedEnd
)

func (j *joined) Read(p []byte) (int, error) {
	for {
		var err error
		switch j.state {
		case joinedFresh:
			if err = j.m.seek(0); err == nil {
				err = j.m.begin()
			}
		case joinedIn:
			n, err := j.m.Read(p)
			if n > 0 || err == nil {
				return n, nil // an error comes again
			}
			if err != io.EOF { //nolint:errorlint // the end itself
				return 0, j.fail(err)
			}
			if err = j.m.begin(); err != nil {
				return 0, j.fail(err)
			}
			continue
		case joinedBroken:
			err = j.m.resync(j.broken+1, nil)
		case joinedEnd:
			return 0, io.EOF
		}
		if err != nil {
			return 0, j.fail(err)
		}
		j.state = joinedIn
	}
}

// fail notes how to go on behind an error, and returns it.
func (j *joined) fail(err error) error {
	j.state = joinedEnd
	var d *damage
	if errors.As(err, &d) && d.again {
		j.state, j.broken = joinedBroken, d.at
	}
	return err
}

// lookBack is how far before a cut the records are followed to find the first one behind it, in bytes.
const lookBack = 1 << 20

// firstBehind returns the offset of the first record at or behind start, the end of the file for none: find returns the first thing that looks like a
// record at or behind a place (-1 for none), and next the place behind the record at a place (-1 where it is none or is damaged). Records are
// followed from some way before, so that what looks like one inside another is not taken for one.
func firstBehind(o object, start int64, find, next func(at int64) (int64, error)) (int64, error) {
	if start <= 0 || start >= o.Size() {
		return min(max(start, 0), o.Size()), nil
	}
	at, err := max(0, start-lookBack), error(nil)
	if at > 0 {
		at, err = find(at)
	}
	for err == nil && at >= 0 && at < start {
		var behind int64
		if behind, err = next(at); err != nil {
			break
		}
		if behind > at {
			at = behind
			continue
		}
		at, err = find(at + 1)
	}
	if at < 0 {
		at = o.Size()
	}
	return at, err
}
