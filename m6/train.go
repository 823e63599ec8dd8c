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
	"m6lab/m6/hosts"
	"m6lab/m6/watch"
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
	Hosts    hosts.Group       // the ranks that train the run together, see m6/hosts; nil is this process alone
	OnHang   func(watch.Hang)  // is told, from another goroutine, when no step finishes any more; may be nil; it may not close the run
}

// Record is what is logged of a step; metrics.jsonl has it as one JSON object.
type Record struct {
	Step    int64
	Values  map[string]float64 // loss, loss_<task>, tokens_per_second, ...
	Experts []ExpertLoad       // of the steps since the last record, by layer of experts
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
	hosts     hosts.Group
	step      *Step
	evaluator *Evaluator
	data      *record.Set
	valid     *record.Set // nil where the data set has none
	objective Objective
	feed      *feed
	position  Position
	manager   *checkpoints.Manager // this and the next two: of rank 0 alone
	metrics   *metricsFile
	events    *eventFile
	options   TrainOptions
	saved     int64
	copied    Snapshot // what a save in the background writes
	session   string   // of this start, the same on all ranks
	window    window
	peak      float64
	best      float64

	clock     *watch.Clock
	server    *watch.Server // nil without watch.address
	stopHangs func()        // nil where nothing looks for hangs
	slow      []watch.Straggler
	failed    int64 // examples, as the last record had it
	losses    losses
}

// OpenTraining begins a run, or takes up the one that its folder holds. Everything that can be wrong is found before any work. Of several
// ranks all end with the same error.
func OpenTraining(o TrainOptions) (opened *Training, err error) {
	if o.Log == nil {
		o.Log = func(string) {}
	}
	if o.Hosts == nil {
		o.Hosts = hosts.Alone()
	}
	t := &Training{Run: o.Run, Vocab: o.Vocab, dir: o.Dir, hosts: o.Hosts, options: o, best: math.Inf(1)}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	for _, part := range []func() error{t.checkRun, t.agreeSession, t.openWatch, t.openFolder, t.openData, t.checkRanksData, t.create, t.openDevice, t.openState, t.checkRanksStep, t.startData} {
		if err := hosts.Agree(t.hosts, part()); err != nil {
			return nil, err
		}
	}
	t.watchHangs()
	return t, nil
}

// writes tells whether this process writes what the run leaves behind.
func (t *Training) writes() bool { return t.hosts.Rank() == 0 }

// create writes the run's folder.
func (t *Training) create() error {
	if !t.writes() {
		return nil
	}
	return t.dir.Create(t.Run, t.Vocab)
}

func (t *Training) openDevice() (err error) {
	if t.device = t.options.Device; t.device == nil {
		if t.device, err = OpenDevice(t.Run.Mesh); err != nil {
			return err
		}
	}
	t.device.clock = t.clock
	t.Model = &Model{Config: t.Run.Model, Parts: t.options.Parts}
	t.step = NewStep(t.device, t.Model, t.Run)
	t.evaluator = NewEvaluator(t.device, t.Model, t.Run)
	t.step.hosts, t.evaluator.hosts = t.hosts, t.hosts
	t.peak, err = t.device.Peak(t.Run.Train.Precision)
	return err
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
	o := checkpoints.Options{
		Keep: t.Run.Checkpoint.Keep, Address: t.Run.Checkpoint.Address, Log: t.options.Log, Saved: t.checkpointed,
		Rank: t.hosts.Rank(), Ranks: t.hosts.Size(), Session: t.session,
	}
	t.manager, err = checkpoints.Open(t.dir.Checkpoints(), o)
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
	_, report, err := t.manager.RestoreWith(t.restore)
	for _, p := range report.Problems {
		t.options.Log(fmt.Sprintf("skipped a checkpoint: %v", p))
	}
	if errors.Is(err, checkpoints.ErrNone) {
		t.State, err = NewState(t.device, t.Run)
	}
	if err != nil {
		return err
	}
	return t.openLogs()
}

// restore puts a checkpoint in place of the state, with its position in the data and what it knew of the loss.
func (t *Training) restore(c *checkpoints.Checkpoint) (err error) {
	if t.State, err = RestoreState(t.device, t.Run, c); err != nil {
		return err
	}
	values, step := c.Values(), t.State.Step
	t.position, t.losses = Position{}, losses{}
	if err := json.Unmarshal(values["position"], &t.position); err != nil {
		return fmt.Errorf("checkpoint of step %d: data position: %w", step, err)
	}
	if known, ok := values["losses"]; ok {
		if err := json.Unmarshal(known, &t.losses); err != nil {
			return fmt.Errorf("checkpoint of step %d: losses: %w", step, err)
		}
	}
	if err := t.checkData(values["data"]); err != nil {
		return err
	}
	t.saved, t.best = step, math.Inf(1)
	if at, metric, ok := t.manager.Best(); ok && at <= step { // a later one is of a history that the run has gone back from
		t.best = metric
	}
	return nil
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
	if !t.writes() {
		return nil
	}
	if err := t.openMetrics(); err != nil {
		return err
	}
	if !t.Finished() {
		t.events, err = createEventFile(t.dir.Path("tensorboard"))
	}
	return err
}

// startData begins to read ahead from the run's position.
func (t *Training) startData() error {
	loader, err := newRankLoader(t.data, t.objective, t.Run, t.position, t.hosts)
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

// look logs, evaluates and saves what is due after a step.
func (t *Training) look(ctx context.Context, skipped Skips) error {
	s, r := t.State.Step, t.Run
	if err := t.sumWindow(&skipped); err != nil {
		return err
	}
	record := t.record(skipped)
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
		if t.writes() {
			return t.manager.MarkBest(s, valid)
		}
	}
	return nil
}

// log writes a record to metrics.jsonl and TensorBoard, and begins a new window.
func (t *Training) log(r Record) error {
	t.clock.Enter(watch.Log)
	if err := t.compareRanks(r); err != nil {
		return err
	}
	t.publish(r)
	line := map[string]any{"step": r.Step}
	finite := map[string]float64{}
	for name, value := range r.Values {
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			line[name], finite[name] = value, value
		}
	}
	for _, l := range r.Experts {
		line[fmt.Sprint(loadPrefix, l.Block)] = l.Shares(mostLoads)
	}
	t.window = window{begin: time.Now(), waited: t.feed.waited, means: Means{}}
	if !t.writes() {
		return nil
	}
	if err := t.metrics.write(line); err != nil {
		return fmt.Errorf("metrics.jsonl: %w", err)
	}
	if err := t.events.scalars(r.Step, finite); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	if t.options.OnRecord != nil {
		t.options.OnRecord(r)
	}
	return nil
}

// Evaluate is the loss on the validation set, the same batches each time.
func (t *Training) Evaluate(ctx context.Context) (Means, error) {
	defer t.clock.In(watch.Evaluate)()
	run := t.Run
	run.Train.Seed = 0
	objective := t.objective
	objective.Own = true
	loader, err := newRankLoader(t.valid, objective, run, Position{}, t.hosts)
	if err != nil {
		return nil, err
	}
	return t.evaluator.Batches(ctx, t.State, loader, t.Run.Train.EvalBatches)
}

// Close ends the run's goroutines and gives its folder free. It does not save.
func (t *Training) Close() error { return t.close() }

func (t *Training) close() error {
	if t.stopHangs != nil {
		t.stopHangs()
	}
	errs := []error{t.server.Close()}
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
