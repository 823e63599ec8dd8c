package stages

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	stdimage "image"
	"io"
	"os"

	"github.com/klauspost/compress/s2"

	"m6lab/datasets"
	"m6lab/datasets/record/packed"
)

// kept is one record between the first pass and the last: what the rules kept, before repetitions are dropped.
type kept struct {
	datasets.Example
	number  uint64 // of the record in the build: unit and place in it; the smallest of a group of repetitions stays
	doc     uint64 // number of the document in the unit
	split   byte   // number of the split, by the hash of its document
	pair    bool   // a picture with its text
	width   int32  // of the picture in pixels; 0 without one
	height  int32
	address string
	small   *stdimage.RGBA // of the first pass alone, for the hash of the picture
}

// keptFile writes kept records, in frames with checksums. It does not compress them: they are read once and removed, and compressing costs as much
// processor time as half of the rules.
type keptFile struct {
	s2  *s2.Writer
	buf []byte
}

func newKeptFile(w io.Writer) *keptFile {
	return &keptFile{s2: s2.NewWriter(w, s2.WriterConcurrency(1), s2.WriterBlockSize(256<<10), s2.WriterUncompressed())}
}

// write appends one record.
func (k *keptFile) write(r *kept) error {
	b := k.buf[:0]
	b = binary.AppendUvarint(b, r.number)
	b = binary.AppendUvarint(b, r.doc)
	b = append(b, r.split, flag(r.pair))
	b = binary.AppendVarint(b, int64(r.width))
	b = binary.AppendVarint(b, int64(r.height))
	for _, s := range []string{r.ID, r.Source, r.Text, r.ImagePath, r.Question, r.Answer, r.Meta, r.address} {
		b = appendBytes(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.References)))
	for _, s := range r.References {
		b = appendBytes(b, s)
	}
	b = appendBytes(b, r.Image)
	k.buf = b
	var head [binary.MaxVarintLen64]byte
	if _, err := k.s2.Write(head[:binary.PutUvarint(head[:], uint64(len(b)))]); err != nil {
		return err
	}
	_, err := k.s2.Write(b)
	return err
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// close writes what is left.
func (k *keptFile) close() error { return k.s2.Close() }

// maxKept bounds one record of a file that may be damaged.
const maxKept = 1 << 30

var errDamaged = errors.New("the file of records is damaged: remove the folder of the build and start again")

// readKept calls each with the records of a file, in order. A record is valid until the next call.
func readKept(path string, each func(r *kept) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(s2.NewReader(f), 64<<10)
	var buf []byte
	for {
		n, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || n > maxKept {
			return fmt.Errorf("%s: %w", path, errors.Join(errDamaged, err))
		}
		if uint64(cap(buf)) < n {
			buf = make([]byte, n+n/4)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(in, buf); err != nil {
			return fmt.Errorf("%s: %w", path, errors.Join(errDamaged, err))
		}
		r, err := decodeKept(buf)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
}

// decodeKept reads a record; its picture shares the memory of b.
func decodeKept(b []byte) (*kept, error) {
	c := packed.Reader{Rest: b}
	r := &kept{number: c.Uvarint()}
	r.doc = c.Uvarint()
	r.split, r.pair = c.Byte(), c.Byte() == 1
	r.width, r.height = int32(c.Varint()), int32(c.Varint())
	for _, s := range []*string{&r.ID, &r.Source, &r.Text, &r.ImagePath, &r.Question, &r.Answer, &r.Meta, &r.address} {
		*s = string(c.Bytes())
	}
	for n := c.Uvarint(); n > 0 && !c.Failed; n-- {
		r.References = append(r.References, string(c.Bytes()))
	}
	if image := c.Bytes(); len(image) > 0 {
		r.Image = image
	}
	if c.Failed || len(c.Rest) > 0 {
		return nil, errDamaged
	}
	return r, nil
}
