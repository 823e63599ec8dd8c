package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"m6lab/checkpoints"
	"m6lab/datasets/sample"
	"m6lab/datasets/text"
	"m6lab/m6"
	"m6lab/m6/strict"
)

// bench is the worker of the real workbench: one run at a time, trained on the sample with the reader's functions.
type bench struct {
	root     string
	data     func(dir string) error // writes the data set where it is not yet
	training *m6.Training           // nil until a run is trained
	name     string
	reader   *reader     // nil until something is asked of the saved model
	tell     func(event) // to the cell that trains

	mu   sync.Mutex // guards what place tells
	run  string
	step int64
}

func newBench(l launch) worker { return &bench{root: l.Root, data: sample.Write} }

func (b *bench) place() (string, int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.run, b.step
}

func (b *bench) setPlace(run string, step int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run, b.step = run, step
}

// runFolder is the folder of a run of the lessons.
func runFolder(root, name string) m6.Folder {
	return m6.Folder(filepath.Join(root, "runs", "lab", name))
}

// open names the run to work on. A run of that name is taken as it is, and settings that differ from its own are an error; a new one
// begins when it is trained.
func (b *bench) open(r request, tell func(event)) error {
	config, err := b.config(r)
	if err != nil {
		return err
	}
	if b.training != nil && b.name != r.Run {
		if err := b.close(); err != nil {
			return err
		}
	}
	if b.training != nil {
		return nil
	}
	newest, _, err := checkpoints.Latest(runFolder(b.root, r.Run).Checkpoints())
	if err != nil && !errors.Is(err, checkpoints.ErrNone) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b.setPlace(r.Run, newest.Step)
	tell(event{Step: newest.Step, Of: config.Train.Steps})
	return nil
}

// config is the run that a request means: that of the folder, or a new one from the settings.
func (b *bench) config(r request) (m6.Run, error) {
	dir := runFolder(b.root, r.Run)
	_, err := os.Stat(dir.Path("run.json"))
	begun := err == nil
	if begun && len(r.Settings) == 0 {
		return dir.Run()
	}
	config, err := settings(r.Settings)
	if err != nil || !begun {
		return config, err
	}
	saved, err := dir.Run()
	if err != nil {
		return saved, err
	}
	if err := m6.Resumable(saved, config); err != nil {
		reason, _, _ := strings.Cut(err.Error(), ":")
		return saved, fmt.Errorf("run %s: %s: leave the setting as it was, or open a run of another name", r.Run, reason)
	}
	return config, nil
}

// settings is a run of the debug preset, logged at every step, with changes.
func settings(changes []string) (m6.Run, error) {
	config, err := m6.NewRun("debug")
	if err != nil {
		return config, err
	}
	config.Train.LogEvery, config.Train.EvalEvery = 1, 0
	if err := strict.Override(&config, changes); err != nil {
		return config, err
	}
	return config, config.Validate()
}

// train takes steps and saves. Where a step fails, the run stands at the step before it: it is saved there and opened anew by the next
// request, so that no batch is lost.
func (b *bench) train(ctx context.Context, r request, tell func(event)) error {
	if r.Steps < 1 {
		return fmt.Errorf("%d steps: want at least 1", r.Steps)
	}
	if err := b.open(r, func(event) {}); err != nil {
		return err
	}
	b.tell = tell
	if err := b.openTraining(ctx, r, tell); err != nil {
		return err
	}
	t := b.training
	tell(event{Step: t.State.Step, Of: t.Run.Train.Steps, Device: t.Device()})
	if t.Finished() {
		tell(event{Say: fmt.Sprintf("Run %s has taken all its %d steps; a run of another name can take more with train.steps.", r.Run, t.Run.Train.Steps)})
		return nil
	}
	err := guarded(func() error { return t.Steps(ctx, r.Steps) })
	saved := t.Save()
	b.setPlace(r.Run, t.State.Step)
	if err != nil || saved != nil {
		return errors.Join(blame(err), saved, b.close())
	}
	return nil
}

// openTraining opens the run for training, if it is not. A run that another process still holds is waited for: it may be the workbench
// of a kernel that was just restarted.
func (b *bench) openTraining(ctx context.Context, r request, tell func(event)) error {
	if b.training != nil {
		return nil
	}
	config, err := b.config(r)
	if err != nil {
		return err
	}
	version, err := sample.Version()
	if err != nil {
		return err
	}
	data := filepath.Join(b.root, "runs", "lab", ".sample-"+digest(version)) // a run cannot have such a name
	if err := b.data(data); err != nil {
		return err
	}
	vocab, err := text.ParseVocab(sample.Vocab())
	if err != nil {
		return err
	}
	o := m6.TrainOptions{
		Run: config, Dir: runFolder(b.root, r.Run), Data: data, Vocab: vocab, Parts: parts, Rate: schedule,
		Log: func(line string) { b.tell(event{Say: line}) }, OnRecord: b.record,
	}
	for wait := range 20 {
		b.training, err = m6.OpenTraining(o)
		if !inUse(err) || ctx.Err() != nil {
			break
		}
		if wait == 0 {
			tell(event{Say: fmt.Sprintf("Run %s is open in another notebook or in one that just ended: waiting for it.", r.Run)})
		}
		time.Sleep(500 * time.Millisecond)
	}
	if inUse(err) {
		return fmt.Errorf("run %s is being trained in another notebook: shut that one's kernel down, or open a run of another name", r.Run)
	}
	if err != nil {
		b.training = nil
		return blame(err)
	}
	b.name = r.Run
	b.setPlace(r.Run, b.training.State.Step)
	tell(event{Say: "The first steps are slow: the model is compiled for this machine."})
	return nil
}

// inUse tells the error of a run folder that another process trains in.
func inUse(err error) bool { return errors.As(err, new(*checkpoints.LockedError)) }

// record passes a logged step on to the cell that trains.
func (b *bench) record(r m6.Record) {
	values := map[string]float64{}
	for name, v := range r.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[name] = v
		}
	}
	b.setPlace(b.name, r.Step)
	b.tell(event{Step: r.Step, Of: b.training.Run.Train.Steps, Values: values})
}

// blame adds to an error which functions of the notebook took part, since theirs may be the fault.
func blame(err error) error {
	if err == nil {
		return nil
	}
	var names []string
	for _, kind := range slices.Sorted(maps.Keys(fingerprints())) {
		names = append(names, fmt.Sprintf("%s %s", kind, definitions[kind].name))
	}
	if len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w (with your %s; the run stays as it was)", err, strings.Join(names, " and "))
}

// close gives the run free. What was trained is saved already.
func (b *bench) close() error {
	if b.training == nil {
		return nil
	}
	err := b.training.Close()
	b.training, b.name = nil, ""
	return err
}
