package m6

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
)

// A batch in parts has the loss and the update of the whole batch.
func TestAccumulate(t *testing.T) {
	whole, wantTensors := trainTiny(t, tinyRun(t, tiny(), nil), 3)
	parts, gotTensors := trainTiny(t, tinyRun(t, tiny(), func(r *Run) { r.Train.Accumulate = 2 }), 3)
	for i := range whole {
		if math.Abs(parts[i].Loss-whole[i].Loss) > 1e-5 {
			t.Errorf("step %d: loss %.7f in parts, %.7f whole", i, parts[i].Loss, whole[i].Loss)
		}
		if math.Abs(parts[i].GradNorm-whole[i].GradNorm) > 1e-4 {
			t.Errorf("step %d: norm %.7f in parts, %.7f whole", i, parts[i].GradNorm, whole[i].GradNorm)
		}
	}
	compareTensors(t, gotTensors, wantTensors, 2e-4)
}

// Activation checkpointing changes nothing but memory; with dropout the masks are drawn again alike.
func TestRemat(t *testing.T) {
	config := tiny()
	config.Dropout = 0.2
	wantMetrics, want := trainTiny(t, tinyRun(t, config, nil), 3)
	for _, remat := range []string{"selective", "block"} {
		metrics, got := trainTiny(t, tinyRun(t, config, func(r *Run) { r.Train.Remat = remat }), 3)
		for i, w := range wantMetrics {
			if math.Abs(metrics[i].Loss-w.Loss) > 1e-5 || math.Abs(metrics[i].GradNorm-w.GradNorm) > 1e-5 {
				t.Errorf("%s, step %d: loss %.7f, norm %.7f; without it %.7f, %.7f", remat, i, metrics[i].Loss, metrics[i].GradNorm, w.Loss, w.GradNorm)
			}
		}
		compareTensors(t, got, want, 2e-4)
	}
}

// What is kept of the products lies between all that a block makes and its input alone. Beside the scores nothing is multiplied again,
// and devices say no more to each other; where blocks are made again, an element or two for each.
func TestRematMemory(t *testing.T) {
	steps := map[string]Lowered{}
	for _, remat := range []string{"none", "selective", "block"} {
		r, shape := plannedRun(t, Mesh{2, 2, 1}, func(r *Run) { r.Model.Layers, r.Train.Remat = 4, remat })
		l, err := Lower(r, shape)
		if err != nil {
			t.Fatal(err)
		}
		steps[remat] = l
	}
	none, selective, block := steps["none"], steps["selective"], steps["block"]
	t.Logf("%.1f, %.1f and %.1f MB", float64(none.Temporaries)/1e6, float64(selective.Temporaries)/1e6, float64(block.Temporaries)/1e6)
	if !(float64(selective.Temporaries) < 0.8*float64(none.Temporaries) && block.Temporaries < selective.Temporaries) {
		t.Errorf("%d bytes selective, want them between %d and %d", selective.Temporaries, none.Temporaries, block.Temporaries)
	}
	if !(selective.FLOPs < 1.02*none.FLOPs) || !maps.Equal(selective.Collectives, none.Collectives) {
		t.Errorf("%g operations and %v selective; without it %g and %v", selective.FLOPs, selective.Collectives, none.FLOPs, none.Collectives)
	}
	said, kept := block.Collectives, none.Collectives
	ties := said["all-reduce"].Count - kept["all-reduce"].Count
	if ties != 4 || said["all-reduce"].Bytes-kept["all-reduce"].Bytes > 2*ties*f32Bytes || said["all-to-all"] != kept["all-to-all"] || said["all-gather"] != kept["all-gather"] {
		t.Errorf("%v where blocks are made again; without it %v", said, kept)
	}
}

// On a mesh blocks are made again as on one device.
func TestRematMesh(t *testing.T) {
	config := tinyMoE()
	config.Dropout = 0.1
	want, wantTensors := trainTiny(t, tinyRun(t, config, nil), 3)
	for _, mesh := range []Mesh{{2, 1, 2}, {1, 2, 2}} {
		for _, remat := range []string{"selective", "block"} {
			got, tensors := trainTiny(t, tinyRun(t, config, func(r *Run) { r.Mesh, r.Train.Remat = mesh, remat }), 3)
			for i, w := range want {
				if math.Abs(got[i].Total-w.Total) > 1e-4 || math.Abs(got[i].GradNorm-w.GradNorm) > 1e-4 {
					t.Errorf("%v, %s, step %d: total %.7f, norm %.7f; one device has %.7f, %.7f", mesh, remat, i, got[i].Total, got[i].GradNorm, w.Total, w.GradNorm)
				}
			}
			compareTensors(t, tensors, wantTensors, 5e-3)
		}
	}
}

// Losses, gradients and moments do not depend on the mesh: every shape of 2, 4 and 8 devices, dense and with experts, dropout on, 20 steps.
func TestMesh(t *testing.T) {
	const steps = 20
	for name, config := range map[string]Config{"dense": tiny(), "experts": tinyMoE()} {
		config.Dropout = 0.1
		run := tinyRun(t, config, func(r *Run) { r.Train.Batch = 8 })
		want, wantTensors := trainTiny(t, run, steps)
		for _, devices := range []int{2, 4, 8} {
			shapes := meshes(run, devices)
			if len(shapes) < 2 {
				t.Errorf("%s: %d meshes of %d devices, want several", name, len(shapes), devices)
			}
			for _, mesh := range shapes {
				t.Run(fmt.Sprintf("%s_%d_%d_%d", name, mesh.Data, mesh.Model, mesh.Expert), func(t *testing.T) {
					run := run
					run.Mesh = mesh
					got, gotTensors := trainTiny(t, run, steps)
					for i := range want {
						if math.Abs(got[i].Loss-want[i].Loss) > 1e-4 || math.Abs(got[i].GradNorm-want[i].GradNorm) > 1e-4 {
							t.Errorf("step %d: loss %.7f, norm %.7f; one device has %.7f, %.7f", i, got[i].Loss, got[i].GradNorm, want[i].Loss, want[i].GradNorm)
						}
					}
					compareTensors(t, gotTensors, wantTensors, 5e-3) // Adam turns tiny differences of small gradients into steps
				})
			}
		}
	}
}

// bf16 products over f32 weights stay near f32.
func TestBF16(t *testing.T) {
	want, _ := trainTiny(t, tinyRun(t, tiny(), nil), 5)
	got, kept := trainTiny(t, tinyRun(t, tiny(), func(r *Run) { r.Train.Precision = "bf16" }), 5)
	for i := range want {
		if math.Abs(got[i].Loss-want[i].Loss) > 0.03*want[i].Loss {
			t.Errorf("step %d: loss %.5f in bf16, %.5f in f32", i, got[i].Loss, want[i].Loss)
		}
	}
	for _, x := range kept {
		if x.DType != "F32" {
			t.Errorf("%s is kept as %s, want F32", x.Name, x.DType)
		}
	}
}

// A step whose loss is not finite changes nothing but the count of steps.
func TestSkip(t *testing.T) {
	r := tinyRun(t, tiny(), nil)
	d, state := newState(t, r)
	before, err := state.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	step := NewStep(d, &Model{Config: r.Model}, r)
	bad := tinyBatch(r.Model, r.Train.Batch, 1)
	bad.Features[5] = float32(math.NaN())
	pending, err := step.Run(state, []*Batch{bad}, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := pending.Wait()
	if err != nil || !m.Skipped {
		t.Errorf("Skipped = %v, %v, want true", m.Skipped, err)
	}
	after, err := state.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	compareTensors(t, after, before, 0)
	if updates, err := state.Updates(); err != nil || updates != 0 || state.Step != 1 {
		t.Errorf("updates = %d, step = %d, %v, want 0 and 1", updates, state.Step, err)
	}
}

// evaluateTiny are the losses of a batch's rows under the starting weights.
func evaluateTiny(t *testing.T, c Config, b *Batch) []float32 {
	t.Helper()
	r := tinyRun(t, c, func(r *Run) { r.Train.Batch = b.Batch })
	d, state := newState(t, r)
	nll, _, err := NewEvaluator(d, &Model{Config: c}, r).Loss(state, b)
	if err != nil {
		t.Fatal(err)
	}
	return nll
}

// Given tokens are no targets: a row costs what it costs whole, less what its given beginning costs as a text of its own.
func TestGiven(t *testing.T) {
	c := tiny()
	b := tinyBatch(c, 5, 11)
	whole := evaluateTiny(t, c, b)
	beginning := *b
	beginning.TextLengths = make([]int32, 5)
	b.TextGiven = []int32{0, 1, 2, b.TextLengths[3] - 1, b.TextLengths[4]}
	for i, given := range b.TextGiven {
		beginning.TextLengths[i] = max(1, given)
	}
	before, got := evaluateTiny(t, c, &beginning), evaluateTiny(t, c, b)
	for i := range got {
		if want := whole[i] - before[i]; math.Abs(float64(got[i]-want)) > 1e-4 {
			t.Errorf("row %d with %d of %d tokens given costs %g, want %g", i, b.TextGiven[i], b.TextLengths[i], got[i], want)
		}
	}
}

// What stands in padding never changes the loss, and neither does how much padding there is.
func TestPadding(t *testing.T) {
	c := tiny()
	b := tinyBatch(c, 5, 7)
	want := evaluateTiny(t, c, b)
	for i := range b.Batch {
		for j := b.MaskedLengths[i]; j < 5; j++ {
			b.MaskedIDs[i*5+int(j)] = 17
		}
		for j := b.TextLengths[i]; j < 11; j++ {
			b.TextIDs[i*11+int(j)] = 31
		}
	}
	if got := evaluateTiny(t, c, b); !slices.Equal(got, want) {
		t.Errorf("the content of padding changed the losses: %v, want %v", got, want)
	}
	wide := *b
	wide.Text = 23
	wide.TextIDs = make([]int32, 5*23)
	for i := range 5 {
		copy(wide.TextIDs[i*23:], b.TextIDs[i*11:(i+1)*11])
	}
	for i, got := range evaluateTiny(t, c, &wide) {
		if math.Abs(float64(got-want[i])) > 1e-4 {
			t.Errorf("row %d: loss %g with more padding, want %g", i, got, want[i])
		}
	}
}

// A mixture of one expert is the feed-forward network.
func TestOneExpert(t *testing.T) {
	c := tiny()
	c.Experts, c.ExpertEvery = 1, 1
	r := tinyRun(t, c, nil)
	d, moe := newState(t, r)
	dense, err := NewState(d, tinyRun(t, tiny(), nil))
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Layers { // the same numbers under the experts' names, with a leading axis of one
		for _, name := range []string{"in.kernel", "in.bias", "out.kernel", "out.bias"} {
			from := dense.values[blockName(i)+".ffn."+name]
			to := moe.values[blockName(i)+".moe.experts."+name]
			flat, err := d.fetch(from)
			if err != nil {
				t.Fatal(err)
			}
			to.shards[0] = tensors.FromFlatDataAndDimensions(flat, to.shape.Dimensions...)
		}
	}
	b := tinyBatch(c, 3, 2)
	r.Train.Batch = 3
	got, _, err := NewEvaluator(d, &Model{Config: c}, r).Loss(moe, b)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := NewEvaluator(d, &Model{Config: tiny()}, r).Loss(dense, b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-4 {
			t.Errorf("row %d: loss %g with one expert, want %g", i, got[i], want[i])
		}
	}
}
