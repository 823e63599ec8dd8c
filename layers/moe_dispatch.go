package layers

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Dispatch sorts the choices of a group by expert and gathers: beside the router's own [N,E], nothing is larger than the seats. A choice
// has at most one seat and a seat at most one choice, so the gradient of a gather is the gather the other way: nothing is ever scattered
// but integers.

// seating is which choice sits where. Of a group's Q = k·N choices, choice i·N + n is the i-th one of token n.
type seating struct {
	seat   *Node // int32 [G,Q]: a choice's seat, expert·C + place; E·C where it has none
	choice *Node // int32 [G,E·C]: a seat's choice, -1 where it is empty
	tokens int
}

// seated lets choices take seats, runs the experts and adds up their outputs by gate, x [G,N,D] to [G,N,D]; has, bool [G,k,N], are the
// choices that found a seat.
func seated(w Weights, x *Node, c choices, o MoEOptions) (y, has *Node) {
	s := takeSeats(c, o.Experts, o.capacity(x.Shape().Dim(1)))
	y = s.combine(atExperts(w.In("experts"), s.dispatch(x), o), c.gate)
	return y, Reshape(LessThan(s.seat, FillLike(s.seat, float64(s.choice.Shape().Dim(1)))), c.expert.Shape().Dimensions...)
}

// takeSeats gives each expert's first C choices a seat.
func takeSeats(c choices, E, C int) seating {
	g := c.expert.Graph()
	G, N := c.expert.Shape().Dim(0), c.expert.Shape().Dim(2)
	Q := c.expert.Shape().Dim(1) * N
	expert, choice, rank := byExpert(c, E)
	fits := And(LessThan(rank, FillLike(rank, float64(C))), LessThan(expert, FillLike(expert, float64(E))))
	seat := Where(fits, Add(MulScalar(expert, C), rank), FillLike(rank, float64(E*C)))
	s := seating{tokens: N}
	s.seat = Scatter(inGroup(choice), seat, intShape(G, Q), false, true)
	// A seat outside of [0, E·C) is no update. Choices are counted from 1 here, so that 0 is an empty seat.
	s.choice = SubScalar(ScatterSum(Zeros(g, intShape(G, E*C)), inGroup(seat), OnePlus(choice), false, true), 1)
	return s
}

// byExpert sorts choices by expert, then by their number: for each place in that order the expert (E where the choice is not made),
// the choice, and its rank among the expert's, all int32 [G,Q].
func byExpert(c choices, E int) (expert, choice, rank *Node) {
	g := c.expert.Graph()
	G := c.expert.Shape().Dim(0)
	Q := c.expert.Shape().Dim(1) * c.expert.Shape().Dim(2)
	if (E+1)*Q > math.MaxInt32 {
		exceptions.Panicf("layers: %d choices of a routing group over %d experts are too many to be numbered: want a smaller group", Q, E)
	}
	place := Iota(g, intShape(G, Q), 1)
	wanted := Reshape(Where(c.made, c.expert, FillLike(c.expert, float64(E))), G, Q)
	key := Sort(Add(MulScalar(wanted, Q), place), 1, true)
	expert = Div(key, FillLike(key, float64(Q)))
	choice = Sub(key, MulScalar(expert, Q))
	begins := NotEqual(expert, shifted(expert, 1, -1))
	begin := Where(begins, place, ZerosLike(place)) // the running maximum is where the place's expert begins
	for step := 1; step < Q; step *= 2 {
		begin = Max(begin, shifted(begin, step, 0))
	}
	return expert, choice, Sub(place, begin)
}

// shifted moves x [G,Q] by n places along its rows; the places that become free hold value.
func shifted(x *Node, n int, value float64) *Node {
	free := FillScalar(x.Graph(), shapes.Make(x.DType(), x.Shape().Dim(0), n), value)
	return Concatenate([]*Node{free, SliceAxis(x, 1, AxisRangeFromStart(x.Shape().Dim(1)-n))}, 1)
}

// inGroup makes indices [G,I,2] of places in rows, index [G,I]. XLA splits a gather over devices by its groups only where the group is
// an iota that is concatenated as it is.
func inGroup(index *Node) *Node {
	index = ExpandAxes(index, -1)
	return Concatenate([]*Node{Iota(index.Graph(), shapes.Make(dtypes.Int32, index.Shape().Dimensions...), 0), index}, -1)
}

// take is x[g, index[g,i]] for x [G,M,...] and index int32 [G,I], to [G,I,...]; zero where index is not in [0, M).
func take(x, index *Node) *Node {
	y := Gather(x, inGroup(index))
	there := And(GreaterOrEqual(index, ZerosLike(index)), LessThan(index, FillLike(index, float64(x.Shape().Dim(1)))))
	for range x.Rank() - 2 {
		there = ExpandAxes(there, -1)
	}
	return Where(BroadcastToDims(there, y.Shape().Dimensions...), y, ZerosLike(y))
}

// token is a seat's token, [G,E·C]; -1 where the seat is empty.
func (s seating) token() *Node {
	empty := LessThan(s.choice, ZerosLike(s.choice))
	return Where(empty, s.choice, ModScalar(s.choice, int32(s.tokens)))
}

// dispatch puts tokens into their seats, x [G,N,D] to [G,E·C,D].
func (s seating) dispatch(x *Node) *Node {
	G, N, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	k := s.seat.Shape().Dim(1) / N
	forward := func(in []*Node) *Node { return take(in[0], s.token()) }
	return withGradient([]*Node{x}, forward, func(_ []*Node, _ remade, dy *Node) []*Node {
		return []*Node{ReduceSum(Reshape(take(dy, s.seat), G, k, N, D), 1)}
	})
}

// combine adds up what a token's choices gave, y [G,E·C,D] weighted by gate [G,k,N], to [G,N,D].
func (s seating) combine(y, gate *Node) *Node {
	G, k, N, D := gate.Shape().Dim(0), gate.Shape().Dim(1), gate.Shape().Dim(2), y.Shape().Dim(2)
	forward := func(in []*Node) *Node { return take(in[0], s.seat) }
	y = withGradient([]*Node{y}, forward, func(_ []*Node, _ remade, dy *Node) []*Node { return []*Node{take(dy, s.choice)} })
	return ReduceSum(Mul(Reshape(y, G, k, N, D), ConvertDType(ExpandAxes(gate, -1), y.DType())), 1)
}
