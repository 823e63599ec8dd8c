package m6

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"m6lab/checkpoints"
)

// tiny is a model of odd sizes that compiles in a moment; its dimensions divide by the meshes of the tests where they must.
func tiny() Config {
	return Config{
		Layers: 2, Width: 20, Heads: 4, FFN: 28, Vocabulary: 44, Positions: 23, VisualPositions: 7, PatchFeatures: 11,
		ExpertEvery: 1, Router: "top1", TopK: 1, Encoder: Encoder{Kind: "none", Grid: 2},
	}
}

func tinyMoE() Config {
	c := tiny()
	c.Experts, c.ExpertEvery, c.FFN = 4, 2, 12
	return c.withRouter("top2")
}

// tinyRun is a run of a tiny model.
func tinyRun(t *testing.T, c Config, change func(r *Run)) Run {
	t.Helper()
	r, err := NewRun("debug")
	if err != nil {
		t.Fatal(err)
	}
	r.Model = c
	r.Train.Steps, r.Train.Batch, r.Train.LearningRate, r.Train.Warmup = 100, 4, 0.01, 0
	r.Data.TextBuckets = []int{11, 23}
	if change != nil {
		change(&r)
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	return r
}

// tinyBatch is a batch of random features and ids with rows of all lengths.
func tinyBatch(c Config, rows int, seed uint64) *Batch {
	r := rand.New(rand.NewPCG(seed, 3))
	seqs := make([]Sequence, rows)
	ids := func(n int) []int32 {
		out := make([]int32, n)
		for i := range out {
			out[i] = int32(r.IntN(c.Vocabulary))
		}
		return out
	}
	for i := range seqs {
		seqs[i] = Sequence{Task: ImageDenoise, Picture: []byte{}, Masked: ids(r.IntN(6)), Text: ids(2 + r.IntN(10))}
	}
	b := NewBatch(Shape{Batch: rows, Patches: 4, Masked: 5, Text: 11}, seqs)
	b.Features = make([]float32, rows*4*c.PatchFeatures)
	for i := range b.Features {
		b.Features[i] = float32(r.NormFloat64())
	}
	return b
}

// newState is the starting state of a run on the run's own devices.
func newState(t *testing.T, r Run) (*Device, *State) {
	t.Helper()
	d, err := OpenDevice(r.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	state, err := NewState(d, r)
	if err != nil {
		t.Fatal(err)
	}
	return d, state
}

// trainTiny takes steps on random batches and returns the metrics of each and the final tensors.
func trainTiny(t *testing.T, r Run, steps int) ([]Metrics, []checkpoints.Tensor) {
	t.Helper()
	d, state := newState(t, r)
	step := NewStep(d, &Model{Config: r.Model}, r)
	var all []Metrics
	for i := range steps {
		var batches []*Batch
		whole := tinyBatch(r.Model, r.Train.Batch, uint64(i))
		for part := range r.Train.Accumulate {
			batches = append(batches, partOf(whole, part, r.Train.Accumulate))
		}
		pending, err := step.Run(state, batches, r.Train.Rate(int64(i+1)))
		if err != nil {
			t.Fatal(err)
		}
		m, err := pending.Wait()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	tensors, err := state.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return all, tensors
}

// partOf is one of n parts of a batch's rows.
func partOf(b *Batch, part, n int) *Batch {
	if n == 1 {
		return b
	}
	rows := b.Batch / n
	cut := func(x []int32, width int) []int32 { return x[part*rows*width : (part+1)*rows*width] }
	out := &Batch{Shape: b.Shape, PatchLengths: cut(b.PatchLengths, 1), MaskedLengths: cut(b.MaskedLengths, 1), TextLengths: cut(b.TextLengths, 1), TextGiven: cut(b.TextGiven, 1),
		MaskedIDs: cut(b.MaskedIDs, b.Masked), TextIDs: cut(b.TextIDs, b.Text), CodeLengths: cut(b.CodeLengths, 1), Rows: b.Rows[part*rows : (part+1)*rows]}
	out.Batch = rows
	each := len(b.Features) / b.Batch
	out.Features = b.Features[part*rows*each : (part+1)*rows*each]
	return out
}

// compareTensors fails where two states differ by more than limit. A key's bias adds the same to every score of a query, so its true
// gradient is 0 and Adam makes steps of what rounding leaves: where rounding may differ (limit over 0), its moment must stay that small
// instead.
func compareTensors(t *testing.T, got, want []checkpoints.Tensor, limit float64) {
	t.Helper()
	for i, w := range want {
		a, errA := got[i].Float32s()
		b, errB := w.Float32s()
		if errA != nil || errB != nil || len(a) != len(b) {
			t.Fatalf("%s: %v %v, %d and %d elements", w.Name, errA, errB, len(a), len(b))
		}
		if name := w.Name; limit > 0 && strings.HasSuffix(name, ".attn.key.bias") {
			if strings.HasPrefix(name, "adamw.m:") && max(largest(a), largest(b)) > 1e-6 {
				t.Errorf("%s is up to %g and %g, want 0 but for rounding", name, largest(a), largest(b))
			}
			continue
		}
		for j := range b {
			if diff := float64(a[j]) - float64(b[j]); !(diff <= limit && diff >= -limit) {
				t.Errorf("%s[%d] = %g, want %g", w.Name, j, a[j], b[j])
				break
			}
		}
	}
}

// largest is the largest magnitude of values.
func largest(values []float32) float64 {
	var most float64
	for _, v := range values {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}
