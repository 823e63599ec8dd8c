package layers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// moeProgram compiles a mixture of experts over x [B,S,D] of normal numbers, forward and, while it trains, backward; run is one execution.
func moeProgram(b testing.TB, rows, length, width int, o MoEOptions, moe func(w Weights, x, valid *Node, o MoEOptions) (*Node, Routing)) (run func()) {
	b.Helper()
	g := NewGraph(device(), b.Name())
	r := rand.New(rand.NewPCG(1, 2))
	nodes, values := map[string]*Node{}, []any{}
	declare := func(p Param) *Node {
		flat := make([]float32, p.Size())
		for i := range flat {
			flat[i] = float32(r.NormFloat64() * p.Init.Scale)
		}
		values = append(values, tensors.FromFlatDataAndDimensions(flat, p.Dims...))
		return Parameter(g, fmt.Sprint("p", len(values)), shapes.Make(dtypes.Float32, p.Dims...))
	}
	x := declare(Param{Dims: []int{rows, length, width}, Init: Init{InitNormal, 1}})
	all := []*Node{x}
	for _, p := range MoEParams("", width, o.Hidden, o.Experts, 1) {
		nodes[p.Name] = declare(p)
		all = append(all, nodes[p.Name])
	}
	y, routing := moe(NewWeights(nodes, dtypes.Float32), x, Const(g, true_(rows, length)), o)
	outputs := []*Node{ReduceAllSum(Square(y)), routing.Dropped, routing.Load}
	if o.Training {
		total := Add(outputs[0], Add(routing.Balance, routing.Z))
		outputs = append(outputs, Gradient(total, all...)...)
	}
	if err := g.Compile(outputs...); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Finalize)
	return func() {
		for _, out := range g.Run(values...) {
			out.FinalizeAll()
		}
	}
}

func true_(rows, length int) [][]bool {
	all := make([][]bool, rows)
	for i := range all {
		all[i] = make([]bool, length)
		for j := range all[i] {
			all[i][j] = true
		}
	}
	return all
}

// BenchmarkMoE is the cost of a token from 8 to 1024 experts: forward and backward, the same number of seats for each expert.
func BenchmarkMoE(b *testing.B) {
	const seats, factor, width, hidden = 32, 2, 64, 2048
	for _, experts := range []int{8, 64, 256, 1024} {
		tokens := experts * seats / factor
		o := MoEOptions{Experts: experts, Hidden: hidden, Router: RouterTop2, TopK: 2, CapacityFactor: factor, Training: true}
		for name, moe := range moes { if name == "onehot" { continue }
			for _, group := range slices.Compact([]int{min(1024, tokens), tokens}) {
				if name == "onehot" && group > 1024 {
					continue
				}
				rows := max(1, tokens/group)
				b.Run(fmt.Sprintf("%s/experts=%d/group=%d", name, experts, group), func(b *testing.B) {
					run := moeProgram(b, rows, tokens/rows, width, o, moe)
					run()
					for b.Loop() {
						run()
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*tokens), "us/token")
				})
			}
		}
	}
}
