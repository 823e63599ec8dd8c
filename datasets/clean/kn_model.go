package clean

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Orders of an [LM]: those that [TrainLM] makes, and the longest that is read from an ARPA file.
const (
	MinLMOrder   = 3
	MaxLMOrder   = 5
	maxARPAOrder = 8
)

// lmSpace stands for a run of white space and control characters in a sentence, as SentencePiece writes it.
const lmSpace = '\u2581'

// lmUnknownLog10 is what a file without <unk> gives to an unknown character, as KenLM does.
const lmUnknownLog10 = -100

// lmBeginLog10 is the probability of <s>, which is never predicted; lmQuantiles is how many quantiles are kept, every thousandth.
const (
	lmBeginLog10 = -99
	lmQuantiles  = 1001
)

// LM is a language model of characters in the compact form that scores a corpus: a back-off model with float32 log10
// probabilities in hash tables with linear probing, one for each length of n-gram (Heafield, "KenLM: Faster and Smaller
// Language Model Queries", 2011). An n-gram of the longest kind takes 18 bytes, any other longer than one character 24.
// Keys are exact: the place of the n-gram's context and its last character, so nothing is mistaken for anything else.
//
// A sentence begins with <s> and ends with </s>. White space and control characters at its ends are left out; inside, a run of
// them is the one character U+2581, or left out too where the model does not know that character. Bytes that are not UTF-8
// count as U+FFFD. A character that the model does not know is <unk>.
//
// It does not change and may be used by many goroutines at once.
type LM struct {
	order    int
	runes    []rune    // by number less firstSymbol, ascending
	number   []uint32  // of a rune; unknownSymbol where there is none
	unigrams []lmValue // by number
	tables   []lmTable // tables[i] holds the n-grams of i+2 characters
	closed   bool      // the end of every n-gram is an n-gram too
	held     []float32 // perplexities of held-out sentences: held[i] is quantile i/(len-1); nil where not measured
	heldOut  int64     // how many sentences that were
}

// lmValue is log10 of a probability and of a back-off weight.
type lmValue struct{ prob, backoff float32 }

// lmTable maps the place of a context and a symbol to a place, linear probing.
type lmTable struct {
	keys   []uint64  // lmKey, or lmEmpty
	values []lmValue // by place, or nil in the longest, where there are
	probs  []float32 // these
	count  int
}

const (
	lmSymbolBits = 24
	lmEmpty      = math.MaxUint64
	lmMaxSlots   = 1 << 39
)

func lmKey(context uint64, symbol uint32) uint64 { return context<<lmSymbolBits | uint64(symbol) }

// lmSlots is the size of a table for n keys: two thirds of it are filled, and at least one place is free.
func lmSlots(n int) int { return n + n/2 + 1 }

// home is where the search for a key begins.
func (t *lmTable) home(key uint64) uint64 {
	key ^= key >> 29
	key *= 0xbf58476d1ce4e5b9
	key ^= key >> 32
	key *= 0x94d049bb133111eb
	place, _ := bits.Mul64(key, uint64(len(t.keys)))
	return place
}

// find returns the place of a key.
func (t *lmTable) find(key uint64) (uint64, bool) {
	for place := t.home(key); ; {
		switch t.keys[place] {
		case key:
			return place, true
		case lmEmpty:
			return 0, false
		}
		if place++; place == uint64(len(t.keys)) {
			place = 0
		}
	}
}

// value returns what a place holds.
func (t *lmTable) value(place uint64) lmValue {
	if t.probs != nil {
		return lmValue{prob: t.probs[place]}
	}
	return t.values[place]
}

// lmEntry is an n-gram on its way into a table.
type lmEntry struct {
	key   uint64
	value lmValue
}

// newLMTable makes a table. The entries are sorted first, so that the same n-grams make the same table; twin is a key that
// stands there twice.
func newLMTable(entries []lmEntry, longest bool) (t lmTable, twin uint64, ok bool) {
	slices.SortFunc(entries, func(a, b lmEntry) int { return cmp.Compare(a.key, b.key) })
	t.count = len(entries)
	t.keys = make([]uint64, lmSlots(len(entries)))
	for i := range t.keys {
		t.keys[i] = lmEmpty
	}
	if longest {
		t.probs = make([]float32, len(t.keys))
	} else {
		t.values = make([]lmValue, len(t.keys))
	}
	for i, e := range entries {
		if i > 0 && e.key == entries[i-1].key {
			return t, e.key, false
		}
		place := t.home(e.key)
		for t.keys[place] != lmEmpty {
			if place++; place == uint64(len(t.keys)) {
				place = 0
			}
		}
		t.keys[place] = e.key
		if longest {
			t.probs[place] = e.value.prob
		} else {
			t.values[place] = e.value
		}
	}
	return t, 0, true
}

// index makes the table of numbers from runes.
func (m *LM) index() {
	m.number = make([]uint32, int(m.runes[len(m.runes)-1])+1)
	for i := range m.number {
		m.number[i] = unknownSymbol
	}
	for i, r := range m.runes {
		m.number[r] = uint32(i) + firstSymbol
	}
}

func (m *LM) numberOf(r rune) uint32 {
	if int(r) < len(m.number) {
		return m.number[r]
	}
	return unknownSymbol
}

// Order returns the length of the longest n-grams in characters.
func (m *LM) Order() int { return m.order }

// NGrams returns how many n-grams of each length the model holds, from one character on; <s>, </s> and <unk> count as characters.
func (m *LM) NGrams() []int {
	out := []int{len(m.unigrams)}
	for _, t := range m.tables {
		out = append(out, t.count)
	}
	return out
}

// Bytes returns how much memory the model takes.
func (m *LM) Bytes() int64 {
	size := int64(4*len(m.runes) + 4*len(m.number) + 8*len(m.unigrams) + 4*len(m.held))
	for _, t := range m.tables {
		size += int64(8*len(t.keys) + 8*len(t.values) + 4*len(t.probs))
	}
	return size
}

// lmState is where a sentence stands: the n-grams of 1 to order-1 symbols that end here.
type lmState struct {
	n     int // how many of them may be known: those behind are not
	place [maxARPAOrder]uint64
	known [maxARPAOrder]bool
	back  [maxARPAOrder]float32
}

// step returns log10 of the probability of the next symbol, and moves the state behind it.
func (m *LM) step(from, to *lmState, symbol uint32) float32 {
	v := m.unigrams[symbol]
	prob, matched := v.prob, 0
	to.place[0], to.known[0], to.back[0] = uint64(symbol), true, v.backoff
	to.n = min(1, m.order-1)
	for n := range from.n {
		if n+1 < m.order-1 {
			to.known[n+1] = false
		}
		if !from.known[n] {
			continue
		}
		t := &m.tables[n]
		place, ok := t.find(lmKey(from.place[n], symbol))
		if !ok {
			if m.closed {
				break
			}
			continue
		}
		matched = n + 1
		if t.probs != nil {
			prob = t.probs[place]
			break
		}
		v := t.values[place]
		prob = v.prob
		to.place[n+1], to.known[n+1], to.back[n+1] = place, true, v.backoff
		to.n = n + 2
	}
	for n := matched; n < from.n; n++ {
		if from.known[n] {
			prob += from.back[n]
		}
	}
	return prob
}

// begin is the state behind <s>.
func (m *LM) begin(s *lmState) {
	s.n = min(1, m.order-1)
	s.place[0], s.known[0], s.back[0] = uint64(beginSymbol), true, m.unigrams[beginSymbol].backoff
}

// LMScore is what a model says of a sentence.
type LMScore struct {
	Log10   float64 // of the probability of the sentence with its end
	Symbols int     // how many were predicted: the characters and the end
	Unknown int     // how many of them the model does not know
}

// Perplexity returns the perplexity per predicted symbol.
func (s LMScore) Perplexity() float64 { return math.Pow(10, -s.Log10/float64(s.Symbols)) }

// Score scores a sentence.
func (m *LM) Score(sentence string) LMScore {
	var states [2]lmState
	from, to := &states[0], &states[1]
	m.begin(from)
	var s LMScore
	spaceSymbol := m.numberOf(lmSpace)
	space := false // a run of white space is behind us
	for _, r := range sentence {
		var symbol uint32
		if r > ' ' && r < 0x7f || r >= 0x3001 && r <= 0x9fff {
			symbol = m.numberOf(r)
		} else if isLMSpace(r) {
			space = s.Symbols > 0
			continue
		} else {
			symbol = m.numberOf(r)
		}
		if space {
			space = false
			if spaceSymbol != unknownSymbol {
				s.Log10 += float64(m.step(from, to, spaceSymbol))
				s.Symbols++
				from, to = to, from
			}
		}
		if symbol == unknownSymbol {
			s.Unknown++
		}
		s.Log10 += float64(m.step(from, to, symbol))
		s.Symbols++
		from, to = to, from
	}
	s.Log10 += float64(m.step(from, to, endSymbol))
	s.Symbols++
	return s
}

// Sentence returns the perplexity of a sentence per character, its end counted as one: the measure of the paper's rule of fluency
// (section 2). Score says besides how many characters are unknown.
func (m *LM) Sentence(s string) float64 { return m.Score(s).Perplexity() }
