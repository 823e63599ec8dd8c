// Package lm measures language modelling: held-out perplexity per character, beside a character 3-gram with interpolated modified
// Kneser-Ney smoothing.
//
// # What is counted
//
// Both sides read the same text: what the model's tokenizer makes of a row, cut to the model's longest text as in training, each word
// that the vocabulary cannot spell (a [UNK]) as one unknown character. Of either side the perplexity is exp(nats / characters), where
// nats are those of the whole text and of its end, and the end counts as a character. The model writes tokens, and its nats are those
// of the tokens. An unknown word costs the model the token [UNK], and the 3-gram the unknown character, which it has seen in training
// as often.
package lm

import (
	"context"
	"iter"
	"slices"

	"m6lab/datasets"
	"m6lab/datasets/clean"
	"m6lab/m6"
	"m6lab/tasks"
)

// Order is the order of the n-gram that the model is measured against.
const Order = 3

// together is the source name of all texts.
const together = "all texts"

// Evaluate measures each source of texts without pictures and all together. A source has two baselines: a 3-gram of the source's own
// training texts, and one of all training texts.
func Evaluate(ctx context.Context, m *tasks.Model, d *tasks.Data, o tasks.Options) (tasks.Result, error) {
	var result tasks.Result
	sources, err := d.Sources(tasks.Text, "text without a picture", o)
	if err != nil {
		return result, err
	}
	train, held := map[string][]string{}, map[string][][]int32{}
	var all []string
	for _, source := range sources {
		rows, err := tasks.Pick(d.Train, source, tasks.Text, o.Train, o.Seed)
		if err != nil {
			return result, err
		}
		for _, ids := range tokens(m, rows) {
			train[source] = append(train[source], m.Text(ids))
		}
		all = append(all, train[source]...)
		if rows, err = tasks.Pick(d.Held, source, tasks.Text, o.Limit, o.Seed); err != nil {
			return result, err
		}
		held[source] = tokens(m, rows)
	}
	return figures(ctx, m, sources, train, all, held)
}

// figures measures each source and all together.
func figures(ctx context.Context, m *tasks.Model, sources []string, train map[string][]string, all []string, held map[string][][]int32) (result tasks.Result, err error) {
	general, err := clean.TrainKN(Order, Sequences(all))
	if err != nil {
		return result, err
	}
	evaluator := m.Evaluator()
	var sum Nats
	for _, source := range sources {
		var n Nats
		if n.Model, err = losses(ctx, evaluator, m, held[source]); err != nil {
			return result, err
		}
		for _, ids := range held[source] {
			n.Symbols = append(n.Symbols, float64(len([]rune(m.Text(ids)))+1))
			n.General = append(n.General, nats(general, m.Text(ids)))
		}
		sum.append(n)
		if len(train[source]) > 0 {
			own, err := clean.TrainKN(Order, Sequences(train[source]))
			if err != nil {
				return result, err
			}
			for _, ids := range held[source] {
				n.Own = append(n.Own, nats(own, m.Text(ids)))
			}
		}
		result.Figures = append(result.Figures, n.Figure(source))
	}
	if len(sources) > 1 {
		result.Figures = append(result.Figures, sum.Figure(together))
	}
	return result, nil
}

// Nats are the costs of texts, one number a text.
type Nats struct {
	Symbols []float64 // characters, the end included
	Model   []float64
	General []float64 // by the 3-gram of all texts
	Own     []float64 // by the 3-gram of the source's texts; nil where there is none
}

func (n *Nats) append(more Nats) {
	n.Symbols, n.Model, n.General = append(n.Symbols, more.Symbols...), append(n.Model, more.Model...), append(n.General, more.General...)
}

// Figure is the perplexity of the texts.
func (n Nats) Figure(source string) tasks.Figure {
	f := tasks.Figure{
		Task: "lm", Source: source, Measure: "perplexity per character", N: len(n.Model), LowerIsBetter: true,
		Model: tasks.Perplexity("model", n.Model, n.Symbols),
	}
	if n.Own != nil {
		f.Baselines = append(f.Baselines, tasks.Perplexity("3-gram of this source", n.Own, n.Symbols))
	}
	f.Baselines = append(f.Baselines, tasks.Perplexity("3-gram of all texts", n.General, n.Symbols))
	return f
}

// tokens are the ids of the rows' complete texts.
func tokens(m *tasks.Model, rows []datasets.Example) [][]int32 {
	var out [][]int32
	for _, ex := range rows {
		ex.References = nil // of a text without a picture there is one
		if ids := m.IDs(m6.CompleteText(ex, nil)); len(ids) > 0 {
			out = append(out, ids)
		}
	}
	return out
}

// Sequences are texts as the n-gram reads them.
func Sequences(texts []string) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		for _, s := range texts {
			if !yield([]rune(s)) {
				return
			}
		}
	}
}

// nats is what a text and its end cost the n-gram.
func nats(kn *clean.KN, s string) float64 {
	return -kn.Score(Sequences([]string{s})).LogProb
}

// batchRows is how many texts are scored at once.
const batchRows = 32

// losses are the nats of each text under the model, [SEP] included.
func losses(ctx context.Context, e *m6.Evaluator, m *tasks.Model, texts [][]int32) ([]float64, error) {
	out := make([]float64, len(texts))
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(texts[a]) - len(texts[b]) })
	for from := 0; from < len(order); from += batchRows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some := order[from:min(from+batchRows, len(order))]
		rows := make([]m6.Sequence, batchRows) // a last batch is filled up with its last text
		for i := range rows {
			rows[i] = m6.Sequence{Task: m6.LM, Text: m.Objective.Frame(texts[some[min(i, len(some)-1)]])}
		}
		nll, _, err := e.Loss(m.State, m6.NewBatch(m6.BucketShape(m.Run, batchRows, rows[batchRows-1]), rows))
		if err != nil {
			return nil, err
		}
		for i, at := range some {
			out[at] = float64(nll[i])
		}
	}
	return out, nil
}
