package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"m6lab/datasets/image"
	"m6lab/datasets/picture"
	"m6lab/datasets/picture/onnx"
	"m6lab/scripts/corpus/corpustest"
	"m6lab/scripts/corpus/stages"
)

// report reads the report of a build.
func report(t *testing.T, dir string) *stages.Report {
	t.Helper()
	r, err := stages.ReadReport(filepath.Join(dir, stages.ReportName))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestFetch: a build fetches the pictures that pages name, from a server; one that is not there is listed, one that robots.txt keeps is not asked for, and a
// build of the same from the cache asks nothing.
func TestFetch(t *testing.T) {
	pictures := map[string][]byte{"/a.png": corpustest.Drawing(t, 120, 90, 1), "/b.png": corpustest.Drawing(t, 100, 110, 2)}
	var asked, forbidden atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch data := pictures[r.URL.Path]; {
		case r.URL.Path == "/robots.txt":
			fmt.Fprint(w, "User-agent: *\nDisallow: /private/\n")
		case strings.HasPrefix(r.URL.Path, "/private/"):
			forbidden.Add(1)
			http.NotFound(w, r)
		case data == nil:
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(data)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	for i, name := range []string{"/a.png", "/b.png", "/gone.png", "/private/c.png"} {
		page := fmt.Sprintf("<html><head><meta charset=utf-8><title>%s</title></head><body><p>%s</p><figure><img src=%q><figcaption>%s</figcaption></figure></body></html>",
			corpustest.Sentence(i), corpustest.Sentence(10+i), server.URL+name, corpustest.Sentence(20+i))
		write(t, filepath.Join(dir, "pages", fmt.Sprintf("%d.html", i)), []byte(page))
	}
	cache := filepath.Join(dir, "cache")
	build := func(out string) *stages.Report {
		t.Helper()
		must(t, "build", "--in", "web=html:"+filepath.Join(dir, "pages"), "--out", out,
			"--set", "fetch.on=true", "--set", "fetch.private=true", "--set", "fetch.interval=0", "--set", "fetch.folder="+cache)
		return report(t, out)
	}
	first := filepath.Join(dir, "first")
	r := build(first)
	if s := r.Sources[0]; s.In != 4 || s.Out != 2 {
		t.Errorf("%d candidates gave %d records, want 4 and 2: dropped %v", s.In, s.Out, s.Dropped)
	}
	for id, row := range corpustest.Rows(t, first) {
		want := pictures["/"+row.ImagePath]
		if row.Image == "" || row.Image != string(want) {
			t.Errorf("%s has another picture than the server's", id)
		}
	}
	missing, err := os.ReadFile(filepath.Join(first, stages.MissingName))
	if err != nil || strings.Count(string(missing), "\n") != 2 || !strings.Contains(string(missing), "/gone.png") || !strings.Contains(string(missing), "/private/c.png") {
		t.Errorf("%s: %s, %v", stages.MissingName, missing, err)
	}
	if forbidden.Load() > 0 {
		t.Error("robots.txt was not kept to")
	}
	before := asked.Load()
	second := filepath.Join(dir, "second")
	build(second)
	corpustest.Same(t, first, second)
	if n := asked.Load() - before; n > 1 { // robots.txt may be asked for again
		t.Errorf("the second build asked the server %d times", n)
	}
}

// TestPictureModel: a build whose recipe names an ONNX model keeps what the model scores high. It wants ONNX Runtime, which the services' test of package onnx installs.
func TestPictureModel(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	library, err := onnx.Library("")
	if err != nil {
		t.Skip(err)
	}
	file := picture.ModelFile{Path: filepath.Join("datasets", "picture", "onnx", "testdata", "number.onnx"), Kind: "number"}
	model, err := onnx.Open(file, library)
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	var lines strings.Builder
	scores := map[string]float64{}
	for i := range 8 {
		name := fmt.Sprintf("%d.png", i)
		data := corpustest.Drawing(t, 120, 90, i)
		write(t, filepath.Join(dir, "raw", name), data)
		pixels, err := image.Decode(data, image.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if scores[name], err = model.Score(pixels); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "{\"image\": %q, \"caption\": %q}\n", name, corpustest.Sentence(i))
	}
	write(t, filepath.Join(dir, "raw", "pairs.jsonl"), []byte(lines.String()))
	var sorted []float64
	for _, s := range scores {
		sorted = append(sorted, s)
	}
	slices.Sort(sorted)
	least := (sorted[3] + sorted[4]) / 2
	if sorted[3] == sorted[4] {
		t.Fatal("the model scores all pictures alike: the test sees nothing")
	}
	config, err := json.Marshal(map[string]any{"picture": map[string]any{
		"runtime": library, "quality": map[string]any{"on": true, "min": least, "model": file},
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "recipe.json"), config)
	out := filepath.Join(dir, "out")
	must(t, "build", "--in", "ecommerce=jsonl:"+filepath.Join(dir, "raw", "pairs.jsonl"), "--config", filepath.Join(dir, "recipe.json"), "--out", out)
	rows := corpustest.Rows(t, out)
	if len(rows) != 4 {
		t.Errorf("%d of 8 pictures were kept, want 4: %v", len(rows), report(t, out).Sources[0].Dropped)
	}
	for _, row := range rows {
		if scores[row.ImagePath] < least {
			t.Errorf("%s was kept with %g, below %g", row.ImagePath, scores[row.ImagePath], least)
		}
	}
}
