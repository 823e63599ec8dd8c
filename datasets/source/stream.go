package source

import (
	"bytes"
	"errors"
	"io"
)

// stream is a buffered reader that can look far ahead and knows where it is. Its buffer grows with the data that are there, never by a claim.
type stream struct {
	r      io.Reader
	buf    []byte
	lo, hi int
	pos    int64 // of buf[lo], counted from where r began
	err    error // of r, behind what is in the buffer
	cut    bool  // the last line of text ended without a line end
}

const (
	streamSize = 256 << 10 // bytes of a buffer in the beginning
	streamKeep = 4 << 20   // bytes of a buffer that is kept for the next
)

// reset begins anew with r, whose first byte lies at pos.
func (s *stream) reset(r io.Reader, pos int64) {
	if s.buf == nil || len(s.buf) > streamKeep {
		s.buf = make([]byte, streamSize)
	}
	s.r, s.lo, s.hi, s.pos, s.err = r, 0, 0, pos, nil
}

// more reads once, and reports whether it got anything.
func (s *stream) more() bool {
	if s.lo == s.hi {
		s.lo, s.hi = 0, 0
	}
	if s.hi == len(s.buf) {
		if s.lo >= len(s.buf)/2 {
			s.hi = copy(s.buf, s.buf[s.lo:s.hi])
		} else {
			grown := make([]byte, 2*len(s.buf))
			s.hi = copy(grown, s.buf[s.lo:s.hi])
			s.buf = grown
		}
		s.lo = 0
	}
	for tries := 0; s.err == nil; tries++ {
		n, err := s.r.Read(s.buf[s.hi:])
		s.hi, s.err = s.hi+n, err
		if n > 0 {
			return true
		}
		if tries == 100 {
			s.err = io.ErrNoProgress
		}
	}
	return false
}

// peek returns the next n bytes, fewer before the end or an error. They are valid until the next call.
func (s *stream) peek(n int) []byte {
	for s.hi-s.lo < n && s.more() {
	}
	return s.buf[s.lo:min(s.hi, s.lo+n)]
}

// buffered returns what needs no reading.
func (s *stream) buffered() []byte { return s.buf[s.lo:s.hi] }

// advance steps over n bytes that were peeked at.
func (s *stream) advance(n int) {
	s.lo += n
	s.pos += int64(n)
}

// skip steps over n bytes and returns how many there were.
func (s *stream) skip(n int64) int64 {
	left := n
	for left > 0 {
		if s.lo == s.hi && !s.more() {
			break
		}
		step := int(min(left, int64(s.hi-s.lo)))
		s.advance(step)
		left -= int64(step)
	}
	return n - left
}

// find goes to the next place where pattern stands, at the present one or behind it. Without one it goes to the end and returns false.
func (s *stream) find(pattern []byte) bool {
	for {
		if i := bytes.Index(s.buffered(), pattern); i >= 0 {
			s.advance(i)
			return true
		}
		if keep := len(pattern) - 1; s.hi-s.lo > keep {
			s.advance(s.hi - s.lo - keep)
		}
		if !s.more() {
			s.advance(s.hi - s.lo)
			return false
		}
	}
}

// until returns what stands before pattern and pattern itself, and steps over neither. It looks at most limit bytes far; nil where there is none.
func (s *stream) until(pattern []byte, limit int) []byte {
	from := 0
	for {
		data := s.buffered()
		if i := bytes.Index(data[min(from, len(data)):], pattern); i >= 0 {
			if end := from + i + len(pattern); end <= limit {
				return data[:end]
			}
			return nil
		}
		from = max(0, len(data)-len(pattern)+1)
		if from >= limit || !s.more() {
			return nil
		}
	}
}

// textLine returns the next line without its end ("\n" or "\r\n"), and steps over it. Of a line of more than limit bytes it returns the first limit,
// and long. ok is false at the end, or at the stream's error; a line that an error cuts off is returned before.
func (s *stream) textLine(limit int) (line []byte, long, ok bool) {
	from := 0
	s.cut = false
	for {
		data := s.buffered()
		if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
			line = data[:from+i]
			s.advance(from + i + 1)
			return bytes.TrimSuffix(line[:min(len(line), limit+1)], []byte{'\r'}), len(line) > limit+1, true
		}
		if len(data) > limit+1 {
			line = bytes.Clone(data[:limit])
			s.advance(len(data))
			s.dropLine()
			return line, true, true
		}
		if from = len(data); !s.more() {
			s.cut = true
			s.advance(len(data))
			return bytes.TrimSuffix(data, []byte{'\r'}), false, len(data) > 0
		}
	}
}

// dropLine steps over what is left of a line, and its end.
func (s *stream) dropLine() {
	if s.find([]byte{'\n'}) {
		s.advance(1)
	}
}

// failed returns the stream's error where it is not the end.
func (s *stream) failed() error {
	if errors.Is(s.err, io.EOF) && !errors.Is(s.err, io.ErrUnexpectedEOF) {
		return nil
	}
	return s.err
}

// clear forgets an error that the reader can go on behind.
func (s *stream) clear() { s.err = nil }

// sips reads little at a time, where headers alone are wanted.
type sips struct{ r io.Reader }

func (s sips) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 4<<10)]) }
