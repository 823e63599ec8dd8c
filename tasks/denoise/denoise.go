// Package denoise measures the recovery of masked text: exactly, beside the unigram guess and a 3-gram's best guess, and where there
// is a picture, with the right one and with a wrong one.
//
// # What is hidden
//
// Of each held-out text one span of 1 to 3 tokens, its length and place drawn by the seed and the row's id alone; a Han character is a
// token. A span never holds a word that the vocabulary lacks. The span is replaced by a single [MASK], so the model is not told its
// length; the baselines are.
//
// # What counts
//
// The main measure gives every side the text on the left of the gap. "span": the model, which has read the masked text, goes on from
// there by its most probable tokens; right where it writes the span and then the first token behind the gap, or the end. "span, of Han
// characters": the same, where the span holds nothing else (punctuation is easy). "span in whole text": the model writes the complete
// text from nothing; right where the span stands in it between the two tokens that stand before and behind the gap. "whole text": all
// of it is the original's.
//
// # Baselines
//
// The unigram guess is the most frequent sequence of that many tokens in the source's training texts. The 3-gram's is
// [clean.KN.BestFillLen] over the tokens of the same texts, given both sides of the gap. The wrong picture is another held-out
// example's, with other captions.
package denoise

import (
	"context"
	"fmt"
	"slices"

	"m6lab/datasets"
	"m6lab/m6"
	"m6lab/tasks"
)

// maxSpan is the longest span that is hidden.
const maxSpan = 3

// Evaluate fills the gaps of the held-out texts of each source: texts without pictures, then captions with their pictures.
func Evaluate(ctx context.Context, m *tasks.Model, d *tasks.Data, o tasks.Options) (tasks.Result, error) {
	var result tasks.Result
	kinds := []struct {
		kind tasks.Kind
		what string
	}{{tasks.Text, "text without a picture"}, {tasks.Pictured, "picture with a caption"}}
	var missing error
	for _, k := range kinds {
		if k.what != kinds[0].what && m.Sees() != nil {
			continue
		}
		sources, err := d.Sources(k.kind, k.what, o)
		if err != nil {
			missing = err
			continue
		}
		for _, source := range sources {
			if err := evaluate(ctx, m, d, source, k.kind, o, &result); err != nil {
				return result, fmt.Errorf("masked text of %s: %w", source, err)
			}
		}
	}
	if len(result.Figures) == 0 {
		return result, missing
	}
	return result, nil
}

// work is what the evaluation of one source has in hand.
type work struct {
	model  *tasks.Model
	source string
	gaps   []Gap
	rows   []datasets.Example // of the gaps
	pixels [][]float32        // nil where the source has no pictures
}

func evaluate(ctx context.Context, m *tasks.Model, d *tasks.Data, source string, kind tasks.Kind, o tasks.Options, result *tasks.Result) error {
	train, err := tasks.Pick(d.Train, source, kind, o.Train, o.Seed)
	if err != nil {
		return err
	}
	held, err := tasks.Pick(d.Held, source, kind, o.Limit, o.Seed)
	if err != nil {
		return err
	}
	w := work{model: m, source: source}
	var pixels [][]float32
	if held[0].Image != nil {
		var notes []string
		held, pixels, notes = m.Pictures(held)
		result.Notes = append(result.Notes, notes...)
	}
	short := 0
	for i, ex := range held {
		gap, ok := Draw(tokens(m, ex), m.Vocab.Unk(), o.Seed, ex.ID)
		if !ok {
			short++
			continue
		}
		w.gaps, w.rows = append(w.gaps, gap), append(w.rows, ex)
		if pixels != nil {
			w.pixels = append(w.pixels, pixels[i])
		}
	}
	if short > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%s: left out %d of %d texts: no span can be hidden in so few words that the vocabulary has", source, short, len(held)))
	}
	if len(w.gaps) == 0 {
		return nil
	}
	if err := w.measure(ctx, trainTexts(m, train), result); err != nil || o.Brief {
		return err
	}
	return w.measureWhole(ctx, result)
}

func trainTexts(m *tasks.Model, train []datasets.Example) [][]int32 {
	out := make([][]int32, len(train))
	tasks.Each(len(train), func(i int) { out[i] = tokens(m, train[i]) })
	return out
}

// tokens are the ids of an example's text; of several right captions the first.
func tokens(m *tasks.Model, ex datasets.Example) []int32 {
	ex.References = ex.References[:min(len(ex.References), 1)]
	if len(ex.References) == 1 {
		ex.Text = ex.References[0]
	}
	return m.IDs(m6.CompleteText(ex, nil))
}

// measure adds the figures of the source.
func (w work) measure(ctx context.Context, train [][]int32, result *tasks.Result) error {
	filled, err := w.fill(ctx, w.pixels)
	if err != nil {
		return err
	}
	by := map[string][]bool{"model": w.closed(filled)}
	order := []string{}
	if w.pixels != nil {
		wrong, err := w.fill(ctx, w.wrongPictures())
		if err != nil {
			return err
		}
		by["model, wrong picture"] = w.closed(wrong)
		order = append(order, "model, wrong picture")
	}
	if len(train) > 0 {
		guesser, err := NewGuesser(train)
		if err != nil {
			return err
		}
		by["most frequent"], by["3-gram"] = guesser.Judge(w.gaps)
		order = append(order, "most frequent", "3-gram")
	}
	var han []bool
	for _, g := range w.gaps {
		han = append(han, w.allHan(g.Span()))
	}
	result.Figures = append(result.Figures, w.figure("span", by, order, nil))
	if slices.Contains(han, true) && slices.Contains(han, false) {
		result.Figures = append(result.Figures, w.figure("span, of Han characters", by, order, han))
	}
	for i, g := range w.gaps {
		result.Cases = append(result.Cases, tasks.Case{
			Example: w.rows[i], ID: w.rows[i].ID, Source: w.source, Given: w.shown(g), Written: w.model.Text(g.With(g.Filling(filled[i].Tokens))),
			Truth: []string{w.model.Text(g.IDs)}, Right: by["model"][i],
		})
	}
	return nil
}

// measureWhole adds the figures of complete texts that are written from nothing.
func (w work) measureWhole(ctx context.Context, result *tasks.Result) error {
	whole, err := w.whole(ctx)
	if err != nil {
		return err
	}
	inside, equal := make([]bool, len(w.gaps)), make([]bool, len(w.gaps))
	for i, g := range w.gaps {
		inside[i], equal[i] = g.Inside(whole[i].Tokens), slices.Equal(whole[i].Tokens, g.IDs)
	}
	result.Figures = append(result.Figures, w.figure("span in whole text", map[string][]bool{"model": inside}, nil, nil),
		w.figure("whole text", map[string][]bool{"model": equal}, nil, nil))
	return nil
}

// figure is the share of hits of the model and of others; only the rows of a part count, where it is given.
func (w work) figure(measure string, by map[string][]bool, order []string, part []bool) tasks.Figure {
	only := func(hits []bool) (out []bool) {
		for i, hit := range hits {
			if part == nil || part[i] {
				out = append(out, hit)
			}
		}
		return out
	}
	f := tasks.Figure{Task: "denoise", Source: w.source, Measure: measure, Unit: "%", Model: tasks.Share("model", only(by["model"])), N: len(only(by["model"]))}
	for _, name := range order {
		f.Baselines = append(f.Baselines, tasks.Share(name, only(by[name])))
	}
	return f
}

// prompts are the masked texts; text is what the complete part of each begins with.
func (w work) prompts(pixels [][]float32, text func(Gap) []int32) []m6.Prompt {
	out := make([]m6.Prompt, len(w.gaps))
	for i, g := range w.gaps {
		out[i] = m6.Prompt{Masked: g.Masked(w.model.Vocab.Mask()), Text: w.model.Objective.Begin(text(g)...)}
		if pixels != nil {
			out[i].Pixels = pixels[i]
		}
	}
	return out
}

// fill goes on from the left of each gap.
func (w work) fill(ctx context.Context, pixels [][]float32) ([]m6.Written, error) {
	return w.model.Write(ctx, w.prompts(pixels, Gap.Left), m6.Generate{MaxTokens: maxSpan + 1})
}

// whole writes each complete text from nothing.
func (w work) whole(ctx context.Context) ([]m6.Written, error) {
	longest := 0
	for _, g := range w.gaps {
		longest = max(longest, len(g.IDs))
	}
	return w.model.Write(ctx, w.prompts(w.pixels, func(Gap) []int32 { return nil }), m6.Generate{MaxTokens: longest + 1})
}

// closed tells of each gap whether what was written from its left on closes it.
func (w work) closed(written []m6.Written) []bool {
	out := make([]bool, len(written))
	for i, x := range written {
		out[i] = w.gaps[i].Closed(x.Tokens, x.Ended)
	}
	return out
}

// wrongPictures gives each gap the picture of another example, half the set away, whose captions are others.
func (w work) wrongPictures() [][]float32 {
	n := len(w.gaps)
	out := make([][]float32, n)
	for i := range out {
		out[i] = w.pixels[i]
		for k := range n {
			other := (i + n/2 + k) % n
			if !slices.Contains(w.model.Truths(w.rows[other]), w.model.Truths(w.rows[i])[0]) {
				out[i] = w.pixels[other]
				break
			}
		}
	}
	return out
}

// shown is the masked text for readers.
func (w work) shown(g Gap) string {
	return w.model.Text(g.Left()) + "[MASK]" + w.model.Text(g.Right())
}
