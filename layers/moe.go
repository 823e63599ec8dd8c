package layers

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// MoEParams declares the router and the experts of [MoE]: E feed-forward networks of hidden width F as stacked
// tensors. gain scales the start of the second projections, which write into the residual stream.
func MoEParams(prefix string, width, hidden, experts int, gain float64) []Param {
	return []Param{
		KernelParam(prefix+"router.kernel", width, experts),
		{Name: prefix + "experts.in.kernel", Dims: []int{experts, width, hidden}, Init: fanIn(width, 1)},
		{Name: prefix + "experts.in.bias", Dims: []int{experts, hidden}},
		{Name: prefix + "experts.out.kernel", Dims: []int{experts, hidden, width}, Init: fanIn(hidden, gain)},
		{Name: prefix + "experts.out.bias", Dims: []int{experts, width}},
	}
}

// MoEOptions says how tokens find their experts.
type MoEOptions struct {
	Experts, Hidden int
	Router          Router
	TopK            int // choices of a token
	// CapacityFactor is the seats of an expert over its fair share of a group's tokens, see [Capacity]; tokens over it pass by.
	// 0 has a seat for every token, at E times the work.
	CapacityFactor float64
	Group          int       // tokens of a routing group, see [Grouping]; 0 is a row of the batch
	Normalize      bool      // divide a token's gates by their sum, held constant: they add up to 1, and the router still learns
	Training       bool      // seats are limited; without it no token is dropped and nothing has a gradient
	Noise          *MoENoise // nil draws nothing
	// Position is what [RouterRandom] hashes, int32 [B,S]: a token's place in its own part, whatever the padding. Other routers ignore it.
	Position *Node
	Layer    int // tells the hashes of one layer from another's
	// Constrain fixes the layout over devices of the tokens that travel: before (true) and after (false) they stand at their
	// experts, [E,G,C,D]. It may be nil.
	Constrain func(x *Node, atExperts bool) *Node
	// Received is given tokens [E,G,C,D] that came to experts, or back home. It may be nil.
	Received func(x *Node, home bool) *Node
}

// MoENoise is what routing draws while training. All of it is a hash of (seed, layer, element), so it is the same on every mesh.
type MoENoise struct {
	Seed   *Node   // uint32 [], a new one each step
	Jitter float64 // the router reads x times a factor in [1-Jitter, 1+Jitter) (Switch, arXiv 2101.03961, section 2.2)
	Second bool    // a second choice is taken with probability min(1, 2·gate) only (GShard, arXiv 2006.16668, algorithm 1)
}

// Routing is what a router decided, for losses and figures.
type Routing struct {
	Balance *Node // f32 []: E·Σ f_e·P_e over the batch's tokens, f of first choices (Fedus et al., arXiv 2101.03961); a mean over prototypes
	Z       *Node // f32 []: mean of logsumexp(router logits)² (Zoph et al., arXiv 2202.08906)
	Load    *Node // f32 [E]: choices of each expert, those that find no seat included
	Dropped *Node // f32 []: choices that found no seat; under expert choice, tokens that no expert chose
	Choices *Node // f32 []: choices that were made; under expert choice, valid tokens
	Chosen  *Node // int32 [B,S,k]: the expert of each choice, -1 where the token is padding or found no seat; nil where experts choose
}

// MoE is a mixture of experts in place of [FFN], x [B,S,D] to [B,S,D] (GShard, arXiv 2006.16668; Switch, arXiv 2101.03961).
// The router calculates in f32. Only tokens that are valid, bool [B,S], are routed; while training, seats go in order of position
// within a group, all first choices before all second ones.
func MoE(w Weights, x, valid *Node, o MoEOptions) (*Node, Routing) {
	B, S := x.Shape().Dim(0), x.Shape().Dim(1)
	valid.AssertDims(B, S)
	g := Grouping(B, S, o.Group)
	x, valid = g.split(x), g.split(valid)
	if o.Position != nil {
		o.Position = g.split(o.Position)
	}
	if o.Router == RouterExpertChoice && o.Training {
		y, r := expertChoice(w, x, valid, o)
		return g.join(y), r
	}
	c, r := route(w, x, valid, o)
	var y *Node
	switch {
	case o.Training:
		y, c.made = seated(w, x, c, o)
	case o.Constrain != nil: // the weights that sorted cuts out would travel to every device
		y = rounds(w, x, c, o)
	default:
		y = sorted(w, x, c, o)
	}
	r.Dropped = Sub(r.Choices, ReduceAllSum(ConvertDType(c.made, dtypes.Float32)))
	r.Chosen = g.join(TransposeAllAxes(Where(c.made, c.expert, FillLike(c.expert, -1)), 0, 2, 1)) // [G,k,N] -> [B,S,k]
	return g.join(y), r
}

// capacity is the seats of each expert in a group of n tokens.
func (o MoEOptions) capacity(n int) int { return Capacity(o.CapacityFactor, n, o.Experts) }

// Capacity is the number of tokens that an expert takes of a group: ceil(factor·tokens/experts), at least one and at most all; all of
// them where factor is 0.
func Capacity(factor float64, tokens, experts int) int {
	if factor == 0 {
		return tokens
	}
	return min(tokens, max(1, int(math.Ceil(factor*float64(tokens)/float64(experts)-1e-9))))
}

// atExperts runs every expert, of weights w, on its own seats, x [G,E·C,D] to [G,E·C,D]; on a mesh the tokens travel to their experts and back.
func atExperts(w Weights, x *Node, o MoEOptions) *Node {
	G, seats, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	C := seats / o.Experts
	xEGCD := TransposeAllAxes(Reshape(x, G, o.Experts, C, D), 1, 0, 2, 3)
	xEGCD = o.travel(xEGCD, false)
	y := experts(w, xEGCD, o)
	y = o.travel(y, true)
	return Reshape(TransposeAllAxes(y, 1, 0, 2, 3), G, seats, D)
}

// travel lays tokens x [E,G,C,D] out for their way to the experts, or from there back. Beside XLA's CPU compiler they travel as f32: it has no
// all-to-all of bf16, and would convert what goes to each device, and what comes from each, by itself.
func (o MoEOptions) travel(x *Node, home bool) *Node {
	if o.Constrain == nil {
		return x
	}
	dtype := x.DType()
	if !onGPU(x.Graph()) {
		x = ConvertDType(x, dtypes.Float32)
	}
	x = ConvertDType(o.Constrain(o.Constrain(x, home), !home), dtype)
	if o.Received == nil {
		return x
	}
	return o.Received(x, home)
}

// experts runs every expert on its own tokens, x [E,G,C,D] to [E,G,C,D].
func experts(w Weights, x *Node, o MoEOptions) *Node {
	E, G, C, D := o.Experts, x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	h := w.again(x, 0, func(w Weights, x *Node) *Node {
		h := product("end,edf->enf", Reshape(x, E, G*C, D), w.At("in.kernel", E, D, o.Hidden))
		return Reshape(Add(h, ExpandAxes(w.At("in.bias", E, o.Hidden), 1)), E, G, C, o.Hidden)
	}, "in.")
	return w.again(h, 2, func(w Weights, h *Node) *Node {
		y := product("enf,efd->end", GELU(Reshape(h, E, G*C, o.Hidden)), w.At("out.kernel", E, o.Hidden, D))
		return Reshape(Add(y, ExpandAxes(w.At("out.bias", E, D), 1)), E, G, C, D)
	}, "out.")
}

// Groups are how the tokens of a batch [B,S] stand in routing groups [G,N]: rows cut into pieces, or whole rows together.
type Groups struct {
	batch, length int
	rows, pieces  int // rows of a group, or pieces of a row
	piece         int // tokens of a piece
}

// Grouping forms groups of at most tokens, or of a row each where that is 0. A longer row is cut into equal pieces, the last one padded;
// of shorter rows as many stand together as fit and divide the batch. So groups depend on the batch's shape alone, never on the mesh.
func Grouping(batch, length, tokens int) Groups {
	if batch < 1 || length < 1 {
		exceptions.Panicf("layers: routing a batch of %d rows of %d tokens", batch, length)
	}
	g := Groups{batch: batch, length: length, rows: 1, pieces: 1, piece: length}
	if tokens == 0 {
		return g
	}
	if tokens < length {
		g.pieces = (length + tokens - 1) / tokens
		g.piece = (length + g.pieces - 1) / g.pieces
		return g
	}
	for g.rows = min(batch, tokens/length); batch%g.rows != 0; {
		g.rows--
	}
	return g
}

// Count is the number of groups, G, and Tokens the places of each, N.
func (g Groups) Count() int { return g.batch / g.rows * g.pieces }

// Tokens is the number of places of a group, N, padding included.
func (g Groups) Tokens() int { return g.rows * g.piece }

// split turns [B,S,...] into [G,N,...].
func (g Groups) split(x *Node) *Node {
	dims := append([]int{}, x.Shape().Dimensions...)
	if missing := g.pieces*g.piece - g.length; missing > 0 {
		dims[1] = missing
		x = Concatenate([]*Node{x, Zeros(x.Graph(), shapes.Make(x.DType(), dims...))}, 1)
	}
	return Reshape(x, append([]int{g.Count(), g.Tokens()}, dims[2:]...)...)
}

// join turns [G,N,...] back into [B,S,...].
func (g Groups) join(x *Node) *Node {
	x = Reshape(x, append([]int{g.batch, g.pieces * g.piece}, x.Shape().Dimensions[2:]...)...)
	return SliceAxis(x, 1, AxisRangeFromStart(g.length))
}

// FillLike is a tensor of x's shape that holds value everywhere.
func FillLike(x *Node, value float64) *Node { return FillScalar(x.Graph(), x.Shape(), value) }

func intShape(dims ...int) shapes.Shape { return shapes.Make(dtypes.Int32, dims...) }

func floatShape(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
