package clean

// beginnings tells fast where no word of a list begins, by two characters: most texts have no word of a list, while almost every character begins
// some word of a long one. It errs in one direction only.
type beginnings struct {
	pairs [1 << beginningBits / 64]uint64
	alone [1 << 16 / 64]uint64 // characters of the first plane that are words
	any   bool                 // there are such words, or one above the first plane
}

// beginningBits: 16 KB, of which the 5,000 words of a long list fill 4 %.
const beginningBits = 17

// place is where the bit of two neighbours lies; behind the end of a text stands 0.
func place(first, second rune) uint32 {
	return (uint32(first)*0x9E3779B1 ^ uint32(second)*0x85EBCA77) >> (32 - beginningBits)
}

func (b *beginnings) set(first, second rune) {
	at := place(first, second)
	b.pairs[at/64] |= 1 << (at % 64)
}

func (b *beginnings) may(first, second rune) bool {
	at := place(first, second)
	return b.pairs[at/64]>>(at%64)&1 != 0
}

// isAlone tells whether a character may be a word by itself; those above the first plane may.
func (b *beginnings) isAlone(r rune) bool {
	return r >= 1<<16 || b.alone[r/64]>>(r%64)&1 != 0
}

// note takes the beginnings of an automaton's words, in all forms of their characters.
func (b *beginnings) note(a *automaton) {
	root := a.states[0]
	for _, one := range a.edges[root.first:root.last] {
		s := a.states[one.to]
		if s.word >= 0 {
			b.any = true
			for _, r := range formsOf(one.r) {
				if r < 1<<16 {
					b.alone[r/64] |= 1 << (r % 64)
				}
			}
		}
		for _, two := range a.edges[s.first:s.last] {
			for _, first := range formsOf(one.r) {
				for _, second := range formsOf(two.r) {
					b.set(first, second)
				}
			}
		}
	}
}

// formsOf are the characters whose plain form is r.
func formsOf(r rune) []rune {
	forms := []rune{r}
	switch {
	case r == ' ':
		return append(forms, 0x3000)
	case r > ' ' && r < 0x7F:
		forms = append(forms, r+0xFEE0)
	}
	if r >= 'a' && r <= 'z' {
		forms = append(forms, r-0x20, r-0x20+0xFEE0)
	}
	return forms
}

// next is the first place from i on, which is that of a character, where a word may begin; len(s) where there is none. s must be valid UTF-8.
func (b *beginnings) next(s string, i int) int {
	if i == len(s) {
		return i
	}
	first, size := decode(s, i)
	for {
		behind := i + size
		if b.any && b.isAlone(first) {
			return i
		}
		if behind == len(s) {
			return behind // other words have two characters at least
		}
		var second rune
		switch lead := s[behind]; {
		case lead >= 0xE0 && lead < 0xF0:
			second, size = three(s, behind), 3
		case lead < 0x80:
			second, size = rune(lead), 1
		default:
			second, size = decode(s, behind)
		}
		if b.may(first, second) {
			return i
		}
		first, i = second, behind
	}
}
