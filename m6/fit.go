package m6

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// The pace of a run is measured on a look ahead at its batches: how often each shape comes up in so many steps, and the time of each.
const (
	looked = 200 // steps whose batches are drawn
	timed  = 3   // steps on each shape: the first one compiles, the last one counts
)

// Fit chooses the steps of a new run that has train.minutes: as many as fit into them from now on at the pace that is measured here,
// compiling and looks at the validation set included, and train.steps at most. It trains nothing; what it chose stands in run.json, so that the
// run depends on that alone when it is resumed. A run that is killed before its first checkpoint chooses again.
func (t *Training) Fit(ctx context.Context) error {
	train := &t.Run.Train
	if train.Minutes == 0 || t.State.Step > 0 {
		return nil
	}
	begin := time.Now()
	each, err := t.measure(ctx)
	if err != nil {
		return err
	}
	if t.State, err = NewState(t.device, t.Run); err != nil { // the probes moved it
		return err
	}
	left := train.Minutes*60 - time.Since(begin).Seconds()
	train.Steps = max(1, min(train.Steps, int64(left/each)))
	t.options.Log(fmt.Sprintf("%.0f s for compiling and measuring; %.3f s a step: %d steps of %g minutes", time.Since(begin).Seconds(), each, train.Steps, train.Minutes))
	return t.dir.Create(t.Run, t.Vocab)
}

// measure is the mean time of a step in seconds, with its share of looking at the validation set, once everything is compiled.
func (t *Training) measure(ctx context.Context) (float64, error) {
	loader, err := NewLoader(t.data, t.objective, t.Run, Position{})
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	first, counts := map[Shape]*Batch{}, map[Shape]float64{}
	for range looked * t.Run.Train.Accumulate {
		b, err := loader.Next(ctx)
		if err != nil {
			return 0, err
		}
		if first[b.Shape] == nil {
			first[b.Shape] = b
		}
		counts[b.Shape]++
	}
	each := time.Since(begin).Seconds() / looked / float64(runtime.GOMAXPROCS(0)) // the loader's share of the processors, beside the steps
	for shape, b := range first {
		took, err := t.probe(ctx, b)
		if err != nil {
			return 0, err
		}
		each += took * counts[shape] / looked
	}
	if t.valid == nil || t.Run.Train.EvalEvery == 0 {
		return each, nil
	}
	var look time.Duration
	for range 2 { // the first one compiles
		begin := time.Now()
		if _, err := t.Evaluate(ctx); err != nil {
			return 0, err
		}
		look = time.Since(begin)
	}
	return each + look.Seconds()/float64(t.Run.Train.EvalEvery), nil
}

// probe is the time in seconds of a step on one batch, once it is compiled.
func (t *Training) probe(ctx context.Context, b *Batch) (float64, error) {
	batches := slices.Repeat([]*Batch{b}, t.Run.Train.Accumulate)
	var took time.Duration
	for range timed {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		begin := time.Now()
		pending, err := t.step.Run(t.State, batches, 0)
		if err == nil {
			_, err = pending.Wait()
		}
		if err != nil {
			return 0, err
		}
		took = time.Since(begin)
	}
	return took.Seconds() / float64(t.Run.Train.Accumulate), nil
}
