package layers

import (
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// waves are numbers all over the place, f32 of dims.
func waves(g *Graph, frequency float64, dims ...int) *Node {
	size := 1
	for _, d := range dims {
		size *= d
	}
	place := Iota(g, shapes.Make(dtypes.Float32, size), 0)
	return Reshape(Sin(MulScalar(Add(place, Square(place)), frequency)), dims...)
}

// agree compares pairs of what must be equal, by their names.
func agree(t *testing.T, build func(g *Graph) map[string][2]*Node) {
	t.Helper()
	agreeWithin(t, 1e-5, build)
}

// agreeWithin is agree with a tolerance, as near has it.
func agreeWithin(t *testing.T, tolerance float64, build func(g *Graph) map[string][2]*Node) {
	t.Helper()
	out := evaluate(t, map[string]value{"unused": {dims: []int{1}, data: []float32{0}}}, func(nodes map[string]*Node) map[string]*Node {
		all := map[string]*Node{}
		for name, pair := range build(nodes["unused"].Graph()) {
			all["got "+name], all["want "+name] = pair[0], pair[1]
		}
		return all
	})
	for name := range out {
		if rest, ok := strings.CutPrefix(name, "got "); ok {
			near(t, rest, out[name], out["want "+rest], tolerance)
		}
	}
}

// The written gradients of a product are those that GoMLX derives.
func TestNarrowProduct(t *testing.T) {
	for equation, dims := range map[string][2][]int{
		"ni,io->no": {{7, 11}, {11, 5}}, "end,edf->enf": {{3, 7, 5}, {3, 5, 11}},
	} {
		agree(t, func(g *Graph) map[string][2]*Node {
			x, w := waves(g, 0.37, dims[0]...), waves(g, 0.73, dims[1]...)
			loss := func(y *Node) *Node { return ReduceAllSum(Mul(y, Sin(y))) }
			got := Gradient(loss(narrowProduct(equation, x, w)), x, w)
			want := Gradient(loss(Einsum(equation, x, w)), x, w)
			return map[string][2]*Node{equation + ", x": {got[0], want[0]}, equation + ", w": {got[1], want[1]}}
		})
	}
}

// A classifier's loss and gradients are the same with all logits at once and piece by piece, the last of them padded.
func TestClassifierPieces(t *testing.T) {
	const N, D, V, each, pieces = 13, 7, 11, 5, 3
	agree(t, func(g *Graph) map[string][2]*Node {
		targets := ConvertDType(AddScalar(MulScalar(waves(g, 0.9, N), 4.9), 5), dtypes.Int32)
		c := classified{h: waves(g, 0.37, N, D), table: waves(g, 0.73, V, D), bias: waves(g, 0.51, V), targets: targets, weights: waves(g, 0.29, N)}
		padded := c
		for _, x := range []**Node{&padded.h, &padded.targets, &padded.weights} {
			rest := make([]int, (*x).Rank())
			copy(rest, (*x).Shape().Dimensions)
			rest[0] = each*pieces - N
			*x = Concatenate([]*Node{*x, Zeros(g, shapes.Make((*x).DType(), rest...))}, 0)
		}
		whole := c.gradients()
		made := padded.oneByOne(each, pieces)
		return map[string][2]*Node{
			"nll": {Slice(made.nll, AxisRange(0, N)), whole.nll}, "h": {Slice(made.h, AxisRange(0, N)), whole.h},
			"table": {made.table, whole.table}, "bias": {made.bias, whole.bias},
		}
	})
}
