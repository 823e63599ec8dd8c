package source

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
)

// streamMark is what follows "BZh" and a digit at the beginning of a bzip2 stream that holds anything.
var streamMark = []byte("1AY&SY")

// nextStream returns the offset of the first bzip2 stream at or behind from, looking at within bytes (-1: all); -1 for none.
func nextStream(o object, from, within int64) (int64, error) {
	if from >= o.Size() {
		return -1, nil
	}
	raw, err := o.From(from)
	if err != nil {
		return -1, err
	}
	defer raw.Close()
	var s stream
	var r io.Reader = raw
	if within >= 0 {
		r = io.LimitReader(raw, within)
	}
	s.reset(r, from)
	for s.find([]byte("BZh")) {
		head := s.peek(10)
		if len(head) == 10 && head[3] >= '1' && head[3] <= '9' && bytes.Equal(head[4:], streamMark) {
			return s.pos, nil
		}
		s.advance(1)
	}
	return -1, s.failed()
}

// streams reads the streams of a bzip2 file from one on, as one text. Behind a damaged one it goes on with the next.
type streams struct {
	o     object
	at    int64 // of the stream that is read; the file's size at the end
	raw   io.ReadCloser
	in    counter
	z     io.Reader
	g     guard
	next  int64              // of the one behind it
	begin func(at, in int64) // is told where a stream begins, in the file and in the text
	out   int64              // bytes of text so far
}

func (b *streams) Close() error {
	if b.raw != nil {
		_ = b.raw.Close() // read only: nothing can be lost
		b.raw = nil
	}
	return nil
}

// open begins the stream at b.at.
func (b *streams) open() error {
	next, err := nextStream(b.o, b.at+1, -1)
	if err != nil {
		return err
	}
	if b.next = next; next < 0 {
		b.next = b.o.Size()
	}
	_ = b.Close()
	if b.raw, err = b.o.From(b.at); err != nil {
		return err
	}
	b.in = counter{r: io.LimitReader(b.raw, b.next-b.at), n: b.at}
	b.z = bzip2.NewReader(bufio.NewReaderSize(&b.in, 64<<10))
	b.g = guard{in: b.at}
	if b.begin != nil {
		b.begin(b.at, b.out)
	}
	return nil
}

func (b *streams) Read(p []byte) (int, error) {
	for {
		if b.at >= b.o.Size() {
			return 0, io.EOF
		}
		if b.z == nil {
			if err := b.open(); err != nil {
				return 0, err
			}
		}
		n, err := b.z.Read(p)
		b.out += int64(n)
		bomb := b.g.swells(n, b.in.n)
		switch {
		case b.in.err != nil:
			return n, b.in.err
		case n > 0 && !bomb:
			return n, nil // an error comes again
		case err == nil && !bomb:
			continue
		}
		at := b.at
		b.z, b.at = nil, b.next
		switch {
		case bomb:
			return 0, &damage{FaultBomb, at, true, errBomb}
		case !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return 0, &damage{packingReason(err), at, true, fmt.Errorf("the bzip2 stream: %w", err)}
		}
	}
}
