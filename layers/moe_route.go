package layers

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Router names a way in which tokens find experts.
type Router string

// The routers.
const (
	// RouterTop1 sends a token to its most probable expert and multiplies the output by that probability (Switch, arXiv 2101.03961).
	RouterTop1 Router = "top1"
	// RouterTop2 sends it to two, with their probabilities divided by their sum (GShard, arXiv 2006.16668).
	RouterTop2 Router = "top2"
	// RouterPrototypes divides the experts into k groups of neighbours, each with a softmax and a first choice of its own; the outputs
	// are added (M6-T, arXiv 2105.15082, "k top-1").
	RouterPrototypes Router = "prototypes"
	// RouterExpertChoice lets each expert choose its tokens (arXiv 2202.09368): no expert is idle or full. Its choice looks at the whole
	// group, so a token of a causal part is routed by what follows it, and a language model's loss can profit from that; it is here for
	// comparison. Without training, where tokens come one by one, a token goes to its k most probable experts instead.
	RouterExpertChoice Router = "expert_choice"
	// RouterRandom sends a token to experts that are a hash of layer and position, whatever it says (as in hash layers, arXiv 2106.04426):
	// what a router that learns must beat. The router's kernel is not read.
	RouterRandom Router = "random"
)

// Routers lists all routers.
func Routers() []Router {
	return []Router{RouterTop1, RouterTop2, RouterPrototypes, RouterExpertChoice, RouterRandom}
}

// choices are what tokens want, [G,k,N], in order of their right to a seat.
type choices struct {
	expert *Node // int32
	gate   *Node // f32: what the expert's output is multiplied by
	made   *Node // bool: the token is valid, and the choice is taken
}

// scores are what a router says of each token: one softmax for each of P prototypes, P = 1 for other routers. The probabilities
// themselves are never stored: they are exp(logits - norm) wherever they are wanted.
type scores struct {
	logits *Node // f32 [G,N,P,E/P]
	norm   *Node // f32 [G,N,P]: logsumexp of the logits
}

// gates are the probabilities, f32 [G,N,P,E/P].
func (s scores) gates() *Node { return Exp(Sub(s.logits, ExpandAxes(s.norm, -1))) }

// route lets the tokens of x [G,N,D] choose experts.
func route(w Weights, x, valid *Node, o MoEOptions) (choices, Routing) {
	if o.Router == RouterRandom {
		return randomChoices(valid, o)
	}
	s := o.scores(w, x)
	c := s.largest(o)
	if o.TopK > 1 && o.Router == RouterTop2 {
		c.gate = Div(c.gate, AddScalar(ReduceAndKeep(c.gate, ReduceSum, 1), 1e-9))
	}
	if o.Normalize {
		c.gate = Div(c.gate, StopGradient(ReduceAndKeep(c.gate, ReduceSum, 1)))
	}
	c.made = BroadcastToDims(ExpandAxes(valid, 1), c.expert.Shape().Dimensions...)
	asked := c.count(o.Experts) // [k,E]
	load := asked
	if o.Router == RouterTop2 && o.Noise != nil && o.Noise.Second {
		c.made = And(c.made, o.taken(c.gate))
		load = c.count(o.Experts)
	}
	if o.Router != RouterPrototypes {
		asked = SliceAxis(asked, 0, AxisElem(0)) // balance counts first choices; of prototypes all are
	}
	r := s.losses(valid, ReduceSum(asked, 0))
	r.Load, r.Choices = ReduceSum(load, 0), ReduceAllSum(load)
	return c, r
}

// scores reads the tokens of x [G,N,D], in f32.
func (o MoEOptions) scores(w Weights, x *Node) scores {
	G, N, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	prototypes := 1
	if o.Router == RouterPrototypes {
		prototypes = o.TopK
	}
	if o.Experts%prototypes != 0 {
		exceptions.Panicf("layers: %d experts do not divide into %d prototypes", o.Experts, prototypes)
	}
	h := ConvertDType(x, dtypes.Float32)
	if o.Noise != nil && o.Noise.Jitter > 0 {
		u := Uniform(o.Noise.Seed, noisePlace(o.Layer, 0), G, N, D)
		h = Mul(h, OnePlus(MulScalar(SubScalar(MulScalar(u, 2), 1), o.Noise.Jitter)))
	}
	logits := Dot(Reshape(h, G*N, D), w.F32("router.kernel", D, o.Experts)).Product()
	logits = Reshape(logits, G, N, prototypes, o.Experts/prototypes)
	peak := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))
	return scores{logits, Add(Log(ReduceSum(Exp(Sub(logits, peak)), -1)), Squeeze(peak, -1))}
}

// noisePlace tells the draws of one layer's routing from other draws of a step.
func noisePlace(layer, which int) int { return 1<<16 + 2*layer + which }

// taken draws which second choices of gate [G,2,N] are taken.
func (o MoEOptions) taken(gate *Node) *Node {
	G, N := gate.Shape().Dim(0), gate.Shape().Dim(2)
	second := SliceAxis(gate, 1, AxisElem(1))
	u := Uniform(o.Noise.Seed, noisePlace(o.Layer, 1), G, 1, N)
	all := GreaterOrEqual(second, FillLike(second, -1))
	return Concatenate([]*Node{all, GreaterThan(MulScalar(second, 2), u)}, 1)
}

// largest are the k most probable experts, or the most probable one of each prototype.
func (s scores) largest(o MoEOptions) choices {
	dims := s.logits.Shape().Dimensions
	rounds := o.TopK
	if dims[2] > 1 {
		rounds = 1
	}
	var taken, gates []*Node
	for range rounds {
		logit, index := s.pick(taken)
		taken = append(taken, index)
		gates = append(gates, Exp(Sub(logit, s.norm))) // [G,N,P]
	}
	index, gate := Concatenate(taken, -1), Concatenate(gates, -1) // [G,N,k]
	if dims[2] > 1 {
		index = Add(index, MulScalar(Iota(index.Graph(), index.Shape(), -1), dims[3])) // of an expert among all
	}
	return choices{expert: TransposeAllAxes(index, 0, 2, 1), gate: TransposeAllAxes(gate, 0, 2, 1)}
}

// pick is the largest logit of each prototype, beside those that are taken, and its first place: f32 and int32 [G,N,P].
func (s scores) pick(taken []*Node) (logit, index *Node) {
	place := Iota(s.logits.Graph(), shapes.Make(dtypes.Int32, s.logits.Shape().Dimensions...), -1)
	left := func(logits *Node) *Node {
		for _, t := range taken {
			logits = Where(Equal(place, ExpandAxes(t, -1)), FillLike(logits, math.Inf(-1)), logits)
		}
		return logits
	}
	rest := left(StopGradient(s.logits))
	last := FillLike(place, float64(s.logits.Shape().Dim(-1)-1))
	// Not ArgMax: XLA does not vectorise a reduction of pairs.
	index = ReduceMin(Where(Equal(rest, ReduceAndKeep(rest, ReduceMax, -1)), place, last), -1)
	forward := func(in []*Node) *Node { return ReduceMax(left(in[0]), -1) }
	logit = withGradient([]*Node{s.logits}, forward, func(_ []*Node, _ remade, d *Node) []*Node {
		d = BroadcastToDims(ExpandAxes(d, -1), place.Shape().Dimensions...)
		return []*Node{Where(Equal(place, ExpandAxes(index, -1)), d, ZerosLike(d))}
	})
	return logit, index
}

// losses fills in the router's losses; counted f32 [E] are the choices that the balance loss follows.
func (s scores) losses(valid, counted *Node) Routing {
	P, each := s.logits.Shape().Dim(2), s.logits.Shape().Dim(3)
	mark := ConvertDType(valid, dtypes.Float32)
	tokens := MaxScalar(ReduceAllSum(mark), 1.0)
	chance := Reshape(ReduceSum(Mul(s.gates(), ExpandAxes(ExpandAxes(mark, -1), -1)), 0, 1), P*each) // tokens·P_e [E]
	balance := ReduceAllSum(Mul(StopGradient(Div(counted, tokens)), Div(chance, tokens)))
	z := ReduceAllSum(Mul(Square(s.norm), ExpandAxes(mark, -1)))
	return Routing{Balance: MulScalar(balance, float64(each)/float64(P)), Z: Div(z, MulScalar(tokens, float64(P)))}
}

// count is how often each expert is chosen by each choice, f32 [k,E].
func (c choices) count(E int) *Node {
	dims := c.expert.Shape().Dimensions
	place := Iota(c.expert.Graph(), shapes.Make(dtypes.Int32, append(dims[:3:3], E)...), -1)
	mark := And(Equal(place, ExpandAxes(c.expert, -1)), ExpandAxes(c.made, -1))
	return ReduceSum(ConvertDType(mark, dtypes.Float32), 0, 2)
}

// randomChoices hashes layer and position into k different experts, each with an equal share.
func randomChoices(valid *Node, o MoEOptions) (choices, Routing) {
	g := valid.Graph()
	G, N := valid.Shape().Dim(0), valid.Shape().Dim(1)
	if o.Position == nil {
		exceptions.Panicf("layers: the random router wants the positions of its tokens")
	}
	bits := Hash(Add(ConvertDType(o.Position, dtypes.Uint32), Const(g, uint32(o.Layer+1)*0x9e3779b9)))
	start := ConvertDType(ModScalar(bits, uint32(o.Experts)), dtypes.Int32) // [G,N]
	step := MulScalar(Iota(g, intShape(G, o.TopK, N), 1), o.Experts/o.TopK)
	c := choices{expert: ModScalar(Add(ExpandAxes(start, 1), step), int32(o.Experts))}
	c.made = BroadcastToDims(ExpandAxes(valid, 1), G, o.TopK, N)
	c.gate = FillScalar(g, floatShape(G, o.TopK, N), 1/float64(o.TopK))
	load := ReduceSum(c.count(o.Experts), 0)
	return c, Routing{Balance: ScalarOne(g, dtypes.Float32), Z: ScalarZero(g, dtypes.Float32), Load: load, Choices: ReduceAllSum(load)}
}
