package m6

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"m6lab/datasets"
	"m6lab/datasets/text"
)

// testObjective reads characters of a small vocabulary.
func testObjective(t *testing.T) Objective {
	t.Helper()
	tokens := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + strings.Join(strings.Split("春眠不觉晓处闻啼鸟夜来风雨声花落知多少图里有几只青蛙三两回答：？。，", ""), "\n") + "\n"
	v, err := text.ParseVocab([]byte(tokens))
	if err != nil {
		t.Fatal(err)
	}
	return Objective{Tokenizer: text.New(v, text.Options{Lower: true}), Vocab: v, Data: Data{MaskRate: 0.15, SpanMean: 3, Spans: "poisson"}, Longest: 23}
}

// The spans cover the rate exactly, never touch, and lie inside the text; as many ways as there are lengths are drawn.
func TestSpans(t *testing.T) {
	for _, kind := range []string{"poisson", "single"} {
		o := testObjective(t)
		o.Data.Spans = kind
		for n := 1; n < 200; n += 7 {
			for seed := range uint64(50) {
				spans := o.spans(n, rand.New(rand.NewPCG(seed, 1)))
				covered, end := 0, -1
				for _, s := range spans {
					if s.length < 1 || s.start <= end || s.start+s.length > n {
						t.Fatalf("%s n=%d seed=%d: spans %v", kind, n, seed, spans)
					}
					covered += s.length
					end = s.start + s.length
				}
				if want := max(1, int(math.Round(0.15*float64(n)))); covered != want {
					t.Fatalf("%s n=%d seed=%d: %d tokens covered, want %d", kind, n, seed, covered, want)
				}
				if kind == "single" && len(spans) != 1 {
					t.Fatalf("single n=%d: %d spans", n, len(spans))
				}
			}
		}
	}
}

// The mean of positive Poisson(3) draws is 3/(1-e^-3).
func TestPoisson(t *testing.T) {
	r, sum := rand.New(rand.NewPCG(1, 2)), 0
	const n = 200000
	for range n {
		sum += positivePoisson(3, r)
	}
	if got, want := float64(sum)/n, 3/(1-math.Exp(-3)); math.Abs(got-want) > 0.02 {
		t.Errorf("mean span %.3f, want %.3f", got, want)
	}
}

// A sequence is a function of (example, task, seed); the complete part is always the whole text; noise hides by single masks.
func TestEncode(t *testing.T) {
	o := testObjective(t)
	ex := datasets.Example{ID: "1", Source: "poems", Text: "春眠不觉晓，处处闻啼鸟。", Image: []byte{1}}
	for task := range Task(len(taskNames)) {
		a, err := o.Encode(ex, task, 9)
		if err != nil {
			t.Fatal(err)
		}
		b, err := o.Encode(ex, task, 9)
		if err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%v: two encodings of the same differ: %v %v", task, a, b)
		}
		if got, want := o.Tokenizer.Decode(a.Text[1:len(a.Text)-1]), ex.Text; got != want || a.Text[0] != o.Vocab.Cls() || a.Text[len(a.Text)-1] != o.Vocab.Sep() {
			t.Errorf("%v: complete part %q, want %q between [CLS] and [SEP]", task, got, want)
		}
		if (a.Picture != nil) != task.Pictured() {
			t.Errorf("%v: picture %v", task, a.Picture)
		}
		denoises := task == TextDenoise || task == ImageDenoise
		if denoises != slices.Contains(a.Masked, o.Vocab.Mask()) || !denoises && len(a.Masked) > 0 {
			t.Errorf("%v: masked part %v", task, a.Masked)
		}
	}
}

func TestEncodeQuestionAndCut(t *testing.T) {
	o := testObjective(t)
	s, err := o.Encode(datasets.Example{ID: "q", Question: "图里有几只青蛙？", Answer: "三只"}, LM, 1)
	if got, want := o.Tokenizer.Decode(s.Text[1:len(s.Text)-1]), "图里有几只青蛙？回答：三只"; err != nil || got != want {
		t.Errorf("question: %q, %v, want %q", got, err, want)
	}
	if s.Given != 0 {
		t.Errorf("language modelling is given %d tokens of a question, want 0", s.Given)
	}
	s, err = o.Encode(datasets.Example{ID: "q", Question: "图里有几只青蛙？", Answer: "三只", Image: []byte{1}}, Caption, 1)
	if got := o.Tokenizer.Decode(s.Text[s.Given : len(s.Text)-1]); err != nil || got != "三只" {
		t.Errorf("captioning learns %q of a question, %v, want the answer alone", got, err)
	}
	s, err = o.Encode(datasets.Example{ID: "long", Text: strings.Repeat("春", 99)}, LM, 1)
	if err != nil || len(s.Text) != o.Longest || s.Text[len(s.Text)-1] != o.Vocab.Sep() {
		t.Errorf("a long text gives %d tokens, %v, want %d with [SEP]", len(s.Text), err, o.Longest)
	}
	if _, err := o.Encode(datasets.Example{ID: "none", Text: "春"}, Caption, 1); err == nil {
		t.Error("a caption without a picture is no error")
	}
}

// Of several right captions training draws any; a held-out loss is of the example's own text.
func TestEncodeReferences(t *testing.T) {
	o := testObjective(t)
	ex := datasets.Example{ID: "1", Text: "春眠不觉晓", References: []string{"春眠不觉晓", "处处闻啼鸟"}}
	for _, own := range []bool{false, true} {
		o.Own = own
		seen := map[string]bool{}
		for seed := range uint64(32) {
			s, err := o.Encode(ex, LM, seed)
			if err != nil {
				t.Fatal(err)
			}
			seen[o.Tokenizer.Decode(s.Text[1:len(s.Text)-1])] = true
		}
		if want := map[bool]int{false: 2, true: 1}[own]; len(seen) != want || !seen[ex.Text] {
			t.Errorf("own %t: %v, want %d texts", own, seen, want)
		}
	}
}

// Noise of one's own is used, never sees the text's own memory, and what it must not do is an error that says so.
func TestNoisePart(t *testing.T) {
	o := testObjective(t)
	ex := datasets.Example{ID: "a", Source: "poems", Text: "春眠不觉晓"}
	for name, c := range map[string]struct {
		noise func(ids []int32, mask int32, r *rand.Rand) []int32
		want  string
	}{
		"first half": {func(ids []int32, mask int32, _ *rand.Rand) []int32 { ids[0] = mask; return ids[:1] }, ""},
		"longer":     {func(ids []int32, mask int32, _ *rand.Rand) []int32 { return append(ids, mask) }, "6 tokens of 5"},
		"no id":      {func(ids []int32, _ int32, _ *rand.Rand) []int32 { ids[2] = -1; return ids }, "id -1"},
		"panics":     {func(ids []int32, _ int32, _ *rand.Rand) []int32 { return ids[9:] }, "panics"},
	} {
		o.NoisePart = c.noise
		s, err := o.Encode(ex, TextDenoise, 1)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want an error with %q", name, err, c.want)
			}
		case err != nil || len(s.Masked) != 1 || s.Masked[0] != o.Vocab.Mask() || len(s.Text) != 7 || s.Text[1] == o.Vocab.Mask():
			t.Errorf("%s: masked %v, text %v, %v", name, s.Masked, s.Text, err)
		}
	}
}
