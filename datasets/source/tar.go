package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The tar format is read by hand, as the standard library's reader cannot go on behind a damaged header: ustar, with the long names of PAX and GNU.

const (
	tarBlock   = 512
	tarLongest = 64 << 10 // bytes of a header of long names
)

// tarEntry is what a header tells.
type tarEntry struct {
	name string
	kind byte // '0' for a file, '5' for a folder, ...
	size int64
}

// validTarHeader reports whether 512 bytes are a header: the sum of its bytes stands in it.
func validTarHeader(b []byte) bool {
	const sumAt, sumEnd = 148, 156
	if len(b) < tarBlock || b[0] == 0 {
		return false
	}
	want, ok := tarNumber(b[sumAt:sumEnd])
	if !ok {
		return false
	}
	unsigned, signed := int64(0), int64(0)
	for i, c := range b[:tarBlock] {
		if i >= sumAt && i < sumEnd {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return want == unsigned || want == signed
}

// tarNumber reads octal digits, or the base-256 form of large numbers.
func tarNumber(b []byte) (int64, bool) {
	if b[0]&0x80 != 0 {
		n := int64(b[0] & 0x3f)
		for _, c := range b[1:] {
			if n > 1<<54 {
				return 0, false
			}
			n = n<<8 | int64(c)
		}
		return n, b[0]&0x40 == 0
	}
	digits := strings.Trim(string(b), " \x00")
	if digits == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(digits, 8, 62)
	return int64(n), err == nil
}

// parseTarHeader reads a sound header.
func parseTarHeader(b []byte) (tarEntry, bool) {
	e := tarEntry{name: cString(b[:100]), kind: b[156]}
	if prefix := cString(b[345:500]); string(b[257:262]) == "ustar" && b[262] == 0 && prefix != "" {
		e.name = prefix + "/" + e.name
	}
	var ok bool
	e.size, ok = tarNumber(b[124:136])
	switch e.kind {
	case 0, '7':
		e.kind = '0'
		if strings.HasSuffix(e.name, "/") {
			e.kind = '5'
		}
	}
	switch e.kind {
	case '1', '2', '3', '4', '5', '6':
		e.size = 0 // whatever they claim, nothing follows
	}
	return e, ok
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func padded(size int64) int64 { return (size + tarBlock - 1) / tarBlock * tarBlock }

// tarReader reads the entries of a tar file.
type tarReader struct {
	st stream
}

// tarFault is an entry that cannot be read.
type tarFault struct {
	reason string
	err    error
}

func (f *tarFault) Error() string { return fmt.Sprint(f.reason, ": ", f.err) }

// next returns the header of the next entry; the stream stands at its content. io.EOF is the end; a *tarFault is of that entry, and the stream
// stands at the next header.
func (t *tarReader) next() (tarEntry, error) {
	var long string // a name from a header before
	size := int64(-1)
	for {
		block := t.st.peek(tarBlock)
		switch {
		case len(block) == 0 || len(block) == tarBlock && zeros(block):
			if long != "" {
				return tarEntry{}, &tarFault{FaultTruncated, errors.New("there is no entry behind its long name")}
			}
			return tarEntry{}, io.EOF
		case len(block) < tarBlock && t.st.failed() == nil:
			t.st.advance(len(block))
			return tarEntry{}, &tarFault{FaultTruncated, errors.New("the file ends within a header")}
		case len(block) < tarBlock:
			return tarEntry{}, io.EOF // the stream's error is looked at there
		}
		if !validTarHeader(block) {
			t.resync()
			return tarEntry{}, &tarFault{FaultHeader, errors.New("the header's sum is wrong")}
		}
		e, ok := parseTarHeader(block)
		t.st.advance(tarBlock)
		if !ok {
			t.resync()
			return e, &tarFault{FaultHeader, errors.New("the size is no number")}
		}
		if e.kind != 'x' && e.kind != 'L' && e.kind != 'g' && e.kind != 'K' {
			if long != "" {
				e.name = long
			}
			if size >= 0 && e.kind == '0' {
				e.size = size
			}
			return e, nil
		}
		if e.size > tarLongest {
			t.st.skip(padded(e.size))
			return e, &tarFault{FaultLarge, fmt.Errorf("a header of %d bytes", e.size)}
		}
		data := string(t.st.peek(int(e.size)))
		if int64(len(data)) < e.size {
			t.st.advance(len(data))
			return e, &tarFault{FaultTruncated, errors.New("the file ends within a header")}
		}
		t.st.skip(padded(e.size))
		switch e.kind {
		case 'L':
			long = cString([]byte(data))
		case 'x':
			name, n := paxRecords(data)
			if name != "" {
				long = name
			}
			if n >= 0 {
				size = n
			}
		}
	}
}

// paxRecords reads "LENGTH KEY=VALUE\n" records.
func paxRecords(data string) (name string, size int64) {
	size = -1
	for data != "" {
		digits, _, _ := strings.Cut(data, " ")
		n, err := strconv.Atoi(digits)
		if err != nil || n <= len(digits)+1 || n > len(data) {
			return name, size
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(data[len(digits)+1:n], "\n"), "=")
		data = data[n:]
		switch key {
		case "path":
			name = value
		case "size":
			if v, err := strconv.ParseInt(value, 10, 64); err == nil && v >= 0 {
				size = v
			}
		}
	}
	return name, size
}

// resync goes to the next sound header, at a multiple of the block's size from where the stream began.
func (t *tarReader) resync() {
	for {
		if n := int(tarBlock - t.st.pos%tarBlock); len(t.st.peek(n)) < n {
			t.st.advance(len(t.st.buffered()))
			return
		} else {
			t.st.advance(n)
		}
		if block := t.st.peek(tarBlock); validTarHeader(block) {
			return
		}
	}
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// safeName returns an entry's name, false where it would leave the archive.
func safeName(name string) (string, bool) {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	name = strings.TrimSuffix(name, "/")
	return name, fs.ValidPath(name) && utf8.ValidString(name) && !strings.ContainsAny(name, "\\\x00")
}

// syncTar returns the offset of the first entry at or behind start, and the key of the one before it.
func syncTar(o object, start int64) (at int64, before string, err error) {
	if start <= 0 {
		return 0, "", nil
	}
	for back := int64(lookBack); ; back *= 4 {
		at, before, err = followTar(o, max(0, start-back)/tarBlock*tarBlock, start)
		if err != nil || before != "" || back >= start {
			return at, before, err
		}
	}
}

// followTar follows the entries from the first sound header at or behind at to start. Behind damage it looks for the next.
func followTar(o object, at, start int64) (int64, string, error) {
	before := ""
	t := &tarReader{}
	if at > 0 {
		u, err := from(o, at)
		if err != nil {
			return at, "", err
		}
		t.st.reset(u, at)
		if !validTarHeader(t.st.peek(tarBlock)) {
			t.resync()
		}
		at = t.st.pos
		if err := errors.Join(t.st.failed(), u.Close()); err != nil {
			return at, "", err
		}
	}
	for at < start {
		// Headers alone are read; a long name takes three blocks and more.
		t.st.reset(sips{io.NewSectionReader(o, at, 4*tarLongest)}, at)
		e, err := t.next()
		var bad *tarFault
		switch {
		case errors.As(err, &bad):
			if t.st.pos <= at {
				return o.Size(), before, nil
			}
			at = t.st.pos
			continue
		case errors.Is(err, io.EOF):
			return o.Size(), before, t.st.failed()
		case err != nil:
			return at, before, err
		}
		at = t.st.pos + padded(e.size)
		if name, ok := safeName(e.name); ok && e.kind == '0' {
			before, _ = splitKey(name)
		}
	}
	return min(at, o.Size()), before, nil
}
