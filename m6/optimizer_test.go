package m6

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/layers"
)

// TestOptimizers holds five updates of every rule against PyTorch's numbers: parameters after each step, moments after the last.
func TestOptimizers(t *testing.T) {
	g := readGolden(t, "optimizers")
	adam := Train{Optimizer: "adamw", Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}
	clippedAdam := adam
	clippedAdam.Clip = 1
	for _, c := range []struct {
		name  string
		train Train
		rate  float32
	}{
		{"adamw", adam, 0.01}, {"adamw_clipped", clippedAdam, 0.01},
		{"adafactor", Train{Optimizer: "adafactor"}, 0.03}, {"adafactor_decay", Train{Optimizer: "adafactor", WeightDecay: 0.1}, 0.03},
	} {
		t.Run(c.name, func(t *testing.T) { testOptimizer(t, g, c.name, c.train, c.rate) })
	}
}

func testOptimizer(t *testing.T, g golden, name string, train Train, rate float32) {
	d, err := OpenDevice(Mesh{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	var params []layers.Param
	for _, p := range []string{"matrix", "vector", "kernel", "still"} {
		params = append(params, layers.Param{Name: p, Dims: g.tensors["param."+p].Dims})
	}
	values := map[string]*Value{}
	put := func(name string, flat []float32, dims []int) {
		v, err := d.place(tensors.FromFlatDataAndDimensions(flat, dims...), nil)
		if err != nil {
			t.Fatal(err)
		}
		values[name] = v
	}
	rule := train.optimizer()
	p, err := newProgram(d, "update", func(b *builder) {
		count, rate := b.input("count", shapes.Make(dtypes.Float32), nil), b.input("rate", shapes.Make(dtypes.Float32), nil)
		var grads []*Node
		var lies []axes
		for _, p := range params {
			lies = append(lies, make(axes, len(p.Dims)))
			grads = append(grads, b.input("grad."+p.Name, shapes.Make(dtypes.Float32, p.Dims...), nil))
		}
		norm := globalNorm(grads, lies, Mesh{1, 1, 1})
		b.output("norm", norm, nil)
		for i, p := range params {
			put(p.Name, g.floats(t, "param."+p.Name), p.Dims)
			u := update{name: p.Name, param: b.input(p.Name, shapes.Make(dtypes.Float32, p.Dims...), nil), grad: clipped(grads[i], norm, train.Clip), count: count, rate: rate}
			moments := rule.moments(p, make(axes, len(p.Dims)), 1)
			for _, m := range moments {
				put(m.suffix+p.Name, make([]float32, shapes.Make(dtypes.Float32, m.dims...).Size()), m.dims)
				u.moments = append(u.moments, b.input(m.suffix+p.Name, shapes.Make(dtypes.Float32, m.dims...), nil))
			}
			u.moments = rule.renew(u)
			b.output(p.Name, rule.apply(u), nil)
			for j, m := range moments {
				b.output(m.suffix+p.Name, u.moments[j], nil)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	norms := g.floats(t, "clip.norms")
	for step := 1; step <= 5; step++ {
		values["count"], values["rate"] = scalar(d, float32(step)), scalar(d, rate)
		for _, p := range params {
			put("grad."+p.Name, g.floats(t, fmt.Sprintf("grad.%d.%s", step, p.Name)), p.Dims)
		}
		out, err := p.run(values, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range out {
			values[name] = v
		}
		for _, p := range params {
			flat, err := d.fetch(values[p.Name])
			if err != nil {
				t.Fatal(err)
			}
			compareScaled(t, fmt.Sprintf("step %d %s", step, p.Name), flat, g.floats(t, fmt.Sprintf("%s.%d.%s", name, step, p.Name)))
		}
		norm, err := d.fetch(out["norm"])
		if err != nil {
			t.Fatal(err)
		}
		compareScaled(t, "norm", norm, norms[step-1:step])
	}
	for state, prefix := range map[string]string{"m": "adamw.m:", "v": "adamw.v:", "row": "adafactor.row:", "column": "adafactor.column:", "full": "adafactor.v:"} {
		for _, p := range params {
			want, inGolden := g.tensors[name+".state."+state+"."+p.Name]
			if v, ours := values[prefix+p.Name]; ours != inGolden {
				t.Errorf("moment %s%s: ours %v, golden %v", prefix, p.Name, ours, inGolden)
			} else if ours {
				flat, err := d.fetch(v)
				if err != nil {
					t.Fatal(err)
				}
				compareScaled(t, prefix+p.Name, flat, g.floats(t, want.Name))
			}
		}
	}
}

// compareScaled compares within 1e-5 of the largest element.
func compareScaled(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", name, len(got), len(want))
		return
	}
	scale := 0.0
	for _, x := range want {
		scale = max(scale, math.Abs(float64(x)))
	}
	for i := range want {
		if diff := math.Abs(float64(got[i]) - float64(want[i])); !(diff <= 1e-5*scale) {
			t.Errorf("%s[%d] = %g, want %g", name, i, got[i], want[i])
			return
		}
	}
}

// TestRate holds the schedules against the golden file's.
func TestRate(t *testing.T) {
	g := readGolden(t, "optimizers")
	for _, schedule := range []string{"polynomial", "cosine"} {
		train := Train{Steps: 31, LearningRate: 0.5, FinalRate: 0.04, Warmup: 7.0 / 31, Schedule: schedule}
		for i, want := range g.floats(t, "schedule."+schedule) {
			if got := train.Rate(int64(i + 1)); math.Abs(got-float64(want)) > 1e-6 {
				t.Errorf("%s: rate of update %d = %g, want %g", schedule, i+1, got, want)
			}
		}
	}
}
