package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m6lab/checkpoints"
)

// colourFolder is a folder of one's own: pictures of two colours in many shades, a caption and a question for each.
func colourFolder(t *testing.T) (dir, red, blue string) {
	t.Helper()
	dir = t.TempDir()
	var questions strings.Builder
	for i := range 16 {
		name, shade := "红色", color.RGBA{uint8(120 + 8*i), 20, 10, 255}
		if i%2 == 1 {
			name, shade = "蓝色", color.RGBA{10, 20, uint8(120 + 8*i), 255}
		}
		file := fmt.Sprintf("%02d", i)
		picture(t, filepath.Join(dir, file+".png"), shade)
		if err := os.WriteFile(filepath.Join(dir, file+".txt"), []byte(name+"的图。"), 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&questions, `{"image": %q, "question": "背景是什么颜色？", "answer": %q}`+"\n", file+".png", name)
	}
	if err := os.WriteFile(filepath.Join(dir, "questions.jsonl"), []byte(questions.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for i, from := 0, []rune("春眠不觉晓处处闻啼鸟夜来风雨声花落知多少红豆生南国"); i < 20; i++ {
		lines.WriteString(string(from[i:i+5]) + "。\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "lines.txt"), []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	red, blue = filepath.Join(t.TempDir(), "red.png"), filepath.Join(t.TempDir(), "blue.png")
	picture(t, red, color.RGBA{203, 20, 10, 255}) // shades that training never sees
	picture(t, blue, color.RGBA{10, 20, 203, 255})
	return dir, red, blue
}

func picture(t *testing.T, path string, c color.RGBA) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 37, 31))
	for i := range 37 * 31 {
		img.SetRGBA(i%37, i/37, c)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// tensorsOf are the tensors of a safetensors file.
func tensorsOf(t *testing.T, path string) []checkpoints.Tensor {
	t.Helper()
	f, err := checkpoints.ReadSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensors, err := f.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// From a folder of pictures to a model that says what is on a new one, answers about it, is judged, drawn, exported and read in again:
// all by the commands of the README.
func TestSpine(t *testing.T) {
	folder, red, blue := colourFolder(t)
	data, run, out := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "run"), t.TempDir()
	m6 := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := runM6(t, rootCommand(), args...)
		if code != 0 {
			t.Fatalf("m6 %s: exit code %d\n%s", strings.Join(args, " "), code, stderr)
		}
		return stdout
	}
	m6("data", "folder", folder, "--out", data, "--valid", "0", "--test", "0.2", "--seed", "2") // a seed by which both colours are trained on
	m6("check", data)
	m6("pretrain", "--preset", "debug", "--data", data, "--dir", run, "--set", "model.layers=1", "--set", "model.width=32", "--set", "model.heads=2",
		"--set", "model.ffn=64", "--set", "model.vocabulary=64", "--set", "model.encoder.size=32", "--set", "model.encoder.grid=4",
		"--set", "train.steps=120", "--set", "train.batch=8", "--set", "train.learning_rate=0.01", "--set", "data.text_buckets=[20]",
		"--set", "data.tasks.lm=0.2", "--set", "data.tasks.text_denoise=0", "--set", "data.tasks.image_denoise=0")
	m6("check", run)
	for picture, name := range map[string]string{red: "红色", blue: "蓝色"} {
		if got := m6("caption", "--dir", run, picture); !strings.Contains(got, name+"的图。") {
			t.Errorf("the caption of a picture in %s: %q", name, got)
		}
		if got := m6("vqa", "--dir", run, "--image", picture, "背景是什么颜色？"); !strings.Contains(got, name) {
			t.Errorf("the answer about a picture in %s: %q", name, got)
		}
	}
	var judged struct {
		Figures []struct {
			N     int
			Model struct{ Value float64 }
		}
	}
	if err := json.Unmarshal([]byte(m6("eval", "lm", "--dir", run, "--data", data, "--json")), &judged); err != nil {
		t.Fatal(err)
	}
	if len(judged.Figures) == 0 || judged.Figures[0].N == 0 || !(judged.Figures[0].Model.Value > 1) {
		t.Errorf("perplexity of held-out lines: %+v", judged.Figures)
	}
	page := filepath.Join(out, "report.html")
	m6("report", "--dir", run, "--data", data, "--out", page)
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "<svg") {
		t.Errorf("the report: %d bytes, %v", len(html), err)
	}

	file, again := filepath.Join(out, "model.safetensors"), filepath.Join(out, "again.safetensors")
	m6("export", "--dir", run, "--out", file)
	imported := filepath.Join(out, "imported")
	m6("import", file, "--vocab", filepath.Join(run, "vocab.txt"), "--dir", imported)
	m6("export", "--dir", imported, "--out", again)
	a, b := tensorsOf(t, file), tensorsOf(t, again)
	if len(a) != len(b) {
		t.Fatalf("%d tensors after export, import and export, want %d", len(b), len(a))
	}
	for i := range a {
		if a[i].Name != b[i].Name || string(a[i].Data) != string(b[i].Data) {
			t.Errorf("%s differs after export, import and export", a[i].Name)
		}
	}
	if got := m6("caption", "--dir", imported, red); !strings.Contains(got, "红色的图。") {
		t.Errorf("the imported model's caption of a red picture: %q", got)
	}
}
