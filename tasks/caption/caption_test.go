package caption

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
)

func TestFigures(t *testing.T) {
	set := Set{
		Source: "scenes",
		Truths: [][]string{{"红猫", "猫红"}, {"两只狗"}, {"三条鱼"}},
		Parts:  [][]string{{"relation"}, {"count"}, nil},
		Written: map[string][]string{
			"model":         {"猫红", "两只狗", "三条"},
			"best constant": {"两只狗", "两只狗", "两只狗"},
		},
		Baselines: []string{"best constant"},
	}
	figures, err := set.Figures()
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Part, Measure   string
		N               int
		Model, Baseline float64
	}
	var got []row
	for _, f := range figures {
		if f.Unit == "%" {
			got = append(got, row{f.Part, f.Measure, f.N, f.Model.Value, f.Baselines[0].Value})
		}
	}
	third := 100.0 / 3
	want := []row{
		{"", "exact caption", 3, 2 * third, third},
		{"count", "exact caption", 1, 100, 100},
		{"relation", "exact caption", 1, 100, 0},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	for _, f := range figures {
		if f.Unit == "" && f.Part == "" && f.Model.Value <= f.Baselines[0].Value {
			t.Errorf("CIDEr-D of the better captions is %.3f, of the constant %.3f", f.Model.Value, f.Baselines[0].Value)
		}
	}
}

// filled is a picture of one colour.
func filled(t *testing.T, c color.Color) datasets.Example {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		picture.Set(i%32, i/32, c)
	}
	var data bytes.Buffer
	if err := png.Encode(&data, picture); err != nil {
		t.Fatal(err)
	}
	return datasets.Example{ID: "a", Image: data.Bytes()}
}

func TestNearest(t *testing.T) {
	red, green, broken := filled(t, color.NRGBA{200, 0, 0, 255}), filled(t, color.NRGBA{0, 200, 0, 255}), datasets.Example{ID: "broken", Image: []byte("no picture")}
	got, notes := Nearest([]datasets.Example{broken, red, green}, []datasets.Example{filled(t, color.NRGBA{10, 180, 20, 255}), filled(t, color.NRGBA{255, 40, 0, 255})})
	if want := []int{2, 1}; !slices.Equal(got, want) {
		t.Errorf("neighbours %v, want %v", got, want)
	}
	if len(notes) != 1 {
		t.Errorf("notes %q, want one about the broken picture", notes)
	}
}

// A distance that stops early is never taken for a smaller one.
func TestDistance(t *testing.T) {
	x, y := make([]float32, side*side*3), make([]float32, side*side*3)
	for i := range y {
		y[i] = float32(i%7) / 7
	}
	whole := distance(x, y, 1e9)
	if stopped := distance(x, y, 1); stopped < 1 || stopped > whole {
		t.Errorf("distance with limit 1 is %g, of %g", stopped, whole)
	}
}

func TestConstant(t *testing.T) {
	captions := []string{"蓝色背景上有一只猫。", "蓝色背景上有一只猫。", "蓝色背景上有一只狗。", "锚"}
	if got, want := Constant(captions), "蓝色背景上有一只猫。"; got != want {
		t.Errorf("best constant %q, want %q", got, want)
	}
}

func TestParts(t *testing.T) {
	for meta, want := range map[string][]string{
		`{"form":"count"}`: {"count"}, `{"twin":false}`: {"without twins"}, `{"twin":true}`: nil, ``: nil, `[1]`: nil,
	} {
		if got := Parts(datasets.Example{Meta: meta}); !slices.Equal(got, want) {
			t.Errorf("meta %s: parts %q, want %q", meta, got, want)
		}
	}
}
