package viz

import (
	"bytes"
	"image"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		got, want string
		pieces    []piece
	}{
		{"", "", nil}, {"猫", "", []piece{{"猫", false}}}, {"猫", "猫", []piece{{"猫", true}}},
		{"有三只猫。", "有两只猫。", []piece{{"有", true}, {"三", false}, {"只猫。", true}}},
		{"猫和狗", "狗和猫", []piece{{"猫", true}, {"和狗", false}}}, // the first of several longest
	} {
		if diff := cmp.Diff(c.pieces, compare(c.got, c.want)); diff != "" {
			t.Errorf("compare(%q, %q) (- want, + got):\n%s", c.got, c.want, diff)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("蓝色背景上有三只青蛙。", "红色背景上有两只青蛙。")
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		if len(a) > 300 || len(b) > 300 {
			return
		}
		same := func(pieces []piece) (all, kept string) {
			for _, p := range pieces {
				all += p.Text
				if p.Same {
					kept += p.Text
				}
			}
			return all, kept
		}
		all, keptA := same(compare(a, b))
		_, keptB := same(compare(b, a))
		if all != a {
			t.Errorf("the pieces hold %q, not %q", all, a)
		}
		if len([]rune(keptA)) != len([]rune(keptB)) {
			t.Errorf("%q and %q are not equally long", keptA, keptB)
		}
	})
}

func TestGalleryWords(t *testing.T) {
	pic := image.NewNRGBA(image.Rect(0, 0, 5, 7))
	o := GalleryOptions{Chosen: "3 of 7, at random with seed 11.", Shots: []Shot{
		{pic, "一只猫。", []string{"一只猫。", "有猫。"}, Right, ""}, {pic, "一只狗。", []string{"两条虫。", "一只猫。"}, Wrong, "count"}, {Picture: pic, Caption: "青蛙"},
	}}
	var b bytes.Buffer
	if err := Gallery(&b, HTML, o); err != nil {
		t.Fatal(err)
	}
	for want, times := range map[string]int{
		"3 of 7, at random with seed 11. 1 right, 1 wrong.": 1, "</svg>right</p>": 1, "</svg>wrong</p>": 1, "一只猫。": 2, "有猫。": 1,
		"一只<mark>狗</mark>。": 1, ` class="pixelated"`: 3, "<bdi>青蛙</bdi>": 1, "count": 1,
	} {
		if got := strings.Count(b.String(), want); got != times {
			t.Errorf("%q occurs %d times, want %d", want, got, times)
		}
	}
}

func TestGalleryErrors(t *testing.T) {
	pic := image.NewNRGBA(image.Rect(0, 0, 5, 7))
	for want, o := range map[string]GalleryOptions{
		"viz: gallery: there is no picture: give at least one":                       {},
		`viz: gallery: shot 1 ("b") has no picture: give one of at least one pixel`:  {Shots: []Shot{{Picture: pic}, {Caption: "b"}}},
		`viz: gallery: shot 0 ("b") has the verdict 3: use Unjudged, Right or Wrong`: {Shots: []Shot{{Picture: pic, Caption: "b", Verdict: 3}}},
		`viz: gallery: shot 0 ("") has no picture: give one of at least one pixel`:   {Shots: []Shot{{Picture: image.NewNRGBA(image.Rectangle{})}}},
	} {
		for _, format := range []Format{SVG, HTML} {
			if err := Gallery(&bytes.Buffer{}, format, o); err == nil || err.Error() != want {
				t.Errorf("%s: got error %v, want %s", format, err, want)
			}
		}
	}
}

// Photographs are scaled down and packed as JPEG; small or transparent pictures stay exact.
func TestPagePictures(t *testing.T) {
	p := &page{miss: missing{}}
	transparent := image.NewNRGBA(image.Rect(0, 0, 300, 200))
	opaque := image.NewRGBA(image.Rect(0, 0, 1000, 10))
	for i := range opaque.Pix {
		opaque.Pix[i] = 255
	}
	for name, c := range map[string]struct {
		img    image.Image
		prefix string
		w, h   int
		pixels bool
	}{
		"small": {image.NewRGBA(image.Rect(0, 0, 64, 64)), "data:image/png;", 64, 64, true}, "transparent": {transparent, "data:image/png;", 300, 200, false},
		"large": {opaque, "data:image/jpeg;", 448, 4, false},
	} {
		got, err := p.picture(c.img)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(got.URL), c.prefix) || got.Width != c.w || got.Height != c.h || got.Pixelated != c.pixels {
			t.Errorf("%s: %.20s, %d x %d, pixelated %v", name, got.URL, got.Width, got.Height, got.Pixelated)
		}
	}
}
