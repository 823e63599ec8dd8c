package arena

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"unsafe"
)

const megabyte = 1 << 20

// needsArena skips where the package does nothing.
func needsArena(t *testing.T) {
	t.Helper()
	p := allocate(64, 8*megabyte)
	defer release(p)
	if s := Read(); s.Mapped+s.Reused == 0 {
		t.Skipf("no glibc on %s: the package does nothing", runtime.GOOS)
	}
}

// fill writes a pattern over a block; filled tells whether all of it is there.
func fill(p unsafe.Pointer, size int, seed byte) {
	for i, b := 0, unsafe.Slice((*byte)(p), size); i < size; i += 509 {
		b[i] = seed + byte(i)
	}
}

func filled(p unsafe.Pointer, size int, seed byte) bool {
	for i, b := 0, unsafe.Slice((*byte)(p), size); i < size; i += 509 {
		if b[i] != seed+byte(i) {
			return false
		}
	}
	return true
}

// A block that was given back is the next one of its size; small and strictly aligned ones are the C library's.
func TestReuse(t *testing.T) {
	needsArena(t)
	first := allocate(64, 37*megabyte)
	if uintptr(first)%64 != 0 {
		t.Errorf("block at %p, want a multiple of 64", first)
	}
	fill(first, 37*megabyte, 3)
	release(first)
	before := Read()
	second := allocate(64, 36*megabyte)
	if second != first {
		t.Errorf("block at %p, want the one of %p", second, first)
	}
	if now := Read(); now.Reused != before.Reused+1 || now.Mapped != before.Mapped || before.Kept-now.Kept < 37*megabyte {
		t.Errorf("%+v, before %+v: want one block used again", now, before)
	}
	release(second)
	third := plain(37 * megabyte)
	if third != first {
		t.Errorf("block of malloc at %p, want the one of %p", third, first)
	}
	release(third)
	before = Read()
	small, aligned, less := allocate(64, megabyte), allocate(16384, 8*megabyte), plain(megabyte)
	if now := Read(); now != before || uintptr(aligned)%16384 != 0 {
		t.Errorf("%+v, before %+v, at %p: want all from the C library", now, before, aligned)
	}
	release(small)
	release(less)
	release(aligned)
}

// What is kept beside what is in use is never more than was in use at once, or 1 GB; and a block that is resized keeps what it holds.
func TestLimitAndResize(t *testing.T) {
	needsArena(t)
	const each, all = 300, 5 * 302 // with its head
	var blocks []unsafe.Pointer
	for range 5 {
		blocks = append(blocks, allocate(64, each*megabyte))
	}
	for _, p := range blocks {
		release(p)
	}
	if kept := Read().Kept; kept > all*megabyte || kept < 600*megabyte {
		t.Errorf("%d bytes are kept, want at most the %d MB that were in use at once, and most of it", kept, all)
	}
	other := allocate(64, 400*megabyte) // fits none of them
	if kept := Read().Kept; kept > max(1024, all-400)*megabyte {
		t.Errorf("%d bytes are kept beside 400 MB in use, want no more in all than the %d MB before, or 1 GB", kept, all)
	}
	release(other)
	for _, size := range []int{-1, 1 << 46} { // as a size_t, more than there is
		if p := allocate(64, size); p != nil {
			t.Errorf("%d bytes are at %p, want no block", size, p)
		}
	}
	p := allocate(64, 5*megabyte)
	fill(p, 5*megabyte, 9)
	for _, size := range []int{6 * megabyte, 3 * megabyte} {
		if p = resize(p, size); !filled(p, 3*megabyte, 9) {
			t.Errorf("a block resized to %d bytes has lost what it held", size)
		}
	}
	release(p)
}

// Many threads at once never share a block.
func TestConcurrent(t *testing.T) {
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			runtime.LockOSThread()
			r := rand.New(rand.NewPCG(1, uint64(worker)))
			for round := range 60 {
				size, seed := megabyte/2+r.IntN(9*megabyte), byte(worker*31+round)
				p := allocate(64, size)
				fill(p, size, seed)
				runtime.Gosched()
				if !filled(p, size, seed) {
					t.Errorf("worker %d: a block of %d bytes was written to by another", worker, size)
				}
				release(p)
			}
		})
	}
	wait.Wait()
}
