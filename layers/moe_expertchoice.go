package layers

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// expertChoice lets each expert choose the C tokens of a group that give it the highest probabilities (Zhou et al., arXiv 2202.09368),
// x [G,N,D] to [G,N,D]. An output is multiplied by the token's probability of the expert. A token may have any number of experts.
func expertChoice(w Weights, x, valid *Node, o MoEOptions) (*Node, Routing) {
	N, D := x.Shape().Dim(1), x.Shape().Dim(2)
	G, C := x.Shape().Dim(0), o.capacity(N)
	s := o.scores(w, x)
	scores := TransposeAllAxes(Squeeze(s.gates(), 2), 0, 2, 1) // [G,E,N]
	invalid := BroadcastToDims(ExpandAxes(Not(valid), 1), scores.Shape().Dimensions...)
	best, token := TopK(StopGradient(Where(invalid, FillLike(scores, -1), scores)), C, -1) // [G,E,C]
	filled := Reshape(GreaterOrEqual(best, ZerosLike(best)), G, o.Experts*C)
	token = Reshape(token, G, o.Experts*C)

	// Here a token may have many seats, so seats and tokens meet by one-hot, within the group.
	seats := OneHot(token, N, dtypes.Float32)
	seats = Where(BroadcastToDims(ExpandAxes(filled, -1), seats.Shape().Dimensions...), seats, ZerosLike(seats)) // [G,E·C,N]
	gate := Reshape(Einsum("gecn,gen->gec", Reshape(seats, G, o.Experts, C, N), scores), G, o.Experts*C)
	if o.Normalize {
		sum := StopGradient(Einsum("gqn,gq->gn", seats, gate))
		gate = Div(gate, AddScalar(Einsum("gqn,gn->gq", seats, sum), 1e-9))
	}
	kind := ConvertDType(seats, x.DType())
	y := atExperts(w.In("experts"), Einsum("gqn,gnd->gqd", kind, x), o)
	y = Einsum("gqn,gqd->gnd", kind, Mul(y, ConvertDType(ExpandAxes(gate, -1), x.DType())))
	y.AssertDims(G, N, D)

	r := s.losses(valid, FillScalar(x.Graph(), floatShape(o.Experts), 0))
	r.Balance = ScalarOne(x.Graph(), dtypes.Float32) // by construction
	mark := ConvertDType(filled, dtypes.Float32)
	r.Load = ReduceSum(Reshape(mark, G, o.Experts, C), 0, 2)
	taken := ReduceSum(seats, 1) // [G,N]: experts of each token
	r.Choices = ReduceAllSum(ConvertDType(valid, dtypes.Float32))
	r.Dropped = Sub(r.Choices, ReduceAllSum(MinScalar(taken, 1)))
	return y, r
}
