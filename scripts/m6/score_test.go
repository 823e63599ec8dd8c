package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// runScore runs `m6 score` with args under a root that has the --json flag.
func runScore(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := &cobra.Command{Use: "m6", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().Bool("json", false, "")
	root.AddCommand(scoreCommand())
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append([]string{"score"}, args...))
	err := root.Execute()
	return out.String(), err
}

func writeScoreFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScoreCommand(t *testing.T) {
	r := writeScoreFile(t, "r.json", `{"1":["红色背景上有两个红苹果。"],"2":["蓝色背景上，猫脸在狗脸的左边。"]}`)
	p := writeScoreFile(t, "p.json", `{"1":"红色背景上有两个红苹果。","2":"蓝色背景上，猫脸在狗脸的左边。"}`)
	out, err := runScore(t, "caption", "--references", r, "--predictions", p, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]float64
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	for _, name := range captionMetrics {
		want := 1.0
		if name == "cider_d" {
			want = 10
		}
		if d := got[name] - want; d > 1e-6 || d < -1e-6 {
			t.Errorf("%s of perfect predictions: got %v, want %v", name, got[name], want)
		}
	}
	if len(got) != len(captionMetrics) {
		t.Errorf("got %d metrics, want %d: %v", len(got), len(captionMetrics), got)
	}
	out, err = runScore(t, "caption", "--references", r, "--predictions", p)
	if err != nil {
		t.Fatal(err)
	}
	want := "bleu1    1.0000\nbleu2    1.0000\nbleu3    1.0000\nbleu4    1.0000\nrouge_l  1.0000\ncider_d  10.0000\n"
	if out != want {
		t.Errorf("table: got %q, want %q", out, want)
	}
}

func TestScoreCommandErrors(t *testing.T) {
	r := writeScoreFile(t, "r.json", `{"1":["一"],"2":["二"]}`)
	p := writeScoreFile(t, "p.json", `{"1":"一"}`)
	wrong := writeScoreFile(t, "wrong.json", `{"1":["一"]}`)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"kind", []string{"captions", "--references", r, "--predictions", p}, `score: unknown kind "captions": it must be caption`},
		{"no kind", []string{"--references", r, "--predictions", p}, "score: want one KIND (caption), got 0 arguments"},
		{"flag", []string{"caption", "--references", r}, `required flag(s) "predictions" not set`},
		{"no file", []string{"caption", "--references", r + "x", "--predictions", p}, "read references (an object of id to list of texts): open "},
		{"wrong type", []string{"caption", "--references", r, "--predictions", wrong}, "read predictions (an object of id to text): " + wrong + ": json: cannot unmarshal array"},
		{"ids", []string{"caption", "--references", r, "--predictions", p}, `score captions: no prediction for "2": both sides must have the same ids`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := runScore(t, tt.args...)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that begins with %q", err, tt.want)
			}
		})
	}
}
