//go:build services && cgo

package onnx

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"m6lab/datasets/image"
	"m6lab/datasets/picture"
)

var update = flag.Bool("update", false, "write the golden table anew")

// pins are what the test installs, once, into .cache/onnxruntime of the checkout.
var pins = []string{"onnxruntime==1.32.0", "pillow==13.0.0", "numpy==2.4.6"}

const rapid = "rapidocr-onnxruntime==1.4.4" // for its models: its own dependencies are not wanted

// TestServiceONNX runs real models through a real ONNX Runtime.
func TestServiceONNX(t *testing.T) {
	environment := install(t)
	python := filepath.Join(environment, "bin", "python")
	library, err := Library("")
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(environment, "lib", "python3*", "site-packages", "rapidocr_onnxruntime", "models", "ch_PP-OCRv4_det_infer.onnx"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %d text finders: %v", environment, len(found), err)
	}
	finder := TextFinder(found[0])
	t.Run("Sums", func(t *testing.T) { testSums(t, python, library, finder) })
	t.Run("Table", func(t *testing.T) { testTable(t, library, finder) })
	t.Run("Refused", func(t *testing.T) { testRefused(t, library) })
	t.Run("Filter", func(t *testing.T) { testFilter(t, library, finder) })
}

// testdata is an absolute path, whatever the working directory.
func testdata(t *testing.T, names ...string) string {
	t.Helper()
	return filepath.Join(append([]string{root(t), "datasets", "picture", "onnx", "testdata"}, names...)...)
}

// root is the checkout's folder.
func root(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(folder, "go.mod")) {
		if folder == filepath.Dir(folder) {
			t.Fatal("no go.mod above this folder")
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// install makes the environment, works from the checkout's folder, and returns where it is.
func install(t *testing.T) string {
	t.Helper()
	t.Chdir(root(t))
	environment, err := filepath.Abs(filepath.Join(".cache", "onnxruntime"))
	if err != nil {
		t.Fatal(err)
	}
	stamp := filepath.Join(environment, "installed.txt")
	wanted := strings.Join(append(slices.Clone(pins), rapid), "\n")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == wanted {
		return environment
	}
	base, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("ONNX Runtime's test needs python3 with venv, and there is none")
	}
	python := filepath.Join(environment, "bin", "python")
	command(t, nil, base, "-m", "venv", environment)
	command(t, nil, python, append([]string{"-m", "pip", "install", "--quiet"}, pins...)...)
	command(t, nil, python, "-m", "pip", "install", "--quiet", "--no-deps", rapid)
	if err := os.WriteFile(stamp, []byte(wanted), 0o644); err != nil {
		t.Fatal(err)
	}
	return environment
}

func command(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out
}

// labelled is a picture of the labelled set, see package picture's test.
type labelled struct {
	Name   string          `json:"name"`
	Part   string          `json:"part"`
	Labels map[string]bool `json:"labels"`
	data   []byte
}

func labelledSet(t *testing.T) (all []labelled) {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(root(t), "datasets", "picture", "testdata", "labelled.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	read := func(name string) []byte {
		f, err := archive.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if err := json.Unmarshal(read("labels.json"), &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].data = read(all[i].Name)
	}
	return all
}

// request is one line to reference.py.
type request struct {
	Model     string     `json:"model"`
	Order     string     `json:"order"`
	Fit       string     `json:"fit"`
	Side      int        `json:"side"`
	Mean      [3]float64 `json:"mean"`
	Deviation [3]float64 `json:"deviation"`
	Picture   string     `json:"picture"`
}

// testSums compares the sums of inputs and outputs with those of ONNX Runtime's Python package, which scales by Pillow.
func testSums(t *testing.T, python, library string, finder picture.ModelFile) {
	files := []picture.ModelFile{
		finder,
		{Path: testdata(t, "classes.onnx"), Kind: "classes", Classes: []int{1, 3}, Softmax: true, Mean: [3]float64{0.485, 0.456, 0.406}, Deviation: [3]float64{0.229, 0.224, 0.225}},
		{Path: testdata(t, "number.onnx"), Kind: "number", Order: "bgr"},
		{Path: testdata(t, "detector.onnx"), Kind: "detector", Fit: "pad"},
		{Path: testdata(t, "map.onnx"), Kind: "map", Side: 200},
	}
	// By the user's wish: M6_NUDENET names 320n.onnx.
	if path := os.Getenv("M6_NUDENET"); path != "" {
		files = append(files, NudityDetector(path))
	}
	var pictures []labelled
	for _, l := range labelledSet(t) {
		if strings.HasSuffix(l.Name, ".png") { // decoded alike everywhere
			pictures = append(pictures, l)
		}
	}
	folder := t.TempDir()
	var requests []request
	type result struct {
		Input, Output float64
		Shape         []int64
	}
	var got []result
	for _, file := range files {
		opened, err := Open(file, library)
		if err != nil {
			t.Fatal(err)
		}
		m := opened.(*model)
		for i, l := range pictures[:5] {
			path := filepath.Join(folder, filepath.Base(l.Name))
			if err := os.WriteFile(path, l.data, 0o644); err != nil {
				t.Fatal(err)
			}
			r := m.file
			requests = append(requests, request{r.Path, r.Order, r.Fit, r.Side, r.Mean, r.Deviation, path})
			pixels, err := image.Decode(l.data, image.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			in := inputOf(pixels, m.file, m.height, m.width)
			values, shape, err := m.run(in)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, result{sum(in.values), sum(values), shape})
			if i > 0 {
				continue
			}
			// Many at once give the same.
			first, err := m.Score(pixels)
			if err != nil {
				t.Fatal(err)
			}
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					if again, err := m.Score(pixels); err != nil || again != first {
						t.Errorf("%s: %g and %g, %v", file.Path, first, again, err)
					}
				})
			}
			wait.Wait()
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(command(t, in, python, testdata(t, "reference.py"))), []byte("\n"))
	if len(lines) != len(got) {
		t.Fatalf("Python answers %d of %d", len(lines), len(got))
	}
	for i, line := range lines {
		var want result
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(requests[i].Model) + " of " + filepath.Base(requests[i].Picture)
		if d := math.Abs(got[i].Input - want.Input); d > 1e-5*math.Abs(want.Input)+1e-2 {
			t.Errorf("%s: the input's sum is %.9g, Python's %.9g", name, got[i].Input, want.Input)
		}
		if d := math.Abs(got[i].Output - want.Output); d > 1e-5*math.Abs(want.Output)+1e-4 || !slices.Equal(got[i].Shape, want.Shape) {
			t.Errorf("%s: the output %v has the sum %.9g, Python's %v %.9g", name, got[i].Shape, got[i].Output, want.Shape, want.Output)
		}
	}
	t.Logf("%d inputs and outputs of %d models have Python's sums; the last output has %.9g", len(got), len(files), got[len(got)-1].Output)
}

func sum(values []float32) (s float64) {
	for _, v := range values {
		s += float64(v)
	}
	return s
}

// testTable measures PP-OCRv4's text finder on the labelled pictures, as package picture's table does the heuristic.
func testTable(t *testing.T, library string, finder picture.ModelFile) {
	m, err := Open(finder, library)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var hit, miss, wrong, right int
	for _, l := range labelledSet(t) {
		label, known := l.Labels["text"]
		if !known || l.Part != "held" {
			continue
		}
		pixels, err := image.Decode(l.data, image.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		score, err := m.Score(pixels)
		if err != nil {
			t.Fatal(err)
		}
		finds := score > picture.Imagine().Text.Max
		switch {
		case label && finds:
			hit++
		case label:
			miss++
		case finds:
			wrong++
		default:
			right++
		}
		if label != finds {
			t.Logf("%s: text %t, share %.4f", l.Name, label, score)
		}
	}
	got := fmt.Sprintf("%-8s %-5s %5s %5s %9s %7s\n%-8s %-5s %5d %5d %9.3f %7.3f\n", "rule", "part", "yes", "no", "precision", "recall",
		"text", "held", hit+miss, wrong+right, float64(hit)/float64(max(1, hit+wrong)), float64(hit)/float64(max(1, hit+miss)))
	t.Logf("PP-OCRv4\n%s", got)
	if *update {
		if err := os.WriteFile(testdata(t, "ppocr.txt"), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(testdata(t, "ppocr.txt"))
	if err != nil {
		t.Fatal(err)
	}
	// Another processor may round a verdict at the threshold the other way: one of each kind.
	var rule, part string
	var yes, no int
	var precision, recall float64
	_, row, _ := strings.Cut(string(want), "\n")
	if _, err := fmt.Sscan(row, &rule, &part, &yes, &no, &precision, &recall); err != nil {
		t.Fatalf("%q: %v", row, err)
	}
	wantHit := recall * float64(yes)
	wantWrong := wantHit/precision - wantHit
	if yes != hit+miss || no != wrong+right || math.Abs(float64(hit)-wantHit) > 1.1 || math.Abs(float64(wrong)-wantWrong) > 1.1 {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func testRefused(t *testing.T, library string) {
	broken := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(broken, []byte("not a model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file picture.ModelFile
		want string
	}{
		{picture.ModelFile{Path: "no.onnx", Kind: "number"}, "no such file"},
		{picture.ModelFile{Path: broken, Kind: "number"}, "is it an ONNX file?"},
		{picture.ModelFile{Path: testdata(t, "two.onnx"), Kind: "number"}, "2 inputs"},
		{picture.ModelFile{Path: testdata(t, "bytes.onnx"), Kind: "number"}, "want float [1,3,H,W]"},
		{picture.ModelFile{Path: testdata(t, "nothing.onnx"), Kind: "number"}, "its output is NaN"},
		{picture.ModelFile{Path: testdata(t, "classes.onnx"), Kind: "number"}, "which kind number does not"},
		{picture.ModelFile{Path: testdata(t, "number.onnx"), Kind: "map"}, "which kind map does not"},
		{picture.ModelFile{Path: testdata(t, "classes.onnx"), Kind: "classes", Classes: []int{4}}, "it has 4 classes, and classes names 4"},
	} {
		m, err := Open(c.file, library)
		if err == nil {
			m.Close()
			t.Errorf("%s as %s: no error, want %q", c.file.Path, c.file.Kind, c.want)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s as %s: %q, want one line with %q", c.file.Path, c.file.Kind, err, c.want)
		}
	}
	if _, err := Open(picture.ModelFile{Path: testdata(t, "number.onnx"), Kind: "number"}, broken); err == nil || !strings.Contains(err.Error(), "is loaded already") {
		t.Errorf("another library: %v", err)
	}
}

// testFilter runs a recipe with models of every rule that takes one.
func testFilter(t *testing.T, library string, finder picture.ModelFile) {
	o := picture.Imagine()
	o.White.On = false
	o.Objects.On = false
	o.Runtime = library
	o.Text.Model = finder
	o.Illegal.Models = []picture.ModelFile{{Path: testdata(t, "detector.onnx"), Kind: "detector"}}
	o.Illegal.Max = 1
	o.Quality.Model = picture.ModelFile{Path: testdata(t, "number.onnx"), Kind: "number"}
	o.Quality.Min = -100
	f, err := picture.NewWithModels(o, Open)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := f.NewCounts()
	for _, l := range labelledSet(t)[:20] {
		p, reason := f.Check(l.data)
		counts.Add(p, reason)
		for _, s := range p.Scores {
			if (s.Rule == "illegal" || s.Rule == "quality" || s.Rule == "text") && !s.Judged {
				t.Errorf("%s: %s was not judged: %s", l.Name, s.Rule, s.Detail)
			}
		}
	}
	if err := counts.Check(); err != nil {
		t.Error(err)
	}
	if counts.Rules["quality"].In == 0 {
		t.Errorf("no picture reached the scorer: %+v", counts)
	}
}
