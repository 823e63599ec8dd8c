package text

import (
	"slices"
	"unicode/utf8"
)

// Span is a half-open range of bytes.
type Span struct{ Start, End int }

// unit is a character of the normalized text and the bytes of the original that it stands for.
type unit struct {
	r        rune
	at       Span
	inserted bool // by a decomposition, beside the character before it
}

// normalize is the reference pipeline step by step; offset is where s begins in the original.
func (o Options) normalize(s string, offset int) []unit {
	c := table()
	units := clean(c, s, offset)
	if o.strips() {
		units = strip(c, units)
	}
	if !o.Lower {
		return units
	}
	lower := make([]unit, 0, len(units))
	var buffer [4]rune
	for _, u := range units {
		for _, r := range c.appendLower(buffer[:0], u.r) {
			lower = append(lower, unit{r: r, at: u.at})
		}
	}
	return lower
}

// clean removes controls, makes blanks of all white space and puts blanks around Han characters.
func clean(c *characters, s string, offset int) []unit {
	units := make([]unit, 0, len(s))
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		at := Span{offset + i, offset + i + size}
		switch bits := c.properties(r); {
		case bits&isDrop != 0:
		case bits&isSpace != 0:
			units = append(units, unit{r: ' ', at: at})
		case bits&isHan != 0:
			units = append(units, unit{r: ' ', at: at}, unit{r: r, at: at}, unit{r: ' ', at: at})
		default:
			units = append(units, unit{r: r, at: at})
		}
	}
	return units
}

// strip decomposes (NFD) and removes nonspacing marks. Where canonical ordering moves a character, its span is that of
// the character whose place it took, as in the reference library.
func strip(c *characters, units []unit) []unit {
	class := func(u unit) uint16 { return c.properties(u.r) >> classShift }
	all := make([]unit, 0, len(units))
	sorted := 0 // where the last run of characters with a combining class begins
	var buffer [8]rune
	for _, u := range units {
		for i, r := range c.appendNFD(buffer[:0], u.r) {
			all = append(all, unit{r: r, inserted: i > 0})
			if class(all[len(all)-1]) == 0 {
				sortClasses(all[sorted:len(all)-1], class)
				sorted = len(all)
			}
		}
	}
	sortClasses(all[sorted:], class)

	kept, next := all[:0], 0
	for _, u := range all {
		switch {
		case !u.inserted:
			u.at = units[next].at
			next++
		case next > 0:
			u.at = units[next-1].at
		}
		if c.properties(u.r)&isMark == 0 {
			kept = append(kept, u)
		}
	}
	return kept
}

func sortClasses(run []unit, class func(unit) uint16) {
	slices.SortStableFunc(run, func(a, b unit) int { return int(class(a)) - int(class(b)) })
}

// words calls yield with each word: a run without white space and punctuation, or a punctuation character.
func words(units []unit, yield func([]unit)) {
	c := table()
	start := 0
	flush := func(end int) {
		if end > start {
			yield(units[start:end])
		}
	}
	for i, u := range units {
		switch bits := c.properties(u.r); {
		case bits&isSpace != 0:
			flush(i)
			start = i + 1
		case bits&isPunct != 0:
			flush(i)
			yield(units[i : i+1])
			start = i + 1
		}
	}
	flush(len(units))
}

// appendExact is appendPlain by the exact pipeline.
func (t *Tokenizer) appendExact(dst []int32, s string) []int32 {
	e := encoding{t: t, ids: dst}
	e.add(s, 0)
	return e.ids
}

// EncodeOffsets returns the ids of s and, for each, the bytes of s that it stands for. [UNK] stands for a whole word.
// Spans begin in ascending order (but for marks that canonical ordering moves), lie in s and cover characters as wholes;
// tokens of one character, such as the letters of a Hangul syllable, share its span.
func (t *Tokenizer) EncodeOffsets(s string) ([]int32, []Span) {
	e := encoding{t: t, ids: make([]int32, 0, len(s)/3+1), spans: make([]Span, 0, len(s)/3+1)}
	for offset := 0; offset < len(s); {
		id, start, end := t.nextSpecial(s[offset:])
		e.add(s[offset:offset+start], offset)
		if id >= 0 {
			e.ids = append(e.ids, id)
			e.spans = append(e.spans, Span{offset + start, offset + end})
		}
		offset += end
	}
	return e.ids, e.spans
}

// encoding gathers ids and their spans.
type encoding struct {
	t     *Tokenizer
	ids   []int32
	spans []Span
	bytes []byte
}

func (e *encoding) add(s string, offset int) {
	words(e.t.options.normalize(s, offset), e.addWord)
}

// addWord appends the tokens of a word.
func (e *encoding) addWord(word []unit) {
	span := Span{word[0].at.Start, word[len(word)-1].at.End}
	if len(word) == 1 {
		e.ids = append(e.ids, e.t.single(word[0].r))
		e.spans = append(e.spans, span)
		return
	}
	e.bytes = e.bytes[:0]
	for _, u := range word {
		e.bytes = utf8.AppendRune(e.bytes, u.r)
	}
	before := len(e.ids)
	e.ids = e.t.appendWord(e.ids, e.bytes, len(word))
	if len(e.ids) == before+1 && e.ids[before] == e.t.vocab.Unk() {
		e.spans = append(e.spans, span)
		return
	}
	for i, id := range e.ids[before:] {
		length := utf8.RuneCountInString(e.t.vocab.Token(id))
		if i > 0 {
			length -= len("##")
		}
		e.spans = append(e.spans, Span{word[0].at.Start, word[length-1].at.End})
		word = word[length:]
	}
}
