package checkpoints

import (
	"fmt"
	"slices"
)

// box is a range of a tensor along every axis: [start, start+size).
type box struct{ start, size []int }

// whole is the box that covers dims.
func whole(dims []int) box { return box{make([]int, len(dims)), dims} }

// check refuses a box that does not lie within dims.
func (b box) check(dims []int) error {
	if len(b.start) != len(dims) || len(b.size) != len(dims) {
		return fmt.Errorf("a slice from %v of size %v has not the rank of %v", b.start, b.size, dims)
	}
	for i, d := range dims {
		if b.start[i] < 0 || b.size[i] < 0 || b.size[i] > d || b.start[i] > d-b.size[i] {
			return fmt.Errorf("a slice from %v of size %v does not lie within %v", b.start, b.size, dims)
		}
	}
	return nil
}

// elements is the volume. The box must lie within the dimensions of a tensor whose size is known to fit.
func (b box) elements() int {
	n := 1
	for _, s := range b.size {
		n *= s
	}
	return n
}

// intersect returns what two boxes have in common; ok is false where that is nothing.
func (b box) intersect(o box) (box, bool) {
	out := box{make([]int, len(b.start)), make([]int, len(b.start))}
	for i := range b.start {
		lo := max(b.start[i], o.start[i])
		hi := min(b.start[i]+b.size[i], o.start[i]+o.size[i])
		if hi <= lo {
			return box{}, false
		}
		out.start[i], out.size[i] = lo, hi-lo
	}
	return out, true
}

// within returns the box in the coordinates of another that contains it.
func (b box) within(o box) box {
	start := make([]int, len(b.start))
	for i := range start {
		start[i] = b.start[i] - o.start[i]
	}
	return box{start, b.size}
}

// runs calls f for every contiguous run of elements that a copy moves between two row-major arrays: from the box at
// from.start in an array of dims fromDims, to one of equal size at to.start in toDims. Offsets and n count elements;
// both offsets increase from run to run. Axes that lie in one piece in both arrays are joined into one run.
func runs(fromDims []int, from box, toDims []int, to box, f func(fromAt, toAt, n int) error) error {
	if from.elements() == 0 {
		return nil
	}
	outer, n := len(from.size), 1 // axes before outer are walked one by one
	for outer > 0 {
		outer--
		n *= from.size[outer]
		if from.size[outer] != fromDims[outer] || from.size[outer] != toDims[outer] {
			break
		}
	}
	index := make([]int, outer)
	for {
		if err := f(offset(fromDims, from.start, index), offset(toDims, to.start, index), n); err != nil {
			return err
		}
		axis := outer - 1
		for ; axis >= 0; axis-- {
			if index[axis]++; index[axis] < from.size[axis] {
				break
			}
			index[axis] = 0
		}
		if axis < 0 {
			return nil
		}
	}
}

// offset is the row-major place of start+index, where index covers the leading axes and is zero on the others.
func offset(dims, start, index []int) int {
	at := 0
	for i, d := range dims {
		at = at*d + start[i]
		if i < len(index) {
			at += index[i]
		}
	}
	return at
}

// Slice copies the box [start, start+size) out of a tensor. The result keeps the name.
func (t Tensor) Slice(start, size []int) (Tensor, error) {
	if err := t.Check(); err != nil {
		return Tensor{}, err
	}
	b := box{start, size}
	if err := b.check(t.Dims); err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	unit := t.DType.Size()
	out := Tensor{Name: t.Name, DType: t.DType, Dims: slices.Clone(size), Data: make([]byte, b.elements()*unit)}
	err := runs(t.Dims, b, size, whole(size), func(from, to, n int) error {
		copy(out.Data[to*unit:(to+n)*unit], t.Data[from*unit:])
		return nil
	})
	return out, err
}
