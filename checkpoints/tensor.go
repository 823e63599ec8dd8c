package checkpoints

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Tensor is a named array in row-major order.
type Tensor struct {
	Name  string
	DType DType
	Dims  []int  // empty for a scalar
	Data  []byte // little-endian, exactly the bytes that DType and Dims ask for
}

// Spec returns the tensor without its data.
func (t Tensor) Spec() Spec { return Spec{Name: t.Name, DType: t.DType, Dims: t.Dims} }

// Check says what is wrong with the tensor: an unknown type, a negative dimension, or data of another length.
func (t Tensor) Check() error {
	want, err := t.Spec().Bytes()
	if err != nil {
		return err
	}
	if int64(len(t.Data)) != want {
		return fmt.Errorf("tensor %q: %d bytes of data, %s %v takes %d", t.Name, len(t.Data), t.DType, t.Dims, want)
	}
	return nil
}

// FromFloat32s returns an F32 tensor. It shares the memory of values, and its data has the length of values whatever
// dims says: [Tensor.Check] and every writer compare the two.
func FromFloat32s(name string, dims []int, values []float32) Tensor {
	return Tensor{Name: name, DType: F32, Dims: dims, Data: bytesOf(values)}
}

// FromInt32s returns an I32 tensor that shares the memory of values, as [FromFloat32s] does.
func FromInt32s(name string, dims []int, values []int32) Tensor {
	return Tensor{Name: name, DType: I32, Dims: dims, Data: bytesOf(values)}
}

// Float32s returns the elements of an F32, BF16 or F16 tensor. F32 data is shared, not copied, where the machine is
// little-endian and the data aligned; the other types are widened, which is exact.
func (t Tensor) Float32s() ([]float32, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	switch t.DType {
	case F32:
		return valuesOf[float32](t.Data), nil
	case BF16:
		return widen(t.Data, BF16ToFloat32), nil
	case F16:
		return widen(t.Data, F16ToFloat32), nil
	}
	return nil, fmt.Errorf("tensor %q: %s cannot be read as 32-bit floats without loss (F32, BF16 and F16 can)", t.Name, t.DType)
}

// Int32s returns the elements of an I32 tensor, shared as in [Tensor.Float32s].
func (t Tensor) Int32s() ([]int32, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	if t.DType != I32 {
		return nil, fmt.Errorf("tensor %q: %s where I32 is needed", t.Name, t.DType)
	}
	return valuesOf[int32](t.Data), nil
}

// Convert returns the tensor in another float type: F32, BF16 or F16, rounded to nearest even where the target is narrower.
// A tensor that has the type already is returned as it is, sharing its data.
func (t Tensor) Convert(to DType) (Tensor, error) {
	if t.DType == to {
		return t, t.Check()
	}
	values, err := t.Float32s()
	if err != nil {
		return Tensor{}, err
	}
	out := Tensor{Name: t.Name, DType: to, Dims: slices.Clone(t.Dims)}
	switch to {
	case F32:
		out.Data = bytesOf(values)
	case BF16:
		out.Data = narrow(values, BF16FromFloat32)
	case F16:
		out.Data = narrow(values, F16FromFloat32)
	default:
		return Tensor{}, fmt.Errorf("tensor %q: no conversion from %s to %s (F32, BF16 and F16 can be had)", t.Name, t.DType, to)
	}
	return out, nil
}

func widen(data []byte, f func(uint16) float32) []float32 {
	out := make([]float32, len(data)/2)
	for i := range out {
		out[i] = f(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return out
}

func narrow(values []float32, f func(float32) uint16) []byte {
	out := make([]byte, 2*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint16(out[2*i:], f(v))
	}
	return out
}

// BF16FromFloat32 rounds to the nearest bfloat16, ties to even. A NaN stays a (quiet) NaN of the same sign.
func BF16FromFloat32(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// BF16ToFloat32 widens a bfloat16, exactly.
func BF16ToFloat32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F16FromFloat32 rounds to the nearest IEEE half, ties to even: magnitudes from 65520 on become infinite, tiny ones
// subnormal or zero. A NaN stays a (quiet) NaN of the same sign.
func F16FromFloat32(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, mag := uint16(bits>>16)&0x8000, bits&0x7fffffff
	switch {
	case mag > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(mag>>13)&0x3ff
	case mag >= 0x47800000: // 65536 and above
		return sign | 0x7c00
	case mag < 0x38800000: // below 2^-14: a multiple of 2^-24; the addition rounds
		sum := math.Float32frombits(mag) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	}
	mag += 0xfff + mag>>13&1 // may carry into the exponent, up to infinity
	return sign | uint16((mag-0x38000000)>>13)
}

// F16ToFloat32 widens an IEEE half, exactly.
func F16ToFloat32(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0: // zero and subnormals: fraction times 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

type element interface{ float32 | int32 }

// bytesOf returns the little-endian bytes of values, shared where the machine allows.
func bytesOf[T element](values []T) []byte {
	if len(values) == 0 {
		return []byte{}
	}
	data := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	if littleEndian {
		return data
	}
	return swap4(data)
}

// valuesOf is the inverse of bytesOf; data that is not aligned to its elements is copied.
func valuesOf[T element](data []byte) []T {
	if len(data) == 0 {
		return []T{}
	}
	if !littleEndian {
		data = swap4(data)
	}
	if uintptr(unsafe.Pointer(&data[0]))%4 == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/4)
	}
	out := make([]T, len(data)/4)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), len(data)), data)
	return out
}

// swap4 returns a copy with the bytes of every 4-byte element reversed.
func swap4(data []byte) []byte {
	out := make([]byte, len(data))
	for i := 0; i+4 <= len(data); i += 4 {
		binary.LittleEndian.PutUint32(out[i:], binary.BigEndian.Uint32(data[i:]))
	}
	return out
}
