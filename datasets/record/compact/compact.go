// Package compact steps over structs of thrift's compact protocol, of which the metadata of a Parquet file is made, before the Parquet
// library decodes them: it allocates what a list claims to hold, and damaged lists claim terabytes.
package compact

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// ErrDamaged says that a footer, an index or a page header is damaged.
var ErrDamaged = errors.New("damaged metadata")

// Decode walks over the struct at the start of data, decodes it into v and returns its length.
func Decode(data []byte, v any) (int, error) {
	n, err := Length(data)
	if err != nil {
		return 0, err
	}
	var protocol thrift.CompactProtocol
	if err := thrift.NewDecoder(protocol.NewReaderFromBytes(data[:n:n])).Decode(v); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, nil
}

// Length returns the length of the struct at the start of data, or an error where it, or a list in it, does not fit.
func Length(data []byte) (int, error) {
	w := walk{b: data}
	w.fields(0)
	if w.failed {
		return 0, ErrDamaged
	}
	return w.at, nil
}

// The types of the compact protocol, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
const (
	typeStop = iota
	typeTrue
	typeFalse
	typeByte
	typeI16
	typeI32
	typeI64
	typeDouble
	typeBinary
	typeList
	typeSet
	typeMap
	typeStruct
)

// maxDepth is far above the nesting of Parquet's metadata.
const maxDepth = 32

// walk steps over values of the compact protocol; failed is set at the first that does not fit.
type walk struct {
	b      []byte
	at     int
	failed bool
}

// skip steps over n bytes.
func (w *walk) skip(n uint64) {
	if w.failed || n > uint64(len(w.b)-w.at) {
		w.failed = true
		return
	}
	w.at += int(n)
}

// octet reads one byte.
func (w *walk) octet() byte {
	w.skip(1)
	if w.failed {
		return 0
	}
	return w.b[w.at-1]
}

// varint reads one number.
func (w *walk) varint() uint64 {
	n, size := binary.Uvarint(w.b[w.at:])
	if size <= 0 {
		w.failed = true
		return 0
	}
	w.at += size
	return n
}

// fields steps over the fields of a struct and its end.
func (w *walk) fields(depth int) {
	for !w.failed {
		head := w.octet()
		kind := head & 0x0f
		if kind == typeStop {
			return
		}
		if head>>4 == 0 {
			w.varint() // the field's number in full
		}
		if kind != typeTrue && kind != typeFalse { // a field's boolean lies in its type
			w.value(kind, depth)
		}
	}
}

// value steps over one value of the given type.
func (w *walk) value(kind byte, depth int) {
	if depth > maxDepth {
		w.failed = true
	}
	switch kind {
	case typeTrue, typeFalse, typeByte:
		w.skip(1)
	case typeI16, typeI32, typeI64:
		w.varint()
	case typeDouble:
		w.skip(8)
	case typeBinary:
		w.skip(w.varint())
	case typeList, typeSet:
		w.list(depth)
	case typeMap:
		w.pairs(depth)
	case typeStruct:
		w.fields(depth + 1)
	default:
		w.failed = true
	}
}

// list steps over a list; every element takes at least one byte.
func (w *walk) list(depth int) {
	head := w.octet()
	n := uint64(head >> 4)
	if n == 15 {
		n = w.varint()
	}
	w.elements(n, depth, head&0x0f)
}

// pairs steps over a map.
func (w *walk) pairs(depth int) {
	n := w.varint()
	if n == 0 {
		return
	}
	kinds := w.octet()
	w.elements(n, depth, kinds>>4, kinds&0x0f)
}

// elements steps over n times the values of the given types.
func (w *walk) elements(n uint64, depth int, kinds ...byte) {
	if n > uint64(len(w.b)-w.at) {
		w.failed = true
	}
	for ; n > 0 && !w.failed; n-- {
		for _, kind := range kinds {
			w.value(kind, depth+1)
		}
	}
}
