package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// text returns a report with the paths below dir shortened.
func (r Report) text(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d checkpoints, %d tensors, %d bytes\n", r.Kind, len(r.Checkpoints), r.Tensors, r.Bytes)
	for _, p := range r.Problems {
		fmt.Fprintln(&b, "problem", p)
	}
	for _, p := range r.Notes {
		fmt.Fprintln(&b, "note", p)
	}
	return strings.ReplaceAll(b.String(), dir+"/", "")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// The audit names every kind of damage, and what is not its own.
func TestCheck(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, "checkpoints")
	m, _ := openTest(t, dir, 9)
	save(t, m, 10, 20, 30, 40, 50, 60)
	if err := m.MarkBest(20, 1); err != nil {
		t.Fatal(err)
	}
	if err := WriteSafetensors(filepath.Join(run, "good.safetensors"), stateOf(1).Tensors, nil); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	check := func(title, path string) {
		r, err := Check(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s\n%s\n", title, r.text(run))
	}
	check("a run without fault", run)
	check("the same by its checkpoints", dir)
	check("one checkpoint", filepath.Join(dir, "step-00000020"))
	check("a safetensors file", filepath.Join(run, "good.safetensors"))
	check("the data file of a checkpoint", filepath.Join(dir, "step-00000020", firstData))

	flip(t, filepath.Join(dir, "step-00000010", firstData), 30)
	flip(t, filepath.Join(dir, "step-00000020", firstData), -1)
	flip(t, filepath.Join(dir, "step-00000020", firstData), -100)
	flip(t, filepath.Join(dir, "step-00000030", manifestName), 3)
	if err := os.Truncate(filepath.Join(dir, "step-00000040", firstData), 500); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "step-00000050", firstData)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "step-00000070"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "step-00000060"), filepath.Join(dir, "step-00000061")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "step-00000010", "notes.txt"), "mine")
	write(t, filepath.Join(dir, "notes.txt"), "mine")
	write(t, filepath.Join(dir, bestName), `{"step": 25, "metric": 1}`)
	if err := os.Mkdir(filepath.Join(dir, ".saving-step-00000080-ABCDEFGH"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(run, "good.safetensors"), 500); err != nil {
		t.Fatal(err)
	}
	check("a run with many faults", run)
	check("one damaged checkpoint", filepath.Join(dir, "step-00000020"))
	check("a truncated safetensors file", filepath.Join(run, "good.safetensors"))
	compareGolden(t, "check.txt", got.String())
}

func TestCheckForeign(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "manifest.json"), `{"examples": 7}`)
	write(t, filepath.Join(dir, "x.parquet"), "PAR1")
	for _, path := range []string{dir, filepath.Join(dir, "x.parquet"), filepath.Join(dir, "manifest.json"), t.TempDir()} {
		if _, err := Check(path); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Check(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

// A manifest and a header that are sound each but say different things are a fault for those who read the file as safetensors.
func TestHeaderAndManifestDisagree(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*manifest)
	}{
		{`tensor "v": the header and the manifest disagree`, func(m *manifest) { m.Tensors[0].Name = "v" }},
		{`tensor "w": the header and the manifest disagree`, func(m *manifest) { m.Tensors[0].Dims = []int{7, 5} }},
		{`tensor "w": the header and the manifest disagree`, func(m *manifest) { m.Tensors[0].DType = I32 }},
		{`6 tensors in the header, 5 in the manifest`, func(m *manifest) { m.Tensors = m.Tensors[:5] }},
	} {
		dir := t.TempDir()
		m, _ := openTest(t, dir, 1)
		s := stateOf(3)
		s.Tensors = append(s.Tensors, Tensor{"nothing", U8, []int{0}, nil})
		if err := m.Save(s); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, "step-00000003")
		changed, err := readManifest(folder)
		if err != nil {
			t.Fatal(err)
		}
		c.change(changed)
		text, err := changed.encode()
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, manifestName), string(text))
		r, err := Check(folder)
		if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Reason, c.want) {
			t.Errorf("got %v %v, want %q", r.Problems, err, c.want)
		}
	}
}
