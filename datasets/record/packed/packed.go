// Package packed reads values that encoding/binary's Append functions packed one behind another, from bytes that may be damaged.
package packed

import "encoding/binary"

// Reader takes values from the front of Rest. After the first that is not there Failed is set and all are zero, so that one look at the end is enough.
type Reader struct {
	Rest   []byte
	Failed bool
}

// fail ends the reading.
func (r *Reader) fail() { r.Failed, r.Rest = true, nil }

// Uvarint takes a number from 0 on.
func (r *Reader) Uvarint() uint64 { return take(r, binary.Uvarint) }

// Varint takes a number with a sign.
func (r *Reader) Varint() int64 { return take(r, binary.Varint) }

func take[T uint64 | int64](r *Reader, from func([]byte) (T, int)) T {
	n, size := from(r.Rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.Rest = r.Rest[size:]
	return n
}

// Byte takes a byte.
func (r *Reader) Byte() byte {
	if len(r.Rest) == 0 {
		r.fail()
		return 0
	}
	b := r.Rest[0]
	r.Rest = r.Rest[1:]
	return b
}

// Bytes takes bytes behind their number, which share the memory of Rest.
func (r *Reader) Bytes() []byte {
	n := r.Uvarint()
	if n > uint64(len(r.Rest)) {
		r.fail()
		return nil
	}
	b := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return b
}
