package m6

import (
	"math"
	"strings"
	"testing"
)

// Losses, gradients and the state after them do not depend on whether weights lie in parts over `data`, dense and with experts, dropout on.
func TestZero(t *testing.T) {
	for _, c := range []struct {
		config Config
		meshes []Mesh
	}{
		{tiny(), []Mesh{{2, 1, 1}, {4, 1, 1}, {2, 2, 1}}},
		{tinyMoE(), []Mesh{{4, 1, 1}, {2, 1, 2}}},
	} {
		c.config.Dropout = 0.1
		want, wantTensors := trainTiny(t, tinyRun(t, c.config, nil), 10)
		heldOut := evaluateTiny(t, c.config, tinyBatch(c.config, 4, 9))
		for _, mesh := range c.meshes {
			r := tinyRun(t, c.config, func(r *Run) { r.Mesh, r.Train.Remat, r.Train.Zero = mesh, "selective", 3 })
			got, gotTensors := trainTiny(t, r, 10)
			for i, w := range want {
				if math.Abs(got[i].Total-w.Total) > 1e-4 || math.Abs(got[i].GradNorm-w.GradNorm) > 1e-4 {
					t.Errorf("%v, %d experts, step %d: total %.7f, norm %.7f; one device has %.7f, %.7f", mesh, c.config.Experts, i, got[i].Total, got[i].GradNorm, w.Total, w.GradNorm)
				}
			}
			compareTensors(t, gotTensors, wantTensors, 5e-3)
			d, state := newState(t, r)
			nll, _, err := NewEvaluator(d, &Model{Config: c.config}, r).Loss(state, tinyBatch(c.config, 4, 9))
			if err != nil {
				t.Fatal(err)
			}
			for i := range nll {
				if math.Abs(float64(nll[i]-heldOut[i])) > 1e-4 {
					t.Errorf("%v, row %d: held-out loss %g, one device has %g", mesh, i, nll[i], heldOut[i])
				}
			}
		}
	}
}

// A batch in parts, and Adafactor, whose moments are sums over what lies in parts, are as on one device.
func TestZeroAccumulate(t *testing.T) {
	change := func(mesh Mesh, zero int) func(r *Run) {
		return func(r *Run) {
			r.Mesh, r.Train.Remat, r.Train.Zero, r.Train.Accumulate, r.Train.Optimizer = mesh, "selective", zero, 2, "adafactor"
		}
	}
	want, wantTensors := trainTiny(t, tinyRun(t, tiny(), change(Mesh{1, 1, 1}, 1)), 3)
	got, gotTensors := trainTiny(t, tinyRun(t, tiny(), change(Mesh{2, 1, 1}, 3)), 3)
	for i, w := range want {
		if math.Abs(got[i].Loss-w.Loss) > 1e-4 || math.Abs(got[i].GradNorm-w.GradNorm) > 1e-4 {
			t.Errorf("step %d: loss %.7f, norm %.7f; one device has %.7f, %.7f", i, got[i].Loss, got[i].GradNorm, w.Loss, w.GradNorm)
		}
	}
	compareTensors(t, gotTensors, wantTensors, 5e-3)
}

// Two blocks more cost a device of four a quarter of their state and what they keep for the backward pass: neither their weights nor their
// gradients ever lie on it whole, together.
func TestZeroMemory(t *testing.T) {
	const blocks = 2
	lower := func(zero, layers int) (Lowered, Run) {
		r, shape := plannedRun(t, Mesh{4, 1, 1}, func(r *Run) { r.Train.Remat, r.Train.Zero, r.Model.Layers = "selective", zero, layers })
		l, err := Lower(r, shape)
		if err != nil {
			t.Fatal(err)
		}
		return l, r
	}
	one, r := lower(1, 6)
	few, _ := lower(3, 4)
	many, _ := lower(3, 6)
	var block int64 // bytes of a block's weights, whole
	for _, p := range r.Model.trained() {
		if strings.HasPrefix(p.Name, "blocks.0.") {
			block += f32Bytes * int64(p.Size())
		}
	}
	t.Logf("six blocks: given %.1f and %.1f MB, beside it %.1f and %.1f; two blocks less %.1f; a block's weights %.1f", float64(one.Arguments)/1e6, float64(many.Arguments)/1e6,
		float64(one.Temporaries)/1e6, float64(many.Temporaries)/1e6, float64(few.Temporaries)/1e6, float64(block)/1e6)
	if many.Peak > one.Peak*3/4 {
		t.Errorf("peak of %d bytes, without it %d", many.Peak, one.Peak)
	}
	x := int64(f32Bytes * 2 * 128 * r.Model.Width) // [B,S,D] of a device
	if grown := many.Temporaries - few.Temporaries; grown > blocks*(11*x+block/2) {
		t.Errorf("%d blocks more take %d bytes more beside the state, want at most what they keep, %d, and half of their %d", blocks, grown, blocks*11*x, blocks*block)
	}
}

// Stages that are not there, and activation checkpointing that keeps gathered weights, are refused by their keys.
func TestZeroValidate(t *testing.T) {
	for _, c := range []struct {
		zero  int
		remat string
		say   string // empty: valid
	}{
		{3, "selective", ""}, {1, "block", ""}, {0, "none", ""}, {2, "selective", "train.zero is 2"}, {3, "none", "train.remat=selective, not none"}, {3, "block", "train.remat=selective, not block"},
	} {
		r := tinyRun(t, tiny(), nil)
		r.Train.Zero, r.Train.Remat = c.zero, c.remat
		if err := r.Validate(); c.say == "" && err != nil || c.say != "" && (err == nil || !strings.Contains(err.Error(), c.say)) {
			t.Errorf("train.zero=%d with train.remat=%s: %v, want %q", c.zero, c.remat, err, c.say)
		}
	}
}
