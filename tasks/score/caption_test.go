package score

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden is a case of caption_metrics.json, written by scripts/reference/caption_metrics.py.
type golden struct {
	References       map[string][]string `json:"references"`
	Predictions      map[string]string   `json:"predictions"`
	ReferenceTokens  map[string][]string `json:"reference_tokens"`
	PredictionTokens map[string]string   `json:"prediction_tokens"`
	Scores           map[string]float64  `json:"scores"`
	CiderD           map[string]float64  `json:"cider_d"`
}

func readGolden(t *testing.T) map[string]golden {
	t.Helper()
	data, err := os.ReadFile("../testdata/golden/caption_metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]golden
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 5 {
		t.Fatalf("the golden file has %d cases, want 5", len(cases))
	}
	return cases
}

// within compares within a relative 1e-9, or an absolute 1e-15 beside zero.
var within = cmp.Comparer(func(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))+1e-15
})

func TestCaptionAgainstCOCO(t *testing.T) {
	for name, c := range readGolden(t) {
		t.Run(name, func(t *testing.T) {
			got, err := Caption(c.References, c.Predictions)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.Scores, got, within); d != "" {
				t.Errorf("scores (-want +got):\n%s", d)
			}
			byID, err := CiderD(c.References, c.Predictions)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.CiderD, byID, within); d != "" {
				t.Errorf("CIDEr-D by id (-want +got):\n%s", d)
			}
		})
	}
}

func TestTokensAgainstReference(t *testing.T) {
	for name, c := range readGolden(t) {
		for id, text := range c.Predictions {
			if got, want := strings.Join(Tokens(text), " "), c.PredictionTokens[id]; got != want {
				t.Errorf("%s, prediction of %q: got %q, want %q", name, id, got, want)
			}
		}
		for id, texts := range c.References {
			for i, text := range texts {
				if got, want := strings.Join(Tokens(text), " "), c.ReferenceTokens[id][i]; got != want {
					t.Errorf("%s, reference %d of %q: got %q, want %q", name, i, id, got, want)
				}
			}
		}
	}
}

func TestCaptionRepeatsBitForBit(t *testing.T) {
	c := readGolden(t)["mixed"]
	want, err := Caption(c.References, c.Predictions)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		got, err := Caption(c.References, c.Predictions)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("a second run differs (-first +now):\n%s", d)
		}
	}
}

func TestCaptionErrors(t *testing.T) {
	many := map[string]string{"a": "一"}
	for _, id := range strings.Split("bcdefghijklm", "") {
		many[id] = "二"
	}
	tests := []struct {
		name        string
		references  map[string][]string
		predictions map[string]string
		want        string
	}{
		{"nothing", nil, nil, "score captions: no references: give at least one id"},
		{"prediction missing", map[string][]string{"a": {"一"}, "b": {"二"}}, map[string]string{"a": "一"},
			`score captions: no prediction for "b": both sides must have the same ids`},
		{"both missing", map[string][]string{"a": {"一"}, "c": {"二"}}, map[string]string{"a": "一", "d": "三"},
			`score captions: no prediction for "c"; no references for "d": both sides must have the same ids`},
		{"many missing", map[string][]string{"a": {"一"}}, many,
			`score captions: no references for "b", "c", "d", "e", "f", "g", "h", "i", "j", "k" and 2 more: both sides must have the same ids`},
		{"empty list", map[string][]string{"a": {}}, map[string]string{"a": "一"},
			`score captions: id "a" has an empty list of references: give it one or leave it out on both sides`},
		{"blank reference", map[string][]string{"a": {"一", " \n"}}, map[string]string{"a": "一"},
			`score captions: reference 1 of id "a" has no text: remove it`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Caption(tt.references, tt.predictions); err == nil || err.Error() != tt.want {
				t.Errorf("Caption: got error %v, want %q", err, tt.want)
			}
			if _, err := CiderD(tt.references, tt.predictions); err == nil || err.Error() != tt.want {
				t.Errorf("CiderD: got error %v, want %q", err, tt.want)
			}
		})
	}
}

func BenchmarkCaption(b *testing.B) {
	references, predictions := map[string][]string{}, map[string]string{}
	for i := range 1009 {
		id := string(rune('一' + i))
		references[id] = []string{"红色背景上有" + id + "个红苹果。", "背景上有苹果" + id}
		predictions[id] = "红色背景上有两个" + id + "。"
	}
	for b.Loop() {
		if _, err := Caption(references, predictions); err != nil {
			b.Fatal(err)
		}
	}
}
