package m6

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

	"m6lab/layers"
)

// moeProgram compiles a mixture of experts over x [B,S,D] of normal numbers, forward and, while it trains, backward; run is one execution.
func moeProgram(b *testing.B, rows, length, width int, o layers.MoEOptions) (run func()) {
	b.Helper()
	d, err := OpenDevice(Mesh{1, 1, 1})
	if err != nil {
		b.Fatal(err)
	}
	g := NewGraph(d.backend, b.Name())
	r := rand.New(rand.NewPCG(1, 2))
	nodes, values := map[string]*Node{}, []any{}
	declare := func(p layers.Param) *Node {
		flat := make([]float32, p.Size())
		for i := range flat {
			flat[i] = float32(r.NormFloat64() * p.Init.Scale)
		}
		values = append(values, tensors.FromFlatDataAndDimensions(flat, p.Dims...))
		return Parameter(g, fmt.Sprint("p", len(values)), shapes.Make(dtypes.Float32, p.Dims...))
	}
	x := declare(layers.Param{Dims: []int{rows, length, width}, Init: layers.Init{Kind: layers.InitNormal, Scale: 1}})
	all := []*Node{x}
	for _, p := range layers.MoEParams("", width, o.Hidden, o.Experts, 1) {
		nodes[p.Name] = declare(p)
		all = append(all, nodes[p.Name])
	}
	valid := Const(g, slices.Repeat([][]bool{slices.Repeat([]bool{true}, length)}, rows))
	y, routing := layers.MoE(layers.NewWeights(nodes, dtypes.Float32), x, valid, o)
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

// inTurn runs each program once a round, so that what else the machine does meets all alike, and returns the medians of seconds by the clock
// and of the processor's.
func inTurn(b *testing.B, runs []func()) (clock, cpu []float64) {
	b.Helper()
	clocks, processors := make([][]float64, len(runs)), make([][]float64, len(runs))
	for _, run := range runs {
		run()
	}
	for b.Loop() {
		for i, run := range runs {
			before, start := processor(b), time.Now()
			run()
			processors[i] = append(processors[i], processor(b)-before)
			clocks[i] = append(clocks[i], time.Since(start).Seconds())
		}
	}
	for i := range runs {
		slices.Sort(clocks[i])
		slices.Sort(processors[i])
		clock, cpu = append(clock, clocks[i][len(clocks[i])/2]), append(cpu, processors[i][len(processors[i])/2])
	}
	return clock, cpu
}

// trainedExperts are experts of hidden width 2048 behind tokens of width 64 in groups of at most 1024, forward and backward.
func trainedExperts(b *testing.B, tokens, experts int, router layers.Router) (run func()) {
	group := min(tokens, 1024)
	return moeProgram(b, tokens/group, group, 64, layers.MoEOptions{
		Experts: experts, Router: router, TopK: 2, CapacityFactor: 2, Hidden: 2048, Training: true,
	})
}

// BenchmarkMoE is the cost of a token from 8 to 1024 experts, 32 seats for each: forward and backward, each size by itself, as a run has it.
func BenchmarkMoE(b *testing.B) {
	for _, experts := range []int{8, 64, 256, 1024} {
		b.Run(fmt.Sprintf("experts=%d", experts), func(b *testing.B) {
			clock, cpu := inTurn(b, []func(){trainedExperts(b, experts*16, experts, layers.RouterTop2)})
			tokens := float64(experts * 16)
			b.ReportMetric(clock[0]*1e6/tokens, "us/token")
			b.ReportMetric(cpu[0]*1e6/tokens, "cpu-us/token")
		})
	}
}

// BenchmarkMoEInference is the cost of one batch of 16 rows of 16 tokens that no seat limits, from 8 to 1024 experts.
func BenchmarkMoEInference(b *testing.B) {
	for _, experts := range []int{8, 64, 1024} {
		b.Run(fmt.Sprintf("experts=%d", experts), func(b *testing.B) {
			run := moeProgram(b, 16, 16, 64, layers.MoEOptions{Experts: experts, Hidden: 2048, Router: layers.RouterTop2, TopK: 2})
			run()
			for b.Loop() {
				run()
			}
		})
	}
}

// BenchmarkMoERouters compares routers at 64 experts and the same seats.
func BenchmarkMoERouters(b *testing.B) {
	const tokens = 1024
	routers := []layers.Router{layers.RouterTop2, layers.RouterPrototypes}
	var runs []func()
	for _, router := range routers {
		runs = append(runs, trainedExperts(b, tokens, 64, router))
	}
	clock, cpu := inTurn(b, runs)
	for i, router := range routers {
		b.ReportMetric(cpu[i]*1e6/tokens, "cpu-us/token-"+string(router))
		b.ReportMetric(clock[i]*1e6/tokens, "us/token-"+string(router))
	}
	b.ReportMetric(cpu[1]/cpu[0], "cpu-ratio")
	b.ReportMetric(clock[1]/clock[0], "ratio")
}
