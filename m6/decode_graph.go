package m6

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// Generation keeps the keys and values of every position that was seen. A row's slots are, in order: picture, masked text, prompt,
// then `room` slots for new tokens, the same for all rows. A prompt that is shorter than its part leaves slots that nobody looks at;
// position embeddings count each row's own tokens.

// decodeShape is the shape of a generation: its prompt and the room for new tokens.
type decodeShape struct {
	Shape
	Room int
}

// slots is the length of the cache.
func (s decodeShape) slots() int { return s.Length() + s.Room }

// decodeState are the tensors that generation carries from token to token.
type decodeState struct {
	token  *Node // int32 [B]: the last token
	index  *Node // int32 []: new tokens so far
	done   *Node // bool [B]: rows that have ended
	out    *Node // int32 [room,B]: new tokens
	scores *Node // f32 [room,B]: their log-probabilities under the model
	caches []layers.Cache
}

// nodes lists the state in a fixed order; fromNodes reads it back.
func (s decodeState) nodes() []*Node {
	nodes := []*Node{s.token, s.index, s.done, s.out, s.scores}
	for _, c := range s.caches {
		nodes = append(nodes, c.Keys, c.Values)
	}
	return nodes
}

func fromNodes(nodes []*Node) decodeState {
	s := decodeState{token: nodes[0], index: nodes[1], done: nodes[2], out: nodes[3], scores: nodes[4]}
	for i := 5; i < len(nodes); i += 2 {
		s.caches = append(s.caches, layers.Cache{Keys: nodes[i], Values: nodes[i+1]})
	}
	return s
}

// prefill runs the prompt through the model: logits f32 [B,V] of each row's next token, and caches with room behind the prompt.
func (m *Model) prefill(w layers.Weights, in Inputs, room int) (*Node, []layers.Cache) {
	trace := &Trace{}
	x, _ := m.Hidden(w, in, Pass{Trace: trace})
	last := OneHot(MaxScalar(SubScalar(in.TextLengths, 1), 0), in.Text, x.DType())
	h := Einsum("bt,btd->bd", last, in.TextHidden(x)) // each row's last token
	var caches []layers.Cache
	for i := range m.Layers {
		caches = append(caches, layers.Cache{
			Keys: roomBehind(trace.node("blocks.%d.keys", i), room), Values: roomBehind(trace.node("blocks.%d.values", i), room),
		})
	}
	return m.nextLogits(w, h), caches
}

// roomBehind turns [B,S,H,K] into a cache [B,H,S+room,K].
func roomBehind(x *Node, room int) *Node {
	x = TransposeAllAxes(x, 0, 2, 1, 3)
	dims := append([]int{}, x.Shape().Dimensions...)
	dims[2] = room
	return Concatenate([]*Node{x, Zeros(x.Graph(), shapes.Make(x.DType(), dims...))}, 2)
}

// nextLogits maps hidden states [B,D] to logits f32 [B,V].
func (m *Model) nextLogits(w layers.Weights, h *Node) *Node {
	logits := m.Logits(w, ExpandAxes(h, 1)) // [B,1,V]
	return ConvertDType(Squeeze(logits, 1), dtypes.Float32)
}

// prompt is what the steps after a prefill need to know of it.
type prompt struct {
	valid   *Node // bool [B,S]: slots of the prompt that hold something
	lengths *Node // int32 [B]: tokens of the prompt's text
}

// advance runs one new token of each row, the one numbered index (int32 []), through the model: logits f32 [B,V] of the next, and the
// caches with this token in them.
func (m *Model) advance(w layers.Weights, shape decodeShape, p prompt, token, index *Node, caches []layers.Cache) (*Node, []layers.Cache) {
	g := token.Graph()
	B, S := shape.Batch, shape.Length()
	embed := w.In("embed")
	place := MinScalar(Add(p.lengths, index), m.Positions-1)
	x := Add(layers.Lookup(embed.At("text.weight", m.Vocabulary, m.Width), token, nil), layers.Lookup(embed.At("position.weight", m.Positions, m.Width), place, nil))
	segment := embed.At("segment.weight", segments, m.Width)
	x = layers.LayerNorm(embed.In("norm"), Add(x, Slice(segment, AxisRange(segmentText, segmentText+1))))
	x = ExpandAxes(x, 1) // [B,1,D]

	seen := LessOrEqual(Iota(g, shapes.Make(dtypes.Int32, B, shape.Room), 1), index)
	mask := Concatenate([]*Node{p.valid, seen}, 1) // [B,L]
	bias := layers.MaskBias(mask)
	slot := AddScalar(index, S)
	out := make([]layers.Cache, len(caches))
	in := blockInput{valid: LessOrEqual(Iota(g, shapes.Make(dtypes.Int32, B, 1), 0), Scalar(g, dtypes.Int32, B)), aux: &Aux{}}
	if layers.Router(m.Router) == layers.RouterRandom {
		in.position = ExpandAxes(routePosition(Add(p.lengths, index), segmentText), -1)
	}
	for i := range m.Layers {
		block := w.In("%s", blockName(i))
		attention := func(h *Node) *Node {
			h, out[i] = layers.CachedAttention(block.In("attn"), Squeeze(h, 1), bias, slot, caches[i], m.Heads)
			return ExpandAxes(h, 1)
		}
		ffn := func(h *Node) *Node { return m.feedForward(block, i, h, in) }
		x = m.join(block, Block{Attention: attention, FFN: ffn}, x)
	}
	return m.nextLogits(w, Squeeze(layers.LayerNorm(w.In("final_norm"), x), 1)), out
}

// choice are the numbers of a draw, inputs of the program: changing them compiles nothing.
type choice struct {
	sample      bool  // else the most probable token, and nothing below is read
	temperature *Node // f32 []
	topK        *Node // int32 []: only the k most probable tokens; V is all
	topP        *Node // f32 []: only the most probable tokens that together reach p; 1 is all
	seeds       *Node // uint32 [B], of each row
}

// choose picks a token of each row from logits f32 [B,V]: its id int32 [B] and log-probability f32 [B]. A draw depends on the row's
// seed and the token's number alone, not on what else is in the batch.
func (c choice) choose(logits, index *Node) (token, score *Node) {
	logp := LogSoftmax(logits, -1)
	if !c.sample {
		token = ArgMax(logits, -1, dtypes.Int32)
	} else {
		token = c.draw(logits, index)
	}
	V := logits.Shape().Dim(1)
	chosen := Equal(ExpandAxes(token, -1), Iota(logits.Graph(), shapes.Make(dtypes.Int32, 1, V), 1))
	return token, ReduceSum(Where(chosen, logp, ZerosLike(logp)), -1)
}

// draw samples by adding Gumbel noise and taking the largest.
func (c choice) draw(logits, index *Node) *Node {
	g := logits.Graph()
	B, V := logits.Shape().Dim(0), logits.Shape().Dim(1)
	scaled := Div(logits, MaxScalar(c.temperature, 1e-6))
	kept := GreaterOrEqual(scaled, c.kthLargest(scaled))
	kept = And(kept, c.nucleus(Where(kept, scaled, layers.FillLike(scaled, -1e9))))
	row := layers.Hash(BitwiseXor(layers.Hash(c.seeds), layers.Hash(ConvertDType(index, dtypes.Uint32)))) // [B]
	bits := layers.Hash(Add(ExpandAxes(row, -1), Iota(g, shapes.Make(dtypes.Uint32, B, V), 1)))
	uniform := MulScalar(AddScalar(ConvertDType(BitwiseShiftRightLogicalScalar(bits, uint32(8)), dtypes.Float32), 0.5), 1.0/(1<<24))
	gumbel := Neg(Log(Neg(Log(uniform))))
	return ArgMax(Where(kept, Add(scaled, gumbel), layers.FillLike(scaled, -1e30)), -1, dtypes.Int32)
}

// bisections is enough to tell neighbouring f32 apart.
const bisections = 40

// kthLargest is, for each row of x [B,V], a threshold [B,1] that the k largest reach and, but for equals, no other.
func (c choice) kthLargest(x *Node) *Node {
	low, high := ReduceAndKeep(x, ReduceMin, -1), AddScalar(ReduceAndKeep(x, ReduceMax, -1), 1)
	for range bisections {
		middle := MulScalar(Add(low, high), 0.5)
		reach := ReduceAndKeep(ConvertDType(GreaterOrEqual(x, middle), dtypes.Int32), ReduceSum, -1)
		enough := GreaterOrEqual(reach, c.topK)
		low, high = Where(enough, middle, low), Where(enough, high, middle)
	}
	return low
}

// nucleus marks the most probable tokens of x [B,V] that together have probability p (Holtzman et al., arXiv 1904.09751).
func (c choice) nucleus(x *Node) *Node {
	p := Softmax(x, -1)
	low, high := ZerosLike(ReduceAndKeep(p, ReduceMax, -1)), ReduceAndKeep(p, ReduceMax, -1)
	for range bisections {
		middle := MulScalar(Add(low, high), 0.5)
		mass := ReduceAndKeep(Where(GreaterOrEqual(p, middle), p, ZerosLike(p)), ReduceSum, -1)
		enough := GreaterOrEqual(mass, c.topP)
		low, high = Where(enough, middle, low), Where(enough, high, middle)
	}
	return GreaterOrEqual(p, low)
}
