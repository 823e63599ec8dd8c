package m6

import (
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"m6lab/m6/plugin"
	"m6lab/m6/strict"
)

// routed is a tiny model with experts on both layers by a router.
func routed(router string) Config {
	c := tiny()
	c.Experts, c.FFN = 4, 12
	return c.withRouter(router)
}

// Every router gives the same losses and gradients on a mesh whose devices share the experts, with everything that routing draws; the
// held-out loss is the same there too.
func TestRouterMesh(t *testing.T) {
	for _, router := range []string{"top1", "top2", "prototypes", "expert_choice", "random"} {
		c := routed(router)
		if router != "random" {
			c.Jitter = 0.1
		}
		want, wantTensors := trainTiny(t, tinyRun(t, c, nil), 3)
		heldOut := evaluateTiny(t, c, tinyBatch(c, 4, 9))
		t.Run(router, func(t *testing.T) {
			r := tinyRun(t, c, func(r *Run) { r.Mesh = Mesh{2, 1, 2} })
			got, gotTensors := trainTiny(t, r, 3)
			for i := range want {
				if math.Abs(got[i].Total-want[i].Total) > 1e-4 || math.Abs(got[i].GradNorm-want[i].GradNorm) > 1e-4 || got[i].Dropped != want[i].Dropped {
					t.Errorf("step %d: total %.7f, norm %.7f, %g dropped; one device has %.7f, %.7f, %g", i,
						got[i].Total, got[i].GradNorm, got[i].Dropped, want[i].Total, want[i].GradNorm, want[i].Dropped)
				}
			}
			compareTensors(t, gotTensors, wantTensors, 5e-3)
			d, state := newState(t, r)
			nll, _, err := NewEvaluator(d, &Model{Config: c}, r).Loss(state, tinyBatch(c, 4, 9))
			if err != nil {
				t.Fatal(err)
			}
			for i := range nll {
				if math.Abs(float64(nll[i]-heldOut[i])) > 1e-4 {
					t.Errorf("row %d: held-out loss %g, one device has %g", i, nll[i], heldOut[i])
				}
			}
		})
	}
}

// Held-out losses on a mesh are one device's, whichever axis splits the experts, with rows of all lengths and more experts than tokens.
func TestEvaluateMesh(t *testing.T) {
	c := tinyMoE()
	c.Experts = 32
	batch := tinyBatch(c, 4, 9)
	want := evaluateTiny(t, c, batch)
	for _, mesh := range []Mesh{{1, 1, 4}, {2, 1, 2}, {1, 2, 2}, {4, 1, 1}} {
		r := tinyRun(t, c, func(r *Run) { r.Mesh = mesh })
		d, state := newState(t, r)
		got, _, err := NewEvaluator(d, &Model{Config: c}, r).Loss(state, batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-4 {
				t.Errorf("%v, row %d: loss %g, one device has %g", mesh, i, got[i], want[i])
			}
		}
	}
}

// What an evaluation on a mesh multiplies in a round does not grow with the experts, and neither does its memory beside the weights; no
// expert's weight is gathered.
func TestEvaluateMeshCost(t *testing.T) {
	programs := map[int]plugin.Compiled{}
	for _, experts := range []int{8, 64} {
		r, shape := plannedRun(t, Mesh{1, 1, 4}, func(r *Run) {
			withExperts(r)
			r.Model.Experts, r.Model.FFN = experts, 256
		})
		d, err := OpenDevice(r.Mesh)
		if err != nil {
			t.Fatal(err)
		}
		d.looks = true
		p, err := NewEvaluator(d, &Model{Config: r.Model}, r).program(shape)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.compiled.Module.Collectives() {
			if c.Kind == "all-gather" && c.Bytes >= int64(f32Bytes*r.Model.Width*r.Model.FFN) {
				t.Errorf("%d experts: an all-gather of %d bytes", experts, c.Bytes)
			}
		}
		programs[experts] = p.compiled
	}
	few, many := programs[8], programs[64]
	t.Logf("%g and %g operations, %d and %d bytes", few.Module.FLOPs(), many.Module.FLOPs(), few.Temporaries, many.Temporaries)
	if many.Module.FLOPs() > 1.1*few.Module.FLOPs() || float64(many.Temporaries) > 1.1*float64(few.Temporaries) {
		t.Errorf("64 experts: %g operations and %d bytes; 8 experts: %g and %d", many.Module.FLOPs(), many.Temporaries, few.Module.FLOPs(), few.Temporaries)
	}
}

// Recomputing blocks draws and routes alike.
func TestRouterRemat(t *testing.T) {
	for _, router := range []string{"top2", "prototypes"} {
		c := routed(router)
		c.Jitter, c.Dropout = 0.1, 0.1
		_, want := trainTiny(t, tinyRun(t, c, nil), 2)
		for _, remat := range []string{"selective", "block"} {
			_, got := trainTiny(t, tinyRun(t, c, func(r *Run) { r.Train.Remat = remat }), 2)
			compareTensors(t, got, want, 2e-4)
		}
	}
}

// Experts in bf16, with routing in f32, stay near f32.
func TestRouterBF16(t *testing.T) {
	c := routed("prototypes")
	want, _ := trainTiny(t, tinyRun(t, c, nil), 2)
	got, _ := trainTiny(t, tinyRun(t, c, func(r *Run) { r.Train.Precision = "bf16" }), 2)
	for i := range want {
		if math.Abs(got[i].Loss-want[i].Loss) > 0.03*want[i].Loss {
			t.Errorf("step %d: loss %.5f in bf16, %.5f in f32", i, got[i].Loss, want[i].Loss)
		}
	}
}

// A batch whose groups cannot be shared by the devices is refused in one line.
func TestGroupMesh(t *testing.T) {
	c := routed("top1")
	c.Group = 80 // four rows of 20 tokens
	r := tinyRun(t, c, func(r *Run) { r.Mesh = Mesh{1, 1, 4} })
	d, state := newState(t, r)
	_, err := NewStep(d, &Model{Config: c}, r).Run(state, []*Batch{tinyBatch(c, 4, 1)}, 0.1)
	if err == nil || !strings.Contains(err.Error(), "model.group") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line with model.group", err)
	}
}

// TestThousandExperts trains a narrow model with 1024 experts in each of two layers on one device: its loss falls over 20 steps.
func TestThousandExperts(t *testing.T) {
	c := tiny()
	c.Experts = 1024
	c = c.withRouter("top2")
	c.Group = 80
	r := tinyRun(t, c, func(r *Run) { r.Train.LearningRate = 0.005 })
	d, state := newState(t, r)
	step, batch := NewStep(d, &Model{Config: c}, r), tinyBatch(c, 4, 5)
	var losses []float64
	for i := range 20 {
		pending, err := step.Run(state, []*Batch{batch}, r.Train.Rate(int64(i+1)))
		if err != nil {
			t.Fatal(err)
		}
		m, err := pending.Wait()
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, m.Loss)
		if n := len(m.Experts); n != 2 || len(m.Experts[0].Load) != 1024 || sum(m.Experts[1].Load) != m.Experts[1].Choices {
			t.Fatalf("step %d tells of %d layers of experts: %+v", i, n, m.Experts)
		}
	}
	if !(losses[19] < 0.8*losses[0]) {
		t.Errorf("the loss went from %.3f to %.3f in 20 steps", losses[0], losses[19])
	}
	t.Logf("%d parameters, loss %.3f to %.3f", c.Ledger().Total, losses[0], losses[19])
}

// What a load is called: even, all on one, and pooled.
func TestExpertLoad(t *testing.T) {
	for _, c := range []struct {
		load               []float64
		entropy, variation float64
		shares             []float64
	}{
		{[]float64{3, 3, 3, 3}, 1, 0, []float64{1, 1}},
		{[]float64{0, 0, 12, 0}, 0, math.Sqrt(3), []float64{0, 4}},
		{[]float64{6, 6, 0, 0}, 0.5, 1, []float64{2, 0}},
		{[]float64{1, 2, 3, 4, 5}, 0.9266, math.Sqrt2 / 3, []float64{1, 1.667}},
	} {
		l := ExpertLoad{Load: c.load, Choices: 12, Dropped: 3}
		if math.Abs(l.Entropy()-c.entropy) > 1e-3 || math.Abs(l.Variation()-c.variation) > 1e-9 || l.DropRate() != 0.25 || !slices.Equal(l.Shares(2), c.shares) {
			t.Errorf("%v: entropy %g, variation %g, drop rate %g, shares %v", c.load, l.Entropy(), l.Variation(), l.DropRate(), l.Shares(2))
		}
	}
}

// TestExpertLoads reads back what a run logs of its experts, by block and step.
func TestExpertLoads(t *testing.T) {
	dir := Folder(t.TempDir())
	lines := `{"step":10,"loss":3,"moe_load_1":[0.5,1.5],"moe_load_3":[1,1]}
{"step":20,"loss":2,"moe_load_3":[2,0],"moe_load_1":[1,1],"moe_entropy_1":1}
{"step":30,"lo`
	if err := os.WriteFile(dir.Path("metrics.jsonl"), []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := dir.ExpertLoads()
	if err != nil {
		t.Fatal(err)
	}
	want := []LoadHistory{{1, []float64{10, 20}, [][]float64{{0.5, 1.5}, {1, 1}}}, {3, []float64{10, 20}, [][]float64{{1, 1}, {2, 0}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestValidateExperts: settings of experts that cannot be are refused by their key and with what could be.
func TestValidateExperts(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string // empty: valid
	}{
		{[]string{"router=prototypes", "top_k=2"}, ""},
		{[]string{"router=expert_choice", "top_k=3"}, ""},
		{[]string{"router=random", "top_k=4"}, ""},
		{[]string{"router=top2", "top_k=2", "random_second=true"}, ""},
		{[]string{"router=prototypes", "top_k=3"}, "the nearest number that does is 2"},
		{[]string{"router=top1", "top_k=2"}, "model.router=top1 takes 1"},
		{[]string{"router=random", "top_k=5"}, "1 to 4"},
		{[]string{"router=expertchoice"}, `"expert_choice"`},
		{[]string{"random_second=true"}, "model.random_second"},
		{[]string{"router=random", "jitter=0.1"}, "model.jitter"},
		{[]string{"jitter=1"}, "jitter < 1"},
		{[]string{"jitter=-0.1"}, "model.jitter"},
		{[]string{"group=-1"}, "model.group"},
		{[]string{"capacity_factor=-1"}, "model.capacity_factor"},
	} {
		config := routed("top1")
		if err := strict.Override(&config, c.set); err != nil {
			t.Fatal(err)
		}
		err := config.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: error %v, want %q", c.set, err, c.want)
		}
	}
}
