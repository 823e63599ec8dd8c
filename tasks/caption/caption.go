// Package caption measures captions of held-out pictures: exact match, where any of an example's references counts, and CIDEr-D per
// character (package score), by source and by type.
//
// # Baselines
//
// The best constant caption is the training caption with the highest CIDEr-D over training rows. The nearest neighbour copies the
// caption of the training picture that is nearest in pixel space: Euclidean distance of 16 x 16 RGB values. All captions are compared
// as the model's tokenizer reads them, so that neither side gains by blanks or case.
//
// # Types
//
// A scene's type is meta's "form" (count, relation). Emoji whose meta says "twin": false have no gendered or keycap twin that training
// shows under nearly the same name; they are a part of their own, as a neighbour in pixel space finds twins by nature.
package caption

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"m6lab/datasets"
	"m6lab/m6"
	"m6lab/tasks"
	"m6lab/tasks/score"
)

// maxTokens is the longest caption that is written.
const maxTokens = 64

// Evaluate captions the held-out pictures of each source.
func Evaluate(ctx context.Context, m *tasks.Model, d *tasks.Data, o tasks.Options) (tasks.Result, error) {
	var result tasks.Result
	if err := m.Sees(); err != nil {
		return result, err
	}
	sources, err := d.Sources(tasks.Pictured, "picture with a caption", o)
	if err != nil {
		return result, err
	}
	for _, source := range sources {
		if err := evaluate(ctx, m, d, source, o, &result); err != nil {
			return result, fmt.Errorf("captions of %s: %w", source, err)
		}
	}
	return result, nil
}

func evaluate(ctx context.Context, m *tasks.Model, d *tasks.Data, source string, o tasks.Options, result *tasks.Result) error {
	held, err := tasks.Pick(d.Held, source, tasks.Pictured, o.Limit, o.Seed)
	if err != nil {
		return err
	}
	train, err := tasks.Pick(d.Train, source, tasks.Pictured, o.Train, o.Seed)
	if err != nil {
		return err
	}
	held = slices.DeleteFunc(held, func(ex datasets.Example) bool { return len(m.Truths(ex)) == 0 })
	train = slices.DeleteFunc(train, func(ex datasets.Example) bool { return len(m.Truths(ex)) == 0 })
	held, pixels, notes := m.Pictures(held)
	result.Notes = append(result.Notes, notes...)
	if len(held) == 0 {
		return fmt.Errorf("none of the pictures could be decoded")
	}
	prompts := make([]m6.Prompt, len(held))
	for i := range held {
		prompts[i] = m6.Prompt{Pixels: pixels[i], Text: m.Objective.Begin()}
	}
	written, err := m.Write(ctx, prompts, m6.Generate{MaxTokens: maxTokens, Beams: o.Beams, LengthPower: 1})
	if err != nil {
		return err
	}
	set := Set{Source: source, Written: map[string][]string{"model": nil}}
	for i, ex := range held {
		set.Truths = append(set.Truths, m.Truths(ex))
		set.Parts = append(set.Parts, Parts(ex))
		set.Written["model"] = append(set.Written["model"], m.Text(written[i].Tokens))
	}
	if len(train) > 0 {
		captions := normal(m, train)
		set.Baselines = []string{"best constant", "nearest neighbour"}
		neighbours, notes := Nearest(train, held)
		result.Notes = append(result.Notes, notes...)
		constant := Constant(captions)
		for i := range held {
			set.Written["best constant"] = append(set.Written["best constant"], constant)
			set.Written["nearest neighbour"] = append(set.Written["nearest neighbour"], captions[neighbours[i]])
		}
		if all := count(d, source); len(train) < all {
			result.Notes = append(result.Notes, fmt.Sprintf("%s: the baselines saw %d of %d training pictures", source, len(train), all))
		}
	}
	figures, err := set.Figures()
	result.Figures = append(result.Figures, figures...)
	for i, ex := range held {
		truths, caption := set.Truths[i], set.Written["model"][i]
		c := tasks.Case{Example: ex, ID: ex.ID, Source: source, Written: caption, Truth: truths, Right: slices.Contains(truths, caption)}
		if len(set.Parts[i]) > 0 {
			c.Part = set.Parts[i][0]
		}
		result.Cases = append(result.Cases, c)
	}
	return err
}

// count is the number of a source's training pictures.
func count(d *tasks.Data, source string) (n int) {
	for _, e := range d.Train.Index() {
		if e.Source == source && tasks.Pictured(e) {
			n++
		}
	}
	return n
}

// normal are the first captions of examples as the model reads them.
func normal(m *tasks.Model, examples []datasets.Example) []string {
	out := make([]string, len(examples))
	tasks.Each(len(out), func(i int) { out[i] = m.Truths(examples[i])[0] })
	return out
}

// Parts are the types of an example, from its meta: the form of a scene, "without twins" of an emoji.
func Parts(ex datasets.Example) []string {
	var meta struct {
		Form string `json:"form"`
		Twin *bool  `json:"twin"`
	}
	if json.Unmarshal([]byte(ex.Meta), &meta) != nil {
		return nil
	}
	switch {
	case meta.Form != "":
		return []string{meta.Form}
	case meta.Twin != nil && !*meta.Twin:
		return []string{"without twins"}
	}
	return nil
}

// Set is what was written for the pictures of a source. All slices are as long as Truths.
type Set struct {
	Source    string
	Truths    [][]string
	Parts     [][]string          // of each picture
	Written   map[string][]string // by writer; "model" is one
	Baselines []string            // the other writers, in order
}

// Figures are exact match and CIDEr-D of all pictures and of each part. The document frequencies are those of the whole source.
func (s Set) Figures() ([]tasks.Figure, error) {
	parts := []string{""}
	for _, of := range s.Parts {
		for _, part := range of {
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	slices.Sort(parts)
	cider := map[string][]float64{}
	for writer, written := range s.Written {
		values, err := ciders(s.Truths, written)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", s.Source, writer, err)
		}
		cider[writer] = values
	}
	var out []tasks.Figure
	for _, part := range parts {
		exact := tasks.Figure{Task: "caption", Source: s.Source, Part: part, Measure: "exact caption", Unit: "%"}
		alike := tasks.Figure{Task: "caption", Source: s.Source, Part: part, Measure: "CIDEr-D per character"}
		for k, writer := range append([]string{"model"}, s.Baselines...) {
			var hits []bool
			var values []float64
			for i, truths := range s.Truths {
				if part == "" || slices.Contains(s.Parts[i], part) {
					hits = append(hits, slices.Contains(truths, s.Written[writer][i]))
					values = append(values, cider[writer][i])
				}
			}
			e, a := tasks.Share(writer, hits), tasks.Mean(writer, values)
			exact.N, alike.N = len(hits), len(hits)
			if k == 0 {
				exact.Model, alike.Model = e, a
				continue
			}
			exact.Baselines, alike.Baselines = append(exact.Baselines, e), append(alike.Baselines, a)
		}
		out = append(out, exact, alike)
	}
	return out, nil
}

// ciders are the CIDEr-D of each caption.
func ciders(truths [][]string, written []string) ([]float64, error) {
	references, predictions := map[string][]string{}, map[string]string{}
	for i, texts := range truths {
		references[fmt.Sprint(i)], predictions[fmt.Sprint(i)] = texts, written[i]
	}
	byID, err := score.CiderD(references, predictions)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(written))
	for i := range out {
		out[i] = byID[fmt.Sprint(i)]
	}
	return out, nil
}
