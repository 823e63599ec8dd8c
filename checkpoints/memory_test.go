package checkpoints

import (
	"path/filepath"
	"runtime"
	"testing"
)

// allocated runs f and returns the bytes that it took from the heap, freed ones included.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A save takes a fixed bound of memory beside its tensors, reading a slice that of the result and of one block.
func TestMemoryIsBounded(t *testing.T) {
	const tensors, rows, columns = 23, 1009, 4099 // 4 MB each
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	m.block = blockSize / 4
	one := make([]byte, rows*columns)
	s := Source{Step: 1, Data: func(int) ([]byte, error) { return one, nil }}
	for i := range tensors {
		s.Parts = append(s.Parts, Part{Spec: Spec{string(rune('a' + i)), U8, []int{rows, columns}}})
	}
	bound := func(what string, limit int64, f func()) {
		t.Helper()
		if got := allocated(f); got > limit {
			t.Errorf("%s took %d bytes, the bound is %d", what, got, limit)
		}
	}
	bound("saving 95 MB", 2*buffer+1<<19, func() {
		if err := m.SaveFrom(s); err != nil {
			t.Fatal(err)
		}
	})
	bound("streaming 95 MB", buffer+1<<19, func() {
		specs := make([]Spec, tensors)
		for i, p := range s.Parts {
			specs[i] = p.Spec
		}
		if err := StreamSafetensors(filepath.Join(dir, "x"), specs, nil, s.Data); err != nil {
			t.Fatal(err)
		}
	})
	c, err := OpenCheckpoint(filepath.Join(dir, folderName(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	bound("a column of 4 MB", m.block+1<<17, func() {
		if _, err := c.ReadSlice("b", []int{0, 7}, []int{rows, 1}); err != nil {
			t.Fatal(err)
		}
	})
	bound("a whole tensor", rows*columns+m.block+1<<17, func() {
		if _, err := c.Tensor("b"); err != nil {
			t.Fatal(err)
		}
	})
}
