package stages

import (
	"context"
	"errors"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"m6lab/datasets/clean"
	"m6lab/datasets/source"
	"m6lab/scripts/corpus/recipe"
)

// Sentences yields the sentences of the sources as the rule of perplexity will see them: behind all other rules on text of the recipe. Their order
// is not fixed. After an error it yields nothing more, and failed returns it.
func Sentences(ctx context.Context, o Options) (sentences iter.Seq[string], failed func() error, err error) {
	r := o.Recipe
	r.Text.Perplexity.On = false
	r.Pairs.Rows, r.Pairs.Other = nil, recipe.MakeText
	if err := r.Validate(); err != nil {
		return nil, nil, err
	}
	j := &Job{In: o.In, Recipe: r, Workers: o.Workers, Key: "sentences"}
	t, err := openTools(j)
	if err != nil {
		return nil, nil, err
	}
	if err := j.plan(ctx, o); err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var first error
	fail := func(err error) error {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
		return err
	}
	sentences = func(yield func(string) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		found := make(chan []string, 16)
		go func() {
			defer close(found)
			g, inner := errgroup.WithContext(ctx)
			g.SetLimit(max(j.Workers, 1))
			for _, u := range j.Units {
				g.Go(func() error { return sentencesOf(inner, j, t, u, found) })
			}
			if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
				_ = fail(err)
			}
		}()
		for list := range found {
			for _, sentence := range list {
				if !yield(sentence) {
					stop()
					for range found { // let the workers end
					}
					return
				}
			}
		}
	}
	return sentences, func() error { mu.Lock(); defer mu.Unlock(); return first }, nil
}

// sentencesOf sends the sentences of a unit.
func sentencesOf(ctx context.Context, j *Job, t *tools, u Unit, found chan<- []string) error {
	p := &pass{job: j, tools: t, unit: u, stats: newStats()}
	p.trace = &trace{
		text:    func(_, _, _, _ string) {},
		verdict: func(string, string, *kept) {},
	}
	for _, part := range u.Parts {
		for doc, err := range source.Read(ctx, part, j.Recipe.Read) {
			var fault *source.Fault
			if errors.As(err, &fault) {
				continue
			}
			if err != nil {
				return err
			}
			if doc.Source == "" {
				doc.Source = rowOf(part)
			}
			o, err := p.judge(ctx, part, doc, p.stats.source(doc.Source))
			if err != nil {
				continue // a rule could not stand it
			}
			var list []string
			for i := range o.kept {
				for sentence := range clean.Sentences(o.kept[i].Text) {
					list = append(list, sentence)
				}
			}
			select {
			case found <- list:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}
