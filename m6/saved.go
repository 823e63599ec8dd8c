package m6

import (
	"errors"
	"fmt"
	"slices"

	"m6lab/checkpoints"
	"m6lab/datasets/text"
)

// Saved is a run as its folder holds it, opened to use its model.
type Saved struct {
	Run    Run
	Vocab  *text.Vocab
	State  *State
	Model  *Model
	Device *Device
	Skips  []string // damaged checkpoints that were passed over, a line each
}

// OpenSaved reads the newest sound checkpoint of a run folder onto one device. Only the weights are kept.
func OpenSaved(dir Folder) (*Saved, error) {
	r, err := dir.Run()
	if err != nil {
		return nil, err
	}
	vocab, err := dir.Vocab(r.Model)
	if err != nil {
		return nil, err
	}
	s := &Saved{Run: r, Vocab: vocab, Model: &Model{Config: r.Model}}
	if s.Device, err = OpenDevice(Mesh{1, 1, 1}); err != nil {
		return nil, err
	}
	_, report, err := checkpoints.LoadWith(dir.Checkpoints(), func(c *checkpoints.Checkpoint) (err error) {
		s.State, err = weightState(s.Device, r, c)
		return err
	})
	if errors.Is(err, checkpoints.ErrNone) {
		return nil, fmt.Errorf("%s has no checkpoint yet: run m6 pretrain --dir %s", dir, dir)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range report.Problems {
		s.Skips = append(s.Skips, fmt.Sprintf("skipped a checkpoint: %v", p))
	}
	return s, nil
}

// weightState reads the weights alone of a checkpoint that may hold moments too, one after the other.
func weightState(d *Device, r Run, c *checkpoints.Checkpoint) (*State, error) {
	s := &State{Step: c.Info().Step, device: d, specs: r.Model.weightSpecs(), values: map[string]*Value{}}
	for i := range s.specs {
		s.specs[i].axes = make(axes, len(s.specs[i].dims))
	}
	weights := slices.DeleteFunc(c.Specs(), func(t checkpoints.Spec) bool { return onlyTraining(t.Name) })
	return s, s.read(c, weights)
}

// Generator prepares the saved model to write.
func (s *Saved) Generator() (*Generator, error) {
	return NewGenerator(s.Device, s.Model, s.Run, s.State, s.Vocab.Sep())
}

// Evaluator prepares the saved model to be evaluated.
func (s *Saved) Evaluator() *Evaluator { return NewEvaluator(s.Device, s.Model, s.Run) }

// Objective is how the saved run reads examples.
func (s *Saved) Objective() Objective { return NewObjective(s.Run, s.Vocab) }
