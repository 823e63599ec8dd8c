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

// Loss runs the model on a batch. The target of each text position is the next token, unless that token was given (a question about a
// picture); a code's target is itself.
func (m *Model) Loss(w layers.Weights, in Inputs, p Pass) Loss {
	x, aux := m.Hidden(w, in, p)
	count := in.targetCount(x.Graph())
	all := MaxScalar(ReduceAllSum(count), 1.0)
	nll, mean := m.textLoss(w, in, x, all, p)
	if in.Codes > 0 {
		codes := m.codeLoss(w, in, x)
		nll, mean = Add(nll, codes), Add(mean, Div(ReduceAllSum(codes), all))
	}
	total := mean
	if aux.Balance != nil {
		total = Add(total, Add(MulScalar(aux.Balance, m.BalanceWeight), MulScalar(aux.Z, m.ZWeight)))
	}
	return Loss{Mean: mean, Total: total, NLL: nll, Count: count, Aux: aux}
}

// textLoss is the cross entropy of the complete text: summed by row [B], and in the whole batch as a share of all targets [].
func (m *Model) textLoss(w layers.Weights, in Inputs, x, all *Node, p Pass) (nll, mean *Node) {
	g, L := x.Graph(), in.Text-1
	if L < 1 {
		return Zeros(g, in.zeroShape()), ScalarZero(g, dtypes.Float32)
	}
	hidden := Reshape(SliceAxis(x, 1, AxisRange(in.prefix(), in.prefix()+L)), in.Batch*L, m.Width) // the last position has no next token
	targets := Reshape(SliceAxis(in.TextIDs, 1, AxisRangeToEnd(1)), in.Batch*L)
	valid := in.textTargets()
	if !p.Training {
		lost := Reshape(layers.CrossEntropy(m.flatLogits(w, hidden), targets), in.Batch, L)
		nll = maskedSum(lost, valid)
		return nll, Div(ReduceAllSum(nll), all)
	}
	head := layers.Classifier{Table: w.At("embed.text.weight", m.Vocabulary, m.Width), Bias: w.F32("output.bias", m.Vocabulary)}
	weights := Div(Reshape(ConvertDType(valid, dtypes.Float32), in.Batch*L), all)
	mean, each := head.Loss(hidden, targets, weights, p.HeadRows)
	return maskedSum(Reshape(each, in.Batch, L), valid), mean
}

// codeLoss is the cross entropy of the picture codes, summed by row [B].
func (m *Model) codeLoss(w layers.Weights, in Inputs, x *Node) *Node {
	logits := Reshape(m.CodeLogits(w, in, x), in.Batch*in.Codes, m.Codes)
	lost := layers.CrossEntropy(logits, Reshape(in.CodeIDs, in.Batch*in.Codes))
	return maskedSum(Reshape(lost, in.Batch, in.Codes), layers.LengthMask(in.CodeLengths, in.Codes))
}

// textTargets tells which of the text's first T-1 positions have a target, bool [B,T-1]: the next token is there and was not given.
func (in Inputs) textTargets() *Node {
	L := in.Text - 1
	return And(layers.LengthMask(SubScalar(in.TextLengths, 1), L), Not(layers.LengthMask(SubScalar(in.TextGiven, 1), L)))
}

// targetCount is each row's number of targets, f32 [B].
func (in Inputs) targetCount(g *Graph) *Node {
	count := Zeros(g, in.zeroShape())
	if in.Text > 1 {
		count = ReduceSum(ConvertDType(in.textTargets(), dtypes.Float32), -1)
	}
	if in.Codes > 0 {
		count = Add(count, ConvertDType(in.CodeLengths, dtypes.Float32))
	}
	return count
}

// maskedSum is the sum over each row [B] of x [B,L] where valid.
func maskedSum(x, valid *Node) *Node { return ReduceSum(Where(valid, x, ZerosLike(x)), -1) }
