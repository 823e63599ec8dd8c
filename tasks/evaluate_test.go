package tasks_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "github.com/gomlx/gomlx/backends/default"

	"m6lab/datasets"
	"m6lab/datasets/record"
	"m6lab/datasets/text"
	"m6lab/m6"
	"m6lab/tasks"
	"m6lab/tasks/denoise"
	"m6lab/tasks/lm"
)

const alphabet = "天地玄黄宇宙洪荒日月盈昃辰宿列张，。"

// untrained is a tiny model without pictures, as it begins.
func untrained(t *testing.T) *tasks.Model {
	t.Helper()
	r, err := m6.NewRun("debug")
	if err != nil {
		t.Fatal(err)
	}
	options := text.Options{Lower: true, KeepPunctuation: true}
	vocab, err := text.Train(func(yield func(string) bool) { yield(alphabet) }, 64, options)
	if err != nil {
		t.Fatal(err)
	}
	r.Model = m6.Config{Layers: 1, Width: 20, Heads: 2, FFN: 28, Vocabulary: vocab.Len(), Positions: 64, VisualPositions: 7, PatchFeatures: 11,
		Lower: true, ExpertEvery: 1, Router: "top1", TopK: 1, Encoder: m6.Encoder{Kind: "none"}}
	r.Data.TextBuckets = []int{16, 32}
	d, err := m6.OpenDevice(r.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	state, err := m6.NewState(d, r)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tasks.New(&m6.Saved{Run: r, Vocab: vocab, State: state, Model: &m6.Model{Config: r.Model}, Device: d})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// texts is a data set of short texts; every third of the held-out ones has a character that the vocabulary lacks.
func texts(t *testing.T) *tasks.Data {
	t.Helper()
	dir, letters := t.TempDir(), []rune(alphabet)
	for split, n := range map[string]int{"train": 40, "test": 13} {
		w, err := record.Create(dir, split, record.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			s := string(letters[i%11:i%11+5]) + "，" + string(letters[i%7:i%7+5]) + "。"
			if split == "test" && i%3 == 0 {
				s += "龘"
			}
			if err := w.Write(datasets.Example{ID: fmt.Sprint(split, i), Source: "lines", Text: s}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d, err := tasks.OpenData(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// A model that knows nothing has nearly the perplexity of a uniform draw from its vocabulary: one token is one character here, and all
// of a text and its end are paid for. The same again gives the same.
func TestEvaluate(t *testing.T) {
	m, d := untrained(t), texts(t)
	o := tasks.Options{Limit: 7, Seed: 5}
	got, err := lm.Evaluate(t.Context(), m, d, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Figures) != 1 || got.Figures[0].N != 7 {
		t.Fatalf("figures %+v, want one of 7 texts", got.Figures)
	}
	uniform := float64(m.Vocab.Len())
	if f := got.Figures[0]; math.Abs(math.Log(f.Model.Value/uniform)) > 0.25 || f.Baselines[0].Value > uniform {
		t.Errorf("perplexity %.1f beside %v; a uniform draw has %.0f", f.Model.Value, f.Baselines, uniform)
	}
	again, err := lm.Evaluate(t.Context(), m, d, o)
	if diff := cmp.Diff(got, again); err != nil || diff != "" {
		t.Errorf("evaluated again (-first +second): %v\n%s", err, diff)
	}
	filled, err := denoise.Evaluate(t.Context(), m, d, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(filled.Cases) != 7 || len(filled.Figures) < 3 {
		t.Errorf("masked text: %d cases, %d figures, want 7 and at least 3", len(filled.Cases), len(filled.Figures))
	}
}

func TestPick(t *testing.T) {
	d := texts(t)
	first, err := tasks.Pick(d.Held, "lines", tasks.Text, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := tasks.Pick(d.Held, "lines", tasks.Text, 5, 1)
	other, _ := tasks.Pick(d.Held, "lines", tasks.Text, 5, 2)
	if diff := cmp.Diff(first, again); diff != "" || len(first) != 5 {
		t.Errorf("%d rows; drawn again (-first +second):\n%s", len(first), diff)
	}
	if cmp.Equal(first, other) {
		t.Error("another seed draws the same rows")
	}
	if all, _ := tasks.Pick(d.Held, "lines", tasks.Text, 0, 1); len(all) != 13 {
		t.Errorf("%d rows without a limit, want 13", len(all))
	}
	if _, err := d.Sources(tasks.Pictured, "picture", tasks.Options{}); err == nil {
		t.Error("no picture in the data: no error")
	}
}
