package layers

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// BatchNormParams declares the tensors of a [BatchNorm] of [C] channels: weight, bias, and the running statistics, which are buffers.
func BatchNormParams(prefix string, channels int) []Param {
	dims := []int{channels}
	return []Param{
		{Name: prefix + "weight", Dims: dims, Init: Init{Kind: InitOne}},
		{Name: prefix + "bias", Dims: dims},
		{Name: prefix + "running_mean", Dims: dims, Buffer: true},
		{Name: prefix + "running_var", Dims: dims, Init: Init{Kind: InitOne}, Buffer: true},
	}
}

// PyTorch's constants of BatchNorm2d.
const (
	batchNormEpsilon  = 1e-5
	batchNormMomentum = 0.1
)

// BatchNorm normalises each channel of x [B,H,W,C] as PyTorch's BatchNorm2d does (Ioffe and Szegedy, arXiv 1502.03167): by its running
// statistics, or, in training, by those of the batch. It calculates in f32 and returns x's type.
func BatchNorm(w Weights, x *Node, training bool) (y *Node, statistics BatchStatistics) {
	channels := x.Shape().Dim(3)
	weight, bias := w.F32("weight", channels), w.F32("bias", channels)
	mean, variance := w.F32("running_mean", channels), w.F32("running_var", channels)
	h := ConvertDType(x, dtypes.Float32)
	if training {
		y, statistics = normaliseBatch(h, weight, bias)
		statistics = statistics.running(mean, variance, x.Shape().Size()/channels)
	} else {
		scale := Div(weight, Sqrt(AddScalar(variance, batchNormEpsilon)))
		y = Add(Mul(h, perChannel(scale)), perChannel(Sub(bias, Mul(mean, scale))))
	}
	return ConvertDType(y, x.DType()), statistics
}

// BatchStatistics are f32 [C]; both are nil where there are none.
type BatchStatistics struct{ Mean, Variance *Node }

// running moves the running statistics towards those of a batch of n values a channel, whose variance it makes unbiased.
func (s BatchStatistics) running(mean, variance *Node, n int) BatchStatistics {
	unbiased := MulScalar(s.Variance, float64(n)/float64(max(n-1, 1)))
	move := func(old, batch *Node) *Node {
		return StopGradient(Add(MulScalar(old, 1-batchNormMomentum), MulScalar(batch, batchNormMomentum)))
	}
	return BatchStatistics{move(mean, s.Mean), move(variance, unbiased)}
}

// normaliseBatch is batch norm by the batch's own statistics, which it returns with the biased variance. Its gradient is written by hand and
// its sums are matrix products: on XLA's CPU that is two to three times faster than the derived one.
func normaliseBatch(x, weight, bias *Node) (*Node, BatchStatistics) {
	n := float64(x.Shape().Size() / x.Shape().Dim(3))
	var s BatchStatistics
	var centred, inverse *Node // x - mean [B,H,W,C], 1/deviation [C]
	forward := func(in []*Node) *Node {
		s.Mean = DivScalar(sumPerChannel(in[0]), n)
		centred = Sub(in[0], perChannel(s.Mean))
		s.Variance = DivScalar(sumPerChannel(Square(centred)), n)
		inverse = Inverse(Sqrt(AddScalar(s.Variance, batchNormEpsilon)))
		return Add(Mul(centred, perChannel(Mul(inverse, in[1]))), perChannel(in[2]))
	}
	backward := func(in []*Node, _ remade, dy *Node) []*Node {
		normal := Mul(centred, perChannel(inverse))
		dBias, dWeight := sumPerChannel(dy), sumPerChannel(Mul(dy, normal))
		dx := Sub(Sub(dy, perChannel(DivScalar(dBias, n))), Mul(normal, perChannel(DivScalar(dWeight, n))))
		return []*Node{Mul(dx, perChannel(Mul(inverse, in[1]))), dWeight, dBias}
	}
	return withGradient([]*Node{x, weight, bias}, forward, backward), s
}

// sumPerChannel is the sum of x [B,H,W,C] over all but channels, [C]: on processors a product with ones, which is faster; on GPUs a
// reduction.
func sumPerChannel(x *Node) *Node {
	if onGPU(x.Graph()) {
		return ConvertDType(ReduceSum(ConvertDType(x, dtypes.Float32), 0, 1, 2), x.DType())
	}
	shape := x.Shape().Clone()
	shape.Dimensions = shape.Dimensions[:3]
	return EinsumAxes(Ones(x.Graph(), shape), x, [][2]int{{0, 0}, {1, 1}, {2, 2}}, nil)
}

// perChannel lays v [C] over [B,H,W,C].
func perChannel(v *Node) *Node { return ExpandLeftToRank(v, 4) }
