package near

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// Hash128 is a hash of 128 bits.
type Hash128 = xxh3.Uint128

// Exact is the hash of a text as [Normal] writes it: equal for texts that differ in white space, punctuation, case or width alone. A
// text without a letter or digit is hashed as it stands, but for white space.
func Exact(text string) Hash128 {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.normal = appendCompared(s.normal[:0], text)
	return xxh3.Hash128(s.normal)
}

// appendCompared appends the normal form, or where that is empty the text with its white space collapsed, behind a mark.
func appendCompared(dst []byte, text string) []byte {
	begin := len(dst)
	if dst = appendNormal(dst, text, keepWords); len(dst) == begin {
		dst = append(dst, 0)
		dst = append(dst, strings.Join(strings.Fields(text), " ")...)
	}
	return dst
}

// scratch is what one text at a time needs.
type scratch struct {
	normal   []byte
	shingles []uint64
	values   []uint64
	filled   []bool
	was      []bool
	bands    []uint64
	packed   []byte
	offsets  []int
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// sketchBits is the length of a [Sketch].
const sketchBits = 80

// Sketch has one bit of 80 values of a text's signature.
type Sketch struct {
	High uint64
	Low  uint16
}

// Differ returns in how many bits two sketches differ.
func (s Sketch) Differ(t Sketch) int {
	return bits.OnesCount64(s.High^t.High) + bits.OnesCount16(s.Low^t.Low)
}

// Similarity estimates the Jaccard similarity of the texts of two sketches; of texts that have nothing in common it may be below 0.
func (s Sketch) Similarity(t Sketch) float64 { return 1 - 2*float64(s.Differ(t))/sketchBits }

// MinHash makes the signatures of texts. It may be used by many goroutines at once.
type MinHash struct{ o TextOptions }

// NewMinHash returns one for valid options.
func NewMinHash(o TextOptions) *MinHash { return &MinHash{o} }

// Bands appends to dst a hash for each band of a text, and returns the sketch besides. Texts of fewer characters than an n-gram (as
// [Normal] writes them) are one n-gram.
func (m *MinHash) Bands(dst []uint64, text string) ([]uint64, Sketch) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.normal = appendCompared(s.normal[:0], text)
	return m.bands(dst, s)
}

// bands is Bands of s.normal.
func (m *MinHash) bands(dst []uint64, s *scratch) ([]uint64, Sketch) {
	m.shingle(s)
	m.sign(s)
	for band := range m.o.Bands {
		s.packed = s.packed[:0]
		for _, v := range s.values[band*m.o.Rows:][:m.o.Rows] {
			s.packed = binary.LittleEndian.AppendUint64(s.packed, v)
		}
		dst = append(dst, xxh3.HashSeed(s.packed, uint64(band)))
	}
	var sketch Sketch
	for i, v := range s.values[m.o.Bands*m.o.Rows:] {
		if i < 64 {
			sketch.High |= v & 1 << i
		} else {
			sketch.Low |= uint16(v&1) << (i - 64)
		}
	}
	return dst, sketch
}

// shingle hashes the n-grams of s.normal.
func (m *MinHash) shingle(s *scratch) {
	n := m.o.Characters
	s.shingles, s.offsets = s.shingles[:0], s.offsets[:0]
	var begins [maxCharacters]int // of the last n characters, in a ring
	count := 0
	for i := 0; i < len(s.normal); {
		if slot := count % n; count >= n {
			s.shingles = append(s.shingles, xxh3.HashSeed(s.normal[begins[slot]:i], m.o.Seed))
		}
		begins[count%n] = i
		count++
		if c := s.normal[i]; c < utf8.RuneSelf {
			i++
		} else {
			_, size := utf8.DecodeRune(s.normal[i:])
			i += size
		}
	}
	last := 0
	if count >= n {
		last = begins[count%n]
	}
	s.shingles = append(s.shingles, xxh3.HashSeed(s.normal[last:], m.o.Seed))
}

// sign makes the signature: in round i every n-gram falls into a random bin, and the smallest hash in a bin is its value, if the bin was
// empty before the round; from round len(values) on all n-grams fall into bin i-len(values). So all bins are filled, and by the same
// rules for any set, in about len(set) + len(values)*ln(len(values)) steps.
func (m *MinHash) sign(s *scratch) {
	size := m.o.Bands*m.o.Rows + sketchBits
	if cap(s.values) < size {
		s.values, s.filled, s.was = make([]uint64, size), make([]bool, size), make([]bool, size)
	}
	s.values, s.filled, s.was = s.values[:size], s.filled[:size], s.was[:size]
	clear(s.filled)
	empty := size
	for round := 0; empty > 0; round++ {
		salt := uint64(round+1) * 0x9e3779b97f4a7c15
		if round >= size {
			bin := round - size
			if s.filled[bin] {
				continue
			}
			least := mix(s.shingles[0] + salt)
			for _, x := range s.shingles[1:] {
				least = min(least, mix(x+salt))
			}
			s.values[bin], s.filled[bin] = least, true
			empty--
			continue
		}
		copy(s.was, s.filled)
		for _, x := range s.shingles {
			h := mix(x + salt)
			bin, _ := bits.Mul64(h, uint64(size))
			if s.was[bin] {
				continue
			}
			if !s.filled[bin] {
				s.filled[bin] = true
				s.values[bin] = h
				empty--
			} else if h < s.values[bin] {
				s.values[bin] = h
			}
		}
	}
}

// mix is the finalizer of splitmix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
