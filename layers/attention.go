package layers

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/attention"
)

// AttentionParams declares the four projections of [SelfAttention]. gain scales the start of the output
// projection, which writes into the residual stream.
func AttentionParams(prefix string, width, heads int, gain float64) []Param {
	K := width / heads
	var params []Param
	for _, part := range []string{"query", "key", "value"} {
		params = append(params,
			Param{Name: prefix + part + ".kernel", Dims: []int{width, heads, K}, Init: fanIn(width, 1)},
			Param{Name: prefix + part + ".bias", Dims: []int{heads, K}})
	}
	return append(params,
		Param{Name: prefix + "output.kernel", Dims: []int{heads, K, width}, Init: fanIn(width, gain)},
		Param{Name: prefix + "output.bias", Dims: []int{width}})
}

// Attended is what [SelfAttention] gives. What is not used of it costs nothing.
type Attended struct {
	Y            *Node // [B,S,D]
	Weights      *Node // f32 [B,H,S,S] (query, key): what a figure shows
	Keys, Values *Node // [B,S,H,K]: what a cache keeps
}

// SelfAttention is multi-head scaled dot-product attention (Vaswani et al., arXiv 1706.03762) of x [B,S,D].
// bias f32 [B,1,S,S] is added to the scores, see [MaskBias].
func SelfAttention(w Weights, x, bias *Node, heads int) Attended {
	B, S, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	bias.AssertDims(B, 1, S, S)
	qkv := w.again(x, 0, func(w Weights, x *Node) *Node { return projections(w, Reshape(x, B*S, D), heads, B, S) }, "query.", "key.", "value.")
	qBSHK, kBSHK, vBSHK := splitProjections(qkv)
	q := MulScalar(qBSHK, 1/math.Sqrt(float64(D/heads)))
	var mixed, weights *Node
	if w.fused != nil && canFuse(q) {
		mixed, weights = w.fused.attend(q, kBSHK, vBSHK, bias)
	} else {
		mixed, weights = attend(q, kBSHK, vBSHK, bias, w.selective)
	}
	output := func(w Weights, mixed *Node) *Node {
		return Reshape(attentionOutput(w, Reshape(mixed, B*S, D), heads), B, S, D)
	}
	var y *Node
	if w.gather != nil {
		y = w.again(mixed, 1, output, "output.")
	} else {
		y = w.arrives(output(w, mixed), 1)
	}
	return Attended{Y: y, Weights: weights, Keys: kBSHK, Values: vBSHK}
}

// Fused are the same weights, whose attention is one operation of the device where it has one, as GPUs do for bf16 (cuDNN's
// FlashAttention): the arrays [B,H,S,S] are never in the device's memory, but for one of the mask. It needs none where each query looks at
// itself and its past, of the first lengths int32 [B] positions; nil where the mask is another.
func (w Weights) Fused(lengths *Node) Weights {
	w.fused = &fused{lengths}
	return w
}

type fused struct{ lengths *Node }

// canFuse tells whether the device has an operation for attention with queries q [B,S,H,K].
func canFuse(q *Node) bool {
	has := q.Graph().Backend().Capabilities().Operations
	return has[compute.OpTypeFusedScaledDotProductAttention] && has[compute.OpTypeFusedScaledDotProductAttentionVJP] &&
		q.DType() == dtypes.BFloat16 && q.Shape().Dim(1)%8 == 0 && q.Shape().Dim(3)%8 == 0
}

// attend is the function of that name by the device's own operation.
func (f *fused) attend(q, k, v, bias *Node) (mixed, weights *Node) {
	B, S, H := q.Shape().Dim(0), q.Shape().Dim(1), q.Shape().Dim(2)
	o := attention.CoreOptions{Scale: 1}
	if f.lengths != nil {
		o.UseCausalMask, o.KVSeqLen = true, MaxScalar(f.lengths, 1)
		o.QuerySeqLen = Add(MulScalar(f.lengths, 0), Const(q.Graph(), int32(S))) // queries behind the end give some number too
	} else {
		o.AttentionBias = StopGradient(BroadcastToDims(ConvertDType(bias, q.DType()), B, H, S, S)) // the same for all layers, which the compiler sees
	}
	mixed, _ = attention.Core(q, k, v, attention.LayoutBSHD, o)
	exps, sums := exponentials(q, k, bias)
	return mixed, Div(exps, sums)
}

// exponentials of q·k + bias, less their greatest, f32 [B,H,S,S], and their sums over the keys, [B,H,S,1].
func exponentials(q, k, bias *Node) (exps, sums *Node) {
	scores := Add(ConvertDType(Einsum("bshk,bthk->bhst", q, k), dtypes.Float32), bias)
	exps = Exp(Sub(scores, StopGradient(ReduceAndKeep(scores, ReduceMax, -1))))
	return exps, ReduceAndKeep(exps, ReduceSum, -1)
}

// attend mixes values [B,S,H,K] by softmax(q·k + bias); weights are f32 [B,H,S,S]. The exponentials are divided by their sums behind
// the product with the values, and the gradient is written down as in FlashAttention (Dao et al., arXiv 2205.14135, appendix B): both
// spare passes over the arrays [B,H,S,S], which cost most. Selectively they are made again, of queries and keys.
func attend(q, k, v, bias *Node, s *selective) (mixed, weights *Node) {
	dtype := q.DType()
	var exps, sums, mixedBHSK *Node // f32 [B,H,S,S], [B,H,S,1], [B,H,S,K]
	forward := func(in []*Node) *Node {
		exps, sums = exponentials(in[0], in[1], bias)
		mixedBHSK = Div(ConvertDType(Einsum("bhst,bthk->bhsk", ConvertDType(exps, dtype), in[2]), dtypes.Float32), sums)
		return ConvertDType(TransposeAllAxes(mixedBHSK, 0, 2, 1, 3), dtype)
	}
	backward := func(in []*Node, again remade, dy *Node) []*Node {
		exps, sums, mixedBHSK := again(exps), again(sums), again(mixedBHSK)
		if s != nil {
			in = []*Node{s.tied(in[0]), in[1], in[2]}
			exps, sums = exponentials(in[0], in[1], bias)
			mixedBHSK = ConvertDType(TransposeAllAxes(mixed, 0, 2, 1, 3), dtypes.Float32)
		}
		byMixed := Div(ConvertDType(TransposeAllAxes(dy, 0, 2, 1, 3), dtypes.Float32), sums)
		constant := ReduceAndKeep(Mul(byMixed, mixedBHSK), ReduceSum, -1) // what every weight of a row shares, [B,H,S,1]
		byMixed = ConvertDType(byMixed, dtype)
		byWeights := ConvertDType(Einsum("bhsk,bthk->bhst", byMixed, in[2]), dtypes.Float32)
		byScores := ConvertDType(Mul(exps, Sub(byWeights, constant)), dtype)
		return []*Node{
			Einsum("bhst,bthk->bshk", byScores, in[1]),
			overQueries(TransposeAllAxes(in[0], 0, 2, 1, 3), byScores),
			overQueries(byMixed, ConvertDType(exps, dtype)),
		}
	}
	mixed = withGradient([]*Node{q, k, v}, forward, backward)
	return mixed, Div(exps, sums)
}

// overQueries sums x [B,H,S,K] times weights [B,H,S,T] over the queries S, to [B,T,H,K]. With x on the left XLA's product on CPU takes half
// the time.
func overQueries(x, weights *Node) *Node {
	return TransposeAllAxes(Einsum("bhsk,bhst->bhkt", x, weights), 0, 3, 1, 2)
}

// Projections are queries, keys and values of x [N,D], each as [dims...,H,K].
func Projections(w Weights, x *Node, heads int, dims ...int) (q, k, v *Node) {
	return splitProjections(projections(w, x, heads, dims...))
}

// projections are queries, keys and values side by side, [dims...,H,3,K]. They are one matrix product: the kernels are concatenated by
// heads, [D,H,3,K], so that a split of the heads over devices splits the product too.
func projections(w Weights, x *Node, heads int, dims ...int) *Node {
	D := x.Shape().Dim(1)
	K := D / heads
	var kernels, biases []*Node
	for _, part := range []string{"query", "key", "value"} {
		kernels = append(kernels, ExpandAxes(w.In("%s", part).At("kernel", D, heads, K), 2)) // [D,H,1,K]
		biases = append(biases, ExpandAxes(w.In("%s", part).At("bias", heads, K), 1))        // [H,1,K]
	}
	kernel := Reshape(Concatenate(kernels, 2), D, 3*D)
	bias := Reshape(Concatenate(biases, 1), 3*D)
	return Reshape(Dense(x, kernel, bias), append(append([]int{}, dims...), heads, 3, K)...) // [N,3D] -> [...,H,3,K]
}

func splitProjections(qkv *Node) (q, k, v *Node) {
	axis := qkv.Rank() - 2
	part := func(i int) *Node { return Squeeze(SliceAxis(qkv, axis, AxisElem(i)), axis) }
	return part(0), part(1), part(2)
}

// attentionOutput projects the heads' joined results [N,D] back into the residual stream [N,D].
func attentionOutput(w Weights, x *Node, heads int) *Node {
	D := x.Shape().Dim(1)
	out := w.In("output")
	return Dense(x, Reshape(out.At("kernel", heads, D/heads, D), D, D), out.At("bias", D))
}

// MaskBias turns mask bool [B,S,S] (or [B,L], of one query) into what attention adds to its scores, f32 [B,1,S,S] (or [B,1,L]): 0 where
// a query may look and a large negative number where not. It is finite, so that a query that may look nowhere gives some number and never a NaN.
func MaskBias(mask *Node) *Node {
	g := mask.Graph()
	bias := Where(mask, ScalarZero(g, dtypes.Float32), Scalar(g, dtypes.Float32, -1e9))
	return ExpandAxes(bias, 1)
}

// Cache holds the keys and values of a layer for positions that were seen, each [B,H,L,K], L the room.
type Cache struct{ Keys, Values *Node }

// CacheShape is the shape of a cache's keys and of its values.
func CacheShape(dtype dtypes.DType, batch, heads, room, headSize int) shapes.Shape {
	return shapes.Make(dtype, batch, heads, room, headSize)
}

// CachedAttention is [SelfAttention] of one new position: x [B,D], which is stored in the cache at position int32 [] (the same for
// all rows) and looks where bias f32 [B,1,L] lets it. It returns y [B,D] and the changed cache.
func CachedAttention(w Weights, x, bias, position *Node, cache Cache, heads int) (*Node, Cache) {
	B, D := x.Shape().Dim(0), x.Shape().Dim(1)
	zero := Const(x.Graph(), int32(0))
	qBHK, kBHK, vBHK := Projections(w, x, heads, B)
	at := []*Node{zero, zero, position, zero}
	cache.Keys = DynamicUpdateSlice(cache.Keys, ExpandAxes(kBHK, 2), at)
	cache.Values = DynamicUpdateSlice(cache.Values, ExpandAxes(vBHK, 2), at)
	qBHK = MulScalar(qBHK, 1/math.Sqrt(float64(D/heads)))
	scores := ConvertDType(Einsum("bhk,bhlk->bhl", qBHK, cache.Keys), dtypes.Float32)
	weights := ConvertDType(Softmax(Add(scores, bias), -1), x.DType())
	mixed := Einsum("bhl,bhlk->bhk", weights, cache.Values)
	return attentionOutput(w, Reshape(mixed, B, D), heads), cache
}
