package m6

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// The rows of embed.segment.weight.
const (
	segmentVisual = iota
	segmentMasked
	segmentText
	segmentCode
	segments
)

// Sequence is one example as the model reads it, before padding. Any part may be empty.
type Sequence struct {
	Task    Task
	Source  string
	ID      string
	Picture []byte  // the encoded picture; nil where there is none
	Masked  []int32 // token ids of the masked part
	Text    []int32 // token ids of the complete part, from [CLS] to [SEP]
	Given   int     // tokens of Text, from its beginning, that are given: they are no targets
	Codes   []int32 // picture codes that follow the text
}

// Shape is the shape of a batch: one program is compiled for each.
type Shape struct {
	Batch   int `json:"batch"`
	Patches int `json:"patches"` // P, 0 where no row has a picture
	Masked  int `json:"masked"`  // M
	Text    int `json:"text"`    // T
	Codes   int `json:"codes"`   // C
	Pixels  int `json:"pixels"`  // side of the pictures; 0 where pictures come as features
}

// Batch is what a program reads: rows padded to the shape, and the length of each part of each row.
type Batch struct {
	Shape
	Pixels   []float32 // [B,side,side,3] normalised RGB, or
	Features []float32 // [B,P,X]

	PatchLengths  []int32 // [B]
	MaskedIDs     []int32 // [B,M]
	MaskedLengths []int32
	TextIDs       []int32 // [B,T]
	TextLengths   []int32
	TextGiven     []int32 // leading tokens of the text that are no targets
	CodeIDs       []int32 // [B,C]
	CodeLengths   []int32

	Rows []Row // what the rows are, of all ranks where several share a batch; for figures and logs, the model does not see it
}

// Row says where a row of a batch comes from.
type Row struct {
	Task   Task
	Source string
	ID     string
}

// Inputs are a batch's tensors inside a program. Those of a part that is empty in the whole batch are nil.
type Inputs struct {
	Shape
	PixelData, Features                                   *Node
	PatchLengths, MaskedLengths, TextLengths, CodeLengths *Node
	MaskedIDs, TextIDs, TextGiven, CodeIDs                *Node
}

// input is one tensor of a batch: its shape, its data in a [Batch], and its place in [Inputs].
type input struct {
	name  string
	shape shapes.Shape
	data  func(*Batch) any
	node  func(*Inputs) **Node
}

// inputs lists the tensors of a batch of this shape, in order. This list is the layout; nothing else knows it.
func (s Shape) inputs(patchFeatures int) []input {
	ints := func(name string, data func(*Batch) []int32, node func(*Inputs) **Node, dims ...int) input {
		return input{name, shapes.Make(dtypes.Int32, dims...), func(b *Batch) any { return data(b) }, node}
	}
	var out []input
	if s.Patches > 0 {
		out = append(out, ints("patch_lengths", func(b *Batch) []int32 { return b.PatchLengths }, func(in *Inputs) **Node { return &in.PatchLengths }, s.Batch))
		if s.Pixels > 0 {
			out = append(out, input{"pixels", shapes.Make(dtypes.Float32, s.Batch, s.Pixels, s.Pixels, 3),
				func(b *Batch) any { return b.Pixels }, func(in *Inputs) **Node { return &in.PixelData }})
		} else {
			out = append(out, input{"patch_features", shapes.Make(dtypes.Float32, s.Batch, s.Patches, patchFeatures),
				func(b *Batch) any { return b.Features }, func(in *Inputs) **Node { return &in.Features }})
		}
	}
	if s.Masked > 0 {
		out = append(out,
			ints("masked_ids", func(b *Batch) []int32 { return b.MaskedIDs }, func(in *Inputs) **Node { return &in.MaskedIDs }, s.Batch, s.Masked),
			ints("masked_lengths", func(b *Batch) []int32 { return b.MaskedLengths }, func(in *Inputs) **Node { return &in.MaskedLengths }, s.Batch))
	}
	out = append(out,
		ints("text_ids", func(b *Batch) []int32 { return b.TextIDs }, func(in *Inputs) **Node { return &in.TextIDs }, s.Batch, s.Text),
		ints("text_lengths", func(b *Batch) []int32 { return b.TextLengths }, func(in *Inputs) **Node { return &in.TextLengths }, s.Batch),
		ints("text_given", func(b *Batch) []int32 { return b.TextGiven }, func(in *Inputs) **Node { return &in.TextGiven }, s.Batch))
	if s.Codes > 0 {
		out = append(out,
			ints("code_ids", func(b *Batch) []int32 { return b.CodeIDs }, func(in *Inputs) **Node { return &in.CodeIDs }, s.Batch, s.Codes),
			ints("code_lengths", func(b *Batch) []int32 { return b.CodeLengths }, func(in *Inputs) **Node { return &in.CodeLengths }, s.Batch))
	}
	return out
}

// Length is S, the padded length of the whole sequence.
func (s Shape) Length() int { return s.Patches + s.Masked + s.Text + s.Codes }

// zeroShape is the shape of one number for each row, f32 [B].
func (s Shape) zeroShape() shapes.Shape { return shapes.Make(dtypes.Float32, s.Batch) }

// prefix is the number of positions that the bidirectional parts take, P+M.
func (s Shape) prefix() int { return s.Patches + s.Masked }

// Valid tells which positions of the sequence are no padding, bool [B,S].
func (in Inputs) Valid() *Node {
	var parts []*Node
	for _, part := range []struct {
		lengths *Node
		size    int
	}{{in.PatchLengths, in.Patches}, {in.MaskedLengths, in.Masked}, {in.TextLengths, in.Text}, {in.CodeLengths, in.Codes}} {
		if part.size > 0 {
			parts = append(parts, layers.LengthMask(part.lengths, part.size))
		}
	}
	return concatenate(parts, 1)
}

// concatenate is Concatenate that takes a single part too.
func concatenate(parts []*Node, axis int) *Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return Concatenate(parts, axis)
}

// NewBatch pads sequences to a shape. It is given no picture: whoever decodes them fills in Pixels or Features.
// The sequences must fit; [Fit] makes them.
func NewBatch(shape Shape, rows []Sequence) *Batch {
	b := &Batch{Shape: shape,
		PatchLengths: make([]int32, shape.Batch), MaskedLengths: make([]int32, shape.Batch),
		TextLengths: make([]int32, shape.Batch), TextGiven: make([]int32, shape.Batch), CodeLengths: make([]int32, shape.Batch),
		MaskedIDs: make([]int32, shape.Batch*shape.Masked), TextIDs: make([]int32, shape.Batch*shape.Text),
		CodeIDs: make([]int32, shape.Batch*shape.Codes), Rows: make([]Row, len(rows)),
	}
	for i, row := range rows {
		if row.Picture != nil {
			b.PatchLengths[i] = int32(shape.Patches)
		}
		b.MaskedLengths[i] = int32(copy(b.MaskedIDs[i*shape.Masked:(i+1)*shape.Masked], row.Masked))
		b.TextLengths[i] = int32(copy(b.TextIDs[i*shape.Text:(i+1)*shape.Text], row.Text))
		b.TextGiven[i] = int32(row.Given)
		b.CodeLengths[i] = int32(copy(b.CodeIDs[i*shape.Codes:(i+1)*shape.Codes], row.Codes))
		b.Rows[i] = Row{Task: row.Task, Source: row.Source, ID: row.ID}
	}
	return b
}
