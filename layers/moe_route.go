package layers

import (
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

// route lets the tokens of x [G,N,D] choose experts.
func route(w Weights, x, valid *Node, o MoEOptions) (choices, Routing) {
	if o.Router == RouterRandom {
		return randomChoices(valid, o)
	}
	logits, gates := o.scores(w, x)
	var c choices
	if o.Router == RouterPrototypes {
		c = firstOfEach(gates)
	} else {
		c = largest(gates, o.TopK)
	}
	if o.TopK > 1 && o.Router == RouterTop2 {
		c.gate = Div(c.gate, AddScalar(ReduceAndKeep(c.gate, ReduceSum, 1), 1e-9))
	}
	if o.Normalize {
		c.gate = Div(c.gate, StopGradient(ReduceAndKeep(c.gate, ReduceSum, 1)))
	}
	c.made = BroadcastToDims(ExpandAxes(valid, 1), c.expert.Shape().Dimensions...)
	first := c // what balance counts
	if o.Router != RouterPrototypes {
		first.expert, first.made = SliceAxis(c.expert, 1, AxisElem(0)), SliceAxis(c.made, 1, AxisElem(0))
	}
	if o.Router == RouterTop2 && o.Noise != nil && o.Noise.Second {
		c.made = And(c.made, o.taken(c.gate))
	}
	return c, measure(logits, gates, valid, first, c)
}

// scores are the router's logits and probabilities, f32 [G,N,P,E/P]: one softmax for each of P prototypes, P = 1 for other routers.
func (o MoEOptions) scores(w Weights, x *Node) (logits, gates *Node) {
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
	logits = Dot(Reshape(h, G*N, D), w.F32("router.kernel", D, o.Experts)).Product()
	logits = Reshape(logits, G, N, prototypes, o.Experts/prototypes)
	return logits, Softmax(logits, -1)
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

// largest are the k most probable experts of gates [G,N,1,E].
func largest(gates *Node, k int) choices {
	gates = Squeeze(gates, 2)
	left := StopGradient(gates)
	place := Iota(gates.Graph(), shapes.Make(dtypes.Int32, gates.Shape().Dimensions...), -1)
	var experts, chosen []*Node
	for range k {
		index := firstLargest(left)
		mark := Equal(place, ExpandAxes(index, -1))
		left = Where(mark, FillLike(left, -1), left)
		experts = append(experts, index)
		chosen = append(chosen, ReduceSum(Where(mark, gates, ZerosLike(gates)), -1))
	}
	return choices{expert: Stack(experts, 1), gate: Stack(chosen, 1)}
}

// firstOfEach is the most probable expert of each prototype, gates [G,N,P,E/P].
func firstOfEach(gates *Node) choices {
	g, dims := gates.Graph(), gates.Shape().Dimensions
	index := firstLargest(StopGradient(gates)) // [G,N,P]
	place := Iota(g, shapes.Make(dtypes.Int32, dims...), -1)
	chosen := ReduceSum(Where(Equal(place, ExpandAxes(index, -1)), gates, ZerosLike(gates)), -1)
	first := MulScalar(Iota(g, shapes.Make(dtypes.Int32, dims[:3]...), -1), dims[3])
	return choices{expert: TransposeAllAxes(Add(index, first), 0, 2, 1), gate: TransposeAllAxes(chosen, 0, 2, 1)}
}

// firstLargest is the index of the last axis' first largest element, int32: ArgMax, whose reduction of pairs XLA does not vectorise.
func firstLargest(x *Node) *Node {
	n := x.Shape().Dim(-1)
	place := Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Shape().Dimensions...), -1)
	peak := ReduceAndKeep(x, ReduceMax, -1)
	return ReduceMin(Where(Equal(x, peak), place, FillLike(place, float64(n-1))), -1)
}

// measure fills in the router's losses and the load. first are the choices that the balance loss counts.
func measure(logits, gates, valid *Node, first, all choices) Routing {
	G, N, P, each := gates.Shape().Dim(0), gates.Shape().Dim(1), gates.Shape().Dim(2), gates.Shape().Dim(3)
	E := P * each
	mark := ConvertDType(valid, dtypes.Float32)
	tokens := MaxScalar(ReduceAllSum(mark), 1.0)
	share := Div(count(first, E), tokens)                                                      // f_e [E]
	chance := Reshape(ReduceSum(Mul(gates, Reshape(mark, G, N, 1, 1)), 0, 1), E)               // tokens·P_e [E]
	balance := ReduceAllSum(Mul(StopGradient(share), Div(chance, tokens)))                     // []
	peak := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))                                 //
	z := Add(Log(ReduceSum(Exp(Sub(logits, peak)), -1)), Squeeze(peak, -1))                    // [G,N,P]
	z = Div(ReduceAllSum(Mul(Square(z), ExpandAxes(mark, -1))), MulScalar(tokens, float64(P))) //
	return Routing{Balance: MulScalar(balance, float64(each)/float64(P)), Z: z, Load: count(all, E), Choices: countAll(all.made)}
}

// count is how many choices each expert has, f32 [E].
func count(c choices, E int) *Node {
	dims := c.expert.Shape().Dimensions
	place := Iota(c.expert.Graph(), shapes.Make(dtypes.Int32, append(dims[:3:3], E)...), -1)
	mark := And(Equal(place, ExpandAxes(c.expert, -1)), ExpandAxes(c.made, -1))
	return ReduceSum(ConvertDType(mark, dtypes.Float32), 0, 1, 2)
}

// countAll is how many of marks are set, f32 [].
func countAll(marks *Node) *Node { return ReduceAllSum(ConvertDType(marks, dtypes.Float32)) }

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
	return c, Routing{
		Balance: ScalarOne(g, dtypes.Float32), Z: ScalarZero(g, dtypes.Float32), Load: count(c, o.Experts), Choices: countAll(c.made),
	}
}
