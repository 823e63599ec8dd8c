package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// probe is a canvas that keeps where texts lie, in points from the bottom left corner.
type probe struct {
	stack []affine
	texts []placedText
	boxes []vg.Rectangle // of pictures
}

type affine struct{ a, b, c, d, x, y float64 } // (u, v) -> (a·u + c·v + x, b·u + d·v + y)

type placedText struct {
	text                     string
	left, bottom, right, top float64
}

func newProbe() *probe { return &probe{stack: []affine{{a: 1, d: 1}}} }

func (p *probe) top() *affine                       { return &p.stack[len(p.stack)-1] }
func (p *probe) SetLineWidth(vg.Length)             {}
func (p *probe) SetColor(color.Color)               {}
func (p *probe) Stroke(vg.Path)                     {}
func (p *probe) Fill(vg.Path)                       {}
func (p *probe) Push()                              { p.stack = append(p.stack, *p.top()) }
func (p *probe) Pop()                               { p.stack = p.stack[:len(p.stack)-1] }
func (p *probe) Size() (w, h vg.Length)             { return 1, 1 }
func (p *probe) SetLineDash([]vg.Length, vg.Length) {}

func (p *probe) apply(m affine) {
	t := *p.top()
	*p.top() = affine{t.a*m.a + t.c*m.b, t.b*m.a + t.d*m.b, t.a*m.c + t.c*m.d, t.b*m.c + t.d*m.d, t.a*m.x + t.c*m.y + t.x, t.b*m.x + t.d*m.y + t.y}
}

func (p *probe) Rotate(r float64)                        { s, c := math.Sincos(r); p.apply(affine{a: c, b: s, c: -s, d: c}) }
func (p *probe) Translate(q vg.Point)                    { p.apply(affine{a: 1, d: 1, x: float64(q.X), y: float64(q.Y)}) }
func (p *probe) Scale(x, y float64)                      { p.apply(affine{a: x, d: y}) }
func (p *probe) DrawImage(r vg.Rectangle, _ image.Image) { p.boxes = append(p.boxes, r) }

// FillString keeps the box of the string: its width, and the height of its capitals.
func (p *probe) FillString(f font.Face, at vg.Point, s string) {
	size, width := float64(f.Font.Size), float64(f.Width(s))
	out := placedText{s, math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, q := range [][2]float64{{0, 0}, {width, 0}, {0, 0.72 * size}, {width, 0.72 * size}} {
		t, u, v := p.top(), q[0]+float64(at.X), q[1]+float64(at.Y)
		x, y := t.a*u+t.c*v+t.x, t.b*u+t.d*v+t.y
		out.left, out.right = min(out.left, x), max(out.right, x)
		out.bottom, out.top = min(out.bottom, y), max(out.top, y)
	}
	p.texts = append(p.texts, out)
}

// hard are figures with labels that are longer, more, or closer than usual.
func hard() map[string]Figure {
	long := "一个非常非常长的名称，它不可能在一行里放下，必须折行或截断 and some Latin with it"
	picture := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	allowed, weights := make([][]bool, 23), make([][]float64, 23)
	labels := make([]string, 23)
	for i := range allowed {
		allowed[i], weights[i] = make([]bool, 23), make([]float64, 23)
		labels[i] = []string{"猫", "[MASK]", "青蛙", "##ing"}[i%4]
	}
	experts := make([][]float64, 12)
	for i := range experts {
		experts[i] = make([]float64, 1024)
	}
	line := func(name string) Series { return Series{name, []float64{0, 123456}, []float64{9, 0.01}} }
	return map[string]Figure{
		"curves": CurvesOptions{Title: long, Series: []Series{line("a"), line(long), line("c"), line("d"), line("e"), line("f"), line("g"), line("h")},
			HeldOut: []Series{line(long)}, Baselines: []Baseline{{"unigram", 5}, {"bigram", 5.05}, {"trigram", 5.1}, {long, 8.99}}},
		"log curves": CurvesOptions{Series: []Series{line("a")}, LogY: true},
		"mask":       MaskOptions{Title: long, Parts: []Part{{"visual", 2}, {"masked", 0}, {long, 21}}, Allowed: allowed, Labels: labels},
		"one cell":   MaskOptions{Parts: []Part{{"complete", 1}}, Allowed: [][]bool{{true}}, Labels: []string{"[CLS]"}},
		"matrix":     MatrixOptions{Title: long, Rows: labels, Columns: labels, Heads: []Head{{long, weights}, {"b", weights}}},
		"attention":  AttentionOptions{Title: long, Picture: picture, Words: []Word{{long, [][]float64{{1}}}, {"猫", [][]float64{{0}}}}},
		"gallery":    GalleryOptions{Title: long, Chosen: long, Shots: []Shot{{picture, long, []string{long, long}, Wrong, long}, {picture, "", nil, Unjudged, ""}}},
		"heat":       HeatOptions{Title: long, RowTitle: "layer", ColumnTitle: "expert", Values: experts, Unit: long},
		"small heat": HeatOptions{Values: [][]float64{{1e-9, 12345678}}, Rows: []string{long}, Columns: []string{"a", long}},
		"histogram":  HistogramOptions{Title: long, XLabel: long, Values: []float64{3, 3, 3}, Marks: []Baseline{{"low", 1}, {"high", 1e6}}},
		"bars":       BarsOptions{Title: long, Share: true, Unit: "parameters", Bars: []Bar{{long, 1e12, long}, {"b", 0, "y"}}, Marks: []Baseline{{"even share", 5e11}, {"limit", 1e12}}},
		"table": TableOptions{Title: long, Model: long, Rows: []ScoreRow{{Measure: long, Unit: "characters", N: 123456789, Model: Score{Value: 1e-9, Margin: 1e-10},
			Baselines: []Score{{Name: long, Value: 123456789}}}}},
	}
}

func probed(t *testing.T, fig Figure, width float64) (*probe, *figure) {
	t.Helper()
	f, err := fig.plan(width)
	if err != nil {
		t.Fatal(err)
	}
	p := newProbe()
	f.draw(&sheet{c: draw.NewCanvas(p, px(f.width), px(f.height)), height: f.height})
	if len(p.stack) != 1 {
		t.Errorf("%d saved states are left on the canvas", len(p.stack)-1)
	}
	return p, f
}

// No label leaves the figure, and no two labels overlap, at the widths of phones, notebooks and pages.
func TestLabelsAreWhole(t *testing.T) {
	for name, fig := range hard() {
		for _, width := range []float64{smallFigure, 420, defaultWidth, wideFigure} {
			t.Run(fmt.Sprintf("%s %v", name, width), func(t *testing.T) {
				p, f := probed(t, fig, width)
				if f.width > width {
					t.Errorf("the figure is %v wide, more than %v", f.width, width)
				}
				for i, a := range p.texts {
					if a.left < -0.5 || a.bottom < -0.5 || a.right > float64(px(f.width))+0.5 || a.top > float64(px(f.height))+0.5 {
						t.Errorf("%q leaves the figure of %v x %v: %+v", a.text, px(f.width), px(f.height), a)
					}
					for _, b := range p.texts[:i] {
						if w, h := min(a.right, b.right)-max(a.left, b.left), min(a.top, b.top)-max(a.bottom, b.bottom); w > 1 && h > 1 {
							t.Errorf("%q and %q overlap by %.1f x %.1f", a.text, b.text, w, h)
						}
					}
				}
			})
		}
	}
}

// Every kind of figure writes a character outside the font as its code and says so.
func TestCharactersOutsideTheFont(t *testing.T) {
	const rare = "𠮷"
	picture := image.NewNRGBA(image.Rect(0, 0, 3, 5))
	for name, fig := range map[string]Figure{
		"curves": CurvesOptions{Series: []Series{{Name: rare}}}, "baseline": CurvesOptions{Series: []Series{{}}, Baselines: []Baseline{{rare, 1}}},
		"curves y": CurvesOptions{Series: []Series{{}}, YLabel: rare}, "curves x": CurvesOptions{Series: []Series{{}}, XLabel: rare},
		"mask": MaskOptions{Parts: []Part{{rare, 1}}, Allowed: [][]bool{{true}}}, "mask label": MaskOptions{Parts: []Part{{"a", 1}}, Allowed: [][]bool{{true}}, Labels: []string{rare}},
		"matrix":    MatrixOptions{Rows: []string{rare}, Columns: []string{"a"}, Heads: []Head{{"h", [][]float64{{1}}}}},
		"head":      MatrixOptions{Rows: []string{"a"}, Columns: []string{"a"}, Heads: []Head{{rare, [][]float64{{1}}}}},
		"attention": AttentionOptions{Picture: picture, Words: []Word{{rare, [][]float64{{1}}}}},
		"gallery":   GalleryOptions{Shots: []Shot{{Picture: picture, Caption: rare}}}, "truth": GalleryOptions{Shots: []Shot{{Picture: picture, Truth: []string{rare}}}},
		"heat": HeatOptions{Values: [][]float64{{1}}, Unit: rare}, "heat row": HeatOptions{Values: [][]float64{{1}}, Rows: []string{rare}},
		"histogram": HistogramOptions{Values: []float64{1}, XLabel: rare}, "mark": HistogramOptions{Values: []float64{1}, Marks: []Baseline{{rare, 1}}},
		"bars": BarsOptions{Bars: []Bar{{Name: rare}}}, "title": BarsOptions{Title: rare, Bars: []Bar{{}}}, "unit": BarsOptions{Bars: []Bar{{}}, Unit: rare},
		"table": TableOptions{Rows: []ScoreRow{{Measure: rare}}}, "table baseline": TableOptions{Rows: []ScoreRow{{Measure: "a", Baselines: []Score{{Name: rare}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := probed(t, fig, 600)
			said := false
			text := ""
			for _, v := range p.texts {
				text += v.text
				said = said || strings.Contains(v.text, "U+20BB7") && !strings.Contains(v.text, "outside")
			}
			noted := strings.Contains(strings.ReplaceAll(text, " ", ""), "outsidetheembeddedfont,writtenastheircodes:U+20BB7.")
			if strings.Contains(text, rare) || !said || !noted {
				t.Errorf("drawn: %q", text)
			}
		})
	}
}
