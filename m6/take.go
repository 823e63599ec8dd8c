package m6

import (
	"context"
	"fmt"

	"m6lab/m6/hosts"
	"m6lab/m6/watch"
)

// Steps takes n steps, fewer where the run ends or ctx is cancelled. What the device computes is read one step later, so that it
// need not wait. It saves when the config says so, and at the end of the run. Of several ranks all stop at the same step, where one is
// told to, and all end with the same error.
func (t *Training) Steps(ctx context.Context, n int64) error {
	end := min(t.State.Step+n, t.Run.Train.Steps)
	t.clock.Begin(t.State.Step)
	defer t.clock.Enter(watch.Idle)
	var before told
	var err error
	for t.State.Step < end {
		var stop bool
		if stop, err = hosts.AgreeToStop(t.hosts, err, ctx.Err() != nil); err != nil {
			return err
		}
		if stop {
			break
		}
		err = t.take(ctx, &before, end)
		t.server.Metrics().Step(t.clock.Finish(t.State.Step))
	}
	if err == nil {
		_, err = t.note(before)
	}
	if err := hosts.Agree(t.hosts, err); err != nil {
		return err
	}
	if t.Finished() {
		return t.Save()
	}
	return nil
}

// told is a step whose numbers are still to be read; the zero value is none.
type told struct {
	pending *Pending
	fed
	step int64
}

// take takes one step, and reads what the one before has told.
func (t *Training) take(ctx context.Context, before *told, end int64) error {
	item := t.feed.next()
	if item.err != nil {
		return item.err
	}
	t.clock.Enter(watch.Device)
	pending, err := t.step.Run(t.State, item.batches, t.rate(t.State.Step+1))
	if err != nil {
		return fmt.Errorf("step %d: %w", t.State.Step+1, err)
	}
	t.position = item.position
	t.window.count(item.batches, t.Run.Model)
	now := told{pending, item, t.State.Step}
	wentBack, err := t.note(*before)
	if *before = now; err != nil || wentBack {
		*before = told{}
		return err
	}
	if !t.due() && t.State.Step != end {
		return nil
	}
	*before = told{}
	wentBack, err = t.note(now)
	if err := hosts.Agree(t.hosts, err); err != nil || wentBack {
		return err
	}
	return t.look(context.WithoutCancel(ctx), item.skipped)
}

// rate is the learning rate of an update: the option's schedule, or the config's.
func (t *Training) rate(update int64) float64 {
	if t.options.Rate != nil {
		return t.options.Rate(update)
	}
	return t.Run.Train.Rate(update)
}

// due tells whether something is to be done after this step.
func (t *Training) due() bool {
	s, r := t.State.Step, t.Run
	return s%r.Train.LogEvery == 0 || s%r.Checkpoint.Every == 0 || r.Train.EvalEvery > 0 && s%r.Train.EvalEvery == 0
}

// note reads what a step told into the window, and goes back to a checkpoint where the loss has run away. No step tells nothing.
func (t *Training) note(s told) (wentBack bool, err error) {
	if s.pending == nil {
		return false, nil
	}
	m, err := s.pending.Wait()
	if err != nil {
		return false, err
	}
	if m.Skipped {
		t.window.skipped++
		t.options.Log(fmt.Sprintf("step %d: loss %g or gradients %g are not finite: the step is skipped, nothing changed", s.step, m.Loss, m.GradNorm))
	} else {
		at := 0
		for _, b := range s.batches {
			t.window.means.Add(b.Rows, m.NLL[at:], m.Count[at:])
			at += len(b.Rows)
		}
	}
	t.window.last = m
	t.window.experts = addLoads(t.window.experts, m.Experts)
	return t.ranAway(s, m)
}
