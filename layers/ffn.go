package layers

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// FFNParams declares the two projections of [FFN]. gain scales the start of the second one, which writes into the residual stream.
func FFNParams(prefix string, width, hidden int, gain float64) []Param {
	return []Param{
		KernelParam(prefix+"in.kernel", width, hidden),
		{Name: prefix + "in.bias", Dims: []int{hidden}},
		{Name: prefix + "out.kernel", Dims: []int{hidden, width}, Init: fanIn(hidden, gain)},
		{Name: prefix + "out.bias", Dims: []int{width}},
	}
}

// FFN is the feed-forward network of a Transformer block, x [B,S,D] to [B,S,D]: out(GELU(in(x))) with hidden width F.
func FFN(w Weights, x *Node, hidden int) *Node {
	x.AssertRank(3)
	B, S, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	h := w.again(x, 0, func(w Weights, x *Node) *Node {
		h := Dense(Reshape(x, B*S, D), w.At("in.kernel", D, hidden), w.At("in.bias", hidden)) // [B,S,D] -> [N,F]
		return Reshape(h, B, S, hidden)
	}, "in.")
	return w.again(h, 1, func(w Weights, h *Node) *Node {
		y := Dense(GELU(Reshape(h, B*S, hidden)), w.At("out.kernel", hidden, D), w.At("out.bias", D)) // [N,F] -> [N,D]
		return Reshape(y, B, S, D)
	}, "out.")
}

// Dense is x·kernel + bias for x [N,I], kernel [I,O] and bias [O], a plain matrix product: the fastest layout XLA has on CPU.
func Dense(x, kernel, bias *Node) *Node {
	return Add(product("ni,io->no", x, kernel), ExpandAxes(bias, 0))
}

// GELU is the exact Gaussian error linear unit x·Φ(x) (Hendrycks and Gimpel, arXiv 1606.08415), not its tanh approximation.
func GELU(x *Node) *Node {
	// Constants of its own: GoMLX keeps those of MulScalar for the whole program, and a loop's body may not use what stands outside of it.
	constant := func(v float64) *Node { return Const(x.Graph(), shapes.CastAsDType(v, x.DType())) }
	return Mul(x, Mul(Add(Erf(Mul(x, constant(1/math.Sqrt2))), constant(1)), constant(0.5)))
}
