package record

import "math/bits"

// feistelRounds is more than the four rounds that make a Feistel network of a good round function pseudo-random.
const feistelRounds = 6

// Permutation returns a pseudo-random permutation of 0 to n-1 as a function: position to row. It needs no memory and no state, so the place in a
// shuffled data set is one number. It depends on seed and epoch alone. For a position outside [0, n) it returns -1.
//
// It is a Feistel network over the least power of two that holds n, walked until it falls below n (Black and Rogaway, "Ciphers with Arbitrary
// Finite Domains", 2002): two steps on average at most.
func Permutation(n int, seed uint64, epoch int) func(i int) int {
	if n <= 0 {
		return func(int) int { return -1 }
	}
	p := newFeistel(n, seed, epoch)
	return func(i int) int {
		if i < 0 || i >= n {
			return -1
		}
		for x := p.apply(uint64(i)); ; x = p.apply(x) {
			if x < uint64(n) {
				return int(x)
			}
		}
	}
}

// feistel is a permutation of the numbers of low+high bits.
type feistel struct {
	low, high uint // bits of the halves; high may be one more
	keys      [feistelRounds]uint64
}

func newFeistel(n int, seed uint64, epoch int) *feistel {
	width := uint(bits.Len64(uint64(n - 1)))
	p := &feistel{low: width / 2, high: width - width/2}
	key := mix(mix(seed) + uint64(epoch))
	for r := range p.keys {
		key = mix(key + uint64(r) + 1)
		p.keys[r] = key
	}
	return p
}

// apply maps x to its place.
func (p *feistel) apply(x uint64) uint64 {
	lowMask, highMask := uint64(1)<<p.low-1, uint64(1)<<p.high-1
	low, high := x&lowMask, x>>p.low
	for r := 0; r < feistelRounds; r += 2 {
		high ^= mix(low^p.keys[r]) & highMask
		low ^= mix(high^p.keys[r+1]) & lowMask
	}
	return high<<p.low | low
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Order is an endless sequence of rows: every epoch is another permutation of all of them. Its state is the position that the caller holds.
// It is for one goroutine; orders with the same fields are the same.
type Order struct {
	Rows int    // of the data set
	Seed uint64 // of the shuffle

	epoch   int
	current func(int) int
}

// At returns the row at a position >= 0 and the epoch that the position lies in. Without rows, or before 0, it returns -1, 0.
func (o *Order) At(position int) (row, epoch int) {
	if o.Rows <= 0 || position < 0 {
		return -1, 0
	}
	epoch = position / o.Rows
	if o.current == nil || epoch != o.epoch {
		o.current, o.epoch = Permutation(o.Rows, o.Seed, epoch), epoch
	}
	return o.current(position % o.Rows), epoch
}
