package clean

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// LMOptions says how [TrainLM] makes a model.
type LMOptions struct {
	// Order is the length of the longest n-grams in characters, 3 to 5. The paper says nothing of it.
	Order int `json:"order"`
	// Prune leaves out the n-grams of 1, 2, ... characters that were seen so often or less: never falling, the last one counts for
	// all longer ones, and the first must be 0. It is lmplz's --prune.
	Prune []int `json:"prune"`
	// HeldOut is one sentence in so many that is not trained on but measured, for percentiles; 0 for none.
	HeldOut int `json:"held_out"`
	// MaxCharacters bounds the characters trained on and so the memory: 120 to 180 bytes a character. Where there are more, a sample of
	// the sentences is taken, the same whatever their order.
	MaxCharacters int `json:"max_characters"`
}

// DefaultLMOptions returns order 5 with n-grams of three and more characters that were seen once left out, one sentence in 20 held
// out, and at most 8 million characters (24 MB of Chinese, and 1 GB of memory).
func DefaultLMOptions() LMOptions {
	return LMOptions{Order: 5, Prune: []int{0, 0, 1}, HeldOut: 20, MaxCharacters: 8_000_000}
}

// Validate names the key that is wrong.
func (o LMOptions) Validate() error {
	if o.Order < MinLMOrder || o.Order > MaxLMOrder {
		return fmt.Errorf("order: %d: want %d to %d", o.Order, MinLMOrder, MaxLMOrder)
	}
	for i, p := range o.Prune {
		switch {
		case i == 0 && p != 0:
			return fmt.Errorf("prune: %d for single characters: want 0, they are never left out", p)
		case p < 0 || i > 0 && p < o.Prune[i-1]:
			return fmt.Errorf("prune: %v: want numbers that do not fall, from 0 on", o.Prune)
		}
	}
	if len(o.Prune) > o.Order {
		return fmt.Errorf("prune: %d numbers for order %d: want at most one an order", len(o.Prune), o.Order)
	}
	if o.HeldOut < 0 || o.HeldOut == 1 {
		return fmt.Errorf("held_out: %d: want 0 for none, or one sentence in 2 or more", o.HeldOut)
	}
	if o.MaxCharacters < 1 || o.MaxCharacters > math.MaxInt32/2 {
		return fmt.Errorf("max_characters: %d: want 1 to %d", o.MaxCharacters, math.MaxInt32/2)
	}
	return nil
}

// prune is the threshold for n-grams of k+1 characters.
func (o LMOptions) prune(k int) uint32 {
	if len(o.Prune) == 0 {
		return 0
	}
	return uint32(o.Prune[min(k, len(o.Prune)-1)])
}

// maxHeldOut bounds the sentences that are kept to be measured.
const maxHeldOut = 200_000

// sample keeps sentences up to a cost: those of the smallest hash, so that what is kept does not depend on their order, and equal
// sentences stay or go together.
type sample struct {
	sentences []string
	cost      func(sentence string) int
	most, sum int
	limit     uint64 // sentences whose hash is at most this are kept
}

func (s *sample) add(sentence string, hash uint64) {
	if hash > s.limit {
		return
	}
	s.sentences = append(s.sentences, strings.Clone(sentence))
	s.sum += s.cost(sentence)
	for s.sum > s.most && s.limit > 0 {
		s.limit /= 2
		s.sum = 0
		s.sentences = slices.DeleteFunc(s.sentences, func(kept string) bool {
			if xxh3.HashString(kept) > s.limit {
				return true
			}
			s.sum += s.cost(kept)
			return false
		})
	}
}

// TrainLM trains a model on sentences: interpolated modified Kneser-Ney as [KN] has it, then pruned as lmplz does it and packed. Of
// one set of sentences it makes one model, whatever their order. Sentences without a character are left out. Memory: see
// [LMOptions].
func TrainLM(sentences iter.Seq[string], o LMOptions) (*LM, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("train a language model: %w", err)
	}
	train := &sample{most: o.MaxCharacters, limit: math.MaxUint64, cost: utf8.RuneCountInString}
	held := &sample{most: maxHeldOut, limit: math.MaxUint64, cost: func(string) int { return 1 }}
	for sentence := range sentences {
		if strings.IndexFunc(sentence, func(r rune) bool { return !isLMSpace(r) }) < 0 {
			continue
		}
		hash := xxh3.HashString(sentence)
		if o.HeldOut > 0 && hash%uint64(o.HeldOut) == 0 {
			held.add(sentence, hash)
		} else {
			train.add(sentence, hash)
		}
	}
	if len(train.sentences) == 0 {
		return nil, fmt.Errorf("train a language model: no sentences to train on, %d held out: give more text", len(held.sentences))
	}
	kn, err := trainKN(o.Order, func(yield func([]int32) bool) {
		var symbols []int32
		for _, sentence := range train.sentences {
			if symbols = lmSymbols(symbols[:0], sentence); !yield(symbols) {
				return
			}
		}
	}, true)
	if err != nil {
		return nil, err
	}
	train.sentences = nil
	m := packLM(kn, o)
	return m.Calibrate(slices.Values(held.sentences)), nil
}

// lmSymbols appends the characters of a sentence as a model sees them.
func lmSymbols(dst []int32, sentence string) []int32 {
	space := false
	for _, r := range sentence {
		if isLMSpace(r) {
			space = len(dst) > 0
			continue
		}
		if space {
			dst = append(dst, lmSpace)
			space = false
		}
		dst = append(dst, r)
	}
	return dst
}

func isLMSpace(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// packLM writes the probabilities out: p(w|c) = (count - discount) / total + gamma(c) p(w|shorter c), where gamma holds the discounts
// and the counts of what is pruned. Levels of KN are sorted by context, so one pass a level suffices; of every n-gram it knows
// the place of its end (without the first symbol) in the level below, and its own place in the packed table.
func packLM(kn *KN, o LMOptions) *LM {
	m := &LM{order: kn.order, runes: kn.symbols, closed: true}
	m.index()
	m.unigrams = make([]lmValue, len(kn.levels[0].symbols))
	probs := make([]float64, len(m.unigrams)) // of the level below
	uniform := 1 / float64(kn.Len())
	for i, count := range kn.levels[0].counts {
		probs[i] = kn.interpolate(0, kn.root, count, uniform)
		m.unigrams[i].prob = float32(math.Log10(probs[i]))
	}
	m.unigrams[beginSymbol].prob = lmBeginLog10
	ends := make([]uint32, len(m.unigrams))   // of the level below: where its n-grams' ends are, below that
	places := make([]uint64, len(m.unigrams)) // of the level below, in the packed table; lmEmpty: pruned
	for i := range places {
		places[i] = uint64(i)
	}
	for k := 1; k < kn.order; k++ {
		least, longest := o.prune(k), k == kn.order-1
		below, above := &kn.levels[k-1], &kn.levels[k]
		var nextProbs []float64
		var nextEnds []uint32
		if !longest {
			nextProbs, nextEnds = make([]float64, len(above.symbols)), make([]uint32, len(above.symbols))
		}
		kept := 0
		for _, seen := range above.raw {
			if seen > least {
				kept++
			}
		}
		entries := make([]lmEntry, 0, kept)
		for c := range below.symbols {
			first, last := int(below.first[c]), int(below.first[c+1])
			if first == last || places[c] == lmEmpty {
				continue
			}
			context := kn.sum(k, first, last)
			left := context.gamma * context.total
			for i := first; i < last; i++ {
				if above.raw[i] <= least {
					left += float64(above.counts[i]) - kn.discounts[k][min(above.counts[i], 3)]
				}
			}
			gamma := left / context.total
			m.backoff(k-1, places[c], gamma)
			for i := first; i < last; i++ {
				if above.raw[i] <= least {
					continue
				}
				symbol := above.symbols[i]
				end := symbol
				if k > 1 {
					end, _ = find(&kn.levels[k-2], below, ends[c], symbol)
				}
				count := above.counts[i]
				p := (float64(count)-kn.discounts[k][min(count, 3)])/context.total + gamma*probs[end]
				entries = append(entries, lmEntry{lmKey(places[c], symbol), lmValue{prob: float32(math.Log10(p))}})
				if !longest {
					nextProbs[i], nextEnds[i] = p, end
				}
			}
		}
		table, _, _ := newLMTable(entries, longest)
		entries = nil
		m.tables = append(m.tables, table)
		if !longest {
			nextPlaces := make([]uint64, len(above.symbols))
			for c := range below.symbols {
				for i := below.first[c]; i < below.first[c+1]; i++ {
					nextPlaces[i] = lmEmpty
					if places[c] != lmEmpty && above.raw[i] > least {
						nextPlaces[i], _ = table.find(lmKey(places[c], above.symbols[i]))
					}
				}
			}
			places = nextPlaces
		}
		probs, ends = nextProbs, nextEnds
		if k > 1 {
			kn.levels[k-2] = level{} // what is packed gives its memory back
		}
	}
	return m
}

// backoff sets the weight of a context of k+1 symbols.
func (m *LM) backoff(k int, place uint64, gamma float64) {
	v := float32(math.Log10(gamma))
	if k == 0 {
		m.unigrams[place].backoff = v
	} else {
		m.tables[k-1].values[place].backoff = v
	}
}

// Calibrate returns the model with the distribution of the perplexities of these sentences, which [LM.Percentile] reads: give
// sentences that it was not trained on. Without a sentence the model knows no percentiles.
func (m *LM) Calibrate(sentences iter.Seq[string]) *LM {
	out := *m
	var all []float64
	for sentence := range sentences {
		all = append(all, m.Sentence(sentence))
	}
	out.held, out.heldOut = nil, int64(len(all))
	if len(all) == 0 {
		return &out
	}
	slices.Sort(all)
	out.held = make([]float32, lmQuantiles)
	for i := range out.held {
		out.held[i] = float32(between(all, float64(i)/(lmQuantiles-1)))
	}
	return &out
}

// between reads quantile q of sorted values, straight lines between them.
func between[F float32 | float64](sorted []F, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return float64(sorted[i]) + (at-float64(i))*(float64(sorted[j])-float64(sorted[i]))
}

// HeldOut returns how many sentences the percentiles were measured on.
func (m *LM) HeldOut() int64 { return m.heldOut }

// Quantile returns the perplexity below which the share q (0 to 1) of the held-out sentences lie; NaN where q is no share or none were
// held out.
func (m *LM) Quantile(q float64) float64 {
	if len(m.held) == 0 || !(q >= 0 && q <= 1) {
		return math.NaN()
	}
	return between(m.held, q)
}

// Percentile is [LM.Quantile] of p/100, and says what is wrong.
func (m *LM) Percentile(p float64) (float64, error) {
	switch {
	case !(p >= 0 && p <= 100):
		return 0, fmt.Errorf("percentile %v of perplexity: want 0 to 100", p)
	case len(m.held) == 0:
		return 0, fmt.Errorf("percentile %v of perplexity: the language model knows no held-out sentences: train it with held_out, calibrate it, or give a threshold", p)
	}
	return m.Quantile(p / 100), nil
}
