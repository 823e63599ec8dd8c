package layers

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// CrossEntropy is the negative log-likelihood in nats of targets int32 [N] under logits [N,V]: f32 [N]. Neither a one-hot target nor
// log-probabilities [N,V] are ever kept.
func CrossEntropy(logits, targets *Node) *Node {
	logits = ConvertDType(logits, dtypes.Float32)
	nll, _, _, _ := crossEntropy(logits, StopGradient(ReduceAndKeep(logits, ReduceMax, -1)), targets)
	return nll
}

// crossEntropy is the nll [N] of targets under logits f32 [N,V] with their peaks [N,1], and what its gradient is made of:
// exp(logits - peak) and its sums, [N,V] and [N,1], and where the targets are, bool [N,V].
//
// It runs inside a loop too, where GoMLX v0.28 and go-xla v0.3.0 cannot use a reduction or a cached number that the program has used
// outside: both keep one of a kind, which belongs to where it was first wanted. So sums are products with ones, which are faster besides, and
// numbers are written out as constants.
func crossEntropy(logits, peak, targets *Node) (nll, exps, sums, chosen *Node) {
	exps = Exp(Sub(logits, peak))
	sums = rowSums(exps)
	chosen = Equal(ExpandAxes(targets, -1), Iota(logits.Graph(), intShape(1, logits.Shape().Dim(1)), 1))
	picked := rowSums(Where(chosen, logits, constant(logits.Graph(), 0, logits.Shape().Dimensions...)))
	return Squeeze(Sub(Add(Log(sums), peak), picked), -1), exps, sums, chosen
}

// rowSums are the sums over each row of x [N,V], [N,1]; columnSums those over each column, [V]. On GPUs, where [Classifier] has no loop,
// they are reductions: XLA would make a product of tiles, and a padded copy of x for it.
func rowSums(x *Node) *Node {
	if onGPU(x.Graph()) {
		return ReduceAndKeep(x, ReduceSum, 1)
	}
	return Dot(x, constant(x.Graph(), 1, x.Shape().Dim(1), 1)).Product()
}

func columnSums(x *Node) *Node {
	if onGPU(x.Graph()) {
		return ReduceSum(x, 0)
	}
	return Squeeze(Dot(constant(x.Graph(), 1, 1, x.Shape().Dim(0)), x).Product(), 0)
}

func constant(g *Graph, value float32, dims ...int) *Node {
	return BroadcastToDims(Const(g, value), dims...)
}

// Classifier is a linear layer over classes: logits = h·tableᵀ + bias, table [V,D] in the type of its products, bias f32 [V].
type Classifier struct{ Table, Bias *Node }

// Loss is the weighted cross entropy of targets int32 [N] under h [N,D]: sum f32 [] of weights f32 [N] times nll, and nll f32 [N], through
// which no gradient flows. The logits [N,V] never exist as a whole: at most rows of them (0: all) are made at a time, and what they
// give to the gradient is taken in the same pass (Hsu et al., "Liger Kernel", arXiv 2410.10989). On processors a piece of logits that stays in
// the cache makes the step faster; on accelerators it saves memory.
func (c Classifier) Loss(h, targets, weights *Node, rows int) (sum, nll *Node) {
	N := h.Shape().Dim(0)
	pieces := 1
	if rows > 0 {
		pieces = (N + rows - 1) / rows
	}
	each := (N + pieces - 1) / pieces
	if onGPU(h.Graph()) && pieces > 1 {
		each = rows // whole tiles of products
	}
	padded := func(x *Node) *Node {
		if each*pieces == N {
			return x
		}
		return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{End: each*pieces - N})
	}
	in := classified{h: padded(StopGradient(h)), table: StopGradient(c.Table), bias: StopGradient(c.Bias), targets: padded(targets), weights: padded(StopGradient(weights))}
	var out classGradients
	switch {
	case pieces == 1:
		out = in.gradients()
	case onGPU(h.Graph()):
		out = in.oneByOne(each, pieces)
	default:
		out = in.inPieces(each, pieces)
	}
	nll = Slice(out.nll, AxisRange(0, N))
	value := StopGradient(ReduceAllSum(Mul(nll, StopGradient(weights))))
	sum = givenGradient(value, []*Node{h, c.Table, c.Bias}, func(dy *Node) []*Node {
		scaled := func(x *Node, dtype dtypes.DType) *Node { return ConvertDType(Mul(x, dy), dtype) }
		return []*Node{
			scaled(Slice(out.h, AxisRange(0, N)), h.DType()),
			scaled(Transpose(out.table, 0, 1), c.Table.DType()),
			scaled(out.bias, c.Bias.DType()),
		}
	})
	return sum, StopGradient(nll)
}

// classified is what a classifier's loss reads, classGradients what it gives: nll [N], and the gradients f32 of the weighted sum by
// h [N,D], table, transposed [D,V], and bias [V].
type (
	classified     struct{ h, table, bias, targets, weights *Node }
	classGradients struct{ nll, h, table, bias *Node }
)

func (c classified) nodes() []*Node { return []*Node{c.h, c.table, c.bias, c.targets, c.weights} }

// gradients makes loss and gradients with all logits at once.
func (c classified) gradients() classGradients {
	logits := Add(ConvertDType(Einsum("nd,vd->nv", c.h, c.table), dtypes.Float32), ExpandAxes(c.bias, 0))
	peak := Neg(ReduceAndKeep(Neg(logits), ReduceMin, -1)) // not ReduceMax, which attention uses outside of the loop, see crossEntropy
	nll, exps, sums, chosen := crossEntropy(logits, peak, c.targets)
	weights := ExpandAxes(c.weights, -1)
	byLogits := Sub(Mul(exps, Div(weights, sums)), Where(chosen, BroadcastToDims(weights, logits.Shape().Dimensions...), constant(logits.Graph(), 0, logits.Shape().Dimensions...)))
	g := ConvertDType(byLogits, c.h.DType())
	return classGradients{
		nll: nll, bias: columnSums(byLogits),
		h:     ConvertDType(Einsum("nv,vd->nd", g, c.table), dtypes.Float32),
		table: ConvertDType(Einsum("nd,nv->dv", c.h, g), dtypes.Float32),
	}
}

// Carried declares the state of a loop inside its condition or body, a parameter for each node that the loop begins with. A GoMLX loop
// sees nothing but its state, so what does not change is carried too.
func Carried(g *Graph, state []*Node) []*Node {
	inside := make([]*Node, len(state))
	for i, n := range state {
		inside[i] = Parameter(g, fmt.Sprintf("carried_%d", i), n.Shape())
	}
	return inside
}

// oneByOne is gradients for each rows at a time, written out: a piece waits for the one before it, by 0 times a number of that.
func (c classified) oneByOne(each, pieces int) classGradients {
	var all []classGradients
	for i := range pieces {
		part := AxisRange(i*each, (i+1)*each)
		in := classified{h: Slice(c.h, part), table: c.table, bias: c.bias, targets: Slice(c.targets, part), weights: Slice(c.weights, part)}
		if i > 0 {
			last := all[i-1]
			tie := MulScalar(Add(Slice(last.nll, AxisElem(0)), Reshape(Slice(last.table, AxisElem(0), AxisElem(0)), 1)), 0)
			in.h = Add(in.h, ExpandAxes(ConvertDType(tie, in.h.DType()), 0))
		}
		made := in.gradients()
		if i > 0 {
			made.table, made.bias = Add(all[i-1].table, made.table), Add(all[i-1].bias, made.bias)
		}
		all = append(all, made)
	}
	out := all[pieces-1]
	var nll, h []*Node
	for _, made := range all {
		nll, h = append(nll, made.nll), append(h, made.h)
	}
	out.nll, out.h = Concatenate(nll, 0), Concatenate(h, 0)
	return out
}

// inPieces is gradients for each rows at a time, in a loop.
func (c classified) inPieces(each, pieces int) classGradients {
	g := c.h.Graph()
	N, D, V := c.h.Shape().Dim(0), c.h.Shape().Dim(1), c.table.Shape().Dim(0)
	carried := append([]*Node{Const(g, int32(0)),
		Zeros(g, floatShape(N)), Zeros(g, floatShape(N, D)), Zeros(g, floatShape(D, V)), Zeros(g, floatShape(V))}, c.nodes()...)
	more := NewClosure(g, func(gr *Graph) []*Node {
		return []*Node{LessThan(Carried(gr, carried)[0], Const(gr, int32(pieces)))}
	})
	body := NewClosure(g, func(gr *Graph) []*Node {
		x := Carried(gr, carried)
		at, zero := Mul(x[0], Const(gr, int32(each))), Const(gr, int32(0))
		piece := func(n *Node) *Node { return DynamicSlice(n, []*Node{at}, []int{each}) }
		h := DynamicSlice(x[5], []*Node{at, zero}, []int{each, D})
		part := classified{h: h, table: x[6], bias: x[7], targets: piece(x[8]), weights: piece(x[9])}.gradients()
		return append([]*Node{Add(x[0], Const(gr, int32(1))),
			DynamicUpdateSlice(x[1], part.nll, []*Node{at}), DynamicUpdateSlice(x[2], part.h, []*Node{at, zero}),
			Add(x[3], part.table), Add(x[4], part.bias)}, x[5:]...)
	})
	out := While(more, body, carried...)
	return classGradients{nll: out[1], h: out[2], table: out[3], bias: out[4]}
}
