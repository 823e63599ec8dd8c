package m6

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// Loss is what a batch costs.
type Loss struct {
	Mean  *Node // f32 []: mean cross entropy over all valid targets, in nats
	Total *Node // f32 []: Mean plus the routers' losses; what training follows
	NLL   *Node // f32 [B]: sum over a row's targets
	Count *Node // f32 [B]: a row's targets
	Aux   Aux
}

// Loss runs the model on a batch. The target of each text position is the next token; a code's target is itself.
func (m *Model) Loss(w layers.Weights, in Inputs, p Pass) Loss {
	x, aux := m.Hidden(w, in, p)
	nll, count := m.textLoss(w, in, x)
	if in.Codes > 0 {
		codeNLL, codeCount := m.codeLoss(w, in, x)
		nll, count = Add(nll, codeNLL), Add(count, codeCount)
	}
	mean := Div(ReduceAllSum(nll), MaxScalar(ReduceAllSum(count), 1.0))
	total := mean
	if aux.Balance != nil {
		total = Add(total, Add(MulScalar(aux.Balance, m.BalanceWeight), MulScalar(aux.Z, m.ZWeight)))
	}
	return Loss{Mean: mean, Total: total, NLL: nll, Count: count, Aux: aux}
}

// textLoss is the cross entropy of the complete text, summed by row [B], and the number of its targets [B].
func (m *Model) textLoss(w layers.Weights, in Inputs, x *Node) (nll, count *Node) {
	g, L := x.Graph(), in.Text-1
	if L < 1 {
		zero := Zeros(g, in.zeroShape())
		return zero, zero
	}
	hidden := SliceAxis(x, 1, AxisRange(in.prefix(), in.prefix()+L)) // the last position has no next token
	logits := Reshape(m.Logits(w, hidden), in.Batch*L, m.Vocabulary)
	targets := Reshape(SliceAxis(in.TextIDs, 1, AxisRangeToEnd(1)), in.Batch*L)
	lost := Reshape(layers.CrossEntropy(logits, targets), in.Batch, L)
	valid := layers.LengthMask(SubScalar(in.TextLengths, 1), L)
	return maskedSums(lost, valid)
}

// codeLoss is the same for the picture codes.
func (m *Model) codeLoss(w layers.Weights, in Inputs, x *Node) (nll, count *Node) {
	logits := Reshape(m.CodeLogits(w, in, x), in.Batch*in.Codes, m.Codes)
	lost := layers.CrossEntropy(logits, Reshape(in.CodeIDs, in.Batch*in.Codes))
	return maskedSums(Reshape(lost, in.Batch, in.Codes), layers.LengthMask(in.CodeLengths, in.Codes))
}

// maskedSums are the sums over each row [B] of x [B,L] where valid, and the number of valid ones.
func maskedSums(x, valid *Node) (sum, count *Node) {
	return ReduceSum(Where(valid, x, ZerosLike(x)), -1), ReduceSum(ConvertDType(valid, dtypes.Float32), -1)
}
