package text

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxWord is the number of characters of the longest word that is looked up; a longer one is [UNK].
const maxWord = 100

// Tokenizer turns text into ids of one vocabulary. It may be used by many goroutines at once.
type Tokenizer struct {
	vocab   *Vocab
	options Options
	trie    *trie
	kept    map[rune]int32 // ids of Options.KeepPunctuation
	keptBy  map[int32]rune

	ascii  [utf8.RuneSelf]action
	pages  [(utf8.MaxRune + 1) >> 8]*[256]action
	spells []string // what actMap writes
}

// An action says what a character does to the word being read: its kind is in the low 3 bits, a number above them.
type action uint32

const (
	actKeep   action = iota // a letter of the word; for ASCII the number is the byte to write
	actDrop                 // nothing
	actSpace                // ends the word
	actSingle               // ends the word and is a token by itself: the number is its id
	actMap                  // writes spells[number] to the word
	actHangul               // writes its letters to the word
	actSlow                 // a mark that takes part in canonical ordering: the text goes by the exact pipeline
	actBits   = 3
)

func (a action) kind() action { return a & (1<<actBits - 1) }
func (a action) number() int  { return int(a >> actBits) }
func act(kind action, number int) action {
	return kind | action(number)<<actBits
}

// New returns the tokenizer of v.
func New(v *Vocab, o Options) *Tokenizer {
	t := &Tokenizer{vocab: v, options: o, trie: v.trie(), kept: map[rune]int32{}, keptBy: map[int32]rune{}}
	if o.KeepPunctuation {
		for i, r := range keptPunctuation {
			id, reserved := v.ID(fmt.Sprintf("[unused%d]", i+1))
			if _, own := v.ID(string(r)); !own && reserved {
				t.kept[r] = id
				t.keptBy[id] = r
			}
		}
	}
	t.fill(table())
	return t
}

// Vocab returns the vocabulary that t was made with.
func (t *Tokenizer) Vocab() *Vocab { return t.vocab }

// fill computes the action of every character that is not simply kept.
func (t *Tokenizer) fill(c *characters) {
	for i, page := range c.pages {
		if page == nil {
			continue
		}
		t.pages[i] = new([256]action)
		for j, bits := range page {
			if bits != 0 {
				t.pages[i][j] = t.action(c, rune(i<<8|j), bits)
			}
		}
	}
	if t.options.strips() {
		for r := rune(hangulFirst); r <= hangulLast; r++ {
			if t.pages[r>>8] == nil {
				t.pages[r>>8] = new([256]action)
			}
			t.pages[r>>8][r&0xFF] = actHangul
		}
	}
	for b := range t.ascii {
		a := t.pages[0][b]
		switch a.kind() {
		case actKeep:
			a = act(actKeep, b)
		case actMap:
			a = act(actKeep, int(t.spells[a.number()][0]))
		}
		t.ascii[b] = a
	}
}

// action computes what r does, from the properties of the characters that it becomes.
func (t *Tokenizer) action(c *characters, r rune, bits uint16) action {
	switch {
	case bits&isDrop != 0:
		return actDrop
	case bits&isSpace != 0:
		return actSpace
	}
	if strips := t.options.strips(); bits&(hasNFD|hasLower) == 0 {
		switch {
		case strips && bits&isMark != 0:
			return actDrop
		case strips && bits>>classShift != 0:
			return actSlow
		case bits&(isHan|isPunct) != 0:
			return act(actSingle, int(t.single(r)))
		}
		return actKeep
	}
	return t.mapped(c, r, bits)
}

// mapped is action for a character with a decomposition or a lower case.
func (t *Tokenizer) mapped(c *characters, r rune, bits uint16) action {
	var becomes []rune
	for _, d := range t.decompose(c, r) {
		p := c.properties(d)
		if t.options.strips() && p&isMark != 0 {
			continue
		}
		if t.options.strips() && p>>classShift != 0 {
			return actSlow
		}
		becomes = t.lower(c, becomes, d)
	}
	plain := bits&isHan == 0
	for _, b := range becomes {
		plain = plain && c.properties(b)&(isPunct|isSpace) == 0
	}
	switch {
	case plain && len(becomes) == 0:
		return actDrop
	case plain && len(becomes) == 1 && becomes[0] == r:
		return actKeep
	case plain:
		t.spells = append(t.spells, string(becomes))
		return act(actMap, len(t.spells)-1)
	case len(becomes) == 1:
		return act(actSingle, int(t.single(becomes[0])))
	}
	return actSlow
}

func (t *Tokenizer) decompose(c *characters, r rune) []rune {
	if !t.options.strips() {
		return []rune{r}
	}
	return c.appendNFD(nil, r)
}

func (t *Tokenizer) lower(c *characters, dst []rune, r rune) []rune {
	if !t.options.Lower {
		return append(dst, r)
	}
	return c.appendLower(dst, r)
}

// single returns the token of a word of one character.
func (t *Tokenizer) single(r rune) int32 {
	if id, ok := t.kept[r]; ok {
		return id
	}
	if id, ok := t.vocab.ID(string(r)); ok {
		return id
	}
	return t.vocab.Unk()
}

// Encode returns the ids of s, without [CLS] and [SEP].
func (t *Tokenizer) Encode(s string) []int32 {
	return t.Append(make([]int32, 0, len(s)/3+1), s)
}

// Append appends the ids of s to dst and returns it: Encode without an allocation of its own.
func (t *Tokenizer) Append(dst []int32, s string) []int32 {
	for s != "" {
		id, start, end := t.nextSpecial(s)
		dst = t.appendPlain(dst, s[:start])
		if id >= 0 {
			dst = append(dst, id)
		}
		s = s[end:]
	}
	return dst
}

// nextSpecial finds the first special token that s names; id is -1 and start is len(s) where there is none.
func (t *Tokenizer) nextSpecial(s string) (id int32, start, end int) {
	for start = 0; t.options.Special && start < len(s); start++ {
		skip := strings.IndexByte(s[start:], '[')
		if skip < 0 {
			break
		}
		start += skip
		for i, name := range specialNames {
			if id := t.vocab.special[i]; id >= 0 && strings.HasPrefix(s[start:], name) {
				return id, start, start + len(name)
			}
		}
	}
	return -1, len(s), len(s)
}

// word collects the bytes of one word; what goes beyond maxWord characters is only counted.
type word struct {
	buffer [(maxWord + 1) * utf8.UTFMax]byte
	size   int
	runes  int
}

func (w *word) add(s string, runes int) {
	if w.runes += runes; w.runes <= maxWord {
		w.size += copy(w.buffer[w.size:], s)
	}
}

// appendPlain is the fast path: one pass over the bytes, no memory but dst. normalize.go says the same step by step.
func (t *Tokenizer) appendPlain(dst []int32, s string) []int32 {
	var w word
	before := len(dst)
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			i++
			a := t.ascii[c]
			switch a.kind() {
			case actKeep:
				if w.runes++; w.runes <= maxWord {
					w.buffer[w.size] = byte(a.number())
					w.size++
				}
			case actSpace:
				dst = t.flush(dst, &w)
			case actSingle:
				dst = append(t.flush(dst, &w), int32(a.number()))
			}
			continue
		}
		r, size := decode(s, i)
		a := actKeep
		if page := t.pages[r>>8]; page != nil {
			a = page[r&0xFF]
		}
		switch a.kind() {
		case actSingle:
			if w.runes > 0 {
				dst = t.flush(dst, &w)
			}
			dst = append(dst, int32(a.number()))
		case actSpace:
			dst = t.flush(dst, &w)
		case actSlow:
			return t.appendExact(dst[:before], s)
		default:
			t.extend(&w, a, r, s[i:i+size])
		}
		i += size
	}
	return t.flush(dst, &w)
}

// decode is utf8.DecodeRuneInString at i, inline for the three bytes of a Chinese character.
func decode(s string, i int) (r rune, size int) {
	if i+2 < len(s) {
		if a, b, c := s[i], s[i+1], s[i+2]; a > 0xE0 && a < 0xED && b&0xC0 == 0x80 && c&0xC0 == 0x80 {
			return rune(a&0x0F)<<12 | rune(b&0x3F)<<6 | rune(c&0x3F), 3
		}
	}
	return utf8.DecodeRuneInString(s[i:])
}

// extend adds to the word what the letter r, spelled s, becomes.
func (t *Tokenizer) extend(w *word, a action, r rune, s string) {
	switch a.kind() {
	case actKeep:
		w.add(s, 1)
	case actMap:
		spell := t.spells[a.number()]
		w.add(spell, utf8.RuneCountInString(spell))
	case actHangul:
		var letters [3]rune
		for _, letter := range table().appendNFD(letters[:0], r) {
			w.add(string(letter), 1)
		}
	}
}

// flush appends the tokens of w and empties it.
func (t *Tokenizer) flush(dst []int32, w *word) []int32 {
	if w.runes > 0 {
		dst = t.appendWord(dst, w.buffer[:w.size], w.runes)
	}
	w.size, w.runes = 0, 0
	return dst
}

// appendWord appends the tokens of a word: the longest that it begins with, then the longest ## that goes on, and so
// forth, or [UNK] for the whole word where nothing goes on.
func (t *Tokenizer) appendWord(dst []int32, word []byte, runes int) []int32 {
	if runes > maxWord {
		return append(dst, t.vocab.Unk())
	}
	before := len(dst)
	for node := root; len(word) > 0; node = t.trie.more {
		id, length := t.trie.longest(node, word)
		if length == 0 || node == root && len(dst) > before {
			return append(dst[:before], t.vocab.Unk())
		}
		dst = append(dst, id)
		word = word[length:]
	}
	return dst
}
