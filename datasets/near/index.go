package near

import (
	"cmp"
	"fmt"
	"image"
	"iter"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// IndexOptions is the recipe's part "decontaminate": what makes a text or a picture part of an evaluation set.
type IndexOptions struct {
	On bool `json:"on"`
	// Characters is the length n of the n-grams: of letters (Han characters among them) in lower case and form NFKC, without digits,
	// punctuation and white space. 13 is GPT-3's, of words there.
	Characters int `json:"characters"`
	// Shortest is how many letters a passage of fewer than n must have to be looked for: such a passage is found where a whole text, or a
	// whole line of it, is equal to it. Shorter ones ("yes") are left out and counted.
	Shortest int `json:"shortest"`
	// Share is the least share of a text's n-grams that are in the evaluation sets, 0 to 1; 0: one n-gram is enough.
	Share float64 `json:"share"`
	// Hash and Distance are those of [PictureOptions].
	Hash     string `json:"hash"`
	Distance int    `json:"distance"`
}

// DefaultIndexOptions returns 13 characters, 8 letters for short passages, one n-gram, and pictures of at most 4 differing bits. It is on; without
// evaluation sets that means nothing.
func DefaultIndexOptions() IndexOptions {
	return IndexOptions{On: true, Characters: 13, Shortest: 8, Hash: "phash", Distance: 4}
}

// Validate names the key that is wrong.
func (o IndexOptions) Validate() error {
	switch {
	case o.Characters < 2 || o.Characters > maxCharacters:
		return fmt.Errorf("characters: %d: want 2 to %d", o.Characters, maxCharacters)
	case o.Shortest < 1 || o.Shortest > o.Characters:
		return fmt.Errorf("shortest: %d: want 1 to %d, the length of the n-grams", o.Shortest, o.Characters)
	case !(o.Share >= 0 && o.Share <= 1):
		return fmt.Errorf("share: %v: want 0 to 1", o.Share)
	case o.Hash != "phash" && o.Hash != "dhash":
		return fmt.Errorf("hash: %q: want phash or dhash", o.Hash)
	case o.Distance < 0 || o.Distance > 16:
		return fmt.Errorf("distance: %d: want 0 to 16 bits", o.Distance)
	}
	return nil
}

// PictureHash is the hash of a picture that [Builder.AddPicture] and [Index.FindPicture] want.
func (o IndexOptions) PictureHash(pixels *image.RGBA) uint64 {
	return PictureOptions{Hash: o.Hash}.PictureHash(pixels)
}

// Passage is one text of an evaluation set: a caption, a reference, a question with its answer (give them joined by "\n", and what
// should be found alone a second time alone).
type Passage struct{ Set, ID, Text string }

// passage is what is kept of one.
type passage struct {
	set  uint32
	id   string
	text string // its beginning
}

// excerptRunes is how much of a passage is kept for reports.
const excerptRunes = 60

// gram is an n-gram's hash and the first passage that has it.
type gram struct {
	hash uint64
	of   uint32
}

// Builder collects evaluation sets. It is for one goroutine.
type Builder struct {
	o        IndexOptions
	sets     []string
	setOf    map[string]uint32
	passages []passage
	grams    []gram
	short    []gram
	pictures []gram
	left     int
	normal   []byte
	hashes   []uint64
}

// NewBuilder returns an empty one. Errors name the option that is wrong.
func NewBuilder(o IndexOptions) (*Builder, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("decontaminate.%w", err)
	}
	return &Builder{o: o, setOf: map[string]uint32{}}, nil
}

// name adds a passage and returns its number.
func (b *Builder) name(set, id, text string) uint32 {
	number, ok := b.setOf[set]
	if !ok {
		number = uint32(len(b.sets))
		b.setOf[set] = number
		b.sets = append(b.sets, strings.ToValidUTF8(set, "\ufffd"))
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	n := 0
	for i := range text {
		if n++; n > excerptRunes {
			text = text[:i] + "…"
			break
		}
	}
	b.passages = append(b.passages, passage{number, strings.ToValidUTF8(id, "\ufffd"), strings.Clone(text)})
	return uint32(len(b.passages) - 1)
}

// Add adds a passage; one that is too short to be looked for is left out and counted.
func (b *Builder) Add(p Passage) {
	b.normal = appendNormal(b.normal[:0], p.Text, keepLetters)
	switch letters := utf8.RuneCount(b.normal); {
	case letters < b.o.Shortest:
		b.left++
	case letters < b.o.Characters:
		b.short = append(b.short, gram{xxh3.Hash(b.normal), b.name(p.Set, p.ID, p.Text)})
	default:
		of := b.name(p.Set, p.ID, p.Text)
		b.hashes = appendGrams(b.hashes[:0], b.normal, b.o.Characters)
		for _, hash := range b.hashes {
			b.grams = append(b.grams, gram{hash, of})
		}
	}
}

// AddPicture adds the hash of a picture; one without structure (hash 0) is left out and counted.
func (b *Builder) AddPicture(set, id string, hash uint64) {
	if hash == 0 {
		b.left++
		return
	}
	b.pictures = append(b.pictures, gram{hash, b.name(set, id, "")})
}

// Index makes the index. The Builder is empty afterwards.
func (b *Builder) Index() *Index {
	x := &Index{o: b.o, sets: b.sets, passages: b.passages, left: b.left}
	x.fill(b.grams, b.short, b.pictures)
	*b = Builder{o: b.o, setOf: map[string]uint32{}}
	return x
}

// BuildIndex makes an index of passages alone.
func BuildIndex(passages iter.Seq[Passage], o IndexOptions) (*Index, error) {
	b, err := NewBuilder(o)
	if err != nil {
		return nil, err
	}
	for p := range passages {
		b.Add(p)
	}
	return b.Index(), nil
}

// rollBase is the base of the rolling hash; rollLetter is what a letter adds to it.
const rollBase = 0x9e3779b97f4a7c15 | 1

func rollLetter(r rune) uint64 { return mix(uint64(r) + 0x632be59bd9b4e019) }

// appendGrams appends the hash of every n-gram of letters.
func appendGrams(dst []uint64, letters []byte, n int) []uint64 {
	var ring [maxCharacters]uint64
	out := uint64(1) // rollBase to the n
	for range n {
		out *= rollBase
	}
	var h uint64
	count, slot := 0, 0
	for i := 0; i < len(letters); {
		r, size := rune(letters[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(letters[i:])
		}
		i += size
		v := rollLetter(r)
		h = h*rollBase + v - ring[slot]*out
		ring[slot] = v
		if slot++; slot == n {
			slot = 0
		}
		if count++; count >= n {
			dst = append(dst, mix(h))
		}
	}
	return dst
}

// Index finds what is of evaluation sets: character n-grams of their texts, short texts as a whole, and hashes of pictures. An n-gram takes
// about 25 bytes. It does not change and may be used by many goroutines at once.
type Index struct {
	o        IndexOptions
	sets     []string
	passages []passage
	left     int
	grams    gramTable
	short    gramTable
	pictures []gram   // sorted by hash
	blocks   []uint64 // of bits of a picture's hash: one more than may differ
	byBlock  [][]uint32
}

// gramTable is a hash table with linear probing behind a filter: two bits of a word, 16 bits an n-gram, so that most of what it does not
// hold costs one access to memory.
type gramTable struct {
	sorted []gram // what it holds
	filter []uint64
	shift  uint
	slots  []uint32 // one more than the place in sorted, 0 for none
}

func newGramTable(grams []gram) gramTable {
	slices.SortFunc(grams, func(a, b gram) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.of, b.of)) })
	grams = slices.Clip(slices.CompactFunc(grams, func(a, b gram) bool { return a.hash == b.hash }))
	t := gramTable{sorted: grams}
	width := bits.Len(uint(len(grams) / 4)) // words
	t.shift = uint(64 - width)
	t.filter = make([]uint64, 1<<width)
	t.slots = make([]uint32, len(grams)+len(grams)/2+1)
	for i, g := range grams {
		t.filter[g.hash>>t.shift] |= filterBits(g.hash)
		place := t.home(g.hash)
		for t.slots[place] != 0 {
			place = t.after(place)
		}
		t.slots[place] = uint32(i + 1)
	}
	return t
}

func filterBits(hash uint64) uint64 { return 1<<(hash&63) | 1<<(hash>>6&63) }

// home is where the search begins: by other bits of the hash than those of the filter and the order.
func (t *gramTable) home(hash uint64) uint64 {
	place, _ := bits.Mul64(hash<<32|hash>>32, uint64(len(t.slots)))
	return place
}

func (t *gramTable) after(place uint64) uint64 {
	if place++; place == uint64(len(t.slots)) {
		return 0
	}
	return place
}

// find returns the passage of a hash.
func (t *gramTable) find(hash uint64) (uint32, bool) {
	if want := filterBits(hash); t.filter[hash>>t.shift]&want != want {
		return 0, false
	}
	for place := t.home(hash); t.slots[place] != 0; place = t.after(place) {
		if g := &t.sorted[t.slots[place]-1]; g.hash == hash {
			return g.of, true
		}
	}
	return 0, false
}

// findAll calls found with the passage of every hash that is held. Words of the filter are fetched many at a time, so that the waits for
// memory overlap.
func (t *gramTable) findAll(hashes []uint64, found func(passage uint32)) {
	var words [64]uint64
	for len(hashes) > 0 {
		some := hashes[:min(len(hashes), len(words))]
		hashes = hashes[len(some):]
		for i, hash := range some {
			words[i] = t.filter[hash>>t.shift]
		}
		for i, hash := range some {
			if want := filterBits(hash); words[i]&want == want {
				if passage, ok := t.find(hash); ok {
					found(passage)
				}
			}
		}
	}
}

// fill makes the tables.
func (x *Index) fill(grams, short, pictures []gram) {
	x.grams, x.short = newGramTable(grams), newGramTable(short)
	slices.SortFunc(pictures, func(a, b gram) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.of, b.of)) })
	x.pictures = slices.Clip(slices.CompactFunc(pictures, func(a, b gram) bool { return a.hash == b.hash }))
	x.blocks = masks(x.o.Distance, 1)
	for _, mask := range x.blocks {
		order := make([]uint32, len(x.pictures))
		for i := range order {
			order[i] = uint32(i)
		}
		slices.SortStableFunc(order, func(a, b uint32) int {
			return cmp.Compare(x.pictures[a].hash&mask, x.pictures[b].hash&mask)
		})
		x.byBlock = append(x.byBlock, order)
	}
}

// Hit says what of the evaluation sets was found in a text or a picture.
type Hit struct {
	Set  string `json:"set"`
	ID   string `json:"id"`
	Text string `json:"text"` // the beginning of the passage; "" for a picture
	// Of a text: its n-grams, how many of them are in the evaluation sets, and how many are of this passage. A short passage that stands
	// there whole counts as one n-gram.
	Grams   int `json:"grams"`
	Found   int `json:"found"`
	Passage int `json:"passage"`
	// Distance is how many bits of a picture's hash differ.
	Distance int `json:"distance"`
}

// Share is the part of a text's n-grams that are in the evaluation sets.
func (h Hit) Share() float64 {
	if h.Grams == 0 {
		return 0
	}
	return float64(h.Found) / float64(h.Grams)
}

// String names set and passage.
func (h Hit) String() string {
	if h.Text == "" {
		return h.Set + ": " + h.ID
	}
	return h.Set + ": " + h.ID + ": " + h.Text
}

// Options returns what the index was built with.
func (x *Index) Options() IndexOptions { return x.o }

// Len returns how many passages and pictures are looked for, how many different n-grams they have, and how many were too short or
// without structure.
func (x *Index) Len() (passages, grams, left int) {
	return len(x.passages), len(x.grams.sorted), x.left
}

// Hit says where in the evaluation sets a text is from: [Index.Find] as a line.
func (x *Index) Hit(text string) (where string, ok bool) {
	h, ok := x.Find(text)
	if !ok {
		return "", false
	}
	return h.String(), true
}

// Find looks a text up. Where it is of several passages, the one with most n-grams is named, of equals the first.
func (x *Index) Find(text string) (Hit, bool) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	var h Hit
	var of map[uint32]int
	found := func(passage uint32) {
		if of == nil {
			of = map[uint32]int{}
		}
		of[passage]++
		h.Found++
	}
	if len(x.short.sorted) > 0 {
		h.Grams += x.findShort(s, text, found)
	}
	if len(x.grams.sorted) > 0 {
		s.normal = appendNormal(s.normal[:0], text, keepLetters)
		s.shingles = appendGrams(s.shingles[:0], s.normal, x.o.Characters)
		h.Grams += len(s.shingles)
		x.grams.findAll(s.shingles, found)
	}
	if h.Found == 0 || h.Share() < x.o.Share {
		return Hit{}, false
	}
	best := uint32(len(x.passages))
	for passage, n := range of {
		if n > h.Passage || n == h.Passage && passage < best {
			best, h.Passage = passage, n
		}
	}
	p := x.passages[best]
	h.Set, h.ID, h.Text = x.sets[p.set], p.id, p.text
	return h, true
}

// findShort looks for short passages: the text, or one of its lines.
func (x *Index) findShort(s *scratch, text string, found func(uint32)) (grams int) {
	look := func(line string) bool {
		if len(line) > 64*x.o.Characters { // letters alone are counted, but so much else is no short line
			return false
		}
		s.normal = appendNormal(s.normal[:0], line, keepLetters)
		if n := utf8.RuneCount(s.normal); n < x.o.Shortest || n >= x.o.Characters {
			return false
		}
		passage, ok := x.short.find(xxh3.Hash(s.normal))
		if ok {
			grams++
			found(passage)
		}
		return ok
	}
	if look(text) {
		return grams
	}
	for line := range strings.Lines(text) {
		look(line)
	}
	return grams
}

// FindPicture looks the hash of a picture up: it finds the nearest, of equals the first, within the distance.
func (x *Index) FindPicture(hash uint64) (Hit, bool) {
	if hash == 0 {
		return Hit{}, false
	}
	best, nearest := uint32(0), x.o.Distance+1
	for i, mask := range x.blocks {
		order := x.byBlock[i]
		at, _ := slices.BinarySearchFunc(order, hash&mask, func(p uint32, want uint64) int {
			return cmp.Compare(x.pictures[p].hash&mask, want)
		})
		for ; at < len(order); at++ {
			p := x.pictures[order[at]]
			if (p.hash^hash)&mask != 0 {
				break
			}
			if d := Distance(p.hash, hash); d < nearest || d == nearest && p.of < best {
				best, nearest = p.of, d
			}
		}
	}
	if nearest > x.o.Distance {
		return Hit{}, false
	}
	p := x.passages[best]
	return Hit{Set: x.sets[p.set], ID: p.id, Text: p.text, Distance: nearest}, true
}
