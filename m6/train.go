package m6

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"m6lab/checkpoints"
	"m6lab/datasets/record"
	"m6lab/datasets/text"
)

// TrainOptions says what [OpenTraining] needs beside the run.
type TrainOptions struct {
	Run      Run
	Dir      Folder      // of the run; one that has a checkpoint is resumed
	Data     string      // folder of the data set
	Vocab    *text.Vocab // for a new run; nil takes the folder's
	Parts    Parts       // pieces put in place of the model's
	Rate     func(update int64) float64
	Log      func(line string) // takes what must not pass unseen; nil drops it
	OnRecord func(Record)      // takes each logged step; may be nil
	Device   *Device           // nil opens the run's mesh

	// Of several processes that train together on one folder: this one's number, how many they are, and what all of one start share,
	// see [checkpoints.Options].
	Rank, Ranks int
	Session     string
}

// Record is what is logged of a step; metrics.jsonl has it as one JSON object.
type Record struct {
	Step    int64
	Values  map[string]float64 // loss, loss_<task>, tokens_per_second, ...
	Skipped bool
}

// Training is a run in progress.
type Training struct {
	Run   Run
	State *State
	Model *Model
	Vocab *text.Vocab

	dir       Folder
	device    *Device
	step      *Step
	evaluator *Evaluator
	data      *record.Set
	valid     *record.Set // nil where the data set has none
	objective Objective
	feed      *feed
	position  Position
	manager   *checkpoints.Manager
	metrics   *metricsFile
	events    *eventFile
	options   TrainOptions
	saved     int64
	copied    Snapshot // what a save in the background writes
	window    window
	peak      float64
	best      float64
}

// window gathers what is logged between two lines.
type window struct {
	begin         time.Time
	waited        time.Duration
	means         Means
	tokens, flops float64
	steps         int64
	last          Metrics
	skipped       int64
	dropped       float64
}

// OpenTraining begins a run, or takes up the one that its folder holds. Everything that can be wrong is found before any work.
func OpenTraining(o TrainOptions) (opened *Training, err error) {
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if err := o.Run.Validate(); err != nil {
		return nil, err
	}
	t := &Training{Run: o.Run, Vocab: o.Vocab, dir: o.Dir, options: o, best: math.Inf(1)}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if err := t.openFolder(); err != nil {
		return nil, err
	}
	if err := t.openData(); err != nil {
		return nil, err
	}
	if err := t.dir.Create(t.Run, t.Vocab); err != nil {
		return nil, err
	}
	if t.device = o.Device; t.device == nil {
		if t.device, err = OpenDevice(o.Run.Mesh); err != nil {
			return nil, err
		}
	}
	t.Model = &Model{Config: t.Run.Model, Parts: o.Parts}
	t.step = NewStep(t.device, t.Model, t.Run)
	t.evaluator = NewEvaluator(t.device, t.Model, t.Run)
	if t.peak, err = t.device.Peak(t.Run.Train.Precision); err != nil {
		return nil, err
	}
	if err := t.openState(); err != nil {
		return nil, err
	}
	return t, t.startData()
}

// openFolder takes the run's folder for this process, and checks that what is there is this run.
func (t *Training) openFolder() error {
	saved, err := t.dir.Run()
	if _, statErr := os.Stat(t.dir.Path("run.json")); statErr == nil {
		if err != nil {
			return err
		}
		if now := &t.Run.Train; now.Minutes > 0 && now.Minutes == saved.Train.Minutes {
			now.Steps = min(now.Steps, saved.Train.Steps) // what [Training.Fit] chose
		}
		if err := Resumable(saved, t.Run); err != nil {
			return err
		}
		t.Vocab = nil
	}
	if t.Vocab == nil {
		if t.Vocab, err = t.dir.Vocab(t.Run.Model); err != nil {
			return err
		}
	}
	if err := checkVocab(t.Vocab, t.Run.Model); err != nil {
		return err
	}
	o := t.options
	t.manager, err = checkpoints.Open(t.dir.Checkpoints(), checkpoints.Options{
		Keep: t.Run.Checkpoint.Keep, Address: t.Run.Checkpoint.Address, Log: o.Log, Rank: o.Rank, Ranks: o.Ranks, Session: o.Session,
	})
	return err
}

// openData opens the data set, which must have a training split with rows.
func (t *Training) openData() (err error) {
	if t.data, err = record.Open(t.options.Data, "train"); err != nil {
		return err
	}
	if t.data.Len() == 0 {
		return fmt.Errorf("data set %s has no training rows; `m6 data stats %s` shows what it holds", t.options.Data, t.options.Data)
	}
	if t.valid, err = record.Open(t.options.Data, "valid"); err != nil {
		t.options.Log(fmt.Sprintf("no validation set: %v", err))
		t.valid = nil
	}
	t.objective = NewObjective(t.Run, t.Vocab)
	t.objective.NoisePart = t.options.Parts.Noise
	return nil
}

// NewObjective is the objective of a run with its vocabulary.
func NewObjective(r Run, v *text.Vocab) Objective {
	return Objective{
		Tokenizer: text.New(v, text.Options{Lower: r.Model.Lower, KeepPunctuation: true}), Vocab: v, Data: r.Data,
		Longest: r.Data.TextBuckets[len(r.Data.TextBuckets)-1],
	}
}

// openState restores the newest sound checkpoint, or makes the starting state.
func (t *Training) openState() error {
	var values map[string]json.RawMessage
	saved, report, err := t.manager.RestoreWith(func(c *checkpoints.Checkpoint) (err error) {
		values = c.Values()
		t.State, err = RestoreState(t.device, t.Run, c)
		return err
	})
	for _, p := range report.Problems {
		t.options.Log(fmt.Sprintf("skipped a checkpoint: %v", p))
	}
	if errors.Is(err, checkpoints.ErrNone) {
		if t.State, err = NewState(t.device, t.Run); err != nil {
			return err
		}
		return t.openLogs()
	}
	if err != nil {
		return err
	}
	t.saved = saved.Step
	if err := json.Unmarshal(values["position"], &t.position); err != nil {
		return fmt.Errorf("checkpoint of step %d: data position: %w", saved.Step, err)
	}
	if err := t.checkData(values["data"]); err != nil {
		return err
	}
	if _, metric, ok := t.manager.Best(); ok {
		t.best = metric
	}
	return t.openLogs()
}

// fingerprint tells one data set from another.
func (t *Training) fingerprint() string {
	return fmt.Sprintf("%d rows of %v", t.data.Len(), t.data.Sources())
}

func (t *Training) checkData(saved json.RawMessage) error {
	var was string
	if json.Unmarshal(saved, &was) == nil && was != t.fingerprint() {
		return fmt.Errorf("the run was trained on %s, but %s has %s: give the same data, or another --dir", was, t.options.Data, t.fingerprint())
	}
	return nil
}

func (t *Training) openLogs() (err error) {
	if t.metrics, err = t.dir.openMetrics(t.State.Step); err != nil {
		return err
	}
	if !t.Finished() {
		t.events, err = createEventFile(t.dir.Path("tensorboard"))
	}
	return err
}

// startData begins to read ahead from the run's position.
func (t *Training) startData() error {
	loader, err := NewLoader(t.data, t.objective, t.Run, t.position)
	if err != nil {
		return err
	}
	t.feed = startFeed(loader, t.Run.Train.Accumulate)
	t.window = window{begin: time.Now(), means: Means{}}
	return nil
}

// Finished tells whether the run has taken all its steps.
func (t *Training) Finished() bool { return t.State.Step >= t.Run.Train.Steps }

// Device says what the run runs on.
func (t *Training) Device() string { return t.device.Name() }

// Steps takes n steps, fewer where the run ends or ctx is cancelled. What the device computes is read one step later, so that it
// need not wait. It saves when the config says so, and at the end of the run.
func (t *Training) Steps(ctx context.Context, n int64) error {
	end := min(t.State.Step+n, t.Run.Train.Steps)
	var before *Pending
	var rows [][]Row
	for t.State.Step < end && ctx.Err() == nil {
		item := t.feed.next()
		if item.err != nil {
			return item.err
		}
		pending, err := t.step.Run(t.State, item.batches, t.rate(t.State.Step+1))
		if err != nil {
			return fmt.Errorf("step %d: %w", t.State.Step+1, err)
		}
		t.position = item.position
		if err := t.note(before, rows, t.State.Step-1); err != nil {
			return err
		}
		before, rows = pending, rowsOf(item.batches)
		t.window.count(item.batches, t.Run.Model)
		if t.due() || t.State.Step == end {
			if err := t.note(before, rows, t.State.Step); err != nil {
				return err
			}
			before = nil
			if err := t.look(ctx, item); err != nil {
				return err
			}
		}
	}
	if err := t.note(before, rows, t.State.Step); err != nil {
		return err
	}
	if t.Finished() {
		return t.Save()
	}
	return nil
}

// rate is the learning rate of an update: the option's schedule, or the config's.
func (t *Training) rate(update int64) float64 {
	if t.options.Rate != nil {
		return t.options.Rate(update)
	}
	return t.Run.Train.Rate(update)
}

func rowsOf(batches []*Batch) (rows [][]Row) {
	for _, b := range batches {
		rows = append(rows, b.Rows)
	}
	return rows
}

// due tells whether something is to be done after this step.
func (t *Training) due() bool {
	s, r := t.State.Step, t.Run
	return s%r.Train.LogEvery == 0 || s%r.Checkpoint.Every == 0 || r.Train.EvalEvery > 0 && s%r.Train.EvalEvery == 0
}

// count adds a step's work to the window.
func (w *window) count(batches []*Batch, c Config) {
	w.steps++
	for _, b := range batches {
		w.flops += c.FLOPs(b.Shape)
		for i := range b.Batch {
			w.tokens += float64(b.PatchLengths[i] + b.MaskedLengths[i] + b.TextLengths[i] + b.CodeLengths[i])
		}
	}
}

// note reads what a step told into the window.
func (t *Training) note(p *Pending, rows [][]Row, step int64) error {
	if p == nil {
		return nil
	}
	m, err := p.Wait()
	if err != nil {
		return err
	}
	if m.Skipped {
		t.window.skipped++
		t.options.Log(fmt.Sprintf("step %d: loss %g or gradients %g are not finite: the step is skipped, nothing changed", step, m.Loss, m.GradNorm))
	} else {
		at := 0
		for _, part := range rows {
			t.window.means.Add(part, m.NLL[at:], m.Count[at:])
			at += len(part)
		}
	}
	t.window.last = m
	t.window.dropped += m.Dropped
	return nil
}

// look logs, evaluates and saves what is due after a step.
func (t *Training) look(ctx context.Context, item fed) error {
	s, r := t.State.Step, t.Run
	record := t.record(item.skipped)
	evaluated := r.Train.EvalEvery > 0 && t.valid != nil && (s%r.Train.EvalEvery == 0 || t.Finished())
	if evaluated {
		means, err := t.Evaluate(ctx)
		if err != nil {
			return err
		}
		for name, m := range means {
			record.Values["valid_"+name] = m.Value()
		}
		record.Values["valid_loss"] = overall(means).Value()
	}
	if s%r.Train.LogEvery == 0 || evaluated || t.Finished() {
		if err := t.log(record); err != nil {
			return err
		}
	}
	if s%r.Checkpoint.Every == 0 {
		if err := t.save(true); err != nil {
			return err
		}
	}
	if valid, ok := record.Values["valid_loss"]; ok && t.saved == s && valid < t.best {
		t.best = valid
		return t.manager.MarkBest(s, valid)
	}
	return nil
}

// overall is the mean over all tasks.
func overall(means Means) (all Mean) {
	for _, name := range taskNames {
		all.NLL += means[name].NLL
		all.Count += means[name].Count
	}
	return all
}

// record is the window's numbers.
func (t *Training) record(skipped Skips) Record {
	w, seconds := t.window, time.Since(t.window.begin).Seconds()
	v := map[string]float64{
		"loss": overall(w.means).Value(), "grad_norm": w.last.GradNorm, "learning_rate": t.rate(t.State.Step),
		"tokens_per_second": w.tokens / seconds, "seconds_per_step": seconds / max(1, float64(w.steps)),
		"flops_per_second": w.flops / seconds, "mfu": w.flops / seconds / t.peak / float64(t.device.count()),
		"data_wait": (t.feed.waited - w.waited).Seconds() / seconds, "skipped_steps": float64(w.skipped),
		"examples_failed": float64(skipped.Failed), "texts_cut": float64(skipped.Cut), "time": float64(time.Now().UnixMilli()) / 1e3,
	}
	for name, m := range w.means {
		v["loss_"+name] = m.Value()
	}
	if len(w.last.Load) > 1 {
		v["moe_balance"], v["moe_dropped"] = w.last.Balance, w.dropped
	}
	return Record{Step: t.State.Step, Values: v}
}

// log writes a record to metrics.jsonl and TensorBoard, and begins a new window.
func (t *Training) log(r Record) error {
	line := map[string]any{"step": r.Step}
	finite := map[string]float64{}
	for name, value := range r.Values {
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			line[name], finite[name] = value, value
		}
	}
	if err := t.metrics.write(line); err != nil {
		return fmt.Errorf("metrics.jsonl: %w", err)
	}
	if err := t.events.scalars(r.Step, finite); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	t.window = window{begin: time.Now(), waited: t.feed.waited, means: Means{}}
	if t.options.OnRecord != nil {
		t.options.OnRecord(r)
	}
	return nil
}

// Evaluate is the loss on the validation set, the same batches each time.
func (t *Training) Evaluate(ctx context.Context) (Means, error) {
	run := t.Run
	run.Train.Seed = 0
	loader, err := NewLoader(t.valid, t.objective, run, Position{})
	if err != nil {
		return nil, err
	}
	return t.evaluator.Batches(ctx, t.State, loader, t.Run.Train.EvalBatches)
}

// Close ends the run's goroutines and gives its folder free. It does not save.
func (t *Training) Close() error { return t.close() }

func (t *Training) close() error {
	var errs []error
	if t.feed != nil {
		t.feed.stop()
	}
	if t.manager != nil {
		errs = append(errs, t.manager.Close())
	}
	if t.metrics != nil && t.metrics.f != nil {
		errs = append(errs, t.metrics.f.Close())
	}
	if t.events != nil {
		errs = append(errs, t.events.close())
	}
	for _, set := range []*record.Set{t.data, t.valid} {
		if set != nil {
			errs = append(errs, set.Close())
		}
	}
	return errors.Join(errs...)
}
