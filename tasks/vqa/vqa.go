// Package vqa measures answers to questions about held-out pictures, after the paper's prompt: the question, then 回答：. An answer is
// right where it is the example's, both as the model's tokenizer reads them.
//
// The types are those of the paper (detection, relation, color, number), read from meta's "type". The baseline is the most frequent
// answer of the type in the training split.
package vqa

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"m6lab/datasets"
	"m6lab/m6"
	"m6lab/tasks"
)

// maxTokens is the longest answer that is written.
const maxTokens = 32

// Evaluate answers the questions of each source.
func Evaluate(ctx context.Context, m *tasks.Model, d *tasks.Data, o tasks.Options) (tasks.Result, error) {
	var result tasks.Result
	if err := m.Sees(); err != nil {
		return result, err
	}
	sources, err := d.Sources(tasks.Asked, "picture with a question", o)
	if err != nil {
		return result, err
	}
	for _, source := range sources {
		train, err := tasks.Pick(d.Train, source, tasks.Asked, o.Train, o.Seed)
		if err != nil {
			return result, err
		}
		held, err := tasks.Pick(d.Held, source, tasks.Asked, o.Limit, o.Seed)
		if err != nil {
			return result, err
		}
		held, pixels, notes := m.Pictures(held)
		result.Notes = append(result.Notes, notes...)
		if len(held) == 0 {
			return result, fmt.Errorf("answers of %s: none of the pictures could be decoded", source)
		}
		cases, err := answer(ctx, m, source, held, pixels)
		if err != nil {
			return result, fmt.Errorf("answers of %s: %w", source, err)
		}
		result.Cases = append(result.Cases, cases...)
		result.Figures = append(result.Figures, Figures(source, cases, Frequent(train, m.Normal))...)
	}
	return result, nil
}

// answer answers each question.
func answer(ctx context.Context, m *tasks.Model, source string, held []datasets.Example, pixels [][]float32) ([]tasks.Case, error) {
	prompts := make([]m6.Prompt, len(held))
	for i, ex := range held {
		prompts[i] = m6.Prompt{Pixels: pixels[i], Text: m.Objective.Begin(m.IDs(ex.Question + m6.AnswerPrompt)...)}
	}
	written, err := m.Write(ctx, prompts, m6.Generate{MaxTokens: maxTokens})
	if err != nil {
		return nil, err
	}
	cases := make([]tasks.Case, len(held))
	for i, ex := range held {
		said, truth := m.Text(written[i].Tokens), m.Normal(ex.Answer)
		cases[i] = tasks.Case{Example: ex, ID: ex.ID, Source: source, Part: Type(ex), Given: ex.Question, Written: said, Truth: []string{truth}, Right: said == truth}
	}
	return cases, nil
}

// Type is the question's type, "other" where meta names none.
func Type(ex datasets.Example) string {
	var meta struct {
		Type string `json:"type"`
	}
	if json.Unmarshal([]byte(ex.Meta), &meta) != nil || meta.Type == "" {
		return "other"
	}
	return meta.Type
}

// Frequent are the most frequent answers by type, as normal writes them; of equals the first in order.
func Frequent(train []datasets.Example, normal func(string) string) map[string]string {
	times, best := map[[2]string]int{}, map[string]string{}
	for _, ex := range train {
		kind, answer := Type(ex), normal(ex.Answer)
		times[[2]string{kind, answer}]++
	}
	for key, n := range times {
		old, ok := best[key[0]]
		if most := times[[2]string{key[0], old}]; !ok || n > most || n == most && key[1] < old {
			best[key[0]] = key[1]
		}
	}
	return best
}

// Figures are the shares of right answers, of all questions and by type.
func Figures(source string, cases []tasks.Case, frequent map[string]string) []tasks.Figure {
	parts := []string{""}
	for _, c := range cases {
		if !slices.Contains(parts, c.Part) {
			parts = append(parts, c.Part)
		}
	}
	slices.Sort(parts)
	var out []tasks.Figure
	for _, part := range parts {
		var model, guess []bool
		for _, c := range cases {
			if part == "" || part == c.Part {
				model, guess = append(model, c.Right), append(guess, slices.Contains(c.Truth, frequent[c.Part]))
			}
		}
		f := tasks.Figure{Task: "vqa", Source: source, Part: part, Measure: "exact answer", Unit: "%", N: len(model), Model: tasks.Share("model", model)}
		if len(frequent) > 0 {
			f.Baselines = []tasks.Score{tasks.Share("most frequent answer of the type", guess)}
		}
		out = append(out, f)
	}
	return out
}
