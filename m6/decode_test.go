package m6

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/checkpoints"
)

// writer is a generator over a tiny model with large weights, so that its texts differ.
func writer(t *testing.T, c Config) *Generator {
	t.Helper()
	r := tinyRun(t, c, nil)
	d, state := newState(t, r)
	var scaled []checkpoints.Tensor
	weights, err := state.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range weights {
		flat, err := w.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		out := slices.Clone(flat)
		for i := range out {
			out[i] *= 12
		}
		scaled = append(scaled, checkpoints.FromFloat32s(w.Name, w.Dims, out))
	}
	if err := state.Load(scaled); err != nil {
		t.Fatal(err)
	}
	g, err := NewGenerator(d, &Model{Config: c}, r, state, 3)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var tinyPrompts = []Prompt{
	{Text: []int32{2, 9, 17}, Masked: []int32{5, 4}, Seed: 1}, {Text: []int32{2}, Masked: []int32{7}, Seed: 2},
	{Text: []int32{2, 30, 31, 32, 33}, Masked: []int32{4, 4, 4}, Seed: 3},
}

// logitsOf is the uncached forward pass of one row: the logits behind its last token.
func (g *Generator) logitsOf(t *testing.T, p Prompt, text []int32) []float32 {
	t.Helper()
	s := &Saved{Run: g.run, State: g.state, Model: g.model, Device: g.device}
	logits, err := s.CaseLogits([]checkpoints.Tensor{
		checkpoints.FromInt32s("masked_ids", []int{1, len(p.Masked)}, p.Masked), checkpoints.FromInt32s("masked_lengths", []int{1}, []int32{int32(len(p.Masked))}),
		checkpoints.FromInt32s("text_ids", []int{1, len(text)}, text), checkpoints.FromInt32s("text_lengths", []int{1}, []int32{int32(len(text))}),
	})
	if err != nil {
		t.Fatal(err)
	}
	flat, err := logits.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return flat[len(flat)-g.model.Vocabulary:]
}

// parallel is a block whose halves read the same norm, as in PaLM (arXiv 2204.02311).
func parallel(b Block, x *Node) *Node {
	h := b.AttentionNorm(x)
	return Add(x, Add(b.Attention(h), b.FFN(h)))
}

// A block of one's own takes part in training and in generation: PreNorm changes nothing, another one does.
func TestBlock(t *testing.T) {
	g := writer(t, tiny())
	logits := func(block func(Block, *Node) *Node) []float32 {
		g.model.Parts.Block = block
		return g.logitsOf(t, tinyPrompts[0], tinyPrompts[0].Text)
	}
	paper := logits(nil)
	if got := logits(PreNorm); !slices.Equal(got, paper) {
		t.Errorf("with PreNorm in its place the block gives %v, want %v", got, paper)
	}
	if got := logits(parallel); slices.Equal(got, paper) {
		t.Error("a block of another form changes no logit")
	}
}

// Cached logits of every step equal uncached ones, for prompts of different lengths in one batch, dense, with experts and with a block of
// one's own.
func TestCachedEqualsUncached(t *testing.T) {
	for name, c := range map[string]Config{"dense": tiny(), "experts": tinyMoE(), "random": routed("random"), "parallel": tiny()} {
		g := writer(t, c)
		if name == "parallel" {
			g.model.Parts.Block = parallel
		}
		batch, shape, err := g.batch(tinyPrompts, 1, 8)
		if err != nil {
			t.Fatal(err)
		}
		values, err := g.start(batch, shape)
		if err != nil {
			t.Fatal(err)
		}
		texts := make([][]int32, len(tinyPrompts))
		for i, p := range tinyPrompts {
			texts[i] = slices.Clone(p.Text)
		}
		for k := range 5 {
			logits, err := tensors.CopyFlatData[float32](values["logits"].shards[0])
			if err != nil {
				t.Fatal(err)
			}
			next, parents := make([]int32, shape.Batch), make([]int32, shape.Batch)
			for i, p := range tinyPrompts {
				got, want := logits[i*c.Vocabulary:(i+1)*c.Vocabulary], g.logitsOf(t, p, texts[i])
				for j := range want {
					if math.Abs(float64(got[j]-want[j])) > 1e-4*max(1, math.Abs(float64(want[j]))) {
						t.Fatalf("%s: step %d row %d: logit %d is %g cached, %g uncached", name, k, i, j, got[j], want[j])
					}
				}
				next[i], parents[i] = int32((7*k+i)%c.Vocabulary), int32(i)
				texts[i] = append(texts[i], next[i])
			}
			if err := g.step(values, shape, next, parents, k); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The loop inside the program writes what a search without a cache writes, and streaming writes the same.
func TestGreedy(t *testing.T) {
	g := writer(t, tiny())
	got, err := g.Run(t.Context(), tinyPrompts, Generate{MaxTokens: 9})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range tinyPrompts {
		text, score := slices.Clone(p.Text), 0.0
		var want []int32
		for range 9 {
			logits := g.logitsOf(t, p, text)
			best := 0
			total := 0.0
			for j, x := range logits {
				if x > logits[best] {
					best = j
				}
			}
			for _, x := range logits {
				total += math.Exp(float64(x - logits[best]))
			}
			score -= math.Log(total)
			if int32(best) == g.eos {
				break
			}
			want, text = append(want, int32(best)), append(text, int32(best))
		}
		if !slices.Equal(got[i].Tokens, want) || math.Abs(got[i].Score-score) > 1e-3 {
			t.Errorf("prompt %d: %v (%.5f), want %v (%.5f)", i, got[i].Tokens, got[i].Score, want, score)
		}
	}
	streamed := make([][]int32, len(tinyPrompts))
	o := Generate{MaxTokens: 9, Stream: func(fresh [][]int32) {
		for i := range fresh {
			streamed[i] = append(streamed[i], fresh[i]...)
		}
	}}
	if _, err := g.Run(t.Context(), tinyPrompts, o); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if !slices.Equal(streamed[i], got[i].Tokens) {
			t.Errorf("prompt %d: streamed %v, want %v", i, streamed[i], got[i].Tokens)
		}
	}
}

// A draw depends on the row's own seed, not on the batch; top-k 1 is greedy; draws follow the model's distribution.
func TestSample(t *testing.T) {
	g := writer(t, tiny())
	o := Generate{MaxTokens: 6, Temperature: 0.9, TopP: 0.95}
	together, err := g.Run(t.Context(), tinyPrompts, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range tinyPrompts {
		alone, err := g.Run(t.Context(), []Prompt{p}, o)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0].Tokens, together[i].Tokens) {
			t.Errorf("prompt %d: alone %v, together %v", i, alone[0].Tokens, together[i].Tokens)
		}
	}
	greedy, err := g.Run(t.Context(), tinyPrompts, Generate{MaxTokens: 6})
	if err != nil {
		t.Fatal(err)
	}
	first, err := g.Run(t.Context(), tinyPrompts, Generate{MaxTokens: 6, Temperature: 2, TopK: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range greedy {
		if !slices.Equal(first[i].Tokens, greedy[i].Tokens) {
			t.Errorf("prompt %d: top-k 1 gives %v, greedy %v", i, first[i].Tokens, greedy[i].Tokens)
		}
	}
	testFrequencies(t, g)
}

// testFrequencies draws one token many times and compares with the truncated softmax.
func testFrequencies(t *testing.T, g *Generator) {
	p := tinyPrompts[0]
	logits := g.logitsOf(t, p, p.Text)
	const temperature, topK, n = 3.0, 5, 3000
	order := make([]int, len(logits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if logits[a] > logits[b] {
			return -1
		}
		return 1
	})
	total := 0.0
	for _, i := range order[:topK] {
		total += math.Exp(float64(logits[i]-logits[order[0]]) / temperature)
	}
	prompts := make([]Prompt, n)
	for i := range prompts {
		prompts[i] = p
		prompts[i].Seed = uint32(i)
	}
	written, err := g.Run(t.Context(), prompts, Generate{MaxTokens: 1, Temperature: temperature, TopK: topK})
	if err != nil {
		t.Fatal(err)
	}
	count := map[int32]float64{}
	for _, w := range written {
		token := g.eos
		if len(w.Tokens) > 0 {
			token = w.Tokens[0]
		}
		count[token]++
	}
	for rank, i := range order {
		want := 0.0
		if rank < topK {
			want = math.Exp(float64(logits[i]-logits[order[0]])/temperature) / total
		}
		got := count[int32(i)] / n
		if limit := 4*math.Sqrt(want*(1-want)/n) + 1e-9; math.Abs(got-want) > limit {
			t.Errorf("token %d was drawn with frequency %.4f, want %.4f ± %.4f", i, got, want, limit)
		}
	}
}

// One beam of a search is greedy; many beams find texts at least as probable; no n-gram stands twice.
func TestBeams(t *testing.T) {
	g := writer(t, tiny())
	greedy, err := g.Run(t.Context(), tinyPrompts, Generate{MaxTokens: 7})
	if err != nil {
		t.Fatal(err)
	}
	beams, err := g.Run(t.Context(), tinyPrompts, Generate{MaxTokens: 7, Beams: 6})
	if err != nil {
		t.Fatal(err)
	}
	for i := range beams {
		if beams[i].Ended == greedy[i].Ended && len(beams[i].Tokens) == len(greedy[i].Tokens) && beams[i].Score < greedy[i].Score-1e-4 {
			t.Errorf("prompt %d: six beams reach %.4f, greedy %.4f", i, beams[i].Score, greedy[i].Score)
		}
		if score := g.scoreOf(t, tinyPrompts[i], beams[i]); math.Abs(score-beams[i].Score) > 1e-3 {
			t.Errorf("prompt %d: the search says %.5f, an uncached pass %.5f", i, beams[i].Score, score)
		}
	}
	once, err := g.Run(t.Context(), tinyPrompts, Generate{MaxTokens: 12, Beams: 3, NoRepeat: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range once {
		seen := map[int32]bool{}
		for _, token := range w.Tokens {
			if seen[token] {
				t.Errorf("prompt %d: no-repeat 1 wrote %v", i, w.Tokens)
				break
			}
			seen[token] = true
		}
	}
}

// scoreOf is a text's log-probability by uncached passes.
func (g *Generator) scoreOf(t *testing.T, p Prompt, w Written) (score float64) {
	t.Helper()
	tokens := w.Tokens
	if w.Ended {
		tokens = append(slices.Clone(tokens), g.eos)
	}
	text := slices.Clone(p.Text)
	for _, token := range tokens {
		logits := g.logitsOf(t, p, text)
		peak, total := slices.Max(logits), 0.0
		for _, x := range logits {
			total += math.Exp(float64(x - peak))
		}
		score += float64(logits[token]-peak) - math.Log(total)
		text = append(text, token)
	}
	return score
}
