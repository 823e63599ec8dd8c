package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Parquet's footer and page headers are structs of thrift's compact protocol. They are walked over before the library decodes them: it
// allocates what a list or a page claims to hold.

var errThrift = errors.New("damaged metadata")

// checkFooter returns an error where a file does not end in a footer that can be decoded without harm.
func checkFooter(o object) error {
	size := o.Size()
	var tail [8]byte
	if size < 12 {
		return fmt.Errorf("%d bytes are no Parquet file: truncated?", size)
	}
	if _, err := o.ReadAt(tail[:], size-8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if string(tail[4:]) != "PAR1" || n > size-12 {
		return errors.New("no Parquet footer at the end of the file: truncated, or not Parquet")
	}
	const most = 256 << 20
	if n > most {
		return fmt.Errorf("a footer of %d bytes", n)
	}
	footer := make([]byte, n)
	if _, err := o.ReadAt(footer, size-8-n); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if thriftLength(footer) < 0 {
		return errThrift
	}
	return nil
}

// checkChunk walks over the page headers of a column chunk and refuses what claims more than limit bytes, or more than the chunk has.
func checkChunk(o object, chunk *format.ColumnChunk, limit int64) error {
	at := chunk.MetaData.DataPageOffset
	if d := chunk.MetaData.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	end := at + chunk.MetaData.TotalCompressedSize
	if at < 4 || end < at || end > o.Size() || chunk.FilePath != "" {
		return errors.New("a column lies outside the file")
	}
	const maxHeader, maxValues = 64 << 10, 1 << 24
	buf := make([]byte, maxHeader)
	for at < end {
		data := buf[:min(maxHeader, end-at)]
		if len(data) > 512 { // mostly enough
			data = data[:512]
		}
		if _, err := o.ReadAt(data, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		n := thriftLength(data)
		if n < 0 && int64(len(data)) < end-at {
			data = buf[:min(maxHeader, end-at)]
			if _, err := o.ReadAt(data, at); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			n = thriftLength(data)
		}
		if n < 0 {
			return errThrift
		}
		var h format.PageHeader
		var compact thrift.CompactProtocol
		if err := thrift.NewDecoder(compact.NewReaderFromBytes(data[:n:n])).Decode(&h); err != nil {
			return errThrift
		}
		size, plain := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
		if size < 0 || plain < 0 || size > end-at-int64(n) {
			return errThrift
		}
		if plain > limit {
			return fmt.Errorf("a page of %d bytes: write the file with smaller pages, or raise max_document", plain)
		}
		if h.DataPageHeader.V.NumValues > maxValues || h.DataPageHeaderV2.V.NumValues > maxValues || int64(h.DictionaryPageHeader.V.NumValues) > plain {
			return errThrift
		}
		at += int64(n) + size
	}
	return nil
}

// thriftLength returns the length of the struct at the start of data, -1 where it, or a list in it, does not fit.
func thriftLength(data []byte) int {
	w := thriftWalk{left: data}
	w.fields(0)
	if w.bad {
		return -1
	}
	return len(data) - len(w.left)
}

// thriftWalk steps over values, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
type thriftWalk struct {
	left []byte
	bad  bool
}

func (w *thriftWalk) skip(n uint64) {
	if n > uint64(len(w.left)) {
		w.bad, w.left, n = true, nil, 0
	}
	w.left = w.left[n:]
}

func (w *thriftWalk) octet() byte {
	if len(w.left) == 0 {
		w.bad = true
		return 0
	}
	c := w.left[0]
	w.left = w.left[1:]
	return c
}

func (w *thriftWalk) varint() uint64 {
	v, n := binary.Uvarint(w.left)
	if n <= 0 {
		w.bad, w.left = true, nil
		return 0
	}
	w.left = w.left[n:]
	return v
}

func (w *thriftWalk) fields(depth int) {
	for !w.bad {
		head := w.octet()
		if head&0x0f == 0 {
			return
		}
		if head>>4 == 0 {
			w.varint() // the field's number
		}
		if kind := head & 0x0f; kind > 2 { // a boolean field is its type
			w.value(kind, depth)
		}
	}
}

func (w *thriftWalk) value(kind byte, depth int) {
	const deepest = 32
	if depth > deepest {
		w.bad = true
		return
	}
	switch kind {
	case 1, 2, 3:
		w.skip(1)
	case 4, 5, 6:
		w.varint()
	case 7:
		w.skip(8)
	case 8:
		w.skip(w.varint())
	case 9, 10:
		head := w.octet()
		n := uint64(head >> 4)
		if n == 15 {
			n = w.varint()
		}
		w.repeat(n, depth, head&0x0f)
	case 11:
		if n := w.varint(); n > 0 {
			kinds := w.octet()
			w.repeat(n, depth, kinds>>4, kinds&0x0f)
		}
	case 12:
		w.fields(depth + 1)
	default:
		w.bad = true
	}
}

// repeat steps over elements, of which each takes a byte at least.
func (w *thriftWalk) repeat(n uint64, depth int, kinds ...byte) {
	if n > uint64(len(w.left)) {
		w.bad = true
	}
	for ; n > 0 && !w.bad; n-- {
		for _, kind := range kinds {
			w.value(kind, depth+1)
		}
	}
}
