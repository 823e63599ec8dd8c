package look

import (
	"image"
	"image/color"
	"regexp"
	"strings"
	"testing"

	"m6lab/datasets/sample"
	"m6lab/datasets/text"
	"m6lab/viz"
)

func TestDrawn(t *testing.T) {
	first, err := drawn("train", "poems", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := drawn("train", "poems", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if first[i].ID != again[i].ID || first[i].Source != "poems" {
			t.Errorf("row %d is %s (%s), then %s: want the same poem", i, first[i].ID, first[i].Source, again[i].ID)
		}
	}
	for _, test := range []struct {
		source string
		n      int
		want   string
	}{{"poem", 3, "no source"}, {"poems", 0, "want 1 to"}, {"poems", 1e6, "want 1 to"}} {
		if _, err := drawn("train", test.source, test.n, 1); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d rows of %s: error %v, want %q", test.n, test.source, err, test.want)
		}
	}
}

func TestTokensHTML(t *testing.T) {
	v, err := text.ParseVocab(sample.Vocab())
	if err != nil {
		t.Fatal(err)
	}
	html := tokensHTML(v, "<b> 床 龘")
	for _, want := range []string{"&lt;", ">床<", "not in the vocabulary", "[UNK]"} {
		if !strings.Contains(html, want) {
			t.Errorf("the tokens lack %q: %s", want, html)
		}
	}
	if strings.Contains(html, "<b>") {
		t.Errorf("text stands in the page as it is: %s", html)
	}
}

func TestPatchesHTML(t *testing.T) {
	html := patchesHTML(image.NewRGBA(image.Rect(0, 0, 13, 11)), 3)
	if got := strings.Count(html, "<img"); got != 1+3*3 {
		t.Errorf("%d pictures, want the whole and 9 patches", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

// Two drawings on one page must not share names: each would show the other's picture.
func TestDistinct(t *testing.T) {
	drawn := func(c color.Color) string {
		picture := image.NewRGBA(image.Rect(0, 0, 8, 8))
		picture.Set(1, 1, c)
		html, err := figureHTML(viz.AttentionOptions{Picture: picture, Words: []viz.Word{{Text: "a", Weights: [][]float64{{1}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return html
	}
	names := regexp.MustCompile(`\.m6-[0-9a-f-]+\{background`)
	a, b := names.FindString(drawn(color.White)), names.FindString(drawn(color.Black))
	if a == "" || b == "" || a == b {
		t.Errorf("two drawings have the styles %q and %q, want two different ones", a, b)
	}
}
