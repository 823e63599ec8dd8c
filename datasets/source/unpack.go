package source

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// damage is an error of the input's content; other errors of a reader are the disk's or the network's.
type damage struct {
	reason string
	at     int64 // in the file as stored
	again  bool  // reading can go on at a later place
	err    error
}

func (d *damage) Error() string { return fmt.Sprintf("%s at byte %d: %v", d.reason, d.at, d.err) }
func (d *damage) Unwrap() error { return d.err }

var (
	errBomb    = errors.New("it swells more than two hundredfold; if it is meant, decompress it first")
	errNoMore  = errors.New("what follows cannot be found again")
	errGarbage = errors.New("there is no gzip header where the next member should begin")
)

// packingOf tells how a file is compressed by its first bytes.
func packingOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return ".gz"
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")), len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18")):
		return ".zst"
	case len(head) >= 4 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9':
		return ".bz2"
	}
	return ""
}

// counter counts what is read of a file, and keeps the error of its disk or network.
type counter struct {
	r   io.Reader
	n   int64 // offset in the file of what is read next
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// guard ends a stream that swells too much: what comes out against what goes in, looked at every 64 MiB.
type guard struct {
	out, in, lastOut int64
}

const (
	guardEvery = 64 << 20
	guardRatio = 200
)

// swells notes n bytes out, with all in so far, and reports a bomb.
func (g *guard) swells(n int, in int64) bool {
	g.out += int64(n)
	if g.out-g.lastOut < guardEvery {
		return false
	}
	bomb := g.out-g.lastOut > guardRatio*(in-g.in)
	g.lastOut, g.in = g.out, in
	return bomb
}

// unpacked is the content of a file, decompressed. A *damage error with again set may be followed by more.
type unpacked struct {
	io.Reader
	closers []func()
}

func (u *unpacked) Close() error {
	for _, do := range u.closers {
		do()
	}
	return nil
}

// unpack reads the content of a whole file.
func unpack(o object, packing string) (*unpacked, error) {
	if packing == ".gz" {
		m := &members{o: o}
		return &unpacked{&joined{m: m}, []func(){m.close}}, nil
	}
	raw, err := o.From(0)
	if err != nil {
		return nil, err
	}
	u := &unpacked{closers: []func(){func() { _ = raw.Close() }}} // read only: nothing can be lost
	in := &counter{r: raw}
	switch packing {
	case "":
		u.Reader = in
	case ".bz2":
		u.Reader = &packed{r: bzip2.NewReader(bufio.NewReaderSize(in, 64<<10)), in: in}
	case ".zst":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, errors.Join(err, u.Close())
		}
		u.closers = append(u.closers, z.Close)
		u.Reader = &packed{r: z, in: in}
	}
	return u, nil
}

// packed turns the errors of a decompressor into damage.
type packed struct {
	r  io.Reader
	in *counter
	g  guard
}

func (p *packed) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	switch {
	case p.in.err != nil:
		return n, p.in.err
	case p.g.swells(n, p.in.n):
		p.r = ended{}
		return 0, &damage{FaultBomb, p.in.n, false, errBomb}
	case err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	}
	p.r = ended{}
	return n, &damage{packingReason(err), p.in.n, false, fmt.Errorf("%w; %w", err, errNoMore)}
}

// packingReason tells a stream that ends too soon from a damaged one.
func packingReason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return FaultCut
	}
	return FaultCompress
}

type ended struct{}

func (ended) Read([]byte) (int, error) { return 0, io.EOF }

// firstBytes returns up to n bytes of a file's content; damage only ends it.
func firstBytes(o object, n int) ([]byte, error) {
	head := make([]byte, 8)
	k, err := o.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	u, err := unpack(o, packingOf(head[:k]))
	if err != nil {
		return nil, err
	}
	defer u.Close()
	var s stream
	s.reset(u, 0)
	data := s.peek(n)
	var d *damage
	if err := s.failed(); err != nil && !errors.As(err, &d) {
		return nil, err
	}
	return data, nil
}
