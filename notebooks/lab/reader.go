package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"m6lab/m6"
)

// reader is the saved model of a run at one step: what writes captions and shows attention.
type reader struct {
	run       string
	saved     *m6.Saved
	generator *m6.Generator
}

// captionTokens is how many tokens a caption may have.
const captionTokens = 28

// caption writes the caption of a row's picture, or reads the one that the request gives, and tells its tokens, each with its attention
// over the picture. A model that ends its caption at once tells none.
func (b *bench) caption(ctx context.Context, r request, tell func(event)) error {
	if err := b.open(r, func(event) {}); err != nil {
		return err
	}
	if err := b.openReader(r.Run); err != nil {
		return err
	}
	s := b.reader.saved
	pixels, err := m6.Pixels(r.Row.Image, s.Run.Model.Encoder.Size)
	if err != nil {
		return fmt.Errorf("row %s: %w", r.Row.ID, err)
	}
	objective := s.Objective()
	begin, tokens := objective.Begin(), objective.Tokenizer.Encode(r.Text)
	if r.Text == "" {
		written, err := b.reader.generator.Run(ctx, []m6.Prompt{{Pixels: pixels, Text: begin}}, m6.Generate{MaxTokens: captionTokens})
		if err != nil {
			return err
		}
		tokens = written[0].Tokens
	}
	tokens = tokens[:min(len(tokens), captionTokens)]
	if len(tokens) == 0 {
		tell(event{Step: s.State.Step})
		return nil
	}
	weights, err := b.reader.attention(pixels, append(begin, tokens...))
	if err != nil {
		return err
	}
	words := make([]word, len(tokens))
	for i, id := range tokens {
		words[i] = word{Text: strings.TrimPrefix(s.Vocab.Token(id), "##"), Weights: weights[i]}
	}
	tell(event{Step: s.State.Step, Words: words})
	return nil
}

// openReader reads the run's newest checkpoint, unless it is there already.
func (b *bench) openReader(name string) error {
	if _, step := b.place(); b.reader != nil && b.reader.run == name && b.reader.saved.State.Step == step {
		return nil
	}
	if _, step := b.place(); step == 0 {
		return fmt.Errorf("run %s has not been trained yet: lesson 04 trains it, or call Train", name)
	}
	saved, err := m6.OpenSaved(runFolder(b.root, name))
	if err != nil {
		return err
	}
	saved.Model.Parts = parts
	generator, err := saved.Generator()
	if err != nil {
		return err
	}
	if saved.Run.Model.Encoder.Patches() == 0 {
		return errors.New("the model takes no pictures: its encoder is none")
	}
	b.reader = &reader{run: name, saved: saved, generator: generator}
	return nil
}

// attention is, for each token behind the first, where on the picture the model looked to write it: the weights of the position before
// it in the last block, meaned over heads, as grid [row][column].
func (r *reader) attention(pixels []float32, ids []int32) ([][][]float64, error) {
	seen, err := r.saved.Attend([]m6.Sequence{{Text: ids}}, [][]float32{pixels})
	if err != nil {
		return nil, err
	}
	patches, weights := seen[0].Patches, seen[0].Mean(len(seen[0].Layers)-1)
	var out [][][]float64
	for _, row := range weights[patches : patches+len(ids)-1] {
		out = append(out, square(row[:patches], r.saved.Model.Encoder.Grid))
	}
	return out, nil
}

// square lays out weights of patches by rows of the picture.
func square(flat []float32, grid int) [][]float64 {
	out := make([][]float64, grid)
	for y := range out {
		for x := range grid {
			if v := float64(flat[y*grid+x]); !math.IsNaN(v) {
				out[y] = append(out[y], v)
			} else {
				out[y] = append(out[y], 0)
			}
		}
	}
	return out
}
