package clean

import (
	"cmp"
	"math"
	"slices"
)

// The beam of BestFill: how many fillings of one length go on, and how many symbols each may be continued by.
const (
	beamWidth      = 32
	beamCandidates = 96
)

// BestFill returns the most probable symbols, 1 to maxLen, between left and right: those with the highest probability of
// the filling and of right after left. Longer fillings are less probable by nature; for a gap of known length there is
// [KN.BestFillLen]. left is the text from its beginning on; right may end with [End]. The search is a beam, so a filling of
// several symbols may miss the best. The unknown symbol never fills a gap. nil where maxLen is less than 1.
func (m *KN) BestFill(left, right []int32, maxLen int) []int32 {
	return m.fill(left, right, 1, maxLen)
}

// BestFillLen is BestFill for a gap of exactly length symbols.
func (m *KN) BestFillLen(left, right []int32, length int) []int32 {
	return m.fill(left, right, length, length)
}

// partial is a filling and the text before it.
type partial struct {
	filled  []uint32
	tail    []uint32 // the last symbols of left and filled, as prob wants them
	logProb float64
}

func (m *KN) fill(left, right []int32, minLen, maxLen int) []int32 {
	after := make([]uint32, 0, m.order)
	for _, symbol := range right[:min(len(right), max(m.order-1, 1))] {
		after = append(after, m.dense(symbol))
	}
	common := m.levels[0].frequent(0, len(m.levels[0].symbols), beamCandidates/3)
	common = append(common, m.before(after, beamCandidates/3)...)

	beam := []partial{{tail: m.tail(left)}}
	best := partial{logProb: math.Inf(-1)}
	for length := 1; length <= maxLen; length++ {
		var longer []partial
		for _, p := range beam {
			for _, symbol := range m.candidates(p.tail, common) {
				longer = append(longer, m.append(p, symbol))
			}
		}
		for _, p := range longer {
			if length >= minLen {
				if p.logProb = m.follow(p, after); p.logProb > best.logProb {
					best = p
				}
			}
		}
		slices.SortStableFunc(longer, func(a, b partial) int { return cmp.Compare(b.logProb, a.logProb) })
		beam = longer[:min(len(longer), beamWidth)]
	}
	if best.filled == nil {
		return nil
	}
	symbols := make([]int32, len(best.filled))
	for i, dense := range best.filled {
		symbols[i] = m.symbols[dense-firstSymbol]
	}
	return symbols
}

// append continues a filling by a symbol.
func (m *KN) append(p partial, symbol uint32) partial {
	tail := append(slices.Clone(p.tail), symbol)
	return partial{
		filled:  append(slices.Clone(p.filled), symbol),
		tail:    tail[max(0, len(tail)-m.order+1):],
		logProb: p.logProb + math.Log(m.prob(p.tail, symbol)),
	}
}

// follow adds to a filling's log-probability that of the symbols after it; those beyond the order do not depend on it.
func (m *KN) follow(p partial, after []uint32) float64 {
	logProb := p.logProb
	for _, symbol := range after {
		logProb += math.Log(m.prob(p.tail, symbol))
		p.tail = append(slices.Clone(p.tail), symbol)
		p.tail = p.tail[max(0, len(p.tail)-m.order+1):]
	}
	return logProb
}

// candidates returns what is likely after tail, from the longest context that was seen down, and the common symbols.
func (m *KN) candidates(tail, common []uint32) []uint32 {
	var out []uint32
	seen := map[uint32]bool{}
	add := func(symbols []uint32) {
		for _, symbol := range symbols {
			if !seen[symbol] {
				seen[symbol] = true
				out = append(out, symbol)
			}
		}
	}
	for n := min(len(tail), m.order-1); n >= 1 && len(out) < beamCandidates; n-- {
		if id, ok := m.locate(tail[len(tail)-n:]); ok {
			l := &m.levels[n-1]
			add(m.levels[n].frequent(int(l.first[id]), int(l.first[id+1]), beamCandidates))
		}
	}
	add(common)
	return out
}

// before returns up to n symbols that stand before the first of after, by how often they do.
func (m *KN) before(after []uint32, n int) []uint32 {
	if len(after) == 0 || m.order < 2 {
		return nil
	}
	var l level
	for symbol := firstSymbol; int(symbol) < len(m.levels[0].symbols); symbol++ {
		if i, ok := find(&m.levels[0], &m.levels[1], symbol, after[0]); ok {
			l.symbols = append(l.symbols, symbol)
			l.counts = append(l.counts, m.levels[1].counts[i])
		}
	}
	return l.frequent(0, len(l.symbols), n)
}

// frequent returns up to n last symbols of the n-grams [first, last), the most frequent first, of equals the smaller.
func (l *level) frequent(first, last, n int) []uint32 {
	order := make([]int, 0, last-first)
	for i := first; i < last; i++ {
		if l.symbols[i] >= firstSymbol && l.counts[i] > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.counts[b], l.counts[a]), cmp.Compare(a, b))
	})
	out := make([]uint32, 0, n)
	for _, i := range order[:min(n, len(order))] {
		out = append(out, l.symbols[i])
	}
	return out
}
