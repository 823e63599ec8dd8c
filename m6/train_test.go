package m6

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"m6lab/checkpoints"
	"m6lab/datasets"
	"m6lab/datasets/record"
	"m6lab/datasets/text"
)

const tinyHan = "春眠不觉晓处闻啼鸟夜来风雨声花落知多少红绿蓝色图"

// tinyData writes a data set of short texts and small pictures, and its vocabulary.
func tinyData(t *testing.T, rows int) (dir string, v *text.Vocab) {
	t.Helper()
	dir = t.TempDir()
	r, han := rand.New(rand.NewPCG(4, 2)), []rune(tinyHan)
	for _, split := range []string{"train", "valid"} {
		w, err := record.Create(dir, split, record.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			words := make([]rune, 3+r.IntN(15))
			for j := range words {
				words[j] = han[r.IntN(len(han))]
			}
			ex := datasets.Example{ID: fmt.Sprintf("%s-%d", split, i), Source: "words", Text: string(words)}
			if i%2 == 0 {
				ex.Source, ex.Image, ex.ImagePath = "pictures", tinyPicture(t, r), "p.png"
			}
			if err := w.Write(ex); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tokens := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + strings.Join(strings.Split(tinyHan, ""), "\n") + "\n"
	for i := range 44 - 5 - len(han) {
		tokens += fmt.Sprintf("[unused%d]\n", i+1)
	}
	if v, err := text.ParseVocab([]byte(tokens)); err == nil {
		return dir, v
	} else {
		t.Fatal(err)
		return "", nil
	}
}

func tinyPicture(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	im := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		im.Set(i%32, i/32, color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255})
	}
	var out bytes.Buffer
	if err := png.Encode(&out, im); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// picturedRun is a run of a tiny model with its own picture encoder.
func picturedRun(t *testing.T, steps int64) Run {
	c := tiny()
	c.PatchFeatures, c.Encoder = 96, Encoder{Kind: "resnet-small", Size: 32, Grid: 2}
	c.Dropout = 0.1
	return tinyRun(t, c, func(r *Run) {
		r.Train.Steps, r.Train.LogEvery, r.Train.EvalEvery, r.Train.EvalBatches = steps, 1, 5, 2
		r.Checkpoint.Every, r.Checkpoint.Keep = 3, 2
		r.Data.TextBuckets = []int{21}
	})
}

// trainFolder trains in a folder until the end and returns the final tensors.
func trainFolder(t *testing.T, r Run, dir, data string, v *text.Vocab) []checkpoints.Tensor {
	t.Helper()
	training, err := OpenTraining(TrainOptions{Run: r, Dir: Folder(dir), Data: data, Vocab: v, Log: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer training.Close()
	if err := training.Steps(t.Context(), r.Train.Steps); err != nil {
		t.Fatal(err)
	}
	if err := training.Save(); err != nil {
		t.Fatal(err)
	}
	tensors, err := training.State.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// steps are the step and loss of each line of metrics.jsonl.
func stepsOf(t *testing.T, dir string) (steps, losses []float64) {
	t.Helper()
	records, err := Folder(dir).Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		steps, losses = append(steps, r["step"]), append(losses, r["loss"])
	}
	return steps, losses
}

// A run that is killed with SIGKILL again and again, at any moment, ends with the very weights, losses and log of one never stopped.
func TestKill(t *testing.T) {
	data, v := tinyData(t, 60)
	run := picturedRun(t, 11)
	whole := filepath.Join(t.TempDir(), "whole")
	want := trainFolder(t, run, whole, data, v)

	killed := filepath.Join(t.TempDir(), "killed")
	if err := Folder(killed).Create(run, v); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	kills := 0
	for {
		if kills > 30 {
			t.Fatal("30 kills and the run is not finished")
		}
		patience := time.Duration(2e9 * math.Pow(1.3, float64(kills))) // on a slow machine compiling alone outlasts the first ones
		if finished := killOnce(t, killed, data, time.Duration(r.Float64()*float64(patience))); finished {
			break
		}
		kills++
	}
	saved, _, err := checkpoints.Load(Folder(killed).Checkpoints())
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got := saved.Tensors[i]; got.Name != w.Name || !bytes.Equal(got.Data, w.Data) {
			t.Errorf("%s differs after %d kills", w.Name, kills)
		}
	}
	wantSteps, wantLosses := stepsOf(t, whole)
	gotSteps, gotLosses := stepsOf(t, killed)
	if !reflect.DeepEqual(gotSteps, wantSteps) || !reflect.DeepEqual(gotLosses, wantLosses) {
		t.Errorf("the log of the killed run: steps %v losses %v, want %v %v", gotSteps, gotLosses, wantSteps, wantLosses)
	}
	t.Logf("%d kills", kills)
}

// killOnce starts the run in a process of its own and kills it some time after its first line of output, unless it ends before.
func killOnce(t *testing.T, dir, data string, after time.Duration) (finished bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), "M6_KILL_DIR="+dir, "M6_KILL_DATA="+data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1)
	out.Read(buffer) // it has begun its steps
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	rest := new(bytes.Buffer)
	rest.ReadFrom(out)
	err = cmd.Wait()
	if timer.Stop() && err != nil {
		t.Fatalf("the run failed by itself: %v\n%s", err, rest)
	}
	return err == nil
}

// TestKillChild is the process that TestKill kills.
func TestKillChild(t *testing.T) {
	dir := os.Getenv("M6_KILL_DIR")
	if dir == "" {
		return // only meant as a child
	}
	run, err := Folder(dir).Run()
	if err != nil {
		t.Fatal(err)
	}
	training, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(dir), Data: os.Getenv("M6_KILL_DATA")})
	if err != nil {
		t.Fatal(err)
	}
	defer training.Close()
	fmt.Println("begins")
	if err := training.Steps(t.Context(), run.Train.Steps); err != nil {
		t.Fatal(err)
	}
	if err := training.Save(); err != nil {
		t.Fatal(err)
	}
}

// Cancelling stops at a step; the same run goes on, and another config is refused by its key.
func TestStopAndGoOn(t *testing.T) {
	data, v := tinyData(t, 40)
	run := picturedRun(t, 6)
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	training, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(dir), Data: data, Vocab: v, OnRecord: func(r Record) {
		if r.Step == 2 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := training.Steps(ctx, 100); err != nil || training.Finished() {
		t.Fatalf("cancelled run: %v, finished %v", err, training.Finished())
	}
	if _, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(dir), Data: data, Vocab: v}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second process in the folder: %v, want an error that names the first one's pid", err)
	}
	if err := training.Save(); err != nil {
		t.Fatal(err)
	}
	if err := training.Close(); err != nil {
		t.Fatal(err)
	}
	other := run
	other.Train.LearningRate = 0.5
	if _, err := OpenTraining(TrainOptions{Run: other, Dir: Folder(dir), Data: data}); err == nil || !strings.Contains(err.Error(), "train.learning_rate=0.01") {
		t.Errorf("another config: %v, want an error that names train.learning_rate", err)
	}
	got := trainFolder(t, run, dir, data, nil)
	want := trainFolder(t, run, filepath.Join(t.TempDir(), "whole"), data, v)
	compareTensors(t, got, want, 0)
}

// The order of batches follows from the seed, not from the number of workers; a position goes on with the very next batch.
func TestLoaderPosition(t *testing.T) {
	data, v := tinyData(t, 50)
	run := picturedRun(t, 100)
	set, err := record.Open(data, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	take := func(workers int, from Position, n int) (batches []*Batch, positions []Position) {
		run.Data.Workers = workers
		l, err := NewLoader(set, NewObjective(run, v), run, from)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			b, err := l.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			batches, positions = append(batches, b), append(positions, l.Position())
		}
		return batches, positions
	}
	want, positions := take(1, Position{}, 40)
	for i, b := range want {
		if len(b.Rows) != run.Train.Batch {
			t.Errorf("batch %d has %d rows, want %d", i, len(b.Rows), run.Train.Batch)
		}
	}
	if got, _ := take(3, Position{}, 40); !reflect.DeepEqual(got, want) {
		t.Error("three workers give other batches than one")
	}
	for _, at := range []int{0, 7, 19} {
		var saved Position // as a checkpoint keeps it
		text, err := json.Marshal(positions[at])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &saved); err != nil {
			t.Fatal(err)
		}
		if got, _ := take(2, saved, 40-at-1); !reflect.DeepEqual(got, want[at+1:]) {
			t.Errorf("going on behind batch %d gives other batches", at)
		}
	}
}

// Every example is drawn once in each epoch of its stream.
func TestLoaderEpoch(t *testing.T) {
	data, v := tinyData(t, 40)
	run := picturedRun(t, 100)
	run.Data.Tasks = map[string]float64{"lm": 1}
	set, err := record.Open(data, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	l, err := NewLoader(set, NewObjective(run, v), run, Position{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for range 20 / run.Train.Batch * 3 { // 20 rows without a picture, three epochs
		b, err := l.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range b.Rows {
			seen[row.ID]++
		}
	}
	for id, n := range seen {
		if n != 3 {
			t.Errorf("%s was drawn %d times in three epochs", id, n)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d rows were drawn, want 20", len(seen))
	}
}

// What is wrong with the data is one clear line before any work.
func TestBadData(t *testing.T) {
	data, v := tinyData(t, 10)
	for name, c := range map[string]struct {
		data   string
		change func(r *Run)
		want   string
	}{
		"no folder":      {data + "/none", nil, "none"},
		"vocabulary":     {data, func(r *Run) { r.Model.Vocabulary = 48 }, "the vocabulary has 44 entries, the model wants 48"},
		"task":           {data, func(r *Run) { r.Data.Tasks = map[string]float64{"captoin": 1} }, `did you mean "caption"`},
		"no such mesh":   {data, func(r *Run) { r.Mesh = Mesh{2, 2, 2} }, "mesh.expert"},
		"bucket too big": {data, func(r *Run) { r.Data.TextBuckets = []int{99} }, "model.positions"},
	} {
		run := picturedRun(t, 3)
		if c.change != nil {
			c.change(&run)
		}
		dir := Folder(t.TempDir() + "/run")
		_, err := OpenTraining(TrainOptions{Run: run, Dir: dir, Data: c.data, Vocab: v})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, c.want)
		}
		if _, err := dir.Run(); err == nil {
			t.Errorf("%s: what was refused left a run behind, which would stand in the way of the mended command", name)
		}
	}
}
