package m6

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/google/go-cmp/cmp"

	"m6lab/checkpoints"
)

// saveState saves a state's shards, in the background if asked, and returns the checkpoint open.
func saveState(t *testing.T, s *State, dir string, background bool) *checkpoints.Checkpoint {
	t.Helper()
	m, err := checkpoints.Open(dir, checkpoints.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var source checkpoints.Source
	if background {
		source, err = new(Snapshot).Take(s, 0, 1)
		err = errors.Join(err, m.SaveAsyncFrom(source))
	} else {
		source, err = s.Source(0, 1)
		err = errors.Join(err, m.SaveFrom(source))
	}
	if err := errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoints.OpenCheckpoint(filepath.Join(dir, fmt.Sprintf("step-%08d", s.Step)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// randomState is a state of random numbers in every tensor, moments too, and the numbers.
func randomState(t *testing.T, r Run) (*State, []checkpoints.Tensor) {
	t.Helper()
	_, state := newState(t, r)
	rng := rand.New(rand.NewPCG(5, 7))
	var all []checkpoints.Tensor
	for _, spec := range state.specs {
		flat := make([]float32, shard{size: spec.dims}.elements())
		for i := range flat {
			flat[i] = float32(rng.NormFloat64())
		}
		all = append(all, checkpoints.FromFloat32s(spec.name, spec.dims, flat))
	}
	if err := state.Load(all); err != nil {
		t.Fatal(err)
	}
	state.Step = 2
	return state, all
}

// A state that goes from mesh to mesh through checkpoints keeps every bit. Experts, heads, moments and, with train.zero=3, weights lie on other
// devices each time.
func TestCheckpointFromMeshToMesh(t *testing.T) {
	meshes := []Mesh{{4, 1, 1}, {1, 1, 1}, {2, 2, 1}, {1, 1, 4}, {1, 4, 1}, {2, 1, 2}, {1, 1, 1}}
	for _, optimizer := range []string{"adamw", "adafactor"} {
		run := tinyRun(t, tinyMoE(), func(r *Run) {
			r.Mesh, r.Train.Optimizer, r.Train.Remat, r.Train.Zero = meshes[0], optimizer, "selective", 3
		})
		state, want := randomState(t, run)
		for i, mesh := range meshes {
			c := saveState(t, state, t.TempDir(), i%2 == 0)
			run.Mesh, run.Train.Zero = mesh, 1+i%2*2
			device, err := OpenDevice(mesh)
			if err != nil {
				t.Fatal(err)
			}
			if state, err = RestoreState(device, run, c); err != nil {
				t.Fatalf("%v: %v", mesh, err)
			}
			if state.Step != 2 {
				t.Errorf("%v: step %d, want 2", mesh, state.Step)
			}
			got, err := state.Tensors()
			if err != nil {
				t.Fatal(err)
			}
			for j, w := range want {
				if got[j].Name != w.Name || !bytes.Equal(got[j].Data, w.Data) {
					t.Errorf("%s from mesh %v to %v: %s differs", optimizer, meshes[max(0, i-1)], mesh, w.Name)
				}
			}
		}
	}
}

// What a mesh splits is saved split, as each device holds it; what several devices hold is saved once.
func TestShardsAreSavedOnce(t *testing.T) {
	run := tinyRun(t, tinyMoE(), func(r *Run) { r.Mesh = Mesh{2, 1, 2} })
	_, state := newState(t, run)
	source, err := state.Source(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	boxes := map[string][]string{}
	for _, p := range source.Parts {
		boxes[p.Name] = append(boxes[p.Name], fmt.Sprint(p.Start, p.Size))
	}
	for name, want := range map[string][]string{
		"final_norm.scale":                            {"[0] [20]"},
		"blocks.1.moe.experts.in.kernel":              {"[0 0 0] [2 20 12]", "[2 0 0] [2 20 12]"},
		"adamw.m:blocks.1.moe.experts.in.kernel":      {"[0 0 0] [2 10 12]", "[2 0 0] [2 10 12]", "[0 10 0] [2 10 12]", "[2 10 0] [2 10 12]"},
		"adamw.v:blocks.0.attn.output.kernel":         {"[0 0 0] [4 5 10]", "[0 0 10] [4 5 10]"},
		"updates":                                     {"[] []"},
		"adamw.m:blocks.1.moe.experts.in.kernel:none": nil,
	} {
		if diff := cmp.Diff(want, boxes[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Three processes that hold the same state each save a share, and together all of it.
func TestStateOfSeveralProcesses(t *testing.T) {
	run := tinyRun(t, tiny(), func(r *Run) { r.Mesh = Mesh{2, 2, 1} })
	_, state := newState(t, run)
	dir := t.TempDir()
	errs := make(chan error, 3)
	for rank := range 3 {
		go func() {
			m, err := checkpoints.Open(dir, checkpoints.Options{Rank: rank, Ranks: 3, Session: "job"})
			if err != nil {
				errs <- err
				return
			}
			source, err := state.Source(rank, 3)
			errs <- errors.Join(err, m.SaveFrom(source), m.Close())
		}()
	}
	if err := errors.Join(<-errs, <-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	saved, _, err := checkpoints.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]checkpoints.Tensor{}
	for _, s := range saved.Tensors {
		byName[s.Name] = s
	}
	want, err := state.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !bytes.Equal(byName[w.Name].Data, w.Data) {
			t.Errorf("%s differs", w.Name)
		}
	}
}

// apart opens a mesh whose devices have memory of their own, as accelerators have.
func apart(t *testing.T, mesh Mesh) *Device {
	t.Helper()
	backend, err := compute.NewWithConfig("xla:cpu,shared_buffers=false")
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDevice(backend, mesh)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A save in the background writes the state as it was when it began, whatever training does meanwhile, and training does not notice, on
// devices that share the host's memory and on such that do not.
func TestSnapshotWhileTraining(t *testing.T) {
	run := tinyRun(t, tiny(), func(r *Run) { r.Mesh = Mesh{2, 2, 1} })
	shared, err := OpenDevice(run.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	for name, device := range map[string]*Device{"shared": shared, "apart": apart(t, run.Mesh)} {
		t.Run(name, func(t *testing.T) {
			step := NewStep(device, &Model{Config: run.Model}, run)
			want := trainAndSave(t, step, nil)
			compareTensors(t, trainAndSave(t, step, new(Snapshot)), want, 0)
		})
	}
}

// trainAndSave takes four steps. With a snapshot, it takes one before two of them, and after each reads what it would write.
func trainAndSave(t *testing.T, step *Step, copied *Snapshot) []checkpoints.Tensor {
	t.Helper()
	state, err := NewState(step.device, step.run)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		var source checkpoints.Source
		before := map[string]checkpoints.Tensor{}
		if copied != nil && i%2 == 1 {
			tensors, err := state.Tensors()
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range tensors {
				before[w.Name] = w
			}
			if source, err = copied.Take(state, 0, 1); err != nil {
				t.Fatal(err)
			}
		}
		pending, err := step.Run(state, []*Batch{tinyBatch(step.run.Model, step.run.Train.Batch, uint64(i))}, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pending.Wait(); err != nil {
			t.Fatal(err)
		}
		for j, p := range source.Parts {
			data, err := source.Data(j)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := before[p.Name].Slice(p.Start, p.Size); err != nil || !bytes.Equal(data, want.Data) {
				t.Errorf("%s %v is not as it was before the step: %v", p.Name, p.Start, err)
			}
		}
	}
	tensors, err := state.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// hostBytes runs f and returns the bytes that it took from the host's heap, freed ones included; devices have memory of their own.
func hostBytes(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A state of 90 MB in shards of at most 1.6 MB is saved and restored within the memory of a shard and a bound; a save in the
// background takes the process's own shards, once.
func TestCheckpointMemoryIsBounded(t *testing.T) {
	c := tiny()
	c.Layers, c.Width, c.FFN, c.Vocabulary = 6, 304, 1324, 4*331
	run := tinyRun(t, c, func(r *Run) { r.Mesh = Mesh{2, 2, 1} })
	device := apart(t, run.Mesh)
	total, largest := int64(0), int64(0)
	for _, spec := range run.stateSpecs() {
		parts, _, err := device.shards(spec.dims, spec.axes)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			total += 4 * int64(p.elements())
			largest = max(largest, 4*int64(p.elements()))
		}
	}
	const buffers = 10 << 20 // of the file, of a block, and what 1,700 parts take that is small: names, shapes, checksums
	bound := func(what string, limit int64, f func() error) {
		t.Helper()
		var err error
		got := hostBytes(func() { err = f() })
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s of %d bytes in shards of up to %d: %d bytes of the host", what, total, largest, got)
		if got > limit {
			t.Errorf("%s took %d bytes of the host, the bound is %d", what, got, limit)
		}
	}
	state, err := NewState(device, run)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m, err := checkpoints.Open(dir, checkpoints.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	bound("a save", 2*largest+buffers, func() error {
		source, err := state.Source(0, 1)
		return errors.Join(err, m.SaveFrom(source))
	})
	var copied Snapshot
	bound("a save in the background", total+buffers, func() error {
		state.Step = 1
		source, err := copied.Take(state, 0, 1)
		return errors.Join(err, m.SaveAsyncFrom(source), m.Wait())
	})
	bound("another one", buffers, func() error {
		state.Step = 2
		source, err := copied.Take(state, 0, 1)
		return errors.Join(err, m.SaveAsyncFrom(source), m.Wait())
	})
	for _, mesh := range []Mesh{{2, 2, 1}, {1, 1, 1}, {4, 1, 1}} {
		run.Mesh = mesh
		largest = 0
		if device, err = OpenDevice(mesh); err != nil {
			t.Fatal(err)
		}
		for _, spec := range run.stateSpecs() {
			parts, _, _ := device.shards(spec.dims, spec.axes)
			for _, p := range parts {
				largest = max(largest, 4*int64(p.elements()))
			}
		}
		bound(fmt.Sprint("restoring onto ", mesh), 3*largest+buffers, func() error {
			_, _, err := m.RestoreWith(func(c *checkpoints.Checkpoint) error {
				_, err := RestoreState(device, run, c)
				return err
			})
			return err
		})
	}
}

// A checkpoint of another model is no damage: it is refused by its names and stays.
func TestCheckpointOfAnotherModel(t *testing.T) {
	run := tinyRun(t, tiny(), nil)
	device, state := newState(t, run)
	dir := t.TempDir()
	saveState(t, state, dir, false)
	run.Model.Layers = 3
	_, report, err := checkpoints.LoadWith(dir, func(c *checkpoints.Checkpoint) error {
		_, err := RestoreState(device, run, c)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "step-00000000: tensors do not match: ") || len(report.Problems) > 0 {
		t.Errorf("got %v, problems %v", err, report.Problems)
	}
}

// Moments that a checkpoint lacks altogether, as an imported one does, start anew.
func TestRestoreWithoutMoments(t *testing.T) {
	run := tinyRun(t, tiny(), nil)
	device, state := newState(t, run)
	weights, err := state.Weights()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m, err := checkpoints.Open(dir, checkpoints.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Save(checkpoints.State{Tensors: weights, Values: map[string]json.RawMessage{}}); err != nil {
		t.Fatal(err)
	}
	run.Train.Seed++ // what is restored does not come from the seed
	_, _, err = m.RestoreWith(func(c *checkpoints.Checkpoint) (err error) {
		state, err = RestoreState(device, run, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		want := make([]byte, len(g.Data))
		if i < len(weights) {
			want = weights[i].Data
		}
		if !bytes.Equal(g.Data, want) {
			t.Errorf("%s differs", g.Name)
		}
	}
}

// A run in an empty folder goes on from what the object store of checkpoint.address holds.
func TestStartFromObjectStore(t *testing.T) {
	data, v := tinyData(t, 10)
	run := picturedRun(t, 9)
	run.Checkpoint.Address = "file://" + filepath.Join(t.TempDir(), "store")
	state, want := randomState(t, run)
	m, err := checkpoints.Open(t.TempDir(), checkpoints.Options{Address: run.Checkpoint.Address})
	if err != nil {
		t.Fatal(err)
	}
	source, err := state.Source(0, 1)
	source.Values = map[string]json.RawMessage{"position": json.RawMessage("{}")}
	if err := errors.Join(err, m.SaveFrom(source), m.Close()); err != nil {
		t.Fatal(err)
	}
	var said []string
	training, err := OpenTraining(TrainOptions{Run: run, Dir: Folder(filepath.Join(t.TempDir(), "run")), Data: data, Vocab: v,
		Log: func(line string) { said = append(said, line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer training.Close()
	got, err := training.State.Tensors()
	if err != nil || training.State.Step != 2 {
		t.Fatalf("step %d, %v", training.State.Step, err)
	}
	compareTensors(t, got, want, 0)
	if text := strings.Join(said, "\n"); !strings.Contains(text, "fetched step 2") {
		t.Errorf("log %q", text)
	}
}
