package viz

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"
)

// Between the centres of the patches a linear map is met exactly; outside of them the weight stays that of the edge.
func TestBilinear(t *testing.T) {
	const rows, columns = 3, 5
	plane := func(x, y float64) float64 { return 2 + 3*x - 7*y }
	g := make([][]float64, rows)
	for y := range g {
		for x := range columns {
			g[y] = append(g[y], plane(float64(x), float64(y)))
		}
	}
	for _, c := range [][2]float64{{0, 0}, {4, 2}, {1.25, 0.5}, {3.9, 1.99}, {2, 1}, {-0.4, 1}, {4.4, 1}, {2, -0.5}, {2, 2.5}, {-0.5, -0.5}} {
		want := plane(min(max(c[0], 0), columns-1), min(max(c[1], 0), rows-1))
		if got := bilinear(g, (c[0]+0.5)/columns, (c[1]+0.5)/rows); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %v: %v, want %v", c, got, want)
		}
	}
	if got := bilinear([][]float64{{math.NaN(), 4}}, 0.5, 0.5); got != 2 {
		t.Errorf("a weight that is not a number counts as %v, want 0 (mean 2)", 2*got-4)
	}
}

// The brightest spot is over the patch with the largest weight, the right way up.
func TestAttentionSpot(t *testing.T) {
	grey := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range grey.Pix {
		grey.Pix[i] = 128
		if i%4 == 3 {
			grey.Pix[i] = 255
		}
	}
	weights := [][]float64{{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 0}}
	img := decode(t, AttentionOptions{Picture: grey, Words: []Word{{"猫", weights}}, Width: 348})
	bright := func(c color.NRGBA) int { return int(c.R) + int(c.G) + int(c.B) }
	// Two panels of 150 pixels: the picture at 12, the word at 12 + 150 + 12.
	spot, other := at(img, 174+150*7/8.0, 12+150*0.5), at(img, 174+150*1/8.0, 12+150*0.5)
	below := at(img, 174+150*7/8.0, 12+150*5/6.0)
	if bright(spot) < bright(other)+200 || bright(spot) < bright(below)+200 {
		t.Errorf("spot %v, left %v, below %v", spot, other, below)
	}
	if got, want := at(img, 12+75, 12+75), (color.NRGBA{128, 128, 128, 255}); got != want {
		t.Errorf("the picture itself is %v, want %v", got, want)
	}
}

func TestAttentionErrors(t *testing.T) {
	pic := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for name, c := range map[string]struct {
		o    AttentionOptions
		want string
	}{
		"no picture":    {AttentionOptions{Words: []Word{{"a", [][]float64{{1}}}}}, "viz: attention: there is no picture: give one of at least one pixel"},
		"empty picture": {AttentionOptions{Picture: image.NewNRGBA(image.Rectangle{}), Words: []Word{{"a", [][]float64{{1}}}}}, "viz: attention: there is no picture: give one of at least one pixel"},
		"no word":       {AttentionOptions{Picture: pic}, "viz: attention: there is no word: give at least one"},
		"no weights":    {AttentionOptions{Picture: pic, Words: []Word{{"a", nil}}}, `viz: attention: word 0 ("a") has no weights: give a row of columns for each row of patches`},
		"rows": {AttentionOptions{Picture: pic, Words: []Word{{"a", [][]float64{{1}}}, {"b", [][]float64{{1}, {1}}}}},
			`viz: attention: word 1 ("b") has 2 rows of weights, the first has 1: use one grid`},
		"columns": {AttentionOptions{Picture: pic, Words: []Word{{"a", [][]float64{{1, 2}, {1}}}}}, `viz: attention: word 0 ("a"), row 1: 1 weights instead of 2`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []Format{SVG, HTML} {
				if err := Attention(&bytes.Buffer{}, format, c.o); err == nil || err.Error() != c.want {
					t.Errorf("%s: got error %v, want %s", format, err, c.want)
				}
			}
		})
	}
}
