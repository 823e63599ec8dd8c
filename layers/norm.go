package layers

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// NormEpsilon is added to the variance by [LayerNorm].
const NormEpsilon = 1e-5

// NormParams declares the scale and bias [D] of a [LayerNorm].
func NormParams(prefix string, width int) []Param {
	return []Param{
		{Name: prefix + "scale", Dims: []int{width}, Init: Init{Kind: InitOne}},
		{Name: prefix + "bias", Dims: []int{width}},
	}
}

// LayerNorm normalises the last axis of x [...,D] to mean 0 and variance 1, then scales and shifts it (Ba et al., arXiv 1607.06450).
// It calculates in f32 and returns x's type.
func LayerNorm(w Weights, x *Node) *Node { return w.norm(x, layerNorm) }

func layerNorm(w Weights, x *Node) *Node {
	width := x.Shape().Dimensions[x.Rank()-1]
	h := ConvertDType(x, dtypes.Float32)
	centred := Sub(h, ReduceAndKeep(h, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
	y := Div(centred, Sqrt(AddScalar(variance, NormEpsilon))) // Rsqrt has no gradient in GoMLX
	scale, bias := w.F32("scale", width), w.F32("bias", width)
	y = Add(Mul(y, ExpandLeftToRank(scale, x.Rank())), ExpandLeftToRank(bias, x.Rank()))
	return ConvertDType(y, x.DType())
}
