package m6

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"m6lab/checkpoints"
)

// denseRun is a run folder of the golden dense model, which has been trained to nothing but is no start either.
func denseRun(t *testing.T) Folder {
	t.Helper()
	g := readGolden(t, "m6_dense")
	path, vocab := g.exported(t, nil)
	dir := Folder(filepath.Join(t.TempDir(), "dense"))
	if err := Import(path, dir, vocab); err != nil {
		t.Fatal(err)
	}
	return dir
}

// firstLoss is what the first training step of a run tells, on the golden's batch.
func firstLoss(t *testing.T, dir Folder) Metrics {
	t.Helper()
	g := readGolden(t, "m6_dense")
	r, err := dir.Run()
	if err != nil {
		t.Fatal(err)
	}
	batch := g.batch(t)
	r.Train.Batch, r.Train.Accumulate = batch.Batch, 1
	saved, _, err := checkpoints.Load(dir.Checkpoints())
	if err != nil {
		t.Fatal(err)
	}
	d, state := newState(t, r)
	if err := state.Load(saved.Tensors); err != nil {
		t.Fatal(err)
	}
	pending, err := NewStep(d, &Model{Config: r.Model}, r).Run(state, []*Batch{batch}, 0.001)
	if err != nil {
		t.Fatal(err)
	}
	m, err := pending.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The first step of an upcycled run has the dense model's loss, by every router, where no token is dropped.
func TestUpcycle(t *testing.T) {
	dense := denseRun(t)
	want := firstLoss(t, dense).Loss
	for _, router := range []string{"top1", "top2", "prototypes", "expert_choice", "random"} {
		t.Run(router, func(t *testing.T) {
			dir := Folder(filepath.Join(t.TempDir(), "experts"))
			settings := []string{"model.experts=4", "model.expert_every=1", "model.capacity_factor=4", "model.router=" + router}
			if err := Upcycle(dense, dir, settings); err != nil {
				t.Fatal(err)
			}
			m := firstLoss(t, dir)
			if m.Dropped != 0 || math.Abs(m.Loss-want) > 1e-5 {
				t.Errorf("loss %.7f with %g dropped, the dense model has %.7f", m.Loss, m.Dropped, want)
			}
		})
	}
}

// TestUpcycleRefuses: what cannot be upcycled is refused in one line that names it, and leaves no run behind.
func TestUpcycleRefuses(t *testing.T) {
	dense := denseRun(t)
	moe := Folder(filepath.Join(t.TempDir(), "moe"))
	if err := Upcycle(dense, moe, []string{"model.experts=2"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from     Folder
		settings []string
		want     string
	}{
		"experts already":  {moe, []string{"model.experts=2"}, "2 experts already"},
		"no experts":       {dense, nil, "model.experts=8"},
		"another model":    {dense, []string{"model.experts=2", "model.layers=1"}, "model.layers"},
		"unknown router":   {dense, []string{"model.experts=2", "model.router=prototype"}, `"prototypes"`},
		"no prototypes":    {dense, []string{"model.experts=5", "model.router=prototypes"}, "model.top_k"},
		"no such run":      {"nowhere", []string{"model.experts=2"}, "nowhere"},
		"unknown settings": {dense, []string{"model.expert=2"}, "model.experts"},
	} {
		dir := Folder(filepath.Join(t.TempDir(), "experts"))
		err := Upcycle(c.from, dir, c.settings)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %s", name, err, c.want)
		}
		if _, err := dir.Run(); err == nil {
			t.Errorf("%s: left a run behind", name)
		}
	}
	if err := Upcycle(dense, moe, []string{"model.experts=2"}); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("a folder with a run: error %v", err)
	}
}
