package denoise

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"unicode"
)

// Gap is a text of token ids with a hidden span.
type Gap struct {
	IDs           []int32
	Start, Length int
}

// Draw hides a span of 1 to 3 tokens without the id unknown; at least two tokens stay visible. It is a function of the text, the seed
// and the row's id. It is false where no span fits.
func Draw(ids []int32, unknown int32, seed uint64, id string) (Gap, bool) {
	h := fnv.New64a()
	h.Write([]byte(id))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	for length := 1 + r.IntN(maxSpan); length > 0; length-- {
		var starts []int
		for start := 0; start+length <= len(ids) && len(ids)-length >= 2; start++ {
			if !slices.Contains(ids[start:start+length], unknown) {
				starts = append(starts, start)
			}
		}
		if len(starts) > 0 {
			return Gap{IDs: ids, Start: starts[r.IntN(len(starts))], Length: length}, true
		}
	}
	return Gap{}, false
}

// Left is the text before the gap.
func (g Gap) Left() []int32 { return g.IDs[:g.Start] }

// Span is what is hidden.
func (g Gap) Span() []int32 { return g.IDs[g.Start : g.Start+g.Length] }

// Right is the text behind the gap.
func (g Gap) Right() []int32 { return g.IDs[g.Start+g.Length:] }

// Masked is the text with the mask's id in place of the span.
func (g Gap) Masked(mask int32) []int32 { return g.With([]int32{mask}) }

// With is the text with other ids in place of the span.
func (g Gap) With(ids []int32) []int32 { return slices.Concat(g.Left(), ids, g.Right()) }

// Closed tells whether tokens that were written from the left of the gap on are the span and then the first token behind it; where
// nothing stands behind it, the text must have ended.
func (g Gap) Closed(tokens []int32, ended bool) bool {
	if len(g.Right()) == 0 {
		return ended && slices.Equal(tokens, g.Span())
	}
	return len(tokens) > g.Length && slices.Equal(tokens[:g.Length+1], g.IDs[g.Start:g.Start+g.Length+1])
}

// Filling is the part of such tokens that a reader takes for the filling: up to the first token that stands behind the gap, and where
// that does not come, as many as were hidden.
func (g Gap) Filling(tokens []int32) []int32 {
	if right := g.Right(); len(right) > 0 {
		if at := slices.Index(tokens, right[0]); at > 0 {
			return tokens[:at]
		}
	}
	return tokens[:min(len(tokens), g.Length)]
}

// Inside tells whether the span stands in a written text between the two visible tokens before it and the two behind it; the text's
// own ends count as such.
func (g Gap) Inside(tokens []int32) bool {
	const around = 2
	left, right := g.Left(), g.Right()
	want := slices.Concat(left[max(0, len(left)-around):], g.Span(), right[:min(len(right), around)])
	for at := 0; at+len(want) <= len(tokens); at++ {
		if len(left) < around && at > 0 || len(right) < around && at+len(want) != len(tokens) {
			continue
		}
		if slices.Equal(tokens[at:at+len(want)], want) {
			return true
		}
	}
	return false
}

// allHan tells whether each token is a Han character.
func (w work) allHan(ids []int32) bool {
	for _, id := range ids {
		r := []rune(w.model.Vocab.Token(id))
		if len(r) != 1 || !unicode.Is(unicode.Han, r[0]) {
			return false
		}
	}
	return true
}
