package m6

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// Model builds the graph of one config. It holds no weights: those are values of a [State], under the names that [Config.Params]
// declares. Parts may replace pieces of it.
type Model struct {
	Config
	Parts Parts
}

// Parts are pieces of the model and of its data that a reader of a lesson may put in place of the paper's. A nil part is the paper's.
type Parts struct {
	// Mask says which key each query may look at: valid bool [B,S], the batch's shape, to bool [B,S,S] (query, key).
	Mask func(valid *Node, shape Shape) *Node
	// FFN is the feed-forward network of a dense block, x [B,S,D] to [B,S,D], with the tensors of layers.FFNParams.
	FFN func(w layers.Weights, x *Node, hidden int) *Node
	// Block joins the halves of a block, x [B,S,D] to [B,S,D]; the paper's is [PreNorm].
	Block func(b Block, x *Node) *Node
	// Noise makes the masked part of a denoising task from the ids of the whole text: no longer than that, a function of its inputs
	// and r alone. mask is the id of [MASK]. The paper's is [Objective.Noise].
	Noise func(ids []int32, mask int32, r *rand.Rand) []int32
}

// Block is what a Transformer block is made of, each x [B,S,D] to [B,S,D] with tensors of its own. The halves drop out while training.
type Block struct {
	AttentionNorm, Attention func(x *Node) *Node
	FFNNorm, FFN             func(x *Node) *Node // FFN is the mixture of experts where the block has one
}

// PreNorm is the model's block: each half reads its norm of x and adds to x (DECISIONS.md#1).
func PreNorm(b Block, x *Node) *Node {
	x = Add(x, b.Attention(b.AttentionNorm(x)))
	return Add(x, b.FFN(b.FFNNorm(x)))
}

// join runs a block, by the part or as the paper's.
func (m *Model) join(w layers.Weights, b Block, x *Node) *Node {
	b.AttentionNorm = func(x *Node) *Node { return layers.LayerNorm(w.In("attn.norm"), x) }
	b.FFNNorm = func(x *Node) *Node { return layers.LayerNorm(w.In("ffn.norm"), x) }
	if m.Parts.Block == nil {
		return PreNorm(b, x)
	}
	y := m.Parts.Block(b, x)
	y.AssertDims(x.Shape().Dimensions...)
	return y
}

// Pass says how the forward pass is run. The zero value is inference.
type Pass struct {
	Training bool            // batch norm of a trained encoder and expert capacity as in training
	Dropout  *layers.Dropout // nil drops nothing
	Seed     *Node           // uint32 [], of what routers draw while training; nil draws nothing
	HeadRows int             // positions whose logits are made at a time while training; 0: all at once
	Remat    string          // what of a block the backward pass makes again, as train.remat says; "" is none
	Fused    bool            // attention by the device's own operation where it has one
	Trace    *Trace          // nil keeps nothing
	// Rows lays x [B,S,D] out over devices by the rows of the batch, Columns what an embedding's gradient is made of, see [layers.Lookup].
	// They may be nil.
	Rows    func(x *Node) *Node
	Columns func(ids, dy *Node) (*Node, *Node)
	// Constrain fixes the layout over devices of tokens on their way to experts, see [layers.MoEOptions]; Devices share the rows of the batch.
	Constrain func(x *Node, atExperts bool) *Node
	Devices   int
	// Received is given what came over an axis of the mesh. It may be nil.
	Received func(x *Node, axis string) *Node
}

// Aux is what a forward pass gives beside its result: the routers' losses and loads, and the batch norm's new statistics.
type Aux struct {
	Balance, Z *Node            // f32 [], summed over layers of experts; nil for a dense model
	Routing    []layers.Routing // one for each layer of experts
	Updated    map[string]*Node // running statistics by name; nil unless an encoder trains
}

// Hidden runs the whole stack and returns x [B,S,D] after the final norm.
func (m *Model) Hidden(w layers.Weights, in Inputs, p Pass) (*Node, Aux) {
	var aux Aux
	x := m.embed(w, in, p, &aux)
	valid, position := in.Valid(), m.routePositions(in)
	mask := m.mask(valid, in.Shape)
	p.Trace.Keep(mask, "mask") // [B,S,S]
	bias := layers.MaskBias(mask)
	inBlocks := w
	if p.Fused {
		var causal *Node
		if in.Length() == in.Text && m.Parts.Mask == nil {
			causal = in.TextLengths
		}
		inBlocks = inBlocks.Fused(causal)
	}
	if p.Remat == "selective" {
		inBlocks = inBlocks.Selective()
	}
	for i := range m.Layers {
		if p.Remat == "block" {
			x = x.Checkpoint()
		}
		x = p.rows(x)
		x = m.block(inBlocks.In("%s", blockName(i)), i, x, blockInput{valid: valid, bias: bias, position: position, pass: p, aux: &aux})
	}
	if p.Remat == "block" {
		x = x.StopCheckpoint()
	}
	return p.rows(layers.LayerNorm(w.In("final_norm"), x)), aux
}

// rows is Rows, where there is one.
func (p Pass) rows(x *Node) *Node {
	if p.Rows == nil {
		return x
	}
	return p.Rows(x)
}

// received is Received, where there is one.
func (p Pass) received(x *Node, axis string) *Node {
	if p.Received == nil {
		return x
	}
	return p.Received(x, axis)
}

// mask is the paper's three-part mask: visual and masked parts see each other, the complete part sees them and its own past.
func (m *Model) mask(valid *Node, shape Shape) *Node {
	if m.Parts.Mask != nil {
		mask := m.Parts.Mask(valid, shape)
		mask.AssertDims(shape.Batch, shape.Length(), shape.Length())
		return mask
	}
	return layers.PrefixMask(valid, shape.prefix())
}

// embed joins the parts into x [B,S,D]: content + position + segment, then norm and dropout.
func (m *Model) embed(w layers.Weights, in Inputs, p Pass, aux *Aux) *Node {
	embed := w.In("embed")
	segment := embed.At("segment.weight", segments, m.Width)
	var parts []*Node
	if in.Patches > 0 {
		features := m.features(w, in, p, aux)
		flat := Reshape(features, in.Batch*in.Patches, m.PatchFeatures) // [B,P,X] -> [B*P,X]
		visual := layers.Dense(flat, embed.At("visual.kernel", m.PatchFeatures, m.Width), embed.At("visual.bias", m.Width))
		visual = Reshape(visual, in.Batch, in.Patches, m.Width)
		position := embed.At("visual_position.weight", m.VisualPositions, m.Width)
		parts = append(parts, addPosition(visual, position, segment, segmentVisual))
	}
	text := embed.At("text.weight", m.Vocabulary, m.Width)
	position := embed.At("position.weight", m.Positions, m.Width)
	if in.Masked > 0 {
		parts = append(parts, addPosition(layers.Lookup(text, in.MaskedIDs, p.Columns), position, segment, segmentMasked))
	}
	if in.Text > 0 {
		parts = append(parts, addPosition(layers.Lookup(text, in.TextIDs, p.Columns), position, segment, segmentText))
	}
	if in.Codes > 0 {
		codes := layers.Lookup(embed.At("code.weight", m.Codes, m.Width), in.CodeIDs, p.Columns)
		place := Iota(codes.Graph(), shapes.Make(dtypes.Int32, in.Batch, in.Codes), 1) // a code stands behind its row's own text
		place = MinScalar(Add(place, ExpandAxes(in.TextLengths, -1)), m.Positions-1)
		codes = Add(codes, layers.Lookup(position, place, nil))
		parts = append(parts, Add(codes, row(segment, segmentCode)))
	}
	x := layers.LayerNorm(embed.In("norm"), concatenate(parts, 1))
	p.Trace.Keep(x, "embed") // [B,S,D]
	return p.Dropout.Apply(x, 0)
}

// addPosition adds position[0..L) and one segment's row to content [B,L,D].
func addPosition(content, position, segment *Node, which int) *Node {
	first := Slice(position, AxisRangeFromStart(content.Shape().Dim(1))) // [L,D]
	return Add(content, Add(ExpandAxes(first, 0), row(segment, which)))
}

// row is one row of table [R,D] as [1,1,D].
func row(table *Node, i int) *Node {
	return ExpandAxes(Slice(table, AxisRange(i, i+1)), 0)
}

// features are the patches of the batch's pictures [B,P,X]: as given, or the picture encoder's grid.
func (m *Model) features(w layers.Weights, in Inputs, p Pass, aux *Aux) *Node {
	if in.Features != nil {
		return ConvertDType(in.Features, w.Compute())
	}
	net, _ := m.Encoder.network()
	options := m.Encoder.options(net)
	options.Training = p.Training && !m.Encoder.Frozen
	features, updated := net.Features(w.In("encoder"), ConvertDType(in.PixelData, w.Compute()), options)
	aux.Updated = make(map[string]*Node, len(updated))
	for name, value := range updated {
		aux.Updated[encoderPrefix+name] = value
	}
	if m.Encoder.Frozen {
		features = StopGradient(features)
	}
	features.AssertDims(in.Batch, in.Patches, m.PatchFeatures)
	return features
}

// blockInput is what every block is given beside its own x.
type blockInput struct {
	valid, bias *Node // bool [B,S], f32 [B,1,S,S]
	position    *Node // int32 [B,S], what the random router hashes; nil for other routers
	pass        Pass
	aux         *Aux
}

// block is one Transformer layer, x [B,S,D] to [B,S,D].
func (m *Model) block(w layers.Weights, i int, x *Node, in blockInput) *Node {
	p := in.pass
	attention := func(h *Node) *Node {
		attended := layers.SelfAttention(w.In("attn"), h, in.bias, m.Heads)
		p.Trace.Keep(attended.Weights, "blocks.%d.attention", i) // [B,H,S,S]
		p.Trace.Keep(attended.Keys, "blocks.%d.keys", i)         // [B,S,H,K]
		p.Trace.Keep(attended.Values, "blocks.%d.values", i)
		return p.Dropout.Apply(p.received(attended.Y, "model"), 2*i+1)
	}
	ffn := func(h *Node) *Node { return p.Dropout.Apply(m.feedForward(w, i, h, in), 2*i+2) }
	x = m.join(w, Block{Attention: attention, FFN: ffn}, x)
	p.Trace.Keep(x, "blocks.%d.out", i) // [B,S,D]
	return x
}

// feedForward is a block's second half, h [B,S,D] to [B,S,D]: a feed-forward network, or experts.
func (m *Model) feedForward(w layers.Weights, i int, h *Node, in blockInput) *Node {
	switch {
	case m.IsMoE(i):
		return m.experts(w.In("moe"), i, h, in)
	case m.Parts.FFN != nil:
		return m.Parts.FFN(w.In("ffn"), h, m.FFN)
	}
	return layers.FFN(w.In("ffn"), h, m.FFN)
}

// Logits maps the hidden states of the complete part, x [B,L,D], to [B,L,V] with the token embedding's own table.
func (m *Model) Logits(w layers.Weights, x *Node) *Node {
	B, L := x.Shape().Dim(0), x.Shape().Dim(1)
	return Reshape(m.flatLogits(w, Reshape(x, B*L, m.Width)), B, L, m.Vocabulary)
}

// flatLogits is Logits of x [N,D], [N,V].
func (m *Model) flatLogits(w layers.Weights, x *Node) *Node {
	logits := Einsum("nd,vd->nv", x, w.At("embed.text.weight", m.Vocabulary, m.Width))
	return Add(logits, ExpandAxes(w.At("output.bias", m.Vocabulary), 0))
}

// TextHidden is the part of x [B,S,D] that stands at the complete text, [B,T,D].
func (in Inputs) TextHidden(x *Node) *Node {
	return SliceAxis(x, 1, AxisRange(in.prefix(), in.prefix()+in.Text))
}

// CodeLogits maps x [B,S,D] to [B,C,codes]; row i predicts code i: it reads the text's last token for i = 0, then code i-1.
func (m *Model) CodeLogits(w layers.Weights, in Inputs, x *Node) *Node {
	text := in.TextHidden(x)
	last := OneHot(MaxScalar(SubScalar(in.TextLengths, 1), 0), in.Text, x.DType())   // [B,T]
	first := ExpandAxes(Einsum("bt,btd->bd", last, text), 1)                         // [B,1,D]
	start := in.prefix() + in.Text                                                   //
	before := SliceAxis(x, 1, AxisRange(start, start+in.Codes-1))                    // [B,C-1,D]
	h := Reshape(Concatenate([]*Node{first, before}, 1), in.Batch*in.Codes, m.Width) // [B*C,D]
	logits := layers.Dense(h, w.At("output.code.kernel", m.Width, m.Codes), w.At("output.code.bias", m.Codes))
	return Reshape(logits, in.Batch, in.Codes, m.Codes)
}

// blockName is the prefix of block i's tensors.
func blockName(i int) string { return fmt.Sprintf("blocks.%d", i) }
