package m6

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// plannedRun is a run whose blocks outweigh what the formulas leave out.
func plannedRun(t *testing.T, mesh Mesh, change func(r *Run)) (Run, Shape) {
	t.Helper()
	r := tinyRun(t, Config{
		Layers: 2, Width: 256, Heads: 8, FFN: 1024, Vocabulary: 4096, Positions: 512, VisualPositions: 49, PatchFeatures: 64,
		ExpertEvery: 1, Router: "top1", TopK: 1, Dropout: 0.1, Encoder: Encoder{Kind: "none", Grid: 7},
	}, nil)
	r.Mesh, r.Train.Batch = mesh, 8
	if change != nil {
		change(&r)
	}
	return r, Shape{Batch: r.Train.Batch, Text: 128}
}

func withExperts(r *Run) {
	r.Model.Experts, r.Model.ExpertEvery = 8, 2
	r.Model = r.Model.withRouter("top2")
}

// The formulas are what XLA says of the compiled step: what goes in to the byte, the peak within 15 %, the products within 0.5 %, the
// collectives in kind and number and within 5 % in bytes.
func TestPlan(t *testing.T) {
	bf16 := func(r *Run) { r.Train.Precision = "bf16" }
	block := func(r *Run) { r.Train.Remat = "block" }
	selective := func(r *Run) { r.Train.Remat = "selective" }
	zero := func(r *Run) { r.Train.Remat, r.Train.Zero = "selective", 3 }
	for _, c := range []struct {
		mesh    Mesh
		changes []func(*Run)
	}{
		{mesh: Mesh{1, 1, 1}},
		{mesh: Mesh{1, 1, 1}, changes: []func(*Run){block}},
		{mesh: Mesh{4, 1, 1}},
		{mesh: Mesh{1, 4, 1}},
		{mesh: Mesh{2, 2, 1}, changes: []func(*Run){bf16}},
		{mesh: Mesh{2, 4, 1}, changes: []func(*Run){bf16, block}},
		{mesh: Mesh{4, 2, 1}, changes: []func(*Run){func(r *Run) { r.Model.Layers, r.Train.Batch = 3, 16 }}},
		{mesh: Mesh{1, 1, 4}, changes: []func(*Run){withExperts}},
		{mesh: Mesh{1, 1, 8}, changes: []func(*Run){withExperts, block}},
		{mesh: Mesh{1, 4, 1}, changes: []func(*Run){withExperts}},
		{mesh: Mesh{2, 1, 1}, changes: []func(*Run){withExperts, bf16}},
		{mesh: Mesh{1, 1, 1}, changes: []func(*Run){selective}},
		{mesh: Mesh{1, 1, 1}, changes: []func(*Run){selective, bf16, withExperts}},
		{mesh: Mesh{2, 2, 1}, changes: []func(*Run){selective, bf16}},
		{mesh: Mesh{4, 1, 1}, changes: []func(*Run){zero}},
		{mesh: Mesh{2, 2, 1}, changes: []func(*Run){zero, func(r *Run) { r.Model.Layers = 4 }}},
		{mesh: Mesh{2, 1, 1}, changes: []func(*Run){zero, withExperts}},
		{mesh: Mesh{1, 1, 4}, changes: []func(*Run){selective, withExperts}},
	} {
		r, shape := plannedRun(t, c.mesh, func(r *Run) {
			for _, change := range c.changes {
				change(r)
			}
		})
		t.Run(fmt.Sprintf("%d_%d_%d_%s_%s_%d_zero%d", c.mesh.Data, c.mesh.Model, c.mesh.Expert, r.Train.Precision, r.Train.Remat, r.Model.Experts, r.Train.Zero), func(t *testing.T) {
			got, err := NewPlan(r, shape)
			if err != nil {
				t.Fatal(err)
			}
			want, err := Lower(r, shape)
			if err != nil {
				t.Fatal(err)
			}
			comparePlan(t, got, want)
		})
	}
}

func comparePlan(t *testing.T, got Plan, want Lowered) {
	t.Helper()
	if got.Arguments != want.Arguments {
		t.Errorf("arguments of %d bytes, compiled %d", got.Arguments, want.Arguments)
	}
	off := func(what string, got, want, limit float64) {
		if math.Abs(got/want-1) > limit {
			t.Errorf("%s of %g, compiled %g: %.1f %% off", what, got, want, 100*(got/want-1))
		}
	}
	off("peak", float64(got.Peak), float64(want.Peak), 0.15)
	off("products", got.FLOPs, want.FLOPs, 0.005)
	kinds := slices.Concat(slices.Collect(maps.Keys(got.Collectives)), slices.Collect(maps.Keys(want.Collectives)))
	for _, kind := range slices.Compact(slices.Sorted(slices.Values(kinds))) {
		g, w := got.Collectives[kind], want.Collectives[kind]
		if g.Count != w.Count {
			t.Errorf("%d times %s, compiled %d", g.Count, kind, w.Count)
		}
		off("bytes of "+kind, float64(g.Bytes), float64(w.Bytes), 0.05)
	}
}

// What devices say: in a dense block two all-reduces forward and two backward, in a layer of experts two all-to-alls forward and two
// backward, kept or made again, and no expert's weight is ever gathered.
func TestCollectives(t *testing.T) {
	lower := func(mesh Mesh, layers int, change func(*Run)) map[string]Collective {
		r, shape := plannedRun(t, mesh, change)
		r.Model.Layers, r.Model.Width, r.Model.Heads, r.Model.FFN, r.Model.Vocabulary = layers, 64, 8, 96, 512
		l, err := Lower(r, shape)
		if err != nil {
			t.Fatal(err)
		}
		return l.Collectives
	}
	block := func(r *Run) { r.Train.Remat = "block" }
	for name, change := range map[string]func(*Run){"kept": nil, "made again": block} {
		one, three := lower(Mesh{1, 4, 1}, 1, change), lower(Mesh{1, 4, 1}, 3, change)
		if got := three["all-reduce"].Count - one["all-reduce"].Count; got != 8 || len(three) != 1 {
			t.Errorf("two dense blocks more, %s, have %d all-reduces more, want 8, and no other kind: %v", name, got, three)
		}
	}
	for layers, want := range map[int]int64{2: 4, 4: 8} {
		for name, change := range map[string]func(*Run){"kept": withExperts, "made again": func(r *Run) { withExperts(r); block(r) }} {
			got := lower(Mesh{1, 1, 4}, layers, change)
			if got["all-to-all"].Count != want || got["all-gather"].Count != 0 {
				t.Errorf("%d blocks, half of them with experts, %s, have %v, want %d all-to-alls and no all-gather", layers, name, got, want)
			}
		}
	}
}

// 16 virtual devices train, and as one does.
func TestSixteenDevices(t *testing.T) {
	change := func(mesh Mesh) func(r *Run) {
		return func(r *Run) { r.Mesh, r.Train.Batch = mesh, 8 }
	}
	config := tinyMoE()
	config.Dropout = 0.1
	want, _ := trainTiny(t, tinyRun(t, config, change(Mesh{1, 1, 1})), 3)
	got, _ := trainTiny(t, tinyRun(t, config, change(Mesh{2, 4, 2})), 3)
	for i := range want {
		if math.Abs(got[i].Loss-want[i].Loss) > 1e-4 || math.Abs(got[i].GradNorm-want[i].GradNorm) > 1e-4 {
			t.Errorf("step %d: loss %.7f, norm %.7f; one device has %.7f, %.7f", i, got[i].Loss, got[i].GradNorm, want[i].Loss, want[i].GradNorm)
		}
	}
}

// The paper's models are planned without a weight, and what cannot be is told in one line.
func TestPlanPaper(t *testing.T) {
	for preset, mesh := range map[string]Mesh{"10b": {16, 8, 1}, "100b": {1, 1, 128}} {
		r, err := NewRun(preset)
		if err != nil {
			t.Fatal(err)
		}
		r.Mesh, r.Train.Batch = mesh, 128
		h, err := FindHardware("h100")
		if err != nil {
			t.Fatal(err)
		}
		e, err := On(r, Shape{Batch: 128, Text: 256}, h)
		if err != nil || !e.Fits || !(e.MFU > 0 && e.MFU < productShare) || e.Step <= 0 {
			t.Errorf("%s: %+v, %v, want one that fits and takes a time", preset, e, err)
		}
		all := Meshes(r, Shape{Batch: 128, Text: 256}, h, 128)
		if len(all) < 3 || !all[0].Fits || slices.IndexFunc(all, func(e Estimate) bool { return !e.Fits }) > 0 && all[len(all)-1].Fits {
			t.Errorf("%s: %d meshes of 128 devices, want several, those that fit first", preset, len(all))
		}
	}
	r, shape := plannedRun(t, Mesh{1, 1, 1}, nil)
	for _, bad := range []struct {
		say    string
		change func(r *Run, s *Shape)
	}{
		{"model.positions", func(_ *Run, s *Shape) { s.Text = 513 }},
		{"model.visual_positions", func(_ *Run, s *Shape) { s.Patches = 50 }},
		{"train.batch", func(_ *Run, s *Shape) { s.Batch = 7 }},
		{"mesh.model is 3", func(r *Run, _ *Shape) { r.Mesh.Model = 3 }},
		{"at least one token", func(_ *Run, s *Shape) { s.Text = 0 }},
	} {
		r, shape := r, shape
		bad.change(&r, &shape)
		if _, err := NewPlan(r, shape); err == nil || !strings.Contains(err.Error(), bad.say) {
			t.Errorf("plan: %v, want an error of %s", err, bad.say)
		}
	}
	if _, err := FindHardware("H10"); err == nil || !strings.Contains(err.Error(), `did you mean "H100"`) {
		t.Errorf("device H10: %v", err)
	}
}

// Estimates beside what an H200 took (scripts/bench/gpu.sh, RESULTS.md): memory within 15 %, time within 25 %.
func TestEstimateGPU(t *testing.T) {
	h, err := FindHardware("H200")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		preset                 string
		layers, experts, batch int
		remat, attention       string
		gigabytes, ms          float64
	}{
		{"base", 24, 0, 32, "none", "auto", 18.41, 97.8}, {"base", 24, 0, 32, "none", "plain", 32.14, 125.7},
		{"10b", 8, 0, 16, "block", "auto", 27.08, 195.2}, {"100b", 12, 64, 16, "block", "auto", 49.36, 80.6},
	} {
		r, err := NewRun(c.preset)
		if err != nil {
			t.Fatal(err)
		}
		r.Model.Layers, r.Model.Dropout, r.Model.RandomSecond = c.layers, 0, false
		if c.experts > 0 {
			r.Model.Experts = c.experts
		}
		r.Train.Batch, r.Train.Remat, r.Train.Attention = c.batch, c.remat, c.attention
		e, err := On(r, Shape{Batch: c.batch, Text: 512}, h)
		if err != nil {
			t.Fatal(err)
		}
		peak, ms := float64(e.Peak)/1e9, 1000*e.Step
		t.Logf("%s, %s, %s: %.2f GB, measured %.2f; %.1f ms, measured %.1f (products %.1f, memory %.1f)", c.preset, c.remat, c.attention, peak, c.gigabytes, ms, c.ms, 1000*e.Compute, 1000*e.Memory)
		if math.Abs(peak/c.gigabytes-1) > 0.15 {
			t.Errorf("%s, %s, %s: %.2f GB planned, %.2f measured", c.preset, c.remat, c.attention, peak, c.gigabytes)
		}
		if math.Abs(ms/c.ms-1) > 0.25 {
			t.Errorf("%s, %s, %s: %.1f ms planned, %.1f measured", c.preset, c.remat, c.attention, ms, c.ms)
		}
	}
}
