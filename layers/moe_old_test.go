package layers

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

type oldOptions struct {
	Experts, Hidden, TopK int
	Capacity              int
	Constrain             func(x *Node, atExperts bool) *Node
}

func isSet(x *Node) *Node { return GreaterThan(x, FillLike(x, 0.5)) }

var moes = map[string]func(w Weights, x, valid *Node, o MoEOptions) (*Node, Routing){"sorted": MoE, "onehot": func(w Weights, x, valid *Node, o MoEOptions) (*Node, Routing) {
	c := 0
	if o.Training {
		c = o.capacity(x.Shape().Dim(1))
	}
	return oldMoE(w, x, valid, oldOptions{o.Experts, o.Hidden, o.TopK, c, nil})
}}

// MoE is a mixture of experts in place of [FFN], x [B,S,D] to [B,S,D] (GShard, arXiv 2006.16668; Switch, arXiv 2101.03961).
// The router calculates in f32. Top-1 multiplies an expert's output by its probability; top-k by its share of the k chosen ones.
// Only tokens that are valid, bool [B,S], are routed; seats go in order of position, all first choices before all second ones.
func oldMoE(w Weights, x, valid *Node, o oldOptions) (*Node, Routing) {
	B, S, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	valid.AssertDims(B, S)
	h := Reshape(ConvertDType(x, dtypes.Float32), B*S, D)
	logits := Reshape(Dot(h, w.F32("router.kernel", D, o.Experts)).Product(), B, S, o.Experts)
	gates := Softmax(logits, -1) // [B,S,E]
	r := oldRoute(logits, gates, ConvertDType(valid, dtypes.Float32), o)
	if o.Capacity == 0 {
		return allExperts(w, x, r.combineBSE, o), r.Routing
	}
	xEBCD := Einsum("bsec,bsd->ebcd", ConvertDType(r.dispatchBSEC, x.DType()), x)
	xEBCD = o.constrain(xEBCD)
	y := oldExperts(w.In("experts"), Reshape(xEBCD, o.Experts, B*o.Capacity, D), o)
	y = Reshape(y, o.Experts, B, o.Capacity, D)
	y = o.constrainBack(y)
	combine := Mul(r.dispatchBSEC, ExpandAxes(r.combineBSE, -1))
	return Einsum("bsec,ebcd->bsd", ConvertDType(combine, x.DType()), y), r.Routing
}

func (o oldOptions) constrain(x *Node) *Node {
	if o.Constrain == nil {
		return x
	}
	return o.Constrain(o.Constrain(x, false), true)
}

func (o oldOptions) constrainBack(y *Node) *Node {
	if o.Constrain == nil {
		return y
	}
	return o.Constrain(o.Constrain(y, true), false)
}

// experts runs every expert on its own tokens, x [E,N,D] to [E,N,D].
func oldExperts(w Weights, x *Node, o oldOptions) *Node {
	D := x.Shape().Dim(2)
	h := Einsum("end,edf->enf", x, w.At("in.kernel", o.Experts, D, o.Hidden))
	h = GELU(Add(h, ExpandAxes(w.At("in.bias", o.Experts, o.Hidden), 1)))
	y := Einsum("enf,efd->end", h, w.At("out.kernel", o.Experts, o.Hidden, D))
	return Add(y, ExpandAxes(w.At("out.bias", o.Experts, D), 1))
}

// allExperts runs every expert on every token and mixes by weight [B,S,E]: no token is ever dropped.
func allExperts(w Weights, x, weight *Node, o oldOptions) *Node {
	B, S, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	all := BroadcastToDims(Reshape(x, 1, B*S, D), o.Experts, B*S, D)
	y := oldExperts(w.In("experts"), all, o)
	weight = ConvertDType(Reshape(weight, B*S, o.Experts), x.DType())
	return Reshape(Einsum("ne,end->nd", weight, y), B, S, D)
}

type routed struct {
	Routing
	combineBSE   *Node // gate of each chosen expert, 0 elsewhere
	dispatchBSEC *Node // 1 at a token's seat; nil without a capacity
}

// route chooses experts from gates [B,S,E] for the tokens of valid f32 [B,S].
func oldRoute(logits, gates, valid *Node, o oldOptions) routed {
	g := gates.Graph()
	B := gates.Shape().Dim(0)
	var r routed
	left := gates
	var chosen []*Node // per choice, one-hot [B,S,E] of valid tokens
	var indices []*Node
	for range o.TopK {
		index := ArgMax(left, -1, dtypes.Int32) // [B,S]
		mark := OneHot(index, o.Experts, dtypes.Float32)
		left = Where(isSet(mark), FillLike(left, -1), left)
		chosen = append(chosen, Mul(mark, ExpandAxes(valid, -1)))
		indices = append(indices, index)
	}
	r.measure(logits, gates, valid, chosen[0], o)
	picked := chosen[0]
	for _, mark := range chosen[1:] {
		picked = Add(picked, mark)
	}
	r.combineBSE = Mul(gates, picked)
	if o.TopK > 1 {
		r.combineBSE = Div(r.combineBSE, AddScalar(ReduceAndKeep(r.combineBSE, ReduceSum, -1), 1e-9))
	}
	kept := make([]*Node, len(chosen)) // f32 [B,S]: the choice has a seat
	if o.Capacity > 0 {
		seated := Zeros(g, shapes.Make(dtypes.Float32, B, 1, o.Experts)) // seats taken by earlier choices
		for i, mark := range chosen {
			before := Add(Sub(CumSum(mark, 1), mark), seated) // [B,S,E]
			seat := ReduceSum(Mul(before, mark), -1)          // [B,S]
			seats := OneHot(ConvertDType(seat, dtypes.Int32), o.Capacity, dtypes.Float32)
			place := Einsum("bse,bsc->bsec", mark, seats) // zero where over capacity
			kept[i] = ReduceSum(place, -1, -2)
			if r.dispatchBSEC == nil {
				r.dispatchBSEC = place
			} else {
				r.dispatchBSEC = Add(r.dispatchBSEC, place)
			}
			seated = Add(seated, ReduceAndKeep(mark, ReduceSum, 1))
		}
		r.dispatchBSEC = StopGradient(r.dispatchBSEC)
	}
	r.report(valid, kept, indices)
	return r
}

// measure fills in the router's losses and load.
func (r *routed) measure(logits, gates, valid, first *Node, o oldOptions) {
	tokens := MaxScalar(ReduceAllSum(valid), 1.0)
	share := Div(ReduceSum(first, 0, 1), tokens)                                     // f_e [E]
	chance := Div(ReduceSum(Mul(gates, ExpandAxes(valid, -1)), 0, 1), tokens)        // P_e [E]
	r.Balance = MulScalar(ReduceAllSum(Mul(StopGradient(share), chance)), o.Experts) // []
	peak := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))
	z := Add(Log(ReduceSum(Exp(Sub(logits, peak)), -1)), Squeeze(peak, -1)) // [B,S]
	r.Z = Div(ReduceAllSum(Mul(Square(z), valid)), tokens)
	r.Load = ReduceSum(first, 0, 1)
}

// report fills in which choices were dropped.
func (r *routed) report(valid *Node, kept, indices []*Node) {
	g := valid.Graph()
	r.Dropped = ScalarZero(g, dtypes.Float32)
	for i, index := range indices {
		seat := valid
		if kept[i] != nil {
			seat = kept[i]
		}
		r.Dropped = Add(r.Dropped, Sub(ReduceAllSum(valid), ReduceAllSum(seat)))
		indices[i] = Where(isSet(seat), index, FillLike(index, -1))
	}
	r.Chosen = Stack(indices, -1)
}
