package clean

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// End is the symbol after the last one of a sequence: LogProb(context, End) is the logarithm of the probability that the
// text ends.
const End int32 = -1

// maxOrder bounds the length of an n-gram.
const maxOrder = 16

// Symbols are numbered densely: these three, then those of the training text in ascending order.
const (
	beginSymbol uint32 = iota // only ever a context
	endSymbol
	unknownSymbol
	firstSymbol
)

// KN is an n-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman, 1999, section 3) over int32
// symbols, such as runes or token ids. Its vocabulary is closed: the symbols of the training text, [End], and one unknown
// symbol that stands for all others; over these the probabilities after any context sum to 1. It does not change and may
// be used by many goroutines at once.
//
// The lowest order is interpolated with the uniform distribution over the vocabulary. A sequence begins with one mark of
// its beginning, and n-grams that begin with it keep their own counts, as no symbol stands before it.
type KN struct {
	order     int
	symbols   []int32 // by dense number less firstSymbol, ascending
	levels    []level // levels[k] holds the n-grams of k+1 symbols
	root      context
	discounts [][4]float64 // by level: what is taken from a count of 0, 1, 2, and 3 or more
}

// level holds the n-grams of one length, sorted: those that share all but the last symbol lie side by side.
type level struct {
	symbols []uint32 // the last symbol
	counts  []uint32 // as smoothing wants them: how often (highest order), else how many symbols stand before it
	first   []uint32 // of each n-gram as a context: where its continuations begin in the level above; one more at the end
	context []context
	raw     []uint32 // how often the n-gram was seen; nil unless asked for
}

// context sums the continuations of an n-gram.
type context struct {
	total float64 // of their counts; 0 where there are none
	gamma float64 // the share that discounting leaves to the shorter context
}

// TrainKN counts the n-grams of up to order symbols (3 is the usual choice for characters) in seqs.
func TrainKN(order int, seqs iter.Seq[[]int32]) (*KN, error) { return trainKN(order, seqs, false) }

// trainKN is TrainKN; packed is for [packLM], which wants in every level how often its n-grams were seen, and sums contexts itself.
func trainKN(order int, seqs iter.Seq[[]int32], packed bool) (*KN, error) {
	if order < 1 || order > maxOrder {
		return nil, fmt.Errorf("train an n-gram model of order %d: the order must be 1 to %d", order, maxOrder)
	}
	m := &KN{order: order}
	text, ends, err := m.number(seqs)
	if err != nil {
		return nil, fmt.Errorf("train an n-gram model of order %d: %w", order, err)
	}
	m.count(text, ends, packed)
	for k := range m.levels {
		m.discounts = append(m.discounts, discounts(m.levels[k].counts))
	}
	m.root = m.sum(0, 0, len(m.levels[0].symbols))
	if packed {
		return m, nil
	}
	for k := range order - 1 {
		l := &m.levels[k]
		l.context = make([]context, len(l.symbols))
		for i := range l.context {
			l.context[i] = m.sum(k+1, int(l.first[i]), int(l.first[i+1]))
		}
	}
	return m, nil
}

// number joins the sequences, each with its marks of beginning and end, in dense numbers; ends[i] is where the sequence
// of position i ends.
func (m *KN) number(seqs iter.Seq[[]int32]) (text []uint32, ends []uint32, err error) {
	number := 0
	seen := map[int32]struct{}{}
	var raw []int32
	for seq := range seqs {
		number++
		raw = append(raw, End)
		for i, symbol := range seq {
			if symbol < 0 {
				return nil, nil, fmt.Errorf("sequence %d: symbol %d at %d is negative", number, symbol, i)
			}
			seen[symbol] = struct{}{}
		}
		raw = append(raw, seq...)
		if len(raw) > math.MaxInt32 {
			return nil, nil, fmt.Errorf("sequence %d: more than %d symbols: give less text", number, math.MaxInt32)
		}
	}
	if len(seen) == 0 {
		return nil, nil, fmt.Errorf("no symbols in %d sequences", number)
	}
	for symbol := range seen {
		m.symbols = append(m.symbols, symbol)
	}
	slices.Sort(m.symbols)

	for i, symbol := range raw {
		if symbol == End && i > 0 {
			text = append(text, endSymbol)
		}
		if symbol == End {
			text = append(text, beginSymbol)
		} else {
			text = append(text, m.dense(symbol))
		}
	}
	text = append(text, endSymbol)
	ends = make([]uint32, len(text))
	end := uint32(len(text))
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == endSymbol {
			end = uint32(i + 1)
		}
		ends[i] = end
	}
	return text, ends, nil
}

// dense returns the number of a symbol, or that of the unknown one.
func (m *KN) dense(symbol int32) uint32 {
	if symbol == End {
		return endSymbol
	}
	if i, ok := slices.BinarySearch(m.symbols, symbol); ok {
		return uint32(i) + firstSymbol
	}
	return unknownSymbol
}

// count fills the levels: it extends the n-gram at every position by a symbol and sorts the packed pairs of n-gram and
// symbol.
func (m *KN) count(text, ends []uint32, raw bool) {
	ids := slices.Clone(text) // of the n-gram that begins at each position
	next := make([]uint32, len(text))
	unigrams := level{symbols: make([]uint32, len(m.symbols)+int(firstSymbol))}
	unigrams.counts = make([]uint32, len(unigrams.symbols))
	for i := range unigrams.symbols {
		unigrams.symbols[i] = uint32(i)
	}
	for _, symbol := range text {
		if symbol != beginSymbol {
			unigrams.counts[symbol]++
		}
	}
	m.levels = []level{unigrams}
	keys := make([]uint64, 0, len(text))
	for n := 1; n < m.order; n++ {
		keys = keys[:0]
		for i, id := range ids {
			if i+n < int(ends[i]) {
				keys = append(keys, uint64(id)<<32|uint64(text[i+n]))
			}
		}
		slices.Sort(keys)
		shorter := &m.levels[n-1]
		longer := extend(shorter, keys)
		for i, id := range ids {
			if i+n < int(ends[i]) {
				next[i], _ = find(shorter, &longer, id, text[i+n])
			}
		}
		if raw {
			shorter.raw = slices.Clone(shorter.counts)
		}
		precede(shorter, ids, next, func(i int) (long, begins bool) {
			return i+n < int(ends[i]), text[i] == beginSymbol && i+n <= int(ends[i])
		})
		m.levels = append(m.levels, longer)
		ids, next = next, ids
	}
	if raw {
		top := &m.levels[m.order-1]
		top.raw = top.counts
	}
}

// extend makes the level of sorted keys (n-gram and symbol), and notes in shorter where continuations begin.
func extend(shorter *level, keys []uint64) level {
	distinct := 0
	for i, key := range keys {
		if i == 0 || key != keys[i-1] {
			distinct++
		}
	}
	longer := level{symbols: make([]uint32, 0, distinct), counts: make([]uint32, 0, distinct)}
	shorter.first = make([]uint32, len(shorter.symbols)+1)
	for i, key := range keys {
		if i > 0 && key == keys[i-1] {
			longer.counts[len(longer.counts)-1]++
			continue
		}
		longer.symbols = append(longer.symbols, uint32(key))
		longer.counts = append(longer.counts, 1)
		shorter.first[key>>32+1]++
	}
	for i := range shorter.symbols {
		shorter.first[i+1] += shorter.first[i]
	}
	return longer
}

// precede replaces the counts of shorter n-grams by the number of distinct symbols before them. Those that begin a
// sequence keep theirs. at says of a position whether a longer n-gram begins there, and whether a shorter one begins a
// sequence there.
func precede(shorter *level, ids, next []uint32, at func(i int) (long, begins bool)) {
	var size uint32
	counts := slices.Clone(shorter.counts)
	clear(shorter.counts)
	for i := range ids {
		long, begins := at(i)
		if begins {
			shorter.counts[ids[i]] = counts[ids[i]]
		}
		if long {
			size = max(size, next[i]+1)
		}
	}
	seen := make([]bool, size)
	for i := range ids {
		if long, _ := at(i); long && !seen[next[i]] {
			seen[next[i]] = true
			shorter.counts[ids[i+1]]++
		}
	}
}

// find returns the place in longer of the continuation of an n-gram by a symbol.
func find(shorter, longer *level, id, symbol uint32) (uint32, bool) {
	first, last := shorter.first[id], shorter.first[id+1]
	i, ok := slices.BinarySearch(longer.symbols[first:last], symbol)
	return first + uint32(i), ok
}

// discounts are those of Chen and Goodman, from how many n-grams are counted 1, 2, 3 and 4 times. Where the text is too
// small or too regular for them (none of a kind, or a discount outside (0, count]) they are 0.5, 1 and 1.5, so that every
// context leaves something to the unseen.
func discounts(counts []uint32) [4]float64 {
	var n [5]float64
	for _, c := range counts {
		if c < uint32(len(n)) {
			n[c]++
		}
	}
	fallback := [4]float64{0, 0.5, 1, 1.5}
	if n[1] == 0 || n[2] == 0 || n[3] == 0 {
		return fallback
	}
	y := n[1] / (n[1] + 2*n[2])
	var d [4]float64
	for k := 1; k <= 3; k++ {
		d[k] = float64(k) - float64(k+1)*y*n[k+1]/n[k]
		if d[k] <= 0 {
			return fallback
		}
	}
	return d
}

// sum makes the context of the n-grams [first, last) of a level.
func (m *KN) sum(k, first, last int) context {
	var c context
	var left float64
	for _, count := range m.levels[k].counts[first:last] {
		c.total += float64(count)
		left += m.discounts[k][min(count, 3)]
	}
	if c.total > 0 {
		c.gamma = left / c.total
	}
	return c
}

// Order returns the length of the longest n-grams.
func (m *KN) Order() int { return m.order }

// Symbols returns the vocabulary in ascending order, without [End] and the unknown symbol.
func (m *KN) Symbols() []int32 { return slices.Clone(m.symbols) }

// Len returns the size of the vocabulary, with [End] and the unknown symbol.
func (m *KN) Len() int { return len(m.symbols) + 2 }

// LogProb returns the natural logarithm of the probability that next follows context. The context is the text from its
// beginning on, or its last Order-1 symbols or more; where it is shorter, the text begins there. A symbol that was not in
// the training text, in either place, is the unknown one.
func (m *KN) LogProb(context []int32, next int32) float64 {
	return math.Log(m.prob(m.tail(context), m.dense(next)))
}

// tail returns the last symbols of a context that count, in dense numbers.
func (m *KN) tail(context []int32) []uint32 {
	tail := make([]uint32, 0, m.order)
	if len(context) < m.order-1 {
		tail = append(tail, beginSymbol)
	}
	for _, symbol := range context[max(0, len(context)-m.order+1):] {
		tail = append(tail, m.dense(symbol))
	}
	return tail
}

// prob interpolates from the shortest context to the longest that was seen.
func (m *KN) prob(tail []uint32, next uint32) float64 {
	p := 1 / float64(m.Len())
	p = m.interpolate(0, m.root, m.levels[0].counts[next], p)
	for n := 1; n <= min(len(tail), m.order-1); n++ {
		id, ok := m.locate(tail[len(tail)-n:])
		if !ok || m.levels[n-1].context[id].total == 0 {
			break
		}
		count := uint32(0)
		if i, ok := find(&m.levels[n-1], &m.levels[n], id, next); ok {
			count = m.levels[n].counts[i]
		}
		p = m.interpolate(n, m.levels[n-1].context[id], count, p)
	}
	return p
}

func (m *KN) interpolate(k int, c context, count uint32, lower float64) float64 {
	return (float64(count)-m.discounts[k][min(count, 3)])/c.total + c.gamma*lower
}

// locate returns the place of an n-gram in its level.
func (m *KN) locate(gram []uint32) (uint32, bool) {
	id := gram[0]
	for n, symbol := range gram[1:] {
		var ok bool
		if id, ok = find(&m.levels[n], &m.levels[n+1], id, symbol); !ok {
			return 0, false
		}
	}
	return id, true
}

// Score is what a model says of sequences.
type Score struct {
	LogProb float64 // natural logarithm of the probability of all
	Symbols int     // how many were predicted, the end of each sequence included
	Unknown int     // how many of them the training text did not have
}

// Perplexity returns the perplexity per predicted symbol, 1 for none.
func (s Score) Perplexity() float64 {
	if s.Symbols == 0 {
		return 1
	}
	return math.Exp(-s.LogProb / float64(s.Symbols))
}

// Score sums the log-probabilities of the sequences, their ends included.
func (m *KN) Score(seqs iter.Seq[[]int32]) Score {
	var s Score
	for seq := range seqs {
		for i := range len(seq) + 1 {
			next := endSymbol
			if i < len(seq) {
				next = m.dense(seq[i])
			}
			if next == unknownSymbol {
				s.Unknown++
			}
			s.LogProb += math.Log(m.prob(m.tail(seq[:i]), next))
			s.Symbols++
		}
	}
	return s
}

// Perplexity returns the perplexity of the sequences per symbol, their ends included.
func (m *KN) Perplexity(seqs iter.Seq[[]int32]) float64 { return m.Score(seqs).Perplexity() }
