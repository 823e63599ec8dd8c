package record

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
)

// pythonRow is a row as scripts/reference/parquet_records.py prints it.
type pythonRow struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Text   string `json:"text"`
	Image  *struct {
		Bytes []byte  `json:"bytes"`
		Path  *string `json:"path"`
	} `json:"image"`
	References []string `json:"references"`
	Question   *string  `json:"question"`
	Answer     *string  `json:"answer"`
	Meta       string   `json:"meta"`
}

func (r pythonRow) example() datasets.Example {
	ex := datasets.Example{ID: r.ID, Source: r.Source, Text: r.Text, Meta: r.Meta}
	if len(r.References) > 0 {
		ex.References = r.References
	}
	if r.Image != nil {
		ex.Image = r.Image.Bytes
		ex.ImagePath = value(r.Image.Path)
	}
	ex.Question, ex.Answer = value(r.Question), value(r.Answer)
	if ex.Meta == noMeta {
		ex.Meta = ""
	}
	return ex
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// copyShard puts one of the shards of testdata into the folder dir.
func copyShard(t testing.TB, dir, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "python", name+".parquet"))
	check(t, err)
	check(t, os.MkdirAll(dir, 0o777))
	check(t, os.WriteFile(filepath.Join(dir, name+".parquet"), data, 0o666))
}

// TestReadPython reads shards that Python wrote in four layouts.
func TestReadPython(t *testing.T) {
	data, err := os.ReadFile("testdata/python/rows.json")
	check(t, err)
	var rows []pythonRow
	check(t, json.Unmarshal(data, &rows))
	for _, name := range []string{"pyarrow", "gzip", "columns", "datasets"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "folder")
			copyShard(t, dir, name)
			s, err := Open(dir, "train")
			check(t, err)
			defer s.Close()
			if s.Len() != len(rows) {
				t.Fatalf("%d rows, want %d", s.Len(), len(rows))
			}
			for i, row := range rows {
				want := row.example()
				if name == "columns" {
					want.Source, want.Meta = "folder", ""
				}
				got, err := s.Read(i)
				check(t, err)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("row %d (-want +got):\n%s", i, diff)
				}
			}
			notes := strings.Join(s.Notes(), "\n")
			if got := strings.Contains(notes, "lack the columns source, meta"); got != (name == "columns") {
				t.Errorf("notes = %q", notes)
			}
		})
	}
}

// TestPathOnly: a picture that is a path without bytes counts as absent, and is named.
func TestPathOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	copyShard(t, dir, "paths")
	s, err := Open(dir, "train")
	check(t, err)
	defer s.Close()
	got, err := s.Read(0)
	check(t, err)
	if diff := cmp.Diff(datasets.Example{ID: "a", Source: filepath.Base(dir), Text: "一"}, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	notes := strings.Join(s.Notes(), "\n")
	for _, want := range []string{"1 pictures are a path without bytes", "1 rows have null for a text"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes = %q, want %q among them", notes, want)
		}
	}
}

// TestPythonReads lets Python read what this package writes. It wants a Python with pyarrow, in M6_PYTHON or as python3.
func TestPythonReads(t *testing.T) {
	python := findPython(t)
	dir := filepath.Join(t.TempDir(), "set")
	var examples []datasets.Example
	w, err := Create(dir, "train", WriterOptions{RowsPerShard: 17, RowGroup: 5, PageBytes: 100})
	check(t, err)
	for i := range 41 {
		ex := example(i)
		if ex.Image != nil {
			ex.Image = drawing(t, 5+i%3, 3, color.RGBA{uint8(i), 7, 250, 255})
		}
		examples = append(examples, ex)
		check(t, w.Write(ex))
	}
	check(t, w.Close())
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("..", "..", "scripts", "reference", "parquet_records.py"), "read", dir)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "HF_DATASETS_OFFLINE=1", "HF_DATASETS_DISABLE_PROGRESS_BARS=1", "HF_HOME="+t.TempDir())
	out, err := cmd.Output()
	check(t, err)
	var got struct {
		Types    map[string]string
		Rows     []pythonRow
		Pictures [][]int
		Splits   map[string]int
	}
	check(t, json.Unmarshal(out, &got))
	wantTypes := map[string]string{
		"id": "string", "source": "string", "text": "string", "image": "struct<bytes: binary, path: string>",
		"references": "list<element: string>", "question": "string", "answer": "string", "meta": "string",
	}
	if diff := cmp.Diff(wantTypes, got.Types); diff != "" {
		t.Errorf("pyarrow's types (-want +got):\n%s", diff)
	}
	if len(got.Rows) != len(examples) {
		t.Fatalf("Python reads %d rows, want %d", len(got.Rows), len(examples))
	}
	for i, want := range examples {
		if got.Rows[i].Meta == "" || got.Rows[i].References == nil {
			t.Errorf("row %d: meta %q and references %v are not JSON and a list", i, got.Rows[i].Meta, got.Rows[i].References)
		}
		if diff := cmp.Diff(want, got.Rows[i].example()); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
		if got.Pictures == nil || want.Image == nil {
			continue
		}
		if diff := cmp.Diff([]int{5 + i%3, 3, i, 7, 250}, got.Pictures[i]); diff != "" {
			t.Errorf("picture %d, size and first pixel (-want +got):\n%s", i, diff)
		}
	}
	if got.Pictures == nil {
		t.Log("the package `datasets` is not there: only pyarrow has read the shards")
	} else if diff := cmp.Diff(map[string]int{"train": len(examples)}, got.Splits); diff != "" {
		t.Errorf("splits by the eyes of `datasets` (-want +got):\n%s", diff)
	}
}

// findPython returns a Python that has pyarrow, or skips the test.
func findPython(t *testing.T) string {
	python := os.Getenv("M6_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import pyarrow.parquet").Run(); err != nil {
		if os.Getenv("M6_PYTHON") != "" {
			t.Fatalf("M6_PYTHON=%s has no pyarrow: %v", python, err)
		}
		t.Skip("pyarrow: no Python with it (set M6_PYTHON)")
	}
	return python
}

// drawing returns a PNG of one colour.
func drawing(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, m))
	return b.Bytes()
}
