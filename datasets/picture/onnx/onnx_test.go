package onnx

import (
	"encoding/json"
	stdimage "image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m6lab/datasets/picture"
)

// alone makes a world with a home and a working directory and nothing else to find, but for what the system has.
func alone(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache"), "VIRTUAL_ENV": "", Variable: ""} {
		t.Setenv(name, value)
	}
	t.Chdir(home)
	return home
}

func put(t *testing.T, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLibrary looks in one place after the other, the nearest first.
func TestLibrary(t *testing.T) {
	if libraryName() != "libonnxruntime.so*" {
		t.Skip("the names of this test are Linux's")
	}
	home := alone(t)
	if _, err := Library(""); err != nil && (!strings.Contains(err.Error(), "pip install onnxruntime") || strings.Contains(err.Error(), "\n")) {
		t.Errorf("nothing there: %v, want one line with the mend", err)
	}
	capi := filepath.Join("python3.11", "site-packages", "onnxruntime", "capi")
	steps := []struct{ name, want string }{
		{"the user's Python", put(t, home, ".local", "lib", capi, "libonnxruntime.so.1.9.0")},
		{"the cache", put(t, home, "cache", "m6lab", "onnxruntime", "lib", capi, "libonnxruntime.so.1.32.0")},
	}
	put(t, home, "cache", "m6lab", "onnxruntime", "lib", capi, "libonnxruntime_providers_shared.so")
	for i, s := range steps {
		if i == 0 {
			if err := os.Rename(filepath.Join(home, "cache"), filepath.Join(home, "away")); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Library("")
		if err != nil || !same(got, s.want) && i > 0 {
			t.Errorf("%s: %s, %v, want %s", s.name, got, err, s.want)
		}
		if i == 0 {
			if got != s.want {
				t.Errorf("%s: %s, want %s", s.name, got, s.want)
			}
			if err := os.Rename(filepath.Join(home, "away"), filepath.Join(home, "cache")); err != nil {
				t.Fatal(err)
			}
		}
	}
	local := put(t, home, ".venv", "lib", capi, "libonnxruntime.so.1.2.3")
	if got, err := Library(""); err != nil || !same(got, local) {
		t.Errorf(".venv: %s, %v, want %s", got, err, local)
	}
	active := put(t, home, "active", "lib", capi, "libonnxruntime.so.1.2.3")
	t.Setenv("VIRTUAL_ENV", filepath.Join(home, "active"))
	if got, err := Library(""); err != nil || got != active {
		t.Errorf("the active environment: %s, %v, want %s", got, err, active)
	}
	named := put(t, home, "somewhere", "libonnxruntime.so")
	t.Setenv(Variable, named)
	if got, err := Library(""); err != nil || got != named {
		t.Errorf("%s: %s, %v, want %s", Variable, got, err, named)
	}
	if got, err := Library(local); err != nil || got != local {
		t.Errorf("the option: %s, %v, want %s", got, err, local)
	}
	for given, want := range map[string]string{
		filepath.Join(home, "no.so"): "picture.runtime names a file that cannot be read",
		home:                         "picture.runtime names the folder",
	} {
		if _, err := Library(given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", given, err, want)
		}
	}
}

func same(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}

// TestOpenWithout: errors before any runtime is loaded are one line that says what to do.
func TestOpenWithout(t *testing.T) {
	home := alone(t)
	file := picture.ModelFile{Path: put(t, home, "m.onnx"), Kind: "number"}
	for _, c := range []struct {
		file    picture.ModelFile
		runtime string
	}{
		{picture.ModelFile{Path: filepath.Join(home, "none.onnx"), Kind: "number"}, ""},
		{file, filepath.Join(home, "none.so")},
		{file, put(t, home, "libonnxruntime.so")}, // no library
	} {
		m, err := Open(c.file, c.runtime)
		if err == nil {
			m.Close()
			t.Fatalf("%s with %s opens", c.file.Path, c.runtime)
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), home) {
			t.Errorf("%q: want one line that names the file", err)
		}
	}
}

// graded is a picture whose red is x, whose green is y and whose blue is 200.
func graded(w, h int) *stdimage.RGBA {
	p := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p.SetRGBA(x, y, color.RGBA{R: uint8(x), G: uint8(y), B: 200, A: 255})
		}
	}
	return p
}

func TestInput(t *testing.T) {
	for _, c := range []struct {
		name          string
		file          picture.ModelFile
		w, h          int
		height, width int // the model's own
		want          [4]int
	}{
		{"stretched to the model's size", picture.ModelFile{Kind: "classes"}, 40, 30, 16, 24, [4]int{16, 24, 16, 24}},
		{"stretched to a side", picture.ModelFile{Kind: "number", Side: 32}, 40, 30, 0, 0, [4]int{32, 32, 32, 32}},
		{"by default 224", picture.ModelFile{Kind: "number"}, 40, 30, 0, 0, [4]int{224, 224, 224, 224}},
		{"padded", picture.ModelFile{Kind: "detector", Side: 64, Fit: "pad"}, 40, 30, 0, 0, [4]int{64, 64, 48, 64}},
		{"padded, high", picture.ModelFile{Kind: "detector", Fit: "pad"}, 10, 80, 64, 64, [4]int{64, 64, 64, 8}},
		{"kept", picture.ModelFile{Kind: "map", Side: 736}, 300, 200, 0, 0, [4]int{480, 736, 480, 736}},
		{"kept, narrow", picture.ModelFile{Kind: "map", Side: 320}, 2, 1999, 0, 0, [4]int{320, 32, 320, 32}},
	} {
		in := inputOf(graded(c.w, c.h), c.file.Resolved(c.height, c.width), c.height, c.width)
		if got := [4]int{in.height, in.width, in.high, in.wide}; got != c.want || len(in.values) != 3*in.height*in.width {
			t.Errorf("%s: %v and %d numbers, want %v", c.name, got, len(in.values), c.want)
		}
	}
	// Values, of a picture that is not scaled.
	file := picture.ModelFile{Kind: "detector", Side: 8, Fit: "pad", Order: "bgr", Mean: [3]float64{0.5, 0.25, 0}, Deviation: [3]float64{0.5, 1, 2}}.Resolved(0, 0)
	in := inputOf(graded(8, 4), file, 0, 0)
	at := func(c, y, x int) float64 { return float64(in.values[c*64+y*8+x]) }
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"blue first", at(0, 2, 5), 200.0 / 255 / 2},
		{"green", at(1, 2, 5), 2.0/255 - 0.25},
		{"red last", at(2, 2, 5), (5.0/255 - 0.5) / 0.5},
		{"padding is black", at(2, 6, 5), -1},
		{"padding is black in green", at(1, 7, 0), -0.25},
	} {
		if math.Abs(c.got-c.want) > 1e-6 {
			t.Errorf("%s: %g, want %g", c.what, c.got, c.want)
		}
	}
}

func TestOutput(t *testing.T) {
	in := input{height: 8, width: 8, high: 4, wide: 8}
	nan := float32(math.NaN())
	e := math.E
	for _, c := range []struct {
		name   string
		file   picture.ModelFile
		values []float32
		shape  []int64
		want   float64
		err    string
	}{
		{"number", picture.ModelFile{Kind: "number"}, []float32{2.5}, []int64{1, 1}, 2.5, ""},
		{"bare number", picture.ModelFile{Kind: "number"}, []float32{-1}, []int64{}, -1, ""},
		{"two numbers", picture.ModelFile{Kind: "number"}, []float32{1, 2}, []int64{1, 2}, 0, "kind number does not"},
		{"not a number", picture.ModelFile{Kind: "number"}, []float32{nan}, []int64{1}, 0, "is NaN"},
		{"probabilities", picture.ModelFile{Kind: "classes", Classes: []int{0, 2}}, []float32{0.25, 0.25, 0.5}, []int64{1, 3}, 0.75, ""},
		{"logits", picture.ModelFile{Kind: "classes", Classes: []int{1}, Softmax: true}, []float32{1000, 1001}, []int64{1, 2}, e / (1 + e), ""},
		{"no such class", picture.ModelFile{Kind: "classes", Classes: []int{3}}, []float32{1, 0, 0}, []int64{1, 3}, 0, "it has 3 classes, and classes names 3"},
		{"detector", picture.ModelFile{Kind: "detector", Classes: []int{1}}, []float32{9, 9, 9, 9, 9, 9, 9, 9, 0.9, 0.8, 0.2, 0.3}, []int64{1, 6, 2}, 0.3, ""},
		{"all of a detector", picture.ModelFile{Kind: "detector"}, []float32{9, 9, 9, 9, 9, 9, 9, 9, 0.9, 0.8, 0.2, 0.3}, []int64{1, 6, 2}, 0.9, ""},
		{"detector without boxes", picture.ModelFile{Kind: "detector"}, nil, []int64{1, 6, 0}, 0, "and 0 numbers"},
		{"detector, no such class", picture.ModelFile{Kind: "detector", Classes: []int{2}}, make([]float32, 12), []int64{1, 6, 2}, 0, "it has 2 classes"},
		// The lower half is padding and does not count.
		{"map", picture.ModelFile{Kind: "map", Above: 0.3}, []float32{0.9, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9}, []int64{1, 1, 4, 2}, 0.25, ""},
		{"map of long parts", picture.ModelFile{Kind: "map", Above: 0.3, Elongated: 2}, []float32{1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, []int64{1, 1, 4, 4}, 0.25, ""},
		{"map, not a number", picture.ModelFile{Kind: "map", Above: 0.3}, []float32{nan, 0, 0, 0}, []int64{1, 1, 2, 2}, 0, "is NaN"},
		{"map of two channels", picture.ModelFile{Kind: "map"}, make([]float32, 8), []int64{1, 2, 2, 2}, 0, "kind map does not"},
		{"another shape", picture.ModelFile{Kind: "map"}, make([]float32, 7), []int64{1, 1, 2, 2}, 0, "and 7 numbers"},
	} {
		got, err := scoreOf(c.file, in, c.values, c.shape)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %g, %v, want %g", c.name, got, err, c.want)
		}
	}
}

// TestPresets: what the presets say is a valid recipe, also as JSON.
func TestPresets(t *testing.T) {
	o := picture.Imagine()
	o.Text.Model = TextFinder("det.onnx")
	o.Illegal.Models = []picture.ModelFile{NudityDetector("320n.onnx")}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	data, err := json.Marshal(o.Text.Model)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"path":"det.onnx","kind":"map","side":736,"fit":"keep","order":"bgr","mean":[0.5,0.5,0.5],"deviation":[0.5,0.5,0.5],"classes":null,"softmax":false,"above":0.3,"elongated":2}`
	if string(data) != want {
		t.Errorf("%s\nwant %s", data, want)
	}
}
