package layers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// moeProgram compiles a mixture of experts over x [B,S,D] of normal numbers, forward and, while it trains, backward; run is one execution.
func moeProgram(b *testing.B, rows, length, width int, o MoEOptions) (run func()) {
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
	valid := Const(g, slices.Repeat([][]bool{slices.Repeat([]bool{true}, length)}, rows))
	y, routing := MoE(NewWeights(nodes, dtypes.Float32), x, valid, o)
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

// processor is the time that this process has computed, on all cores: unlike the clock's it does not count what others do beside it.
func processor(b *testing.B) float64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// costOfToken measures forward and backward over tokens tokens of width 64 in groups of at most 1024.
func costOfToken(b *testing.B, tokens int, o MoEOptions) {
	o.Hidden, o.Training = 2048, true
	group := min(tokens, 1024)
	run := moeProgram(b, tokens/group, group, 64, o)
	run()
	before := processor(b)
	for b.Loop() {
		run()
	}
	b.ReportMetric((processor(b)-before)*1e6/float64(b.N*tokens), "cpu-us/token")
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*tokens), "us/token")
}

// BenchmarkMoE is the cost of a token from 8 to 1024 experts: forward and backward, 32 seats for each expert.
func BenchmarkMoE(b *testing.B) {
	for _, experts := range []int{8, 64, 256, 1024} {
		o := MoEOptions{Experts: experts, Router: RouterTop2, TopK: 2, CapacityFactor: 2}
		b.Run(fmt.Sprintf("experts=%d", experts), func(b *testing.B) { costOfToken(b, experts*16, o) })
	}
}

// BenchmarkMoEInference is the cost of one batch of 16 rows of 16 tokens that no seat limits, from 8 to 1024 experts.
func BenchmarkMoEInference(b *testing.B) {
	for _, experts := range []int{8, 64, 1024} {
		b.Run(fmt.Sprintf("experts=%d", experts), func(b *testing.B) {
			run := moeProgram(b, 16, 16, 64, MoEOptions{Experts: experts, Hidden: 2048, Router: RouterTop2, TopK: 2})
			run()
			for b.Loop() {
				run()
			}
		})
	}
}

// BenchmarkMoERouters compares routers at 64 experts and the same seats, in turn, so that what else the machine does meets both: medians.
func BenchmarkMoERouters(b *testing.B) {
	const tokens = 1024
	routers := []Router{RouterTop2, RouterPrototypes}
	var runs []func()
	for _, router := range routers {
		o := MoEOptions{Experts: 64, Router: router, TopK: 2, CapacityFactor: 2, Hidden: 2048, Training: true}
		runs = append(runs, moeProgram(b, 1, tokens, 64, o))
		runs[len(runs)-1]()
	}
	processors, clocks := make([][]float64, len(runs)), make([][]float64, len(runs))
	for b.Loop() {
		for i, run := range runs {
			before, start := processor(b), time.Now()
			run()
			processors[i] = append(processors[i], processor(b)-before)
			clocks[i] = append(clocks[i], time.Since(start).Seconds())
		}
	}
	median := func(x []float64) float64 {
		slices.Sort(x)
		return x[len(x)/2]
	}
	for i, router := range routers {
		b.ReportMetric(median(processors[i])*1e6/tokens, "cpu-us/token-"+string(router))
		b.ReportMetric(median(clocks[i])*1e6/tokens, "us/token-"+string(router))
	}
	b.ReportMetric(median(processors[1])/median(processors[0]), "cpu-ratio")
	b.ReportMetric(median(clocks[1])/median(clocks[0]), "ratio")
}
