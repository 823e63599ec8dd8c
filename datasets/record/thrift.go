package record

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// errThrift says that a footer, an index or a page header is damaged.
var errThrift = errors.New("damaged metadata")

// decodeThrift decodes the struct at the start of data into v and returns its length. The structure is walked first: a decoder allocates
// what the lists claim to hold, and damaged lists claim terabytes.
func decodeThrift(data []byte, v any) (int, error) {
	n, err := thriftLength(data)
	if err != nil {
		return 0, err
	}
	var compact thrift.CompactProtocol
	if err := thrift.NewDecoder(compact.NewReaderFromBytes(data[:n:n])).Decode(v); err != nil {
		return 0, fmt.Errorf("%w: %w", errThrift, err)
	}
	return n, nil
}

// thriftLength returns the length of the compact thrift struct at the start of data, or an error where it, or a list in it, does not fit.
func thriftLength(data []byte) (int, error) {
	w := thriftWalk{b: data}
	w.fields(0)
	if w.failed {
		return 0, errThrift
	}
	return w.at, nil
}

// The types of the compact protocol, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
const (
	thriftStop = iota
	thriftTrue
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

// maxThriftDepth is far above the nesting of Parquet's metadata.
const maxThriftDepth = 32

// thriftWalk steps over values of the compact protocol; failed is set at the first that does not fit.
type thriftWalk struct {
	b      []byte
	at     int
	failed bool
}

// skip steps over n bytes.
func (w *thriftWalk) skip(n uint64) {
	if w.failed || n > uint64(len(w.b)-w.at) {
		w.failed = true
		return
	}
	w.at += int(n)
}

// octet reads one byte.
func (w *thriftWalk) octet() byte {
	w.skip(1)
	if w.failed {
		return 0
	}
	return w.b[w.at-1]
}

// varint reads one number.
func (w *thriftWalk) varint() uint64 {
	n, size := binary.Uvarint(w.b[w.at:])
	if size <= 0 {
		w.failed = true
		return 0
	}
	w.at += size
	return n
}

// fields steps over the fields of a struct and its end.
func (w *thriftWalk) fields(depth int) {
	for !w.failed {
		head := w.octet()
		kind := head & 0x0f
		if kind == thriftStop {
			return
		}
		if head>>4 == 0 {
			w.varint() // the field's number in full
		}
		if kind != thriftTrue && kind != thriftFalse { // a field's boolean lies in its type
			w.value(kind, depth)
		}
	}
}

// value steps over one value of the given type.
func (w *thriftWalk) value(kind byte, depth int) {
	if depth > maxThriftDepth {
		w.failed = true
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		w.varint()
	case thriftDouble:
		w.skip(8)
	case thriftBinary:
		w.skip(w.varint())
	case thriftList, thriftSet:
		w.list(depth)
	case thriftMap:
		w.pairs(depth)
	case thriftStruct:
		w.fields(depth + 1)
	default:
		w.failed = true
	}
}

// list steps over a list; every element takes at least one byte.
func (w *thriftWalk) list(depth int) {
	head := w.octet()
	n := uint64(head >> 4)
	if n == 15 {
		n = w.varint()
	}
	w.elements(n, depth, head&0x0f)
}

// pairs steps over a map.
func (w *thriftWalk) pairs(depth int) {
	n := w.varint()
	if n == 0 {
		return
	}
	kinds := w.octet()
	w.elements(n, depth, kinds>>4, kinds&0x0f)
}

// elements steps over n times the values of the given types.
func (w *thriftWalk) elements(n uint64, depth int, kinds ...byte) {
	if n > uint64(len(w.b)-w.at) {
		w.failed = true
	}
	for ; n > 0 && !w.failed; n-- {
		for _, kind := range kinds {
			w.value(kind, depth+1)
		}
	}
}
