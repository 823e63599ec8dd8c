package source

import (
	"bytes"
	"errors"
	"io"
)

// beginsWARC reports whether the content of a gzip member begins with a record.
func beginsWARC(head []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(head, "\r\n"), warcMagic) }

// memberPerRecord reports whether the first gzip member of a WARC file holds its first record alone, so that the file can be read from any member.
func memberPerRecord(o object) (bool, error) {
	w := &warcReader{o: o, end: o.Size(), limit: maxHTTPHeaders, member: -1, m: &members{o: o}}
	defer w.Close()
	err := w.m.seek(0)
	if err == nil {
		err = w.m.begin()
	}
	if err == nil {
		w.enter()
		_, err = w.record()
	}
	var d *damage
	var r *errRecord
	if errors.Is(err, io.EOF) || errors.As(err, &d) || errors.As(err, &r) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	w.skipLineEnds()
	return len(w.s.peek(1)) == 0 && w.s.failed() == nil, nil
}

// syncMembers returns the offset of the first gzip member at or behind start that begins a record.
func syncMembers(o object, start int64) (int64, error) {
	m := &members{o: o}
	defer m.close()
	buf := make([]byte, 64<<10)
	find := func(at int64) (int64, error) { return findMember(o, at, beginsWARC) }
	next := func(at int64) (int64, error) {
		if m.raw == nil || m.offset() != at {
			if err := m.seek(at); err != nil {
				return -1, err
			}
		}
		err := m.begin()
		for first := true; err == nil; first = false {
			var n int
			n, err = m.Read(buf)
			if first && err == nil && !beginsWARC(buf[:n]) && n >= len(warcMagic) {
				return -1, nil
			}
		}
		var d *damage
		switch {
		case errors.As(err, &d):
			return -1, nil
		case err != io.EOF: //nolint:errorlint // the end itself
			return -1, err
		}
		behind := m.offset()
		if head, _ := m.in.Peek(len(gzipMagic)); behind < o.Size() && !bytes.Equal(head, gzipMagic) {
			return -1, m.count.err
		}
		return behind, nil
	}
	return firstBehind(o, start, find, next)
}

// syncRecords returns the offset of the first record of a plain WARC file at or behind start.
func syncRecords(o object, start int64) (int64, error) {
	w := &warcReader{}
	find := func(at int64) (int64, error) {
		u, err := from(o, max(0, at-1))
		if err != nil {
			return -1, err
		}
		defer u.Close()
		var s stream
		s.reset(u, max(0, at-1))
		for s.find(warcNext) {
			s.advance(1)
			if _, ok, _ := w.recordEnd(o, s.pos); ok {
				return s.pos, nil
			}
		}
		return -1, s.failed()
	}
	next := func(at int64) (int64, error) {
		behind, ok, err := w.recordEnd(o, at)
		if !ok {
			behind = -1
		}
		return behind, err
	}
	return firstBehind(o, start, find, next)
}

// recordEnd returns where the record at an offset ends, the line ends behind it included, and whether it is one.
func (w *warcReader) recordEnd(o object, at int64) (int64, bool, error) {
	w.s.reset(sips{io.NewSectionReader(o, at, maxWARCHeader)}, at)
	size := w.header()
	if err := w.s.failed(); err != nil {
		return -1, false, err
	}
	var r warcRecord
	if size == 0 || r.parse(w.s.peek(size)) != nil || r.length > o.Size()-at-int64(size) {
		return -1, false, nil
	}
	behind := at + int64(size) + r.length
	tail := make([]byte, 16)
	n, err := o.ReadAt(tail, behind)
	if err != nil && !errors.Is(err, io.EOF) {
		return -1, false, err
	}
	if !endsRecord(tail[:n]) {
		return -1, false, nil
	}
	rest := bytes.TrimLeft(tail[:n], "\r\n")
	return behind + int64(n-len(rest)), true, nil
}
