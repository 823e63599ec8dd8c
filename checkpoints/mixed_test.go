package checkpoints

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A mixed set of files is one line that says what is where, in the audit and to those who restore.
func TestMixedFiles(t *testing.T) {
	const one, two = "data-00001.safetensors", "data-00002.safetensors"
	tag := sessionTag("job 3")
	for _, c := range []struct {
		name, want string
		mix        func(older, newer string) error
	}{
		{"missing", one + " is missing, one of 3 data files, with 3 of 7 pieces, of 3 of 5 tensors", func(_, newer string) error {
			return os.Remove(filepath.Join(newer, one))
		}},
		{"swapped", one + ": it is what the manifest has as " + two + ", by a header of ", func(_, newer string) error {
			return errors.Join(os.Rename(filepath.Join(newer, one), filepath.Join(newer, "x")),
				os.Rename(filepath.Join(newer, two), filepath.Join(newer, one)), os.Rename(filepath.Join(newer, "x"), filepath.Join(newer, two)))
		}},
		{"another save", one + ": it is of save " + tag + "-1 at step 10, the manifest of save " + tag + "-2 at step 20: files of two saves are mixed", func(older, newer string) error {
			return os.Rename(filepath.Join(older, one), filepath.Join(newer, one))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			ranks, _ := openRanks(t, dir, "job 3", time.Minute)
			for _, step := range []int64{10, 20} {
				if err := errors.Join(saveRanks(ranks, step)...); err != nil {
					t.Fatal(err)
				}
			}
			newer := filepath.Join(dir, folderName(20))
			if err := c.mix(filepath.Join(dir, folderName(10)), newer); err != nil {
				t.Fatal(err)
			}
			r, err := Check(newer)
			if err != nil || len(r.Problems) == 0 {
				t.Fatal(r, err)
			}
			wantError(t, errors.New(r.Problems[0].Reason), c.want)
			if n := len(r.Problems); n != 1 && c.name != "swapped" || n > 2 {
				t.Errorf("%d lines: %v", n, r.Problems)
			}
			_, err = OpenCheckpoint(newer)
			wantError(t, err, c.want)
		})
	}
}

// The file of another save of one process has the same header; that no piece of it has its checksum is one line.
func TestFileOfAnotherSave(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 2)
	save(t, m, 10, 20)
	if err := os.Rename(filepath.Join(dir, folderName(10), firstData), filepath.Join(dir, folderName(20), firstData)); err != nil {
		t.Fatal(err)
	}
	r, err := Check(filepath.Join(dir, folderName(20)))
	if err != nil || len(r.Problems) != 1 {
		t.Fatal(r, err)
	}
	wantError(t, errors.New(r.Problems[0].Reason), "none of its 4 pieces has its checksum: the file is of another save than the manifest of step 20")
}
