package viz

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in    string
		width float64
		want  []string
	}{
		{"", 100, []string{""}},
		{"一二三四五", 60, []string{"一二三四五"}},
		{"一二三四五", 36, []string{"一二三", "四五"}},
		{"一二三，四五", 36, []string{"一二", "三，四", "五"}}, // no line begins with a comma
		{"「一二」三", 36, []string{"「一", "二」三"}},
		{"aaa bbb ccc", 50, []string{"aaa bbb", "ccc"}},
		{"蓝色 background 背景", 70, []string{"蓝色", "background", "背景"}},
		{"aaaaaaaaaaaaaaaaaaaa", 60, []string{"aaaaaaaa", "aaaaaaaa", "aaaa"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.in, 12, false, c.width)); diff != "" {
			t.Errorf("wrap(%q, %v) (- want, + got):\n%s", c.in, c.width, diff)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("蓝色背景上有三只青蛙，and some Latin。", 50.0)
	f.Add("  a  b ", 3.0)
	f.Fuzz(func(t *testing.T, s string, width float64) {
		s = missing{}.clean(s)
		if len(s) > 500 || !(width > 0 && width < 1e4) {
			return
		}
		lines := wrap(s, 12, false, width)
		if got, want := strings.ReplaceAll(strings.Join(lines, ""), " ", ""), strings.ReplaceAll(s, " ", ""); got != want {
			t.Errorf("the lines hold %q, not %q", got, want)
		}
		for _, l := range lines {
			if n := len([]rune(l)); n > 1 && textWidth(l, 12, false) > width+1e-6 {
				t.Errorf("line %q is %v wide, more than %v", l, textWidth(l, 12, false), width)
			}
		}
	})
}

// decode draws fig as PNG and returns its pixels.
func decode(t *testing.T, fig Figure) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := Draw(&b, PNG, fig); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func at(img image.Image, x, y float64) color.NRGBA {
	return color.NRGBAModel.Convert(img.At(int(x*pixelScale), int(y*pixelScale))).(color.NRGBA)
}

// near says whether two colours differ by at most 1 in each channel: what rounding does where the canvas blends or scales.
func near(a, b color.NRGBA) bool {
	ok := func(x, y uint8) bool { return max(x, y)-min(x, y) <= 1 }
	return ok(a.R, b.R) && ok(a.G, b.G) && ok(a.B, b.B) && a.A == b.A
}

// Small pictures are enlarged pixel by pixel, at the place where they belong, the right way up.
func TestPicturesKeepTheirPixels(t *testing.T) {
	pic := image.NewNRGBA(image.Rect(3, 5, 3+5, 5+7)) // odd bounds
	for y := range 7 {
		for x := range 5 {
			pic.SetNRGBA(3+x, 5+y, color.NRGBA{uint8(50 * x), uint8(30 * y), 77, 255})
		}
	}
	img := decode(t, GalleryOptions{Width: 224, Shots: []Shot{{Picture: pic}}})
	const size = 200.0 // of the card's picture: 7 rows fill it, 5 columns are in the middle
	cell := size / 7
	left := margin + (size-5*cell)/2
	for y := range 7 {
		for x := range 5 {
			got := at(img, left+(float64(x)+0.5)*cell, margin+(float64(y)+0.5)*cell)
			if want := pic.NRGBAAt(3+x, 5+y); got != want {
				t.Errorf("pixel %d, %d is %v, want %v", x, y, got, want)
			}
		}
	}
}

func TestTextRuns(t *testing.T) {
	want := []run{{"Loss ", true}, {"损失", false}, {" (nats)", true}}
	if diff := cmp.Diff(want, runs("Loss 损失 (nats)", true), cmp.AllowUnexported(run{})); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
	if got, want := textWidth("猫", 20, false), 20.0; got != want {
		t.Errorf("a Han character of 20 pixels is %v wide, want %v", got, want)
	}
}
