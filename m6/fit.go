package m6

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// probes is how many steps of the run's mixture [Training.Fit] measures.
const probes = 48

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
	feed := startFeed(loader, t.Run.Train.Accumulate) // beside the steps, as in training
	defer feed.stop()
	compiled := map[Shape]bool{}
	var spent time.Duration
	for range probes {
		item := feed.next()
		if err := errors.Join(item.err, ctx.Err()); err != nil {
			return 0, err
		}
		again := false
		for _, b := range item.batches {
			again = again || !compiled[b.Shape]
			compiled[b.Shape] = true
		}
		took, err := t.probe(item.batches)
		if err == nil && again {
			took, err = t.probe(item.batches)
		}
		if err != nil {
			return 0, err
		}
		spent += took
	}
	each := spent.Seconds() / probes
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

// probe is the time of one step.
func (t *Training) probe(batches []*Batch) (time.Duration, error) {
	begin := time.Now()
	pending, err := t.step.Run(t.State, batches, 0)
	if err == nil {
		_, err = pending.Wait()
	}
	return time.Since(begin), err
}
