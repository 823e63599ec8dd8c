package record

import (
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
)

// audited makes a sound data set of three splits with real pictures.
func audited(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	for split, n := range map[string]int{"train": 41, "valid": 7, "test": 5} {
		w, err := Create(dir, split, WriterOptions{RowsPerShard: 17, RowGroup: 5, PageBytes: 301})
		check(t, err)
		for i := range n {
			ex := example(i)
			ex.ID = fmt.Sprintf("%s/%d", split, i)
			if ex.Image != nil {
				ex.Image = drawing(t, 5+i%3, 3, color.RGBA{uint8(i), 7, 250, 255})
			}
			check(t, w.Write(ex))
		}
		check(t, w.Close())
	}
	return dir
}

func TestCheckSound(t *testing.T) {
	dir := audited(t)
	r, err := Check(dir)
	check(t, err)
	if !r.OK() || len(r.Notes) > 0 {
		t.Errorf("faults %v, notes %q, want none", r.Faults, r.Notes)
	}
	if got := r.Splits["train"].Rows; got != 41 {
		t.Errorf("train has %d rows, want 41", got)
	}
	check(t, os.Remove(filepath.Join(dir, ManifestName)))
	r, err = Check(dir)
	check(t, err)
	if !r.OK() || len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "no manifest.json") {
		t.Errorf("without a manifest: faults %v, notes %q, want none and one", r.Faults, r.Notes)
	}
}

func TestCheckFaults(t *testing.T) {
	tests := []struct {
		name string
		harm func(t *testing.T, dir string)
		want []string // parts of the faults, one each, in order
	}{
		{"truncated", func(t *testing.T, dir string) { check(t, os.Truncate(shardPath(dir, 1), 999)) },
			[]string{"00001.parquet: it has 999 bytes, manifest.json says", "00001.parquet: no Parquet footer", "manifest.json: split train: it counts", `source "poems"`, `source "scenes"`, `source "web"`}},
		{"missing", func(t *testing.T, dir string) { check(t, os.Remove(shardPath(dir, 2))) },
			[]string{"00002.parquet: it is missing, manifest.json names it", "split train: it counts", `source "poems"`, `source "scenes"`, `source "web"`}},
		{"a bit of a page", func(t *testing.T, dir string) { flip(t, shardPath(dir, 0), 60) },
			[]string{"00000.parquet: its SHA-256 is", "00000.parquet: row 0 and 4 more: column id", "split train: it counts", `source "poems"`, `source "scenes"`, `source "web"`}},
		{"a file of others", func(t *testing.T, dir string) {
			check(t, os.WriteFile(filepath.Join(dir, "train", "x.parquet"), nil, 0o666))
		},
			[]string{"x.parquet: not in manifest.json: readers pass over it"}},
		{"ids of another split", func(t *testing.T, dir string) {
			w, err := Create(dir, "extra", WriterOptions{})
			check(t, err)
			check(t, w.Write(datasets.Example{ID: "new", Text: "一"}))
			check(t, w.Write(datasets.Example{ID: "train/19", Text: "一"}))
			check(t, w.Close())
		}, []string{"extra/00000.parquet: row 1: its id is that of row 2 of "}},
		{"no pictures", func(t *testing.T, dir string) {
			w, err := Create(dir, "extra", WriterOptions{})
			check(t, err)
			for i := range 3 {
				check(t, w.Write(datasets.Example{ID: fmt.Sprint(i), Image: []byte("no picture")}))
			}
			check(t, w.Close())
		}, []string{"extra/00000.parquet: row 0 and 2 more: the picture has no readable header"}},
		{"manifest of other counts", func(t *testing.T, dir string) {
			m, err := ReadManifest(dir)
			check(t, err)
			m.Splits["test"].Sources["web"].Characters++
			delete(m.Splits["test"].Sources, "poems")
			check(t, WriteManifest(dir, m))
		}, []string{`split test, source "poems": it counts none`, `split test, source "web"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := audited(t)
			test.harm(t, dir)
			r, err := Check(dir)
			check(t, err)
			var got []string
			for _, f := range r.Faults {
				got = append(got, f.String())
			}
			if len(got) != len(test.want) || r.FaultCount != len(got) {
				t.Fatalf("%d faults, want %d:\n%s", r.FaultCount, len(test.want), strings.Join(got, "\n"))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) || strings.Contains(got[i], "\n") {
					t.Errorf("fault %d = %q, want one line with %q", i, got[i], want)
				}
			}
		})
	}
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	data[at] ^= 16
	check(t, os.WriteFile(path, data, 0o666))
}

func TestCheckLeftovers(t *testing.T) {
	dir := audited(t)
	check(t, os.Mkdir(filepath.Join(dir, ".more.partial"), 0o777))
	r, err := Check(dir)
	check(t, err)
	if !r.OK() || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "left by a stopped writer") {
		t.Errorf("faults %v, notes %q, want none and one", r.Faults, r.Notes)
	}
	_, err = Check(t.TempDir())
	wantLine(t, err, "holds no data set")
}

func TestStats(t *testing.T) {
	dir := audited(t)
	want, err := Stats(dir)
	check(t, err)
	var train Split
	for i := range 41 {
		ex := example(i)
		if ex.Image != nil {
			ex.Image = drawing(t, 5+i%3, 3, color.RGBA{uint8(i), 7, 250, 255})
		}
		train.add(&ex)
	}
	got := want.Splits["train"]
	if diff := cmp.Diff(train.Counts, got.Counts); diff != "" {
		t.Errorf("train (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(*train.Sources["web"], got.Sources["web"].Counts); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}
	if mean := float64(got.Characters) / float64(got.Texts); got.MeanCharacters != mean || mean == 0 {
		t.Errorf("mean length %g, want %g", got.MeanCharacters, mean)
	}
	if want.Total.Rows != 53 || got.Bytes == 0 {
		t.Errorf("%d rows in all, %d bytes of train, want 53 and some", want.Total.Rows, got.Bytes)
	}
	if diff := cmp.Diff([]string{"train", "valid", "test"}, want.SplitNames()); diff != "" {
		t.Errorf("SplitNames (-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(want); err != nil {
		t.Error(err)
	}

	check(t, os.Remove(filepath.Join(dir, ManifestName))) // now by reading
	scanned, err := Stats(dir)
	check(t, err)
	if len(scanned.Notes) != 3 {
		t.Errorf("notes = %q, want one per split", scanned.Notes)
	}
	scanned.Notes = nil
	if diff := cmp.Diff(want, scanned); diff != "" {
		t.Errorf("by reading (-manifest +scan):\n%s", diff)
	}
}
