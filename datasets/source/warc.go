package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The parts of a WARC record are those of the WARC format 1.0 and 1.1 (ISO 28500): a version line, named fields, an empty line, a block of
// Content-Length bytes, two line ends.

// warcRecord is one record. Its block is valid until the next one is read.
type warcRecord struct {
	member    int64 // offset of the gzip member; -1 in a file that is one stream
	offset    int64 // of the record, in the member or the stream
	kind      string
	uri       string
	date      string
	media     string // Content-Type of the block
	found     string // media type of the payload as the crawler found it, "" unknown
	truncated bool   // the crawler cut the block off
	id        string // of the record
	digest    string // of the payload, "" unknown
	refers    string // of a revisit: the id of the record that it repeats
	refersURI string // and its URL
	length    int64
	block     []byte
	large     bool // the block is its beginning alone
}

// where is the record's place, as it stands in IDs.
func (r *warcRecord) where() string {
	switch {
	case r.member < 0:
		return "#" + strconv.FormatInt(r.offset, 10)
	case r.offset == 0:
		return "#" + strconv.FormatInt(r.member, 10)
	}
	return fmt.Sprintf("#%d.%d", r.member, r.offset)
}

// warcReader reads the records of a WARC file.
type warcReader struct {
	o      object
	end    int64 // records that begin here or behind are another part's
	limit  int   // bytes of a block
	s      stream
	m      *members  // nil where the file is one stream
	u      *unpacked // nil where it is read by members
	inside bool      // a member is being read
	member int64     // -1 without members
	plain  bool      // the stream is the file itself
}

// errRecord is a record that cannot be read, with its place.
type errRecord struct {
	reason, where string
	err           error
}

func (e *errRecord) Error() string { return e.where + ": " + e.reason + ": " + fmt.Sprint(e.err) }

const (
	maxWARCHeader  = 64 << 10
	maxHTTPHeaders = 256 << 10 // allowed in a block beside the document
)

var (
	warcMagic = []byte("WARC/")
	warcNext  = []byte("\nWARC/1.")
)

// newWARCReader reads the records of a file that begin from start to end.
func newWARCReader(o object, packing string, start, end int64, limit int) (*warcReader, error) {
	w := &warcReader{o: o, end: end, limit: limit + maxHTTPHeaders, member: -1}
	byMember := false
	var err error
	if packing == ".gz" {
		if byMember, err = memberPerRecord(o); err != nil {
			return nil, err
		}
	}
	switch {
	case byMember:
		w.m = &members{o: o}
		if start, err = syncMembers(o, start); err == nil && end < o.Size() {
			w.end, err = syncMembers(o, end)
		}
		if err == nil {
			err = w.m.seek(start)
		}
	case packing != "": // one stream: whoever has its beginning reads it
		w.end = o.Size()
		if start > 0 {
			w.u = &unpacked{Reader: ended{}}
		} else {
			w.u, err = unpack(o, packing)
		}
	default:
		if start, err = syncRecords(o, start); err == nil && end < o.Size() {
			w.end, err = syncRecords(o, end)
		}
		if err == nil {
			w.u, err = from(o, start)
			w.plain = true
		}
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if w.u != nil {
		w.s.reset(w.u, start)
		if packing != "" {
			w.end = -1 // its offsets are not the file's
		}
	}
	return w, nil
}

// from reads a plain file from an offset.
func from(o object, start int64) (*unpacked, error) {
	raw, err := o.From(start)
	if err != nil {
		return nil, err
	}
	return &unpacked{&counter{r: raw}, []func(){func() { _ = raw.Close() }}}, nil
}

// Close closes what the reader has opened, not the file.
func (w *warcReader) Close() error {
	if w.m != nil {
		w.m.close()
	}
	if w.u != nil {
		return w.u.Close()
	}
	return nil
}

// next returns the next record. io.EOF is the end, an *errRecord is of one record, any other error ends reading.
func (w *warcReader) next() (*warcRecord, error) {
	for {
		if err := w.begin(); err != nil {
			return nil, err
		}
		w.skipLineEnds()
		if len(w.s.peek(1)) > 0 {
			break
		}
		if err := w.atEnd(); err != nil {
			return nil, err
		}
	}
	if w.m == nil && w.end >= 0 && w.s.pos >= w.end {
		return nil, io.EOF
	}
	return w.record()
}

// begin begins the next member where one is due.
func (w *warcReader) begin() error {
	if w.m == nil || w.inside {
		return nil
	}
	for {
		if w.m.offset() >= w.end {
			return io.EOF
		}
		err := w.m.begin()
		if err == nil {
			w.enter()
			return nil
		}
		if err := w.damaged(err); err != nil {
			return err
		}
	}
}

// enter reads the member that was begun.
func (w *warcReader) enter() {
	w.inside, w.member = true, w.m.start
	w.s.reset(w.m, 0)
}

// damaged goes to the next member behind damage, and returns the fault; other errors it returns as they are.
func (w *warcReader) damaged(err error) error {
	var d *damage
	if !errors.As(err, &d) {
		return err
	}
	fault := &errRecord{d.reason, "#" + strconv.FormatInt(d.at, 10), d.err}
	if w.m == nil { // a joined stream goes on by itself
		w.s.clear()
		w.s.advance(len(w.s.buffered()))
		return fault
	}
	w.inside = false
	at, err := findMember(w.o, d.at+1, beginsWARC)
	if err == nil {
		if at < 0 {
			at = w.o.Size()
		}
		err = w.m.seek(at)
	}
	if err != nil {
		return err
	}
	return fault
}

// atEnd says how to go on where the stream has no more: nil means that there is another member.
func (w *warcReader) atEnd() error {
	if err := w.s.failed(); err != nil {
		return w.damaged(err)
	}
	if w.m == nil {
		return io.EOF
	}
	w.inside = false
	return nil
}

func (w *warcReader) skipLineEnds() {
	for {
		data := w.s.peek(1)
		if len(data) == 0 || data[0] != '\r' && data[0] != '\n' {
			return
		}
		w.s.advance(1)
	}
}

// record reads the record at the present place.
func (w *warcReader) record() (*warcRecord, error) {
	r := &warcRecord{member: w.member, offset: w.s.pos}
	size := w.header()
	if size == 0 {
		if err := w.s.failed(); err != nil {
			return nil, w.damaged(err)
		}
		return nil, w.resync(r, 1, FaultHeader, errHeader)
	}
	if err := r.parse(w.s.peek(size)); err != nil {
		return nil, w.resync(r, size, FaultLength, err)
	}
	if r.length > int64(w.limit) {
		return w.large(r, size)
	}
	const around = 16
	whole := size + int(r.length)
	data := w.s.peek(whole + around)
	if len(data) < whole || len(data) < whole+around && w.m != nil { // a member's sum stands behind it
		if err := w.s.failed(); err != nil {
			return nil, w.damaged(err)
		}
	}
	if len(data) < whole {
		reason := FaultTruncated
		if w.m != nil || bytes.Contains(data[size:], warcNext) {
			reason = FaultLength
		}
		return nil, w.resync(r, size, reason, fmt.Errorf("Content-Length is %d and %d bytes are left", r.length, len(data)-size))
	}
	if !endsRecord(data[whole:]) {
		return nil, w.resync(r, size, FaultLength, fmt.Errorf("the record does not end behind the %d bytes of its Content-Length", r.length))
	}
	r.block = data[size:whole]
	w.s.advance(whole)
	return r, nil
}

var errHeader = errors.New("want WARC/1.0 or WARC/1.1, fields, and an empty line")

// header returns the size of the version line and the fields with the empty line behind them; 0 where there are none.
func (w *warcReader) header() int {
	if !bytes.Equal(w.s.peek(len(warcMagic)), warcMagic) {
		return 0
	}
	for n := 1 << 10; n <= maxWARCHeader; n *= 4 {
		data := w.s.peek(n)
		if end := headerEnd(data); end > 0 || len(data) < n {
			return end
		}
	}
	return 0
}

// headerEnd returns where the first empty line of data ends, 0 for none.
func headerEnd(data []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		switch rest := data[at:]; {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return at + 2
		case bytes.HasPrefix(rest, []byte("\n")):
			return at + 1
		}
	}
}

// field splits a line of a header; the name is as written.
func field(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte{':'})
	return bytes.TrimSpace(name), bytes.TrimSpace(value)
}

// named reports whether a header's name is the wanted one, in whatever case.
func named(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

// parse reads the fields of a record's header.
func (r *warcRecord) parse(head []byte) error {
	r.length = -1
	for line := range bytes.Lines(head) {
		name, value := field(line)
		switch {
		case named(name, "WARC-Type"):
			r.kind = strings.ToLower(string(value))
		case named(name, "WARC-Target-URI"):
			r.uri = strings.Trim(string(value), "<>")
		case named(name, "WARC-Record-ID"):
			r.id = strings.Trim(string(value), "<>")
		case named(name, "WARC-Payload-Digest"):
			r.digest = string(value)
		case named(name, "WARC-Refers-To"):
			r.refers = strings.Trim(string(value), "<>")
		case named(name, "WARC-Refers-To-Target-URI"):
			r.refersURI = strings.Trim(string(value), "<>")
		case named(name, "WARC-Date"):
			r.date = date(string(value))
		case named(name, "Content-Type"):
			r.media = string(value)
		case named(name, "WARC-Identified-Payload-Type"):
			r.found = strings.ToLower(string(value))
		case named(name, "WARC-Truncated"):
			r.truncated = true
		case named(name, "Content-Length"):
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || n < 0 || r.length >= 0 && r.length != n {
				return fmt.Errorf("Content-Length is %.40q", value)
			}
			r.length = n
		}
	}
	if r.length < 0 {
		return errors.New("there is no Content-Length")
	}
	return nil
}

// endsRecord reports whether data, which follow a block, can: two line ends, another record, or the end.
func endsRecord(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\r\n\r\n")) {
		return true
	}
	rest := bytes.TrimLeft(data, "\r\n")
	return len(rest) == 0 || bytes.HasPrefix(rest, warcMagic)
}

// large steps over a record that is too large to be held; its block has the beginning alone.
func (w *warcReader) large(r *warcRecord, size int) (*warcRecord, error) {
	w.s.advance(size)
	r.block, r.large = bytes.Clone(w.s.peek(maxWARCHeader)), true
	if w.plain {
		return w.leap(r)
	}
	if n := w.s.skip(r.length); n < r.length {
		if err := w.s.failed(); err != nil {
			return nil, w.damaged(err)
		}
		return nil, &errRecord{FaultTruncated, r.where(), fmt.Errorf("Content-Length is %d and %d bytes are left", r.length, n)}
	}
	if !endsRecord(w.s.peek(16)) {
		return nil, w.resync(r, 0, FaultLength, fmt.Errorf("the record does not end behind the %d bytes of its Content-Length", r.length))
	}
	return r, nil
}

// leap steps over the block of a large record without reading it, where another record or the end follows.
func (w *warcReader) leap(r *warcRecord) (*warcRecord, error) {
	if left := w.o.Size() - w.s.pos; r.length > left {
		reason := FaultTruncated
		if bytes.Contains(w.s.buffered(), warcNext) {
			reason = FaultLength
		}
		return nil, w.resync(r, 0, reason, fmt.Errorf("Content-Length is %d and %d bytes are left", r.length, left))
	}
	behind := w.s.pos + r.length
	tail := make([]byte, 16)
	n, err := w.o.ReadAt(tail, behind)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !endsRecord(tail[:n]) {
		return nil, w.resync(r, 0, FaultLength, fmt.Errorf("the record does not end behind the %d bytes of its Content-Length", r.length))
	}
	u, err := from(w.o, behind)
	if err != nil {
		return nil, err
	}
	err = w.u.Close()
	w.u = u
	w.s.reset(u, behind)
	return r, err
}

// resync goes to the next record behind a damaged one.
func (w *warcReader) resync(r *warcRecord, size int, reason string, err error) error {
	w.s.advance(min(size, len(w.s.buffered())))
	if w.s.find(warcNext) {
		w.s.advance(1)
	}
	return &errRecord{reason, r.where(), err}
}
