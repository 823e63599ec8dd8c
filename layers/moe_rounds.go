package layers

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// rounds runs every made choice's expert where the experts lie on several devices, x [G,N,D] to [G,N,D]: the weights stay, the tokens travel. In
// each round every expert takes the next C of its choices of each group, C the fair share, until the fullest has none left. So the work follows
// the fullest expert's load over the mean one, never experts times tokens. It has no gradient.
func rounds(w Weights, x *Node, c choices, o MoEOptions) *Node {
	g := x.Graph()
	G, N, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	E, k := o.Experts, c.expert.Shape().Dim(1)
	Q := k * N
	expert, choice, rank := byExpert(c, E) // [G,Q], sorted by expert
	place := Iota(g, intShape(G, Q), 1)
	none := FillLike(expert, float64(E)) // no expert: outside of [0,E), where ScatterSum leaves all as it is
	perExpert := func(at, value *Node) *Node {
		return ScatterSum(Zeros(g, intShape(G, E)), inGroup(at), value, false, false)
	}
	first := Equal(rank, ZerosLike(rank))
	s := roundState{
		from: Const(g, int32(0)), y: Zeros(g, shapes.Make(x.DType(), G, Q, D)),
		most:   ReduceAllMax(Where(LessThan(expert, none), OnePlus(rank), ZerosLike(rank))),
		x:      x,
		token:  ModScalar(choice, int32(N)),
		begin:  perExpert(Where(first, expert, none), place),
		expert: Reshape(Where(c.made, c.expert, FillLike(c.expert, float64(E))), G, Q),
		rank:   Scatter(inGroup(choice), rank, intShape(G, Q), false, true),
	}
	w = w.In("experts")
	names := w.names([]string{""})
	for _, name := range names {
		s.weights = append(s.weights, ConvertDType(w.nodes[name], w.compute))
	}
	carried := s.nodes()
	more := NewClosure(g, func(gr *Graph) []*Node {
		c := roundStateOf(Carried(gr, carried))
		return []*Node{LessThan(c.from, c.most)}
	})
	share := Capacity(float64(k), N, E)
	body := NewClosure(g, func(gr *Graph) []*Node {
		c := roundStateOf(Carried(gr, carried))
		inside := map[string]*Node{}
		for i, name := range names {
			inside[name] = c.weights[i]
		}
		return c.next(w.over(inside, nil).Gather(nil), share, o).nodes()
	})
	y := roundStateOf(While(more, body, carried...)).y
	return ReduceSum(Mul(Reshape(y, G, k, N, D), ConvertDType(ExpandAxes(c.gate, -1), x.DType())), 1)
}

// roundState is what the loop carries.
type roundState struct {
	from, most   *Node // int32 []: the rank at which the round begins, and one over the largest
	y            *Node // [G,Q,D]: what experts gave, by choice
	x            *Node // [G,N,D]
	token        *Node // int32 [G,Q]: tokens in the order of their experts
	begin        *Node // int32 [G,E]: where an expert begins in that order
	expert, rank *Node // int32 [G,Q]: of a choice
	weights      []*Node
}

func (s roundState) nodes() []*Node {
	return append([]*Node{s.from, s.most, s.y, s.x, s.token, s.begin, s.expert, s.rank}, s.weights...)
}

func roundStateOf(n []*Node) roundState {
	return roundState{from: n[0], most: n[1], y: n[2], x: n[3], token: n[4], begin: n[5], expert: n[6], rank: n[7], weights: n[8:]}
}

// next is a round in which every expert takes C choices of each group. It is the body of a loop: numbers are constants of its own, see GELU.
func (s roundState) next(w Weights, C int, o MoEOptions) roundState {
	g := s.x.Graph()
	G, Q, D, E := s.y.Shape().Dim(0), s.y.Shape().Dim(1), s.y.Shape().Dim(2), o.Experts
	number := func(n int) *Node { return Const(g, int32(n)) }
	at := Add(Add(BroadcastToDims(ExpandAxes(s.begin, -1), G, E, C), s.from), Iota(g, intShape(G, E, C), 2))
	at = Min(Reshape(at, G, E*C), number(Q-1)) // behind an expert's choices stand another's: what is made of them here nobody takes
	y := atExperts(w, Gather(s.x, inGroup(Gather(s.token, inGroup(at)))), o)

	behind := Sub(s.rank, s.from)
	now := And(And(GreaterOrEqual(behind, number(0)), LessThan(behind, number(C))), LessThan(s.expert, number(E)))
	seat := Add(Mul(s.expert, number(C)), behind)
	seat = Max(Min(seat, number(E*C-1)), number(0))
	s.y = Where(BroadcastToDims(ExpandAxes(now, -1), G, Q, D), Gather(y, inGroup(seat)), s.y)
	s.from = Add(s.from, number(C))
	return s
}
