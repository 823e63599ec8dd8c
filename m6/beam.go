package m6

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/layers"
)

// beam is one unfinished text of a beam search.
type beam struct {
	tokens []int32
	score  float64
	row    int // in the batch
}

// beams is beam search: the caches stay on the device, the beams' bookkeeping is on the host. Each prompt has o.Beams rows.
func (g *Generator) beams(ctx context.Context, b *Batch, shape decodeShape, prompts int, o Generate) ([]Written, error) {
	values, err := g.start(b, shape)
	if err != nil {
		return nil, err
	}
	searches := make([]search, prompts)
	for i := range searches {
		searches[i] = search{Generate: o, eos: g.eos, live: []beam{{row: i * o.Beams}}}
	}
	limit := g.limit(b, shape, o.MaxTokens)
	for k := range limit {
		logits, err := tensors.CopyFlatData[float32](values["logits"].shards[0])
		if err != nil {
			return nil, err
		}
		tokens, parents, open := make([]int32, shape.Batch), make([]int32, shape.Batch), false
		for i := range searches {
			s := &searches[i]
			s.extend(logits, g.model.Vocabulary, i*o.Beams)
			for _, x := range s.live {
				parents[x.row], tokens[x.row] = int32(s.parents[x.row-i*o.Beams]), x.tokens[len(x.tokens)-1]
			}
			open = open || len(s.live) > 0
		}
		if !open || k == limit-1 {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.step(values, shape, tokens, parents, k); err != nil {
			return nil, err
		}
	}
	out := make([]Written, prompts)
	for i := range searches {
		out[i] = searches[i].best()
	}
	return out, nil
}

// search is the beam search of one prompt.
type search struct {
	Generate
	eos     int32
	live    []beam
	parents []int // row of the batch that each live beam continues
	ended   []Written
}

// candidate is a way to continue.
type candidate struct {
	from  beam
	token int32
	score float64
}

// extend continues every live beam by one token: the best o.Beams unfinished ones live on, in rows from first.
func (s *search) extend(logits []float32, vocabulary, first int) {
	var found []candidate
	for _, b := range s.live {
		found = append(found, s.continuations(b, logits[b.row*vocabulary:(b.row+1)*vocabulary])...)
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	s.live, s.parents = nil, nil
	for rank, c := range found {
		if c.token == s.eos {
			if rank < s.Beams {
				s.ended = append(s.ended, Written{Tokens: c.from.tokens, Score: c.score, Ended: true})
			}
			continue
		}
		if len(s.live) < s.Beams {
			s.live = append(s.live, beam{tokens: append(slices.Clone(c.from.tokens), c.token), score: c.score, row: first + len(s.live)})
			s.parents = append(s.parents, c.from.row)
		}
	}
	if s.settled() {
		s.live = nil
	}
}

// settled tells that no live beam can beat the worst of Beams ended ones any more.
func (s *search) settled() bool {
	if len(s.ended) < s.Beams || len(s.live) == 0 {
		return false
	}
	slices.SortStableFunc(s.ended, func(a, b Written) int { return cmp.Compare(s.value(b), s.value(a)) })
	s.ended = s.ended[:s.Beams]
	best := s.live[0]
	return s.value(s.ended[s.Beams-1]) >= s.value(Written{Tokens: best.tokens, Score: best.score})
}

// value is a score that texts of different lengths share: log-probability over length^LengthPower, [SEP] counted.
func (s *search) value(w Written) float64 {
	n := len(w.Tokens)
	if w.Ended {
		n++
	}
	return w.Score / math.Pow(float64(max(1, n)), s.LengthPower)
}

// continuations are the 2*Beams most probable next tokens of a beam that repeat no forbidden n-gram.
func (s *search) continuations(b beam, logits []float32) []candidate {
	banned := s.banned(b.tokens)
	peak := slices.Max(logits)
	total := 0.0
	for _, x := range logits {
		total += math.Exp(float64(x - peak))
	}
	log := float64(peak) + math.Log(total)
	var top []candidate
	for token, x := range logits {
		score := b.score + float64(x) - log
		full := len(top) == 2*s.Beams
		if full && score <= top[len(top)-1].score || banned[int32(token)] {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, score, func(c candidate, score float64) int { return cmp.Compare(score, c.score) })
		for at < len(top) && top[at].score == score {
			at++
		}
		top = slices.Insert(top, at, candidate{from: b, token: int32(token), score: score})
		top = top[:min(len(top), 2*s.Beams)]
	}
	return top
}

// banned are the tokens that would write an n-gram of NoRepeat tokens for the second time.
func (s *search) banned(tokens []int32) map[int32]bool {
	n := s.NoRepeat
	if n <= 0 || len(tokens) < n {
		return nil
	}
	out := map[int32]bool{}
	last := tokens[len(tokens)-n+1:]
	for i := 0; i+n <= len(tokens); i++ {
		if slices.Equal(tokens[i:i+n-1], last) {
			out[tokens[i+n-1]] = true
		}
	}
	return out
}

// best is the best ended text, or the best unfinished one where none has ended.
func (s *search) best() Written {
	all := s.ended
	if len(all) == 0 {
		for _, b := range s.live {
			all = append(all, Written{Tokens: b.tokens, Score: b.score})
		}
	}
	return slices.MaxFunc(all, func(a, b Written) int { return cmp.Compare(s.value(a), s.value(b)) })
}

// step feeds one token to each row, which continues row parents[row] of the caches, and leaves the next logits in values.
func (g *Generator) step(values map[string]*Value, shape decodeShape, tokens, parents []int32, k int) error {
	p, ok := g.steps[shape]
	if !ok {
		var err error
		if p, err = newProgram(g.device, "decode_step", func(bu *builder) { g.buildStep(bu, shape) }); err != nil {
			return err
		}
		g.steps[shape] = p
	}
	var err error
	for name, ids := range map[string][]int32{"token": tokens, "parents": parents} {
		if values[name], err = g.device.place(tensors.FromFlatDataAndDimensions(ids, len(ids)), nil); err != nil {
			return err
		}
	}
	values["index"] = scalar(g.device, int32(k))
	g.state.give(values, g.model.Config)
	donate := map[string]bool{}
	for i := range 2 * g.model.Layers {
		donate[stateName(5+i)] = true
	}
	out, err := p.run(values, donate)
	if err != nil {
		return err
	}
	for name, v := range out {
		values[name] = v
	}
	return nil
}

// buildStep is one token for each row, with the caches reordered first.
func (g *Generator) buildStep(bu *builder, shape decodeShape) {
	s := fromNodes(g.stateInputs(bu, shape))
	parents := ExpandAxes(bu.input("parents", shapes.Make(dtypes.Int32, shape.Batch), nil), -1)
	p := prompt{valid: bu.input("valid", shapes.Make(dtypes.Bool, shape.Batch, shape.Length()), nil), lengths: bu.input("lengths", shapes.Make(dtypes.Int32, shape.Batch), nil)}
	w, _ := bu.weights(g.model.weightSpecs(), g.run.Train.Precision)
	caches := make([]layers.Cache, len(s.caches))
	for i, c := range s.caches {
		caches[i] = layers.Cache{Keys: Gather(c.Keys, parents), Values: Gather(c.Values, parents)}
	}
	logits, caches := g.model.advance(w, shape, p, s.token, s.index, caches)
	bu.output("logits", logits, nil)
	for i, c := range caches {
		bu.output(stateName(5+2*i), c.Keys, nil)
		bu.output(stateName(6+2*i), c.Values, nil)
	}
}
