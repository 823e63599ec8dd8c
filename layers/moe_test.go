package layers

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// moeCase is how a file of scripts/reference/moe_routers.py was made.
type moeCase struct {
	Router         Router
	Experts, Layer int
	TopK           int     `json:"top_k"`
	CapacityFactor float64 `json:"capacity_factor"`
	Group          int
	Normalize      bool
	Jitter         float64
	RandomSecond   bool `json:"random_second"`
	Seed           uint32
}

func readMoECase(t *testing.T, name string) moeCase {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "golden", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Metadata struct{ Case string } `json:"__metadata__"`
	}
	if err := json.Unmarshal(file[8:8+binary.LittleEndian.Uint64(file)], &header); err != nil {
		t.Fatal(err)
	}
	var c moeCase
	decoder := json.NewDecoder(strings.NewReader(header.Metadata.Case))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c moeCase) options(nodes map[string]*Node, training bool) MoEOptions {
	o := MoEOptions{
		Experts: c.Experts, Hidden: nodes["w.experts.in.bias"].Shape().Dim(1), Router: c.Router, TopK: c.TopK, CapacityFactor: c.CapacityFactor,
		Group: c.Group, Normalize: c.Normalize, Training: training, Layer: c.Layer, Position: ConvertDType(nodes["position"], dtypes.Int32),
	}
	if training {
		o.Noise = &MoENoise{Seed: Const(nodes["x"].Graph(), c.Seed), Jitter: c.Jitter, Second: c.RandomSecond}
	}
	return o
}

// TestMoEGolden holds outputs, losses, loads, drops and gradients of every router, and what inference gives, against NumPy.
func TestMoEGolden(t *testing.T) {
	for _, name := range []string{
		"moe_top1", "moe_top1_normalized", "moe_top1_pieces", "moe_top1_rows", "moe_top2_random", "moe_prototypes", "moe_prototypes_normalized",
		"moe_expert_choice", "moe_expert_choice_normalized", "moe_random",
	} {
		t.Run(name, func(t *testing.T) {
			all, c := golden(t, name), readMoECase(t, name)
			inputs := map[string]value{}
			for name, v := range all {
				if !strings.HasPrefix(name, "out.") && !strings.HasPrefix(name, "grad.") && name != "__metadata__" {
					inputs[name] = v
				}
			}
			got := evaluate(t, inputs, func(nodes map[string]*Node) map[string]*Node { return c.build(nodes) })
			for name, want := range all {
				if strings.HasPrefix(name, "out.") || strings.HasPrefix(name, "grad.") {
					near(t, name, got[name], want, tolerance)
				}
			}
		})
	}
}

// build computes what the file holds, by its names.
func (c moeCase) build(nodes map[string]*Node) map[string]*Node {
	weights := map[string]*Node{}
	for name, node := range nodes {
		if w, ok := strings.CutPrefix(name, "w."); ok {
			weights[w] = node
		}
	}
	w := NewWeights(weights, dtypes.Float32)
	valid := GreaterThan(nodes["valid"], FillLike(nodes["valid"], 0.5))
	y, r := MoE(w, nodes["x"], valid, c.options(nodes, true))
	plain, _ := MoE(w, nodes["x"], valid, c.options(nodes, false))
	out := map[string]*Node{
		"out.y": y, "out.inference": plain, "out.load": r.Load, "out.losses": Stack([]*Node{r.Balance, r.Z}, 0),
		"out.counts": Stack([]*Node{r.Dropped, r.Choices}, 0),
	}
	if r.Chosen != nil {
		out["out.chosen"] = r.Chosen
	}
	loss := Add(ReduceAllSum(Mul(y, nodes["cotangent"])), Add(MulScalar(r.Balance, 0.7), MulScalar(r.Z, 0.3)))
	names := []string{"x"}
	for name := range weights {
		names = append(names, "w."+name)
	}
	var of []*Node
	for _, name := range names {
		of = append(of, nodes[name])
	}
	for i, g := range Gradient(loss, of...) {
		out["grad."+strings.TrimPrefix(names[i], "w.")] = g
	}
	return out
}
