package hosts

import (
	"errors"
	"slices"
	"sync"
)

// Sum adds up many tensors over the ranks. Small tensors travel together in buckets. While one bucket is on its way, the next is read and
// the one before is written.
type Sum struct {
	Sizes []int                          // elements of each tensor, the same on every rank
	Read  func(i int) ([]float32, error) // brings a tensor to the host; Sum may change what it is given
	Write func(i int, x []float32) error // takes the sum; x is no longer used
	Wire  Wire
	Bytes int // of a bucket, in f32; 0 is 25 MB. A larger tensor is a bucket of its own
}

const bucketBytes = 25 << 20

// bucket is tensors first..last-1, and their elements in a row.
type bucket struct {
	first, last int
	x           []float32
}

// Run sums all tensors. Where a tensor cannot be read or written it goes on with zeros to the end, since the other ranks wait; the error
// then is this rank's alone: [Agree] on it.
func (s Sum) Run(g Group) error {
	read, done := make(chan bucket), make(chan bucket)
	var readErr, sumErr, writeErr error
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(read)
		for _, b := range s.buckets() {
			readErr = errors.Join(readErr, s.fill(&b))
			read <- b
		}
	})
	wait.Go(func() {
		for b := range done {
			writeErr = errors.Join(writeErr, s.empty(b))
		}
	})
	for b := range read {
		if sumErr == nil {
			sumErr = g.AllReduce(b.x, s.Wire)
		}
		done <- b
	}
	close(done)
	wait.Wait()
	return errors.Join(readErr, sumErr, writeErr)
}

// buckets joins neighbours until a bucket is full.
func (s Sum) buckets() (out []bucket) {
	limit := s.Bytes
	if limit == 0 {
		limit = bucketBytes
	}
	bytes := 0
	for i, size := range s.Sizes {
		if len(out) == 0 || bytes+4*size > limit {
			out, bytes = append(out, bucket{first: i, last: i}), 0
		}
		out[len(out)-1].last = i + 1
		bytes += 4 * size
	}
	return out
}

// fill reads a bucket's tensors. A tensor alone is not copied.
func (s Sum) fill(b *bucket) error {
	var errs error
	for i := b.first; i < b.last; i++ {
		x, err := s.Read(i)
		if err == nil && len(x) != s.Sizes[i] {
			err = errors.New("a tensor has another size than was said")
		}
		if err != nil {
			x, errs = make([]float32, s.Sizes[i]), errors.Join(errs, err)
		}
		if b.last == b.first+1 {
			b.x = x
			return errs
		}
		if b.x == nil {
			b.x = make([]float32, 0, s.elements(*b))
		}
		b.x = append(b.x, x...)
	}
	return errs
}

func (s Sum) elements(b bucket) (n int) {
	for _, size := range s.Sizes[b.first:b.last] {
		n += size
	}
	return n
}

// empty writes a bucket's tensors.
func (s Sum) empty(b bucket) error {
	var errs error
	at := 0
	for i := b.first; i < b.last; i++ {
		errs = errors.Join(errs, s.Write(i, slices.Clip(b.x[at:at+s.Sizes[i]])))
		at += s.Sizes[i]
	}
	return errs
}
