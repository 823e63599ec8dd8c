package near

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Buckets is how many buckets keys are spread over.
const Buckets = 64

// Kind is a way of being a duplicate.
type Kind int

// Kinds, in the order in which they are best applied.
const (
	EqualTexts Kind = iota
	NearTexts
	NearPictures
	kinds
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{EqualTexts, NearTexts, NearPictures} }

// String names a kind for a report.
func (k Kind) String() string {
	switch k {
	case EqualTexts:
		return "exact duplicate"
	case NearTexts:
		return "near duplicate"
	case NearPictures:
		return "duplicate picture"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Sizes of what travels, in bytes: all numbers are big-endian.
const (
	docBytes     = 6
	exactBytes   = 10 + docBytes       // hash, document
	textBytes    = 8 + docBytes + 10   // band, document, sketch
	pictureBytes = 1 + docBytes + 8    // choice of blocks, document, hash
	dropBytes    = docBytes + docBytes // document, kept
)

// KeyBytes returns the size of a packed key of a kind.
func (k Kind) KeyBytes() int { return [...]int{exactBytes, textBytes, pictureBytes}[k] }

// Document numbers have 48 bits: those of [Number] 22 for the file and 26 for the record.
const (
	docBits    = 48
	recordBits = 26
)

// Number is the document number of a record of a file, both counted from 0: at most 4,194,304 files of 67,108,864 records.
func Number(file, record int) (uint64, error) {
	if file < 0 || file >= 1<<(docBits-recordBits) {
		return 0, fmt.Errorf("file %d: want 0 to %d: join the files", file, 1<<(docBits-recordBits)-1)
	}
	if record < 0 || record >= 1<<recordBits {
		return 0, fmt.Errorf("record %d of file %d: want 0 to %d: cut the file", record, file, 1<<recordBits-1)
	}
	return uint64(file)<<recordBits | uint64(record), nil
}

// Place is the file and the record of a document number.
func Place(doc uint64) (file, record int) {
	return int(doc >> recordBits), int(doc & (1<<recordBits - 1))
}

// Keys holds the packed keys of some documents by kind and bucket. The zero value is empty.
type Keys struct{ packed [kinds][Buckets][]byte }

// Bucket returns the keys of a bucket, packed; nil where there are none. It is for [Finder.Duplicates].
func (k *Keys) Bucket(kind Kind, bucket int) []byte { return k.packed[kind][bucket] }

// Reset empties the keys and keeps their memory: what Bucket returned is overwritten.
func (k *Keys) Reset() {
	for kind := range k.packed {
		for bucket := range k.packed[kind] {
			k.packed[kind][bucket] = k.packed[kind][bucket][:0]
		}
	}
}

// Len returns the number of keys of a kind.
func (k *Keys) Len(kind Kind) int {
	n := 0
	for _, packed := range k.packed[kind] {
		n += len(packed)
	}
	return n / kind.KeyBytes()
}

func appendDoc(dst []byte, doc uint64) []byte {
	return append(dst, byte(doc>>40), byte(doc>>32), byte(doc>>24), byte(doc>>16), byte(doc>>8), byte(doc))
}

func readDoc(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

// AppendKey appends the packed key of a text that is compared exactly: 80 bits of its hash, and the document number of 48 bits.
func AppendKey(dst []byte, h Hash128, doc uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, h.Hi)
	dst = append(dst, byte(h.Lo>>56), byte(h.Lo>>48))
	return appendDoc(dst, doc)
}

func (k *Keys) exact(h Hash128, doc uint64) {
	b := &k.packed[EqualTexts][h.Hi>>58]
	*b = AppendKey(*b, h, doc)
}

func (k *Keys) band(band uint64, s Sketch, doc uint64) {
	b := &k.packed[NearTexts][band>>58]
	*b = binary.BigEndian.AppendUint64(*b, band)
	*b = appendDoc(*b, doc)
	*b = binary.BigEndian.AppendUint64(*b, s.High)
	*b = binary.BigEndian.AppendUint16(*b, s.Low)
}

func (k *Keys) picture(choice int, bits, hash, doc uint64) {
	b := &k.packed[NearPictures][mix(bits+uint64(choice+1)*0x9e3779b97f4a7c15)>>58]
	*b = append(*b, byte(choice))
	*b = appendDoc(*b, doc)
	*b = binary.BigEndian.AppendUint64(*b, hash)
}

// Finder makes keys of documents and finds duplicates among keys. It does not change and may be used by many goroutines at once.
type Finder struct {
	o       Options
	minHash *MinHash
	masks   []uint64 // of pictures' hashes: the bits of each choice of blocks
}

// New returns a Finder. Errors name the option that is wrong.
func New(o Options) (*Finder, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("duplicates.%w", err)
	}
	return &Finder{o: o, minHash: NewMinHash(o.Texts), masks: masks(o.Pictures.Distance, o.Pictures.Blocks)}, nil
}

// On says whether a kind is looked for.
func (f *Finder) On(kind Kind) bool {
	return [...]bool{f.o.Exact.On, f.o.Texts.On, f.o.Pictures.On}[kind]
}

// Add appends the keys of a document's text, of the kinds that are on. A text of white space alone has none. The error is a document number
// of more than 48 bits.
func (f *Finder) Add(k *Keys, doc uint64, text string) error {
	if doc>>docBits != 0 {
		return fmt.Errorf("document number %d: want less than 2^%d", doc, docBits)
	}
	if strings.TrimSpace(text) == "" || !f.o.Exact.On && !f.o.Texts.On {
		return nil
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.normal = appendCompared(s.normal[:0], text)
	if f.o.Exact.On {
		k.exact(exactHash(s.normal), doc)
	}
	if f.o.Texts.On {
		var sketch Sketch
		s.bands, sketch = f.minHash.bands(s.bands[:0], s)
		for _, band := range s.bands {
			k.band(band, sketch, doc)
		}
	}
	return nil
}

// AddPicture appends the keys of the hash of a document's picture, if pictures are on. Hash 0 is that of pictures without structure:
// they have none. A document may have several pictures.
func (f *Finder) AddPicture(k *Keys, doc, hash uint64) error {
	if doc>>docBits != 0 {
		return fmt.Errorf("document number %d: want less than 2^%d", doc, docBits)
	}
	if f.o.Pictures.On && hash != 0 {
		for choice, mask := range f.masks {
			k.picture(choice, hash&mask, hash, doc)
		}
	}
	return nil
}

// Drop is a document to be dropped and one of a smaller number that it duplicates.
type Drop struct{ Doc, Kept uint64 }

// appendDrops packs drops, sorted, each document once with the smallest number that it duplicates.
func appendDrops(drops []Drop) []byte {
	drops = sortDrops(drops)
	out := make([]byte, 0, dropBytes*len(drops))
	for _, d := range drops {
		out = appendDoc(appendDoc(out, d.Doc), d.Kept)
	}
	return out
}

func sortDrops(drops []Drop) []Drop {
	slices.SortFunc(drops, func(a, b Drop) int {
		switch {
		case a.Doc != b.Doc && a.Doc < b.Doc, a.Doc == b.Doc && a.Kept < b.Kept:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	return slices.CompactFunc(drops, func(a, b Drop) bool { return a.Doc == b.Doc })
}

// Drops unpacks and joins lists of dropped documents: sorted, each document once, with the smallest number that it duplicates.
func Drops(lists ...[]byte) ([]Drop, error) {
	n := 0
	for _, list := range lists {
		if len(list)%dropBytes != 0 {
			return nil, fmt.Errorf("a list of dropped documents has %d bytes: want a multiple of %d: it was cut on the way", len(list), dropBytes)
		}
		n += len(list) / dropBytes
	}
	drops := make([]Drop, 0, n)
	for _, list := range lists {
		for ; len(list) > 0; list = list[dropBytes:] {
			drops = append(drops, Drop{readDoc(list), readDoc(list[docBytes:])})
		}
	}
	return sortDrops(drops), nil
}

// Kept looks a document up in what [Drops] returned: whether it is dropped, and what it duplicates.
func Kept(drops []Drop, doc uint64) (kept uint64, dropped bool) {
	i, ok := slices.BinarySearchFunc(drops, doc, func(d Drop, doc uint64) int {
		switch {
		case d.Doc < doc:
			return -1
		case d.Doc > doc:
			return 1
		}
		return 0
	})
	if !ok {
		return 0, false
	}
	return drops[i].Kept, true
}

// ByFile cuts the packed list that [Finder.Duplicates] returned by the files of [Number], in ascending order. Bytes behind the last
// whole entry are given to file -1.
func ByFile(drop []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for len(drop) >= dropBytes {
			file, _ := Place(readDoc(drop))
			end := dropBytes
			for end+dropBytes <= len(drop) {
				if next, _ := Place(readDoc(drop[end:])); next != file {
					break
				}
				end += dropBytes
			}
			if !yield(file, drop[:end:end]) {
				return
			}
			drop = drop[end:]
		}
		if len(drop) > 0 {
			yield(-1, drop)
		}
	}
}
