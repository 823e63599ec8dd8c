package near

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"
)

func exactHash(normal []byte) Hash128 { return xxh3.Hash128(normal) }

// How many documents with the same key a document is compared with: those of the smallest numbers.
const (
	mostTexts    = 256
	mostPictures = 1024
)

// Counts says what was done in some buckets.
type Counts struct {
	Keys     int64 `json:"keys"`
	Groups   int64 `json:"groups"`   // keys that two or more documents share
	Compared int64 `json:"compared"` // pairs of documents
	Dropped  int64 `json:"dropped"`  // documents, once a bucket
	Skipped  int64 `json:"skipped"`  // documents that were not compared with all before them, as too many share a key
}

// Add sums counts.
func (c *Counts) Add(d Counts) {
	c.Keys += d.Keys
	c.Groups += d.Groups
	c.Compared += d.Compared
	c.Dropped += d.Dropped
	c.Skipped += d.Skipped
}

// Duplicates finds the duplicates among the keys of one bucket of all files and returns the packed list of the documents to be dropped,
// sorted by document. It depends on the set of keys alone. The input is not changed. An error is bytes that are no keys.
func (f *Finder) Duplicates(kind Kind, packed [][]byte) (drop []byte, c Counts, err error) {
	if kind < 0 || kind >= kinds {
		return nil, c, fmt.Errorf("duplicates of %v: want one of %v", kind, Kinds())
	}
	size, n := kind.KeyBytes(), 0
	for i, b := range packed {
		if len(b)%size != 0 {
			return nil, c, fmt.Errorf("duplicates: list %d of %s keys has %d bytes: want a multiple of %d: it was cut on the way", i, kind, len(b), size)
		}
		n += len(b) / size
	}
	c.Keys = int64(n)
	var drops []Drop
	switch kind {
	case EqualTexts:
		drops = equalTexts(packed, n, &c)
	case NearTexts:
		drops = f.nearTexts(packed, n, &c)
	case NearPictures:
		drops, err = f.nearPictures(packed, n, &c)
	}
	if err != nil {
		return nil, c, fmt.Errorf("duplicates: %w", err)
	}
	drop = appendDrops(drops)
	c.Dropped = int64(len(drop) / dropBytes)
	return drop, c, nil
}

// each calls do with every key of size bytes.
func each(packed [][]byte, size int, do func(key []byte)) {
	for _, b := range packed {
		for ; len(b) > 0; b = b[size:] {
			do(b[:size])
		}
	}
}

// groups calls do with every run of two or more keys of one group.
func groups[K any](keys []K, same func(a, b K) bool, c *Counts, do func(group []K)) {
	for first := 0; first < len(keys); {
		last := first + 1
		for last < len(keys) && same(keys[first], keys[last]) {
			last++
		}
		if last-first > 1 {
			c.Groups++
			do(keys[first:last])
		}
		first = last
	}
}

func equalTexts(packed [][]byte, n int, c *Counts) (drops []Drop) {
	type key struct{ high, low uint64 } // low: 16 bits of the hash, then the document
	keys := make([]key, 0, n)
	each(packed, exactBytes, func(b []byte) {
		keys = append(keys, key{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])})
	})
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low)) })
	const doc = 1<<docBits - 1
	same := func(a, b key) bool { return a.high == b.high && a.low>>docBits == b.low>>docBits }
	groups(keys, same, c, func(group []key) {
		for _, k := range group[1:] {
			if k.low != group[0].low {
				drops = append(drops, Drop{k.low & doc, group[0].low & doc})
			}
		}
	})
	return drops
}

func (f *Finder) nearTexts(packed [][]byte, n int, c *Counts) (drops []Drop) {
	type key struct{ band, doc, high uint64 } // doc: the document, then the sketch's last 16 bits
	keys := make([]key, 0, n)
	each(packed, textBytes, func(b []byte) {
		doc, low := readDoc(b[8:]), binary.BigEndian.Uint16(b[22:])
		keys = append(keys, key{binary.BigEndian.Uint64(b), doc<<16 | uint64(low), binary.BigEndian.Uint64(b[14:])})
	})
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.band, b.band), cmp.Compare(a.doc, b.doc), cmp.Compare(a.high, b.high))
	})
	most := f.o.Texts.mostDiffering()
	same := func(a, b key) bool { return a.band == b.band }
	groups(keys, same, c, func(group []key) {
		for i, k := range group {
			before := group[:i]
			if len(before) > mostTexts {
				before = before[:mostTexts]
			}
			found := false
			for _, b := range before {
				if b.doc>>16 == k.doc>>16 {
					continue
				}
				c.Compared++
				if (Sketch{k.high, uint16(k.doc)}).Differ(Sketch{b.high, uint16(b.doc)}) <= most {
					drops = append(drops, Drop{k.doc >> 16, b.doc >> 16})
					found = true
					break
				}
			}
			if !found && len(before) < i {
				c.Skipped++
			}
		}
	})
	return drops
}

func (f *Finder) nearPictures(packed [][]byte, n int, c *Counts) (drops []Drop, err error) {
	type key struct{ doc, hash uint64 } // doc: the choice of blocks in 8 bits, 8 bits of nothing, the document
	keys := make([]key, 0, n)
	each(packed, pictureBytes, func(b []byte) {
		if int(b[0]) >= len(f.masks) {
			err = fmt.Errorf("a picture's key is of choice %d, there are %d: the keys were made with other options", b[0], len(f.masks))
			return
		}
		keys = append(keys, key{uint64(b[0])<<56 | readDoc(b[1:]), binary.BigEndian.Uint64(b[7:])})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b key) int {
		if choice := a.doc >> 56; choice == b.doc>>56 {
			mask := f.masks[choice]
			return cmp.Or(cmp.Compare(a.hash&mask, b.hash&mask), cmp.Compare(a.doc, b.doc), cmp.Compare(a.hash, b.hash))
		}
		return cmp.Compare(a.doc, b.doc)
	})
	const doc = 1<<docBits - 1
	same := func(a, b key) bool {
		choice := a.doc >> 56
		return choice == b.doc>>56 && (a.hash^b.hash)&f.masks[choice] == 0
	}
	groups(keys, same, c, func(group []key) {
		for i, k := range group {
			before := group[:i]
			if len(before) > mostPictures {
				before = before[:mostPictures]
			}
			found := false
			for _, b := range before {
				if b.doc == k.doc {
					continue
				}
				c.Compared++
				if bits.OnesCount64(k.hash^b.hash) <= f.o.Pictures.Distance {
					drops = append(drops, Drop{k.doc & doc, b.doc & doc})
					found = true
					break
				}
			}
			if !found && len(before) < i {
				c.Skipped++
			}
		}
	})
	return drops, nil
}

// masks returns the bits of every choice of s of k+s blocks of 64 bits, in a fixed order.
func masks(k, s int) []uint64 {
	blocks := make([]uint64, k+s)
	for i := range blocks {
		from, to := 64*i/(k+s), 64*(i+1)/(k+s)
		for bit := from; bit < to; bit++ {
			blocks[i] |= 1 << bit
		}
	}
	var out []uint64
	var choose func(from, left int, mask uint64)
	choose = func(from, left int, mask uint64) {
		if left == 0 {
			out = append(out, mask)
			return
		}
		for i := from; i <= len(blocks)-left; i++ {
			choose(i+1, left-1, mask|blocks[i])
		}
	}
	choose(0, s, 0)
	return out
}
