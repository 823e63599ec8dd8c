package m6

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"m6lab/checkpoints"
	"m6lab/datasets/text"
)

// spikeRun is a run whose loss runs away behind step 13, each time that it comes there: see spikeRate.
func spikeRun(t *testing.T, times int) Run {
	r := picturedRun(t, 19)
	r.Data.Tasks = map[string]float64{"lm": 1}
	r.Train.Rollback = Rollback{Times: times, Deviations: 6, Window: 6, Patience: 2}
	return r
}

// spikeRate is so high at step 13 that the model is destroyed.
func spikeRate(update int64) float64 {
	if update == 13 {
		return 30
	}
	return 0.003
}

// spikeTraining opens a run that spikes.
func spikeTraining(t *testing.T, r Run, dir, data string, v *text.Vocab) (*Training, *[]string) {
	t.Helper()
	var said []string
	training, err := OpenTraining(TrainOptions{Run: r, Dir: Folder(dir), Data: data, Vocab: v, Rate: spikeRate, Log: func(line string) { said = append(said, line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { training.Close() })
	return training, &said
}

// finalTensors trains to the end.
func finalTensors(t *testing.T, training *Training) []checkpoints.Tensor {
	t.Helper()
	if err := training.Steps(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	tensors, err := training.State.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// A run goes back to the last checkpoint from before a spike and on behind the data that it had seen by then: the same, to the bit, as a
// run without rollbacks whose state and data are put so by hand.
func TestRollback(t *testing.T) {
	data, v := tinyData(t, 60)
	dir := filepath.Join(t.TempDir(), "back")
	training, said := spikeTraining(t, spikeRun(t, 2), dir, data, v)
	got := finalTensors(t, training)

	hand, _ := spikeTraining(t, spikeRun(t, 0), filepath.Join(t.TempDir(), "hand"), data, v)
	for range 2 {
		if err := hand.Steps(t.Context(), 15-hand.State.Step); err != nil {
			t.Fatal(err)
		}
		before := hand.position
		saved, err := hand.manager.RestoreStep(12)
		if err != nil {
			t.Fatal(err)
		}
		if err := hand.State.Load(saved.Tensors); err != nil {
			t.Fatal(err)
		}
		hand.State.Step, hand.position = 12, before
		hand.feed.stop()
		if err := hand.startData(); err != nil {
			t.Fatal(err)
		}
	}
	compareTensors(t, got, finalTensors(t, hand), 0)

	steps, _ := stepsOf(t, dir)
	want := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19}
	if !reflect.DeepEqual(steps, want) {
		t.Errorf("metrics.jsonl has the steps %v, want %v", steps, want)
	}
	records, err := Folder(dir).Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records[12:14] {
		if r["rollback"] != float64(i+1) || r["rollback_from"] != 15 || r["rollback_to"] != 12 || r["rollback_since"] != 14 ||
			!(r["rollback_loss"] > r["rollback_median"]+6*r["rollback_deviation"]) || r["rollback_skipped"] != 12 {
			t.Errorf("rollback %d is %v, want one from step 15 to 12 over 3 batches of 4 examples", i+1, r)
		}
		taken, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("rollback-%d.jsonl", i+1)))
		if err != nil || strings.Count(string(taken), "\n") != 2 || !strings.Contains(string(taken), `"step":14`) {
			t.Errorf("the lines that were taken back (%v):\n%s\nwant those of steps 13 and 14", err, taken)
		}
	}
	all := strings.Join(*said, "\n")
	for _, line := range []string{"rollback 1 of 2: back to the checkpoint of step 12, and on behind the 12 examples since", "rollback 2 of 2", "the run has gone back 2 times, all of train.rollback.times"} {
		if strings.Count(all, line) != 1 {
			t.Errorf("the run did not say once: %s\n%s", line, all)
		}
	}
}

// Steps in a row that are not finite count as well, and where there is no checkpoint from before, the run goes on.
func TestRollbackNotFinite(t *testing.T) {
	data, v := tinyData(t, 60)
	run := spikeRun(t, 1)
	training, said := spikeTraining(t, run, filepath.Join(t.TempDir(), "run"), data, v)
	note := func(step int64) bool {
		t.Helper()
		back, err := training.ranAway(told{step: step, fed: fed{position: training.position}}, Metrics{Skipped: true})
		if err != nil {
			t.Fatal(err)
		}
		return back
	}
	if note(1) || note(2) || !strings.Contains(strings.Join(*said, "\n"), "step 2: steps 1 to 2 are not finite; there is no checkpoint from before it") {
		t.Errorf("the run went back, or did not say why not: %q", *said)
	}
	if err := training.Steps(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if note(8) || !note(9) || training.State.Step != 6 {
		t.Errorf("after two steps that are not finite the run is at step %d, want 6: %q", training.State.Step, *said)
	}
}

// A run that is killed with SIGKILL at any moment around its rollbacks ends with the weights and the log of one never stopped.
func TestRollbackKill(t *testing.T) {
	data, v := tinyData(t, 60)
	run := spikeRun(t, 2)
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	training, _ := spikeTraining(t, run, whole, data, v)
	want := finalTensors(t, training)
	if err := Folder(killed).Create(run, v); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for i := 1; ; i++ {
		if i > 8 {
			t.Fatal("8 starts and the run is not finished")
		}
		word := "rollback "
		if i > 4 {
			word = "" // no more kills
		}
		if killAt(t, killed, data, word, time.Duration(r.IntN(200))*time.Millisecond) {
			break
		}
	}
	saved, _, err := checkpoints.Load(Folder(killed).Checkpoints())
	if err != nil {
		t.Fatal(err)
	}
	compareTensors(t, saved.Tensors, want, 0)
	wantSteps, wantLosses := stepsOf(t, whole)
	gotSteps, gotLosses := stepsOf(t, killed)
	if !reflect.DeepEqual(gotSteps, wantSteps) || !reflect.DeepEqual(gotLosses, wantLosses) {
		t.Errorf("the log of the killed run: steps %v losses %v, want %v %v", gotSteps, gotLosses, wantSteps, wantLosses)
	}
	for _, name := range []string{"rollback-1.jsonl", "rollback-2.jsonl"} {
		if got, want := linesOf(t, killed, name), linesOf(t, whole, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %v, want %v", name, got, want)
		}
	}
}

// linesOf are step and loss of each line of a file.
func linesOf(t *testing.T, dir, name string) (out [][2]float64) {
	t.Helper()
	all, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(all) {
		var r struct{ Step, Loss float64 }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]float64{r.Step, r.Loss})
	}
	return out
}

// killAt starts the run in a process of its own and kills it some time after it says a word; without a word it may finish.
func killAt(t *testing.T, dir, data, word string, after time.Duration) (finished bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRollbackChild$")
	cmd.Env = append(os.Environ(), "M6_ROLLBACK_DIR="+dir, "M6_ROLLBACK_DATA="+data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if word != "" && !killed && strings.Contains(lines.Text(), word) {
			killed = true
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err != nil && !killed {
		t.Fatalf("the run failed by itself: %v\n%s", err, &said)
	} else if err == nil {
		return true
	}
	return false
}

// TestRollbackChild is the process that TestRollbackKill kills.
func TestRollbackChild(t *testing.T) {
	dir := os.Getenv("M6_ROLLBACK_DIR")
	if dir == "" {
		return // only meant as a child
	}
	run, err := Folder(dir).Run()
	if err != nil {
		t.Fatal(err)
	}
	training, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(dir), Data: os.Getenv("M6_ROLLBACK_DATA"), Rate: spikeRate, Log: func(line string) { fmt.Println(line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer training.Close()
	if err := training.Steps(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
}

// A run that may go back cannot change when it is saved; one that may not, can. Neither can the rule change.
func TestRollbackResumable(t *testing.T) {
	for _, times := range []int{0, 2} {
		saved := spikeRun(t, times)
		given := saved
		given.Checkpoint.Every++
		if err := Resumable(saved, given); (err == nil) != (times == 0) {
			t.Errorf("times %d, another checkpoint.every: %v", times, err)
		}
		given = saved
		given.Train.Rollback.Window++
		if err := Resumable(saved, given); err == nil || !strings.Contains(err.Error(), "train.rollback.window=6") {
			t.Errorf("times %d, another window: %v", times, err)
		}
		given = saved
		given.Watch = Watch{Address: ":0", Log: "json", Window: 3, HangSeconds: 9, HangExit: true}
		if err := Resumable(saved, given); err != nil {
			t.Errorf("another watch: %v", err)
		}
	}
}

// A run.json from before there were such keys is a run with the defaults.
func TestOldRunFile(t *testing.T) {
	r := picturedRun(t, 3)
	var all map[string]any
	if err := json.Unmarshal(r.JSON(), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "watch")
	delete(all["train"].(map[string]any), "rollback")
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	dir := Folder(t.TempDir())
	if err := os.WriteFile(dir.Path("run.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := dir.Run(); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v (%v), want %+v", got, err, r)
	}
}
