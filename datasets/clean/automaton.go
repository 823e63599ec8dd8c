package clean

import (
	"cmp"
	"slices"
)

// automaton finds words of a list in one pass over a text (Aho and Corasick, 1975), over characters. Letters are compared without
// case, full-width forms as plain ones. A word that begins or ends with a letter or digit of ASCII is found only where no other
// stands beside it there.
type automaton struct {
	root   [1 << 16]int32 // the state behind the root by the first character, 0 none
	high   map[rune]int32 // the same above the first plane
	states []state
	edges  []branch // of all states, by state and character
	words  []word
	begins beginnings
}

// state is a beginning of words. State 0 is the root.
type state struct {
	first, last int32 // its edges
	fail        int32 // the longest end of it that is a state
	word        int32 // the word that it is, -1 none
	shorter     int32 // the next state on the way of fail that is a word, 0 none
}

type branch struct {
	r  rune
	to int32
}

// word is an entry of a list.
type word struct {
	text     string
	category string
	length   int // characters
	before   bool
	after    bool // no letter or digit of ASCII may stand there
}

// hit is a word in a text.
type hit struct {
	start, end int // bytes
	word       *word
}

// plain is the form in which characters are compared.
func plainRune(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r | 0x20
	case r >= 0xFF01 && r <= 0xFF5E:
		return plainRune(r - 0xFEE0)
	case r == 0x3000:
		return ' '
	}
	return r
}

func isWordByte(b byte) bool { return isASCIILetter(b) || b >= '0' && b <= '9' }

// newAutomaton builds the automaton of words, which are distinct in their plain form.
func newAutomaton(words []word) *automaton {
	a := &automaton{high: map[rune]int32{}, states: []state{{word: -1}}, words: words}
	order := make([]int, len(words))
	plain := make([][]rune, len(words))
	for i := range words {
		order[i] = i
		for _, r := range words[i].text {
			plain[i] = append(plain[i], plainRune(r))
		}
		w := &words[i]
		w.length = len(plain[i])
		w.before = plain[i][0] < 0x80 && isWordByte(byte(plain[i][0]))
		last := plain[i][len(plain[i])-1]
		w.after = last < 0x80 && isWordByte(byte(last))
	}
	slices.SortFunc(order, func(x, y int) int { return slices.Compare(plain[x], plain[y]) })
	a.grow(order, plain)
	a.link()
	return a
}

// grow makes the states of sorted words, level by level, so that a state's edges lie together.
func (a *automaton) grow(order []int, plain [][]rune) {
	type span struct{ state, first, last, depth int }
	queue := []span{{0, 0, len(order), 0}}
	for at := 0; at < len(queue); at++ {
		q := queue[at]
		i := q.first
		for i < q.last && len(plain[order[i]]) == q.depth {
			a.states[q.state].word = int32(order[i])
			i++
		}
		a.states[q.state].first = int32(len(a.edges))
		for i < q.last {
			r, begin := plain[order[i]][q.depth], i
			for i < q.last && plain[order[i]][q.depth] == r {
				i++
			}
			to := len(a.states)
			a.states = append(a.states, state{word: -1})
			a.edges = append(a.edges, branch{r, int32(to)})
			queue = append(queue, span{to, begin, i, q.depth + 1})
		}
		a.states[q.state].last = int32(len(a.edges))
	}
	for _, e := range a.edges[a.states[0].first:a.states[0].last] {
		a.start(e.r, e.to)
	}
	a.begins.note(a)
}

// start notes a state behind the root for all characters that are compared as r.
func (a *automaton) start(r rune, to int32) {
	if r >= 1<<16 {
		a.high[r] = to
		return
	}
	a.root[r] = to
	if r >= 'a' && r <= 'z' {
		a.root[r-0x20] = to
		a.root[r-0x20+0xFEE0] = to
	}
	if r > ' ' && r < 0x7F {
		a.root[r+0xFEE0] = to
	}
	if r == ' ' {
		a.root[0x3000] = to
	}
}

// link sets where the states fall back to; the states lie by their depth.
func (a *automaton) link() {
	for s := range a.states {
		for _, e := range a.edges[a.states[s].first:a.states[s].last] {
			if s > 0 {
				a.states[e.to].fail = a.step(a.states[s].fail, e.r)
			}
			f := a.states[e.to].fail
			if a.states[f].word >= 0 {
				a.states[e.to].shorter = f
			} else {
				a.states[e.to].shorter = a.states[f].shorter
			}
		}
	}
}

// step is the state behind s and a character in its plain form.
func (a *automaton) step(s int32, r rune) int32 {
	for s != 0 {
		edges := a.edges[a.states[s].first:a.states[s].last]
		if len(edges) <= 8 {
			for _, e := range edges {
				if e.r == r {
					return e.to
				}
			}
		} else if i, ok := slices.BinarySearchFunc(edges, r, func(e branch, r rune) int { return cmp.Compare(e.r, r) }); ok {
			return edges[i].to
		}
		s = a.states[s].fail
	}
	if r < 1<<16 {
		return a.root[r]
	}
	return a.high[r]
}

// scan appends the words in s, which must be valid UTF-8: at every place where some end, the longest whose sides allow it.
func (a *automaton) scan(hits []hit, s string) []hit {
	state := int32(0)
	for i := 0; i < len(s); {
		if state == 0 {
			if i = a.begins.next(s, i); i == len(s) {
				break
			}
		}
		r, size := decode(s, i)
		i += size
		state = a.step(state, plainRune(r))
		for at := state; at != 0; at = a.states[at].shorter {
			if w := a.states[at].word; w >= 0 {
				if start, ok := a.fits(s, i, &a.words[w]); ok {
					hits = append(hits, hit{start, i, &a.words[w]})
					break
				}
			}
		}
	}
	return hits
}

// fits goes back to where a word that ends at end begins, and tells whether its sides are free.
func (a *automaton) fits(s string, end int, w *word) (start int, ok bool) {
	start = end
	for range w.length {
		start--
		for start > 0 && s[start]&0xC0 == 0x80 {
			start--
		}
	}
	if w.before && start > 0 && isWordByte(s[start-1]) || w.after && end < len(s) && isWordByte(s[end]) {
		return start, false
	}
	return start, true
}
