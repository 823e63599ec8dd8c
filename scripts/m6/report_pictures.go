package main

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"

	pictures "m6lab/datasets/image"
	"m6lab/m6"
	"m6lab/tasks"
	"m6lab/viz"
)

// How much of a kind the page shows.
const (
	shownScenes    = 12 // of each source of pictures
	shownAttention = 3
	pictureSide    = 64 // pixels of a picture on the page
)

// draw takes n cases at random by the page's seed, in the order of the draw.
func (r *reporter) draw(cases []tasks.Case, n int) []tasks.Case {
	random := rand.New(rand.NewPCG(r.seed, uint64(len(cases))))
	var out []tasks.Case
	for _, i := range random.Perm(len(cases))[:min(n, len(cases))] {
		out = append(out, cases[i])
	}
	return out
}

// bySource splits cases by source, in order.
func bySource(cases []tasks.Case) (names []string, by map[string][]tasks.Case) {
	by = map[string][]tasks.Case{}
	for _, c := range cases {
		if by[c.Source] == nil {
			names = append(names, c.Source)
		}
		by[c.Source] = append(by[c.Source], c)
	}
	return names, by
}

// pictures are galleries of held-out pictures with their captions, and of questions.
func (r *reporter) pictures() ([]viz.Block, error) {
	var blocks []viz.Block
	for _, task := range []string{"caption", "vqa"} {
		names, by := bySource(r.results[task].Cases)
		for _, source := range names {
			n := shownScenes
			if source != names[0] || task == "vqa" {
				n = shownScenes / 2
			}
			drawn := r.draw(by[source], n)
			gallery := viz.GalleryOptions{
				Title:  fmt.Sprintf("%s: %s", titles[task], source),
				Chosen: fmt.Sprintf("%d of the %d that were judged, at random with seed %d.%s", len(drawn), len(by[source]), r.seed, composed(source)),
			}
			for _, c := range drawn {
				picture, err := show(c.Example.Image)
				if err != nil {
					return nil, fmt.Errorf("picture of %s: %w", c.ID, err)
				}
				gallery.Shots = append(gallery.Shots, shot(c, picture))
			}
			r.figures.Shown = append(r.figures.Shown, drawn...)
			blocks = append(blocks, gallery)
		}
	}
	return blocks, nil
}

// composed says of the sample's scenes what they are.
func composed(source string) string {
	if source == "scenes" || source == "scenes_vqa" {
		return " Composed pictures: real drawings, synthetic layout."
	}
	return ""
}

func shot(c tasks.Case, picture image.Image) viz.Shot {
	s := viz.Shot{Picture: picture, Caption: c.Written, Truth: c.Truth, Verdict: verdict(c.Right), Note: c.Part}
	if c.Given != "" {
		s.Note = c.Given
	}
	if s.Caption == "" {
		s.Caption = "(nothing)"
	}
	return s
}

func verdict(right bool) viz.Verdict {
	if right {
		return viz.Right
	}
	return viz.Wrong
}

// show decodes a picture for the page.
func show(data []byte) (image.Image, error) {
	pixels := make([]float32, pictureSide*pictureSide*3)
	if err := pictures.Pixels(data, pictureSide, pixels); err != nil {
		return nil, err
	}
	out := image.NewNRGBA(image.Rect(0, 0, pictureSide, pictureSide))
	for i := range pictureSide * pictureSide {
		level := func(c int) uint8 { return uint8(min(max(pixels[i*3+c], 0), 1)*255 + 0.5) }
		out.SetNRGBA(i%pictureSide, i/pictureSide, color.NRGBA{level(0), level(1), level(2), 255})
	}
	return out, nil
}

// looking is the attention of written captions over their pictures.
func (r *reporter) looking() ([]viz.Block, error) {
	names, by := bySource(r.results["caption"].Cases)
	if len(names) == 0 {
		return nil, nil
	}
	cases := r.draw(by[names[0]], shownAttention)
	o := r.model.Objective
	var seqs []m6.Sequence
	var pixels [][]float32
	for _, c := range cases {
		picture, err := m6.Pixels(c.Example.Image, r.model.Run.Model.Encoder.Size)
		if err != nil {
			return nil, fmt.Errorf("picture of %s: %w", c.ID, err)
		}
		seqs = append(seqs, m6.Sequence{Task: m6.Caption, Picture: c.Example.Image, Text: o.Frame(r.model.IDs(c.Written))})
		pixels = append(pixels, picture)
	}
	attention, err := r.model.Attend(seqs, pixels)
	if err != nil {
		return nil, err
	}
	blocks := []viz.Block{viz.Prose(fmt.Sprintf(
		"Where the last of %d layers looks in the picture, mean over its %d heads, at the moment when it writes each word. The captions are the model's own; %d pictures drawn with seed %d.",
		r.model.Run.Model.Layers, r.model.Run.Model.Heads, len(cases), r.seed))}
	for i, c := range cases {
		picture, err := show(c.Example.Image)
		if err != nil {
			return nil, err
		}
		words := r.words(attention[i], seqs[i].Text)
		if len(words) == 0 {
			continue // the model wrote nothing
		}
		blocks = append(blocks, viz.AttentionOptions{Title: c.Written, Picture: picture, Words: words})
	}
	return append(blocks, r.heads(attention[0], seqs[0].Text)), nil
}

// words are the tokens of a text with the last layer's attention over the picture. The position that writes a token is the one before
// it.
func (r *reporter) words(a m6.Attention, ids []int32) []viz.Word {
	grid := r.model.Run.Model.Encoder.Grid
	mean := a.Mean(len(a.Layers) - 1)
	var out []viz.Word
	for t := 1; t+1 < len(ids); t++ {
		query := mean[a.Patches+a.Masked+t-1]
		word := viz.Word{Text: r.model.Vocab.Token(ids[t])}
		for y := range grid {
			row := make([]float64, grid)
			for x := range row {
				row[x] = float64(query[y*grid+x])
			}
			word.Weights = append(word.Weights, row)
		}
		out = append(out, word)
	}
	return out
}

// heads is the attention of a text's tokens on each other in the last layer, head by head.
func (r *reporter) heads(a m6.Attention, ids []int32) viz.Block {
	o := viz.MatrixOptions{Title: "The caption's tokens on each other, by head (last layer)"}
	start := a.Patches + a.Masked
	for t := range ids {
		o.Rows = append(o.Rows, r.model.Vocab.Token(ids[t]))
	}
	o.Columns = o.Rows
	for h, head := range a.Layers[len(a.Layers)-1] {
		weights := make([][]float64, len(ids))
		for q := range ids {
			for k := range ids {
				weights[q] = append(weights[q], float64(head[start+q][start+k]))
			}
		}
		o.Heads = append(o.Heads, viz.Head{Name: fmt.Sprintf("head %d", h+1), Weights: weights})
	}
	return viz.Captioned{Block: o, Text: "A row looks at the columns. What a row lacks to 1, the picture gets."}
}
