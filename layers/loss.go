package layers

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// CrossEntropy is the negative log-likelihood in nats of targets int32 [N] under logits [N,V]: f32 [N]. Neither a one-hot target nor
// log-probabilities [N,V] are ever kept.
func CrossEntropy(logits, targets *Node) *Node {
	logits = ConvertDType(logits, dtypes.Float32)
	peak := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))
	total := ReduceSum(Exp(Sub(logits, peak)), -1)
	picked := pick(logits, targets)
	return Sub(Add(Log(total), Squeeze(peak, -1)), picked)
}

// pick is logits[n, targets[n]], [N,V] to [N].
func pick(logits, targets *Node) *Node {
	V := logits.Shape().Dim(1)
	chosen := Equal(ExpandAxes(targets, -1), Iota(logits.Graph(), intShape(1, V), 1))
	return ReduceSum(Where(chosen, logits, ZerosLike(logits)), -1)
}
