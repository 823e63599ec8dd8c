package checkpoints

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// numbered is an I32 tensor whose elements are their own places.
func numbered(name string, dims []int) Tensor {
	values := make([]int32, whole(dims).elements())
	for i := range values {
		values[i] = int32(i)
	}
	return FromInt32s(name, dims, values)
}

// naive copies a box element by element.
func naive(t Tensor, start, size []int) []byte {
	unit := t.DType.Size()
	var out []byte
	index := make([]int, len(size))
	for range whole(size).elements() {
		at := 0
		for i, d := range t.Dims {
			at = at*d + start[i] + index[i]
		}
		out = append(out, t.Data[at*unit:(at+1)*unit]...)
		for i := len(size) - 1; i >= 0; i-- {
			if index[i]++; index[i] < size[i] {
				break
			}
			index[i] = 0
		}
	}
	return out
}

func randomBox(r *rand.Rand, dims []int) box {
	b := box{make([]int, len(dims)), make([]int, len(dims))}
	for i, d := range dims {
		b.start[i] = r.IntN(d + 1)
		b.size[i] = r.IntN(d - b.start[i] + 1)
	}
	return b
}

// split cuts a box at random places until n boxes are there or none can be cut.
func split(r *rand.Rand, dims []int, n int) []box {
	boxes := []box{whole(dims)}
	for tries := 0; len(boxes) < n && tries < 10*n; tries++ {
		i := r.IntN(len(boxes))
		axis := r.IntN(max(1, len(dims)))
		if len(dims) == 0 || boxes[i].size[axis] < 2 {
			continue
		}
		cut := 1 + r.IntN(boxes[i].size[axis]-1)
		a := box{boxes[i].start, append([]int{}, boxes[i].size...)}
		b := box{append([]int{}, a.start...), append([]int{}, a.size...)}
		a.size[axis], b.size[axis], b.start[axis] = cut, a.size[axis]-cut, b.start[axis]+cut
		boxes[i] = a
		boxes = append(boxes, b)
	}
	r.Shuffle(len(boxes), func(i, j int) { boxes[i], boxes[j] = boxes[j], boxes[i] })
	return boxes
}

func TestSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, dims := range [][]int{{}, {1}, {7}, {5, 3}, {3, 5, 7}, {2, 3, 5, 7}, {1, 7, 1, 3}, {3, 0, 5}} {
		x := numbered("x", dims)
		for range 50 {
			b := randomBox(r, dims)
			got, err := x.Slice(b.start, b.size)
			if err != nil {
				t.Fatal(err)
			}
			if want := naive(x, b.start, b.size); !bytes.Equal(got.Data, want) || got.Check() != nil {
				t.Fatalf("%v: %v: got %v, want %v", dims, b, got.Data, want)
			}
		}
	}
	_, err := numbered("x", []int{3, 5}).Slice([]int{1, 1}, []int{2, 5})
	wantError(t, err, `tensor "x": a slice from [1 1] of size [2 5] does not lie within [3 5]`)
	_, err = numbered("x", []int{3, 5}).Slice([]int{1}, []int{2})
	wantError(t, err, "has not the rank of [3 5]")
	_, err = numbered("x", []int{3, 5}).Slice([]int{-1, 0}, []int{2, 5})
	wantError(t, err, "does not lie within")
}

// However a tensor is cut into pieces, over prime sizes, every slice of it reads as of the whole one.
func TestReadSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for n, dims := range [][]int{{}, {97}, {13, 11}, {7, 5, 11}, {5, 3, 2, 7}, {31, 1, 3}} {
		for _, pieces := range []int{1, 2, 3, 8, 29} {
			t.Run(fmt.Sprint(dims, pieces), func(t *testing.T) {
				dir := t.TempDir()
				m, _ := openTest(t, dir, 1)
				m.block = int64(1 + r.IntN(90))
				x := numbered("x", dims)
				s := Source{Step: int64(n), Parts: []Part{{Spec: Spec{"other", U8, []int{3}}}}}
				data := [][]byte{{1, 2, 3}}
				for _, b := range split(r, dims, pieces) {
					s.Parts = append(s.Parts, Part{x.Spec(), b.start, b.size})
					data = append(data, naive(x, b.start, b.size))
				}
				s.Data = func(i int) ([]byte, error) { return data[i], nil }
				if err := m.SaveFrom(s); err != nil {
					t.Fatal(err)
				}
				c, err := OpenCheckpoint(dir + "/" + folderName(s.Step))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				got, err := c.Tensor("x")
				if err != nil || cmp.Diff(x, got) != "" {
					t.Fatal(err, cmp.Diff(x, got))
				}
				for range 20 {
					b := randomBox(r, dims)
					got, err := c.ReadSlice("x", b.start, b.size)
					if err != nil {
						t.Fatal(err)
					}
					if want := naive(x, b.start, b.size); !bytes.Equal(got, want) {
						t.Fatalf("%v: got %v, want %v", b, got, want)
					}
				}
				if report, err := Check(dir); err != nil || len(report.Problems) > 0 {
					t.Errorf("check: %v %v", report.Problems, err)
				}
			})
		}
	}
}

func TestReadSliceErrors(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	save(t, m, 3)
	c, err := OpenCheckpoint(dir + "/step-00000003")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantError(t, err2(c.ReadSlice("v", nil, nil)), `no tensor "v" among its 5`)
	wantError(t, err2(c.Tensor("v")), `no tensor "v" among its 5`)
	wantError(t, err2(c.ReadSlice("w", []int{0, 3}, []int{5, 5})), `tensor "w": a slice from [0 3] of size [5 5] does not lie within [5 7]`)
	flip(t, dir+"/step-00000003/"+firstData, -1)
	for _, b := range []struct{ start, size int }{{0, 13}, {12, 1}, {1, 2}} {
		wantError(t, err2(c.ReadSlice("mask", []int{b.start}, []int{b.size})), `tensor "mask": data-00000.safetensors: damaged: bytes`)
	}
	if got, err := c.ReadSlice("count", nil, nil); err != nil || binary.LittleEndian.Uint64(got) != 3 {
		t.Errorf("an undamaged tensor: %v %v", got, err)
	}
	if !strings.HasPrefix(c.Info().Path, dir) || len(c.Specs()) != 5 || len(c.Values()) != 2 {
		t.Errorf("%+v %v %v", c.Info(), c.Specs(), c.Values())
	}
}
