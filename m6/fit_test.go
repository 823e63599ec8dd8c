package m6

import (
	"path/filepath"
	"testing"
)

// A run limited by time chooses its steps once; from then on it is the run with that many steps, bit by bit, and the same config resumes it.
func TestFit(t *testing.T) {
	data, v := tinyData(t, 40)
	run := picturedRun(t, 1_000_000)
	run.Train.Schedule, run.Train.Minutes, run.Train.EvalEvery = "constant", 10, 2
	dir := filepath.Join(t.TempDir(), "run")
	open := func() *Training {
		t.Helper()
		training, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(dir), Data: data, Vocab: v, Log: func(line string) { t.Log(line) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { training.Close() })
		return training
	}
	training := open()
	if err := training.Fit(t.Context()); err != nil {
		t.Fatal(err)
	}
	fitted := training.Run.Train.Steps
	if saved, err := Folder(dir).Run(); err != nil || saved.Train.Steps != fitted || fitted < 1 || fitted >= run.Train.Steps {
		t.Errorf("%d steps chosen of %d; run.json has %d, %v", fitted, run.Train.Steps, saved.Train.Steps, err)
	}
	if err := training.Steps(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	got, err := training.State.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	if err := training.Save(); err != nil {
		t.Fatal(err)
	}
	training.Close()

	plain := run
	plain.Train.Minutes, plain.Train.Steps = 0, 3
	compareTensors(t, got, trainFolder(t, plain, filepath.Join(t.TempDir(), "plain"), data, v), 0)

	v = nil
	resumed := open()
	if err := resumed.Fit(t.Context()); err != nil || resumed.Run.Train.Steps != fitted || resumed.State.Step != 3 {
		t.Errorf("resumed at step %d of %d, %v, want 3 of %d", resumed.State.Step, resumed.Run.Train.Steps, err, fitted)
	}
}
