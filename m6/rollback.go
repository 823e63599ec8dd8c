package m6

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"m6lab/m6/watch"
)

// Rollback says when a run goes back to a checkpoint because its loss runs away: it then goes on behind the data that it had seen by then
// (PaLM's recipe, arXiv 2204.02311, section 5.1). Every step counts, whatever train.log_every is.
type Rollback struct {
	Times      int     `json:"times"`      // that a run may go back; 0: never
	Deviations float64 `json:"deviations"` // that the smoothed loss must be over its recent median
	Window     int     `json:"window"`     // steps of that median
	Patience   int     `json:"patience"`   // steps in a row that must be too high, or not finite; the loss is smoothed over as many
}

var defaultRollback = Rollback{Deviations: 6, Window: 100, Patience: 5}

func (r Rollback) validate() error {
	if r.Times < 0 || r.Window < 1 || r.Patience < 1 {
		return fmt.Errorf("train.rollback has times=%d, window=%d, patience=%d: want times of at least 0, the others of at least 1", r.Times, r.Window, r.Patience)
	}
	if !(r.Deviations > 0) {
		return fmt.Errorf("train.rollback.deviations is %g: want a number over 0", r.Deviations)
	}
	return nil
}

// losses is what a run knows of its loss; checkpoints keep it, so that a run that is killed decides the same again.
type losses struct {
	Spike     watch.Spike  `json:"spike"`
	Rollbacks []rolledBack `json:"rollbacks"`
}

// rolledBack is one rollback, as metrics.jsonl has it.
type rolledBack struct {
	Number    int     `json:"rollback"`           // counted from 1
	From      int64   `json:"rollback_from"`      // the step at which the loss had run away
	To        int64   `json:"rollback_to"`        // the step of the checkpoint
	Since     int64   `json:"rollback_since"`     // the first step of the spike
	Loss      float64 `json:"rollback_loss"`      // smoothed; 0 where steps were not finite
	Median    float64 `json:"rollback_median"`    // of the loss before
	Deviation float64 `json:"rollback_deviation"` // of the loss before
	Skipped   int64   `json:"rollback_skipped"`   // examples between the checkpoint and here, which are not seen again
}

// ranAway takes a step's loss and goes back to a checkpoint where the loss has run away.
func (t *Training) ranAway(g told, m Metrics) (wentBack bool, err error) {
	o := t.Run.Train.Rollback
	if o.Times == 0 {
		return false, nil
	}
	loss := m.Loss
	if m.Skipped {
		loss = math.NaN()
	}
	alarm := t.losses.Spike.Add(g.step, loss, watch.SpikeOptions{Window: o.Window, Deviations: o.Deviations, Patience: o.Patience})
	if alarm == nil {
		return false, nil
	}
	if done := len(t.losses.Rollbacks); done == o.Times {
		t.options.Log(fmt.Sprintf("step %d: %v; the run has gone back %d times, all of train.rollback.times: it goes on", g.step, alarm, done))
		return false, nil
	}
	return t.goBack(g, alarm)
}

// goBack takes up the newest checkpoint from before a spike, with the data behind the step that showed it. Only the checkpoints of
// checkpoint.every count: those of a run that was told to stop would make it differ from one that was not.
func (t *Training) goBack(g told, alarm *watch.Alarm) (bool, error) {
	every := t.Run.Checkpoint.Every
	for to := (alarm.Since - int64(t.Run.Train.Rollback.Patience)) / every * every; to > 0; to -= every {
		err := t.manager.RestoreStepWith(to, t.restore)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.options.Log(fmt.Sprintf("going back: %v", err))
			continue
		}
		return true, t.takeUp(g, alarm)
	}
	t.options.Log(fmt.Sprintf("step %d: %v; there is no checkpoint from before it: the run goes on", g.step, alarm))
	return false, nil
}

// takeUp writes the checkpoint that is in place of the state now anew with the position in the data behind g, and begins to read there. From the
// moment that this checkpoint is durable the rollback has happened; a run that is killed before comes to the same decision again.
func (t *Training) takeUp(g told, alarm *watch.Alarm) error {
	r := rolledBack{
		Number: len(t.losses.Rollbacks) + 1, From: g.step, To: t.State.Step, Since: alarm.Since, Median: alarm.Median, Deviation: alarm.Deviation,
		Skipped: g.position.Drawn - t.position.Drawn,
	}
	if !math.IsNaN(alarm.Loss) {
		r.Loss = alarm.Loss
	}
	t.losses.Rollbacks = append(t.losses.Rollbacks, r)
	t.position = g.position
	t.options.Log(fmt.Sprintf("step %d: %v; rollback %d of %d: back to the checkpoint of step %d, and on behind the %d examples since",
		g.step, alarm, r.Number, t.Run.Train.Rollback.Times, r.To, r.Skipped))
	if err := t.dir.keepLines(fmt.Sprintf("rollback-%d.jsonl", r.Number), r.To); err != nil {
		return fmt.Errorf("rollback %d: %w", r.Number, err)
	}
	t.saved = -1
	if err := t.save(false); err != nil {
		return err
	}
	if err := t.metrics.f.Close(); err != nil {
		return fmt.Errorf("metrics.jsonl: %w", err)
	}
	if err := t.openMetrics(); err != nil {
		return err
	}
	t.server.Metrics().RolledBack()
	t.feed.stop()
	return t.startData()
}

// keepLines copies the lines of metrics.jsonl behind a step, which the run takes back, into another file.
func (f Folder) keepLines(name string, step int64) error {
	all, err := os.ReadFile(f.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	var later bytes.Buffer
	for line := range bytes.Lines(all) {
		var at struct{ Step int64 }
		if json.Unmarshal(line, &at) == nil && at.Step > step {
			later.Write(line)
		}
	}
	return writeWhole(f.Path(name), later.Bytes())
}

// openMetrics opens metrics.jsonl behind the state's step, and sees to it that every rollback up to there has its line.
func (t *Training) openMetrics() (err error) {
	if t.metrics, err = t.dir.openMetrics(t.State.Step); err != nil || len(t.losses.Rollbacks) == 0 {
		return err
	}
	lines, err := t.dir.Metrics()
	if err != nil {
		return err
	}
	has := map[int]bool{}
	for _, line := range lines {
		has[int(line["rollback"])] = true
	}
	for _, r := range t.losses.Rollbacks {
		if has[r.Number] {
			continue
		}
		line := struct {
			Step int64 `json:"step"`
			rolledBack
		}{t.State.Step, r}
		if err := t.metrics.write(line); err != nil {
			return fmt.Errorf("metrics.jsonl: %w", err)
		}
	}
	return nil
}
