package checkpoints

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// flip turns one bit of a byte of a file; a negative place counts from the end.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	data := readBytes(t, path)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 1 << (at % 8)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// damages calls f with every way to damage a file that this test knows: each byte flipped, each length cut to, a byte more.
func damages(t *testing.T, path string, f func(kind string)) {
	t.Helper()
	good := readBytes(t, path)
	try := func(kind string, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		f(kind)
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1 << (i % 8)
		try("flipped", bad)
		try("cut", good[:i])
	}
	try("longer", append(slices.Clone(good), 'x'))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f("removed")
	if err := os.WriteFile(path, good, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Wherever the newest checkpoint is damaged, the one before it is restored and the report names the damaged one; the audit sees
// every damage too.
func TestEveryByteIsGuarded(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 2)
	save(t, m, 10, 20)
	newest := filepath.Join(dir, "step-00000020")
	tried := map[string]int{}
	for _, name := range []string{firstData, manifestName} {
		damages(t, filepath.Join(newest, name), func(kind string) {
			tried[kind]++
			got, report, err := Load(dir)
			if err != nil || got.Step != 10 {
				t.Fatalf("%s %s: restored step %d, %v", name, kind, got.Step, err)
			}
			if len(report.Problems) != 1 || report.Problems[0].Path != newest || strings.Contains(report.Problems[0].String(), "\n") {
				t.Fatalf("%s %s: report %+v", name, kind, report)
			}
			audit, err := Check(dir)
			if err != nil || len(audit.Problems) == 0 || len(audit.Checkpoints) != 1 || audit.Checkpoints[0].Step != 10 {
				t.Fatalf("%s %s: audit %+v %v", name, kind, audit, err)
			}
		})
	}
	if tried["flipped"] < 1500 || tried["cut"] != tried["flipped"] || tried["longer"] != 2 {
		t.Errorf("tried %v", tried)
	}
	wantRestored(t, dir, 20)
}

// Skipped checkpoints are told once each, do not count among those to keep, and go after the next save.
func TestDamagedDoNotCount(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 3)
	save(t, m, 10, 20, 30)
	m.Close()
	flip(t, filepath.Join(dir, "step-00000020", firstData), -1)
	flip(t, filepath.Join(dir, "step-00000030", manifestName), -9)
	m, lines := openTest(t, dir, 2)
	s, report, err := m.Restore()
	if err != nil || s.Step != 10 || len(report.Problems) != 2 {
		t.Fatalf("step %d, %v, %v", s.Step, report.Problems, err)
	}
	save(t, m, 12)
	if got, want := strings.Join(listed(t, dir), " "), "step-00000010 step-00000012"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	compareGolden(t, "damaged.txt", strings.Join(*lines, "\n")+"\n")
}

// A folder under another step's name is not restored as that step.
func TestRenamedFolder(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 3)
	save(t, m, 10, 20)
	if err := os.Rename(filepath.Join(dir, "step-00000020"), filepath.Join(dir, "step-00000021")); err != nil {
		t.Fatal(err)
	}
	report := wantRestored(t, dir, 10)
	if len(report.Problems) != 1 || report.Problems[0].Reason != "its manifest is that of step 20" {
		t.Errorf("problems %v", report.Problems)
	}
}

func TestNothingSound(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 3)
	save(t, m, 10, 20)
	for _, f := range []string{"step-00000010", "step-00000020"} {
		if err := os.Truncate(filepath.Join(dir, f, firstData), 100); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := m.Restore()
	wantError(t, err, "none of 2 is sound: step-00000020: data-00000.safetensors: truncated: 100 bytes where the manifest has ")
	wantError(t, err, "move the folder away to begin anew")
}

// A reader without a lock looks again when the checkpoint that it wants is removed before its eyes.
func TestRemovedWhileRead(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	save(t, m, 10)
	tries := 0
	i, report, err := newest(dir, func(c *Checkpoint) error {
		if tries++; tries == 1 {
			save(t, m, 20)
			return fs.ErrNotExist
		}
		return nil
	})
	if err != nil || i.Step != 20 || len(report.Problems) != 0 {
		t.Errorf("%+v %+v %v", i, report, err)
	}
}
