package checkpoints

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stateOf is the state of a step: its content, and with it every byte on disk, depends on nothing else.
func stateOf(step int64) State {
	r := rand.New(rand.NewPCG(uint64(step), 13))
	fill := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(r.Uint32())
		}
		return out
	}
	return State{Step: step, Tensors: []Tensor{
		{"w", F32, []int{5, 7}, fill(140)},
		{"moment.w", BF16, []int{5, 7}, fill(70)},
		{"count", I64, []int{}, binary.LittleEndian.AppendUint64(nil, uint64(step))},
		{"empty", F32, []int{0, 3}, []byte{}},
		{"mask", Bool, []int{13}, fill(13)},
	}, Values: map[string]json.RawMessage{
		"random": json.RawMessage(fmt.Sprintf(`{"seed":18446744073709551615,"step":%d}`, step)),
		"data":   json.RawMessage(`"<位置>"`),
	}}
}

// openTest opens a manager with small blocks, and collects its log.
func openTest(t *testing.T, dir string, keep int) (*Manager, *[]string) {
	t.Helper()
	lines := &[]string{}
	m, err := Open(dir, Options{Keep: keep, Log: func(l string) { *lines = append(*lines, strings.ReplaceAll(l, dir+"/", "")) }})
	if err != nil {
		t.Fatal(err)
	}
	m.block = 32
	t.Cleanup(func() { m.lock.Close() })
	return m, lines
}

func save(t *testing.T, m *Manager, steps ...int64) {
	t.Helper()
	for _, s := range steps {
		if err := m.Save(stateOf(s)); err != nil {
			t.Fatal(err)
		}
	}
}

// listed returns the entries of a folder, without the lock and with the chance letters of leftovers cut off.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if kind, step, ok := leftover(e.Name()); ok {
			names = append(names, kind+folderName(step))
		} else if e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names
}

// wantRestored restores and compares all of the state with what its step must hold.
func wantRestored(t *testing.T, dir string, step int64) Report {
	t.Helper()
	got, report, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stateOf(step), got); diff != "" {
		t.Fatalf("restored (-want +got):\n%s", diff)
	}
	return report
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one line with %q", err, want)
	}
}

func TestSaveRestore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "checkpoints")
	m, lines := openTest(t, dir, 2)
	if _, _, err := m.Restore(); !errors.Is(err, ErrNone) {
		t.Errorf("empty folder: %v", err)
	}
	if i, err := m.Latest(); !errors.Is(err, ErrNone) {
		t.Errorf("empty folder: %v %v", i, err)
	}
	save(t, m, 10, 20, 30)
	if diff := cmp.Diff([]string{"step-00000020", "step-00000030"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	report := wantRestored(t, dir, 30)
	if len(report.Problems) != 0 || report.Checkpoints[0].Step != 30 || report.Tensors != 5 {
		t.Errorf("report %+v", report)
	}
	if len(*lines) != 0 {
		t.Errorf("log %q", *lines)
	}
	infos, err := m.List()
	if err != nil || len(infos) != 2 || infos[0].Step != 30 || infos[1].Serial != 2 {
		t.Errorf("list %+v %v", infos, err)
	}
	if i, err := m.Latest(); err != nil || i.Step != 30 || i.Path != filepath.Join(dir, "step-00000030") {
		t.Errorf("latest %+v %v", i, err)
	}
}

// The data file of a checkpoint is a safetensors file as any other.
func TestDataFileIsSafetensors(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	save(t, m, 7)
	tensors, _ := readAll(t, filepath.Join(dir, "step-00000007", firstData))
	byName := func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) }
	want := stateOf(7).Tensors
	slices.SortFunc(tensors, byName)
	slices.SortFunc(want, byName)
	if diff := cmp.Diff(want, tensors); diff != "" {
		t.Error(diff)
	}
}

func TestBestIsKept(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 2)
	save(t, m, 10, 20)
	if err := m.MarkBest(20, 0.25); err != nil {
		t.Fatal(err)
	}
	save(t, m, 30, 40, 50)
	if diff := cmp.Diff([]string{"best.json", "step-00000020", "step-00000040", "step-00000050"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	wantError(t, m.MarkBest(30, 1), "best checkpoint: step 30: manifest.json is missing")
	m.Close()
	m, _ = openTest(t, dir, 2)
	if step, metric, ok := m.Best(); step != 20 || metric != 0.25 || !ok {
		t.Errorf("best %d %g %v", step, metric, ok)
	}
	if _, _, err := m.Restore(); err != nil {
		t.Fatal(err)
	}
	save(t, m, 60)
	if err := m.MarkBest(60, 0.2); err != nil {
		t.Fatal(err)
	}
	save(t, m, 70)
	if diff := cmp.Diff([]string{"best.json", "step-00000060", "step-00000070"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	m.Close()
	if err := os.WriteFile(filepath.Join(dir, bestName), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	wantError(t, err, "best.json does not say which checkpoint is best")
}

// A run that goes back continues from there, also where a kill comes between the save and the removal of the later steps.
func TestGoBack(t *testing.T) {
	dir := t.TempDir()
	m, lines := openTest(t, dir, 3)
	save(t, m, 10, 20, 30)
	wantError(t, m.Save(stateOf(15)), "checkpoint of step 15: the run is at step 30: restore the earlier step first")
	if _, err := m.RestoreStep(10); err != nil {
		t.Fatal(err)
	}
	m.disk = failing{fail: func(op, path string) error {
		if op == "rename" && strings.Contains(path, removing) {
			return errors.New("kept")
		}
		return nil
	}}
	save(t, m, 15)
	if diff := cmp.Diff([]string{"step-00000010", "step-00000015", "step-00000020", "step-00000030"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	wantRestored(t, dir, 15)
	m.disk, *lines = disk{}, nil
	save(t, m, 16)
	if diff := cmp.Diff([]string{"step-00000010", "step-00000015", "step-00000016"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	want := []string{"checkpoints: removed step-00000030, from before the run went back to step 16 or earlier",
		"checkpoints: removed step-00000020, from before the run went back to step 16 or earlier"}
	if diff := cmp.Diff(want, *lines); diff != "" {
		t.Error(diff)
	}
}

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	save(t, m, 10)
	_, err := Open(dir, Options{})
	wantError(t, err, fmt.Sprintf("checkpoints %s: in use by process %d on ", dir, os.Getpid()))
	wantError(t, err, "stop it, or choose another folder")
	wantRestored(t, dir, 10) // readers need no lock
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := openTest(t, dir, 1)
	wantError(t, again.Save(stateOf(20)), "already holds step-00000010: restore it first, or choose another folder")
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 2)
	save(t, m, 10, 20)
	m.Close()
	strange := []string{".saving-step-00000030", ".saving-step-1-ABCDEFGH", ".saving-notes", "saving-step-00000030-ABCDEFGH", "notes"}
	for _, name := range append(strange, ".saving-step-00000030-ABCDEFGH", ".removing-step-00000005-ABCDEFGH", ".replaced-step-00000010-ABCDEFGH") {
		if err := os.MkdirAll(filepath.Join(dir, name, "inner"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, ".best.json.writing-ABCDEFGH"), "{")
	if err := os.Rename(filepath.Join(dir, "step-00000020"), filepath.Join(dir, ".replaced-step-00000020-ABCDEFGH")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", filepath.Join(dir, ".saving-step-00000077-ABCDEFGH")); err != nil {
		t.Fatal(err)
	}
	wantRestored(t, dir, 20) // the step between its two renames is still there
	_, lines := openTest(t, dir, 2)
	want := append([]string{".saving-step-00000077", "step-00000010", "step-00000020"}, strange...)
	slices.Sort(want)
	got := listed(t, dir)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"checkpoints: removed .best.json.writing-ABCDEFGH, left behind by a killed process",
		"checkpoints: removed .removing-step-00000005-ABCDEFGH, left behind by a killed process",
		"checkpoints: removed .replaced-step-00000010-ABCDEFGH, left behind by a killed process",
		"checkpoints: put back step-00000020, whose replacement was killed",
		"checkpoints: removed .saving-step-00000030-ABCDEFGH, left behind by a killed process",
	}, *lines); diff != "" {
		t.Error(diff)
	}
	wantRestored(t, dir, 20)
}

// gate lets files be created only when it is opened.
type gate struct {
	disk
	open chan struct{}
	fail error
}

func (g gate) Mkdir(path string) error {
	<-g.open
	if g.fail != nil {
		return g.fail
	}
	return g.disk.Mkdir(path)
}

func TestSaveAsync(t *testing.T) {
	dir := t.TempDir()
	m, lines := openTest(t, dir, 3)
	g := gate{open: make(chan struct{})}
	m.disk = g
	if err := m.SaveAsync(stateOf(10)); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, dir); got != nil {
		t.Errorf("SaveAsync waited: %v", got)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(g.open) })
	if err := m.MarkBest(10, 3); err != nil {
		t.Errorf("MarkBest did not wait: %v", err)
	}
	if err := m.SaveAsync(stateOf(20)); err != nil {
		t.Fatal(err)
	}
	if err := m.Wait(); err != nil {
		t.Fatal(err)
	}
	wantRestored(t, dir, 20)

	g.fail = errors.New("device gone")
	m.disk = g
	if err := m.SaveAsync(stateOf(30)); err != nil {
		t.Fatal(err)
	}
	wantError(t, m.MarkBest(30, 2), "step 30: manifest.json is missing")
	wantError(t, m.SaveAsync(stateOf(40)), "checkpoint of step 30 (0.0 MB): device gone")
	if err := m.SaveAsync(stateOf(50)); err != nil {
		t.Fatal(err)
	}
	m.settle()
	m.disk = disk{}
	save(t, m, 60)
	if diff := cmp.Diff([]string{"checkpoint of step 50 (0.0 MB): device gone; the save after it succeeded"}, *lines); diff != "" {
		t.Error(diff)
	}
	wantRestored(t, dir, 60)
	m.disk = g
	if err := m.SaveAsync(stateOf(70)); err != nil {
		t.Fatal(err)
	}
	wantError(t, m.Save(stateOf(80)), "checkpoint of step 80 (0.0 MB): device gone; before that checkpoint of step 70 (0.0 MB): device gone")
	wantError(t, m.SaveAsync(State{Step: 70, Tensors: []Tensor{{"a", "F31", nil, nil}}}), `tensor "a": unknown dtype "F31"`)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefusedStates(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 3)
	w := Spec{"w", U8, []int{3, 5}}
	bytesOf := func(n int) func(int) ([]byte, error) {
		return func(int) ([]byte, error) { return make([]byte, n), nil }
	}
	for _, c := range []struct {
		name string
		s    Source
		want string
	}{
		{"step", Source{Step: -1}, "step -1 is negative"},
		{"value", Source{Values: map[string]json.RawMessage{"k": json.RawMessage("{")}}, `value "k" is not JSON`},
		{"twice", Source{Parts: []Part{{Spec: w}, {Spec: w}}, Data: bytesOf(15)}, `tensor "w": given twice`},
		{"gap", Source{Parts: []Part{{w, []int{0, 0}, []int{3, 4}}}, Data: bytesOf(12)}, `tensor "w": its pieces cover 12 of 15 elements`},
		{"overlap", Source{Parts: []Part{{w, []int{0, 0}, []int{3, 4}}, {w, []int{1, 3}, []int{2, 2}}}, Data: bytesOf(12)}, "overlap"},
		{"outside", Source{Parts: []Part{{w, []int{0, 1}, []int{3, 5}}}, Data: bytesOf(15)}, "does not lie within [3 5]"},
		{"differ", Source{Parts: []Part{{w, []int{0, 0}, []int{3, 4}}, {Spec{"w", U8, []int{3, 6}}, []int{0, 4}, []int{3, 1}}}}, "its parts differ"},
		{"short", Source{Parts: []Part{{Spec: w}}, Data: bytesOf(14)}, `tensor "w": 14 bytes of data where 15 are needed`},
		{"data", Source{Parts: []Part{{Spec: w}}, Data: func(int) ([]byte, error) { return nil, errors.New("device gone") }}, `tensor "w": device gone`},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, m.SaveFrom(c.s), c.want)
			if got := listed(t, dir); got != nil {
				t.Errorf("left behind %v", got)
			}
		})
	}
}

// Two saves of one step leave the second, and nothing beside it.
func TestSaveTwice(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 2)
	save(t, m, 10)
	other := stateOf(10)
	other.Tensors = other.Tensors[:1]
	if err := m.Save(other); err != nil {
		t.Fatal(err)
	}
	got, _, err := Load(dir)
	if diff := cmp.Diff(other, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if diff := cmp.Diff([]string{"step-00000010"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
}
