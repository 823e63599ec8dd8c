package denoise

import (
	"fmt"
	"slices"

	"m6lab/datasets/clean"
	"m6lab/tasks"
)

// Order is the order of the n-gram that guesses.
const Order = 3

// Guesser fills gaps by what it counted in training texts.
type Guesser struct {
	kn       *clean.KN
	frequent [maxSpan + 1][]int32 // the most frequent tokens by length
}

// NewGuesser counts texts of token ids.
func NewGuesser(texts [][]int32) (*Guesser, error) {
	kn, err := clean.TrainKN(Order, slices.Values(texts))
	if err != nil {
		return nil, fmt.Errorf("the 3-gram's guess: %w", err)
	}
	g := &Guesser{kn: kn}
	for length := 1; length <= maxSpan; length++ {
		g.frequent[length] = mostFrequent(texts, length)
	}
	return g, nil
}

// mostFrequent is the most frequent sequence of that many tokens, of equals the first by id; nil where no text is so long.
func mostFrequent(texts [][]int32, length int) []int32 {
	times := map[[maxSpan]int32]int{}
	for _, ids := range texts {
		for at := 0; at+length <= len(ids); at++ {
			var key [maxSpan]int32
			copy(key[:], ids[at:at+length])
			times[key]++
		}
	}
	var best [maxSpan]int32
	most := 0
	for key, n := range times {
		if n > most || n == most && slices.Compare(key[:], best[:]) < 0 {
			best, most = key, n
		}
	}
	if most == 0 {
		return nil
	}
	return best[:length]
}

// Frequent is the unigram guess.
func (g *Guesser) Frequent(gap Gap) []int32 { return g.frequent[gap.Length] }

// Best is the 3-gram's guess.
func (g *Guesser) Best(gap Gap) []int32 {
	return g.kn.BestFillLen(gap.Left(), append(slices.Clone(gap.Right()), clean.End), gap.Length)
}

// Judge tells of each gap whether the unigram guess and the 3-gram's are the span.
func (g *Guesser) Judge(gaps []Gap) (frequent, best []bool) {
	frequent, best = make([]bool, len(gaps)), make([]bool, len(gaps))
	tasks.Each(len(gaps), func(i int) {
		frequent[i], best[i] = slices.Equal(g.Frequent(gaps[i]), gaps[i].Span()), slices.Equal(g.Best(gaps[i]), gaps[i].Span())
	})
	return frequent, best
}
