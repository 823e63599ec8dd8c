package m6

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
)

// Attention is where one sequence looks, as plain values. Its positions are those of the visual, masked and complete parts in turn,
// without padding.
type Attention struct {
	Patches, Masked, Text int
	Mask                  [][]bool        // [query][key]: whether the query may look at the key
	Layers                [][][][]float32 // [layer][head][query][key]
}

// Attend runs sequences through the model together and returns where each looks in every layer. pixels are their pictures as [Pixels]
// gives them, nil where the sequences have none; either all have a picture or none.
func (s *Saved) Attend(seqs []Sequence, pixels [][]float32) ([]Attention, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	shape := Shape{Batch: len(seqs)}
	for _, seq := range seqs {
		shape.Masked, shape.Text = max(shape.Masked, len(seq.Masked)), max(shape.Text, len(seq.Text))
	}
	if pixels != nil {
		shape.Patches, shape.Pixels = s.Model.Encoder.Patches(), s.Model.Encoder.Size
	}
	if most := s.Model.Positions; shape.Masked > most || shape.Text > most {
		return nil, fmt.Errorf("a text of %d tokens does not fit into the model's %d positions", max(shape.Masked, shape.Text), most)
	}
	b := NewBatch(shape, seqs)
	for i, picture := range pixels {
		if want := shape.Pixels * shape.Pixels * 3; len(picture) != want {
			return nil, fmt.Errorf("picture %d has %d values: the model wants %d", i, len(picture), want)
		}
		b.Pixels = append(b.Pixels, picture...)
		b.PatchLengths[i] = int32(shape.Patches)
	}
	mask, layers, err := s.attend(b)
	if err != nil {
		return nil, fmt.Errorf("attention: %w", err)
	}
	out := make([]Attention, len(seqs))
	for i, seq := range seqs {
		out[i] = cutAttention(shape, i, Attention{Patches: shape.Patches, Masked: len(seq.Masked), Text: len(seq.Text)}, mask, layers)
	}
	return out, nil
}

// attend computes the mask bool [B,S,S] and of each layer the weights f32 [B,H,S,S], flat.
func (s *Saved) attend(b *Batch) (mask []bool, layers [][]float32, err error) {
	p, err := newProgram(s.Device, "attention", func(bu *builder) {
		in := bu.declare(b.Shape, s.Model.PatchFeatures)
		w, _ := bu.weights(s.Model.weightSpecs(), s.Run.Train.Precision)
		trace := &Trace{}
		s.Model.Hidden(w, in, Pass{Trace: trace})
		bu.output("mask", trace.node("mask"), nil)
		for i := range s.Model.Layers {
			name := fmt.Sprintf("blocks.%d.attention", i)
			bu.output(name, toF32(trace.node("%s", name)), nil)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	values := map[string]*Value{}
	if err := s.Device.placeBatch(b, s.Model.PatchFeatures, values); err != nil {
		return nil, nil, err
	}
	s.State.give(values, s.Model.Config)
	out, err := p.run(values, nil)
	if err != nil {
		return nil, nil, err
	}
	if mask, err = tensors.CopyFlatData[bool](out["mask"].shards[0]); err != nil {
		return nil, nil, err
	}
	layers = make([][]float32, s.Model.Layers)
	for i := range layers {
		if layers[i], err = s.Device.fetch(out[fmt.Sprintf("blocks.%d.attention", i)]); err != nil {
			return nil, nil, err
		}
	}
	return mask, layers, nil
}

// cutAttention takes row i of a batch without its padding.
func cutAttention(shape Shape, i int, a Attention, mask []bool, layers [][]float32) Attention {
	S := shape.Length()
	var at []int // positions of the batch that the row has
	for part, n := range []int{a.Patches, a.Masked, a.Text} {
		start := []int{0, shape.Patches, shape.Patches + shape.Masked}[part]
		for k := range n {
			at = append(at, start+k)
		}
	}
	for _, q := range at {
		row := make([]bool, len(at))
		for k, key := range at {
			row[k] = mask[(i*S+q)*S+key]
		}
		a.Mask = append(a.Mask, row)
	}
	for _, flat := range layers {
		H := len(flat) / (shape.Batch * S * S)
		heads := make([][][]float32, H)
		for h := range heads {
			for _, q := range at {
				row := make([]float32, len(at))
				for k, key := range at {
					row[k] = flat[((i*H+h)*S+q)*S+key]
				}
				heads[h] = append(heads[h], row)
			}
		}
		a.Layers = append(a.Layers, heads)
	}
	return a
}

// Mean is the mean over the heads of a layer, [query][key].
func (a Attention) Mean(layer int) [][]float32 {
	heads := a.Layers[layer]
	out := make([][]float32, len(a.Mask))
	for q := range out {
		out[q] = make([]float32, len(a.Mask))
		for _, head := range heads {
			for k, w := range head[q] {
				out[q][k] += w / float32(len(heads))
			}
		}
	}
	return out
}
