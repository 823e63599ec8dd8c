package m6

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"m6lab/checkpoints"
	"m6lab/datasets"
	"m6lab/datasets/record"
	"m6lab/m6/hosts/hoststest"
)

// ranked is what one of several ranks came to.
type ranked struct {
	tensors []checkpoints.Tensor
	step    int64
	err     error
}

// trainRanks trains a run on n ranks in this process, each with its own options where change is given.
func trainRanks(t *testing.T, n int, o TrainOptions, change func(rank int, o *TrainOptions, ctx context.Context) context.Context) []ranked {
	t.Helper()
	out := make([]ranked, n)
	var wait sync.WaitGroup
	for rank, group := range hoststest.Local(n) {
		mine, ctx := o, t.Context()
		mine.Hosts = group
		if change != nil {
			ctx = change(rank, &mine, ctx)
		}
		wait.Go(func() { out[rank] = trainRank(ctx, mine) })
	}
	wait.Wait()
	return out
}

func trainRank(ctx context.Context, o TrainOptions) (r ranked) {
	training, err := OpenTraining(o)
	if err != nil {
		return ranked{err: err}
	}
	defer training.Close()
	if r.err = training.Steps(ctx, 1000); r.err != nil {
		return r
	}
	if r.err = training.Save(); r.err != nil {
		return r
	}
	r.step = training.State.Step
	r.tensors, r.err = training.State.Tensors()
	return r
}

// wordRun is a run on text alone, which compiles soon; its optimizer's steps follow the gradients' size, where Adam makes steps of what
// rounding leaves of a gradient of 0.
func wordRun(t *testing.T, steps int64) Run {
	r := picturedRun(t, steps)
	r.Model.Encoder = Encoder{Kind: "none", Grid: 2}
	r.Train.Optimizer = "adafactor"
	r.Model.Layers, r.Train.EvalEvery = 1, 0
	r.Data.Tasks = map[string]float64{"text_denoise": 1}
	return r
}

// Two ranks, the batch whole and in parts, are one rank with the whole batch: losses, of validation too, gradients and final
// weights. The ranks' weights are the same to the bit, and they are what the checkpoint holds.
func TestRanks(t *testing.T) {
	data, v := tinyData(t, 40)
	run := wordRun(t, 7)
	run.Train.Batch = 8
	for _, accumulate := range []int{1, 2} {
		run.Train.Accumulate = accumulate
		run.Train.EvalEvery = int64(5 * (2 - accumulate))
		whole, dir := Folder(filepath.Join(t.TempDir(), "whole")), Folder(filepath.Join(t.TempDir(), "ranks"))
		want := trainFolder(t, run, string(whole), data, v)
		all := trainRanks(t, 2, TrainOptions{Run: run, Dir: dir, Data: data, Vocab: v}, nil)
		for rank, r := range all {
			if r.err != nil {
				t.Fatalf("rank %d: %v", rank, r.err)
			}
			compareTensors(t, r.tensors, all[0].tensors, 0)
		}
		compareTensors(t, all[0].tensors, want, 1e-4)
		compareLogs(t, dir, whole)
		saved, _, err := checkpoints.Load(dir.Checkpoints())
		if err != nil {
			t.Fatal(err)
		}
		byName := func(a, b checkpoints.Tensor) int { return strings.Compare(a.Name, b.Name) } // each rank has written its own
		slices.SortFunc(saved.Tensors, byName)
		slices.SortFunc(all[0].tensors, byName)
		compareTensors(t, saved.Tensors, all[0].tensors, 0)
	}
}

// compareLogs fails where losses or norms of two runs' metrics differ by more than rounding, or their names.
func compareLogs(t *testing.T, got, want Folder) {
	t.Helper()
	wantLines, err := want.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	lines, err := got.Metrics()
	if err != nil || len(lines) != len(wantLines) {
		t.Fatalf("%d lines, %v, want %d", len(lines), err, len(wantLines))
	}
	for i, line := range wantLines {
		for name, w := range line {
			g, ok := lines[i][name]
			if !ok {
				t.Errorf("line %d has no %s", i, name)
			}
			if compared := strings.Contains(name, "loss") || name == "grad_norm" || name == "step"; compared && math.Abs(g-w) > 1e-4*max(1, math.Abs(w)) {
				t.Errorf("line %d: %s is %.7f, want %.7f", i, name, g, w)
			}
		}
	}
}

// A rank opens the pictures of its own rows alone, and its rows are those of the whole batch at its place.
func TestRanksRows(t *testing.T) {
	data, v := tinyData(t, 50)
	run := picturedRun(t, 100)
	set, err := record.Open(data, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	whole, err := NewLoader(set, NewObjective(run, v), run, Position{})
	if err != nil {
		t.Fatal(err)
	}
	const ranks = 2
	var loaders []*Loader
	for _, group := range hoststest.Local(ranks) {
		l, err := newRankLoader(set, NewObjective(run, v), run, Position{}, group)
		if err != nil {
			t.Fatal(err)
		}
		loaders = append(loaders, l)
	}
	for range 20 {
		want, err := whole.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var text []int32
		var pixels []float32
		for _, l := range loaders {
			b, err := l.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if b.Batch != want.Batch/ranks || len(b.Rows) != want.Batch || b.Rows[3] != want.Rows[3] {
				t.Errorf("a rank's batch has %d rows of %d, want %d of %d", b.Batch, len(b.Rows), want.Batch/ranks, want.Batch)
			}
			text, pixels = append(text, b.TextIDs...), append(pixels, b.Pixels...)
			for _, x := range l.ahead {
				if x.pixels != nil {
					t.Fatal("a rank has opened a picture before it knew whose row it is")
				}
			}
		}
		equalSlices(t, "text", text, want.TextIDs)
		equalSlices(t, "pixels", pixels, want.Pixels)
	}
}

func equalSlices[T comparable](t *testing.T, name string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s differs at %d: %v, want %v", name, i, got[i], want[i])
		}
	}
}

// With dropout, experts and a trained encoder, in bf16 on the wire, the ranks stay equal to the bit.
func TestRanksStayEqual(t *testing.T) {
	data, v := tinyData(t, 40)
	run := picturedRun(t, 4)
	run.Data.Tasks, run.Train.EvalEvery = map[string]float64{"caption": 1}, 0
	run.Model = tinyMoE()
	run.Model.PatchFeatures, run.Model.Encoder, run.Model.Dropout = 96, Encoder{Kind: "resnet-small", Size: 32, Grid: 2}, 0.1
	run.Train.ReduceBF16 = true
	all := trainRanks(t, 2, TrainOptions{Run: run, Dir: Folder(t.TempDir()), Data: data, Vocab: v}, nil)
	for _, r := range all {
		if r.err != nil {
			t.Fatal(r.err)
		}
	}
	compareTensors(t, all[1].tensors, all[0].tensors, 0)
}

// Where one rank is told to stop all stop at the same step and save; the run then goes on with another number of ranks.
func TestRanksStop(t *testing.T) {
	data, v := tinyData(t, 40)
	run := wordRun(t, 6)
	dir := Folder(filepath.Join(t.TempDir(), "run"))
	o := TrainOptions{Run: run, Dir: dir, Data: data, Vocab: v}
	all := trainRanks(t, 2, o, func(rank int, o *TrainOptions, ctx context.Context) context.Context {
		if rank == 1 {
			return ctx
		}
		ctx, cancel := context.WithCancel(ctx)
		o.OnRecord = func(r Record) {
			if r.Step == 2 {
				cancel()
			}
		}
		return ctx
	})
	for rank, r := range all {
		if r.err != nil || r.step != 2 {
			t.Fatalf("rank %d: stopped at step %d, %v, want 2", rank, r.step, r.err)
		}
	}
	whole := trainFolder(t, run, filepath.Join(t.TempDir(), "whole"), data, v)
	compareTensors(t, trainFolder(t, run, string(dir), data, nil), whole, 1e-4)
}

// What is wrong on one rank is the same line on every rank, and nobody waits for ever.
func TestRanksFaults(t *testing.T) {
	data, v := tinyData(t, 40)
	other, _ := tinyData(t, 42)
	run := wordRun(t, 4)
	for name, c := range map[string]struct {
		change func(o *TrainOptions)
		want   string
	}{
		"config":    {func(o *TrainOptions) { o.Run.Train.Seed = 8 }, "rank 1 of 2: train.seed is 8, but 1 on rank 0"},
		"log every": {func(o *TrainOptions) { o.Run.Train.LogEvery = 3 }, "rank 1 of 2: train.log_every is 3, but 1 on rank 0"},
		"data":      {func(o *TrainOptions) { o.Data = other }, "rank 1 of 2: the data is 42 rows of"},
		"no data":   {func(o *TrainOptions) { o.Data = data + "/none" }, "rank 1 of 2: "},
		"minutes":   {func(o *TrainOptions) { o.Run.Train.Minutes = 1 }, "train.minutes"},
	} {
		all := trainRanks(t, 2, TrainOptions{Run: run, Dir: Folder(t.TempDir()), Data: data, Vocab: v}, func(rank int, o *TrainOptions, ctx context.Context) context.Context {
			if rank == 1 {
				c.change(o)
			}
			return ctx
		})
		for rank, r := range all {
			if r.err == nil || !strings.Contains(r.err.Error(), c.want) || strings.Contains(r.err.Error(), "\n") || r.err.Error() != all[0].err.Error() {
				t.Errorf("%s: rank %d says %v, want one line with %q", name, rank, r.err, c.want)
			}
		}
	}
}

// What breaks on one rank in the middle of a run is told to the others: its data, or the disk of the rank that writes.
func TestRanksBreak(t *testing.T) {
	data, v := tinyData(t, 40)
	run := wordRun(t, 40)
	noise := func(ids []int32, mask int32, r *rand.Rand) []int32 { return ids }
	for name, c := range map[string]struct {
		change func(rank int, o *TrainOptions)
		want   string
	}{
		"data": {func(rank int, o *TrainOptions) {
			o.Parts.Noise = noise
			if calls := new(atomic.Int64); rank == 1 {
				o.Parts.Noise = func(ids []int32, mask int32, r *rand.Rand) []int32 {
					if calls.Add(1) > 20 {
						return append(ids, mask) // longer than the text: refused
					}
					return ids
				}
			}
		}, "rank 1 of 2: "},
		"disk": {func(rank int, o *TrainOptions) {
			o.OnRecord = func(r Record) {
				if r.Step == 2 {
					os.RemoveAll(o.Dir.Checkpoints())
					os.WriteFile(o.Dir.Checkpoints(), []byte("a file stands where a folder was"), 0o644)
				}
			}
		}, "rank 0 of 2: "},
	} {
		all := trainRanks(t, 2, TrainOptions{Run: run, Dir: Folder(t.TempDir()), Data: data, Vocab: v}, func(rank int, o *TrainOptions, ctx context.Context) context.Context {
			c.change(rank, o)
			return ctx
		})
		for rank, r := range all {
			if r.err == nil || !strings.Contains(r.err.Error(), c.want) || r.err.Error() != all[0].err.Error() {
				t.Errorf("%s: rank %d says %v, want one line with %q", name, rank, r.err, c.want)
			}
		}
	}
}

// A picture that its rank cannot open costs its row the targets, and is counted.
func TestRanksPicture(t *testing.T) {
	_, v := tinyData(t, 2)
	dir, r := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	w, err := record.Create(dir, "train", record.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 130 {
		ex := datasets.Example{ID: fmt.Sprint(i), Source: "pictures", Text: "红花", Image: tinyPicture(t, r), ImagePath: "p.png"}
		if i == 77 {
			ex.Image = ex.Image[:len(ex.Image)/2]
		}
		if err := w.Write(ex); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	set, err := record.Open(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	run := picturedRun(t, 100)
	run.Data.Tasks = map[string]float64{"caption": 1}
	lost := int64(0)
	for _, group := range hoststest.Local(2) {
		l, err := newRankLoader(set, NewObjective(run, v), run, Position{}, group)
		if err != nil {
			t.Fatal(err)
		}
		for range 130 / run.Train.Batch {
			b, err := l.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Batch {
				bad := b.Rows[group.Rank()*b.Batch+i].ID == "77"
				if hasTargets := b.TextGiven[i] < b.TextLengths[i]; hasTargets == bad {
					t.Errorf("row of example %s: targets %v", b.Rows[group.Rank()*b.Batch+i].ID, hasTargets)
				}
			}
		}
		lost += l.Skipped.Pictures
	}
	if lost != 1 {
		t.Errorf("%d pictures are counted as lost, want 1", lost)
	}
}
