package viz

import (
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/draw"
	"io"
	"math"
	"strings"
)

// Word is one word of a caption and where it looks.
type Word struct {
	Text string
	// Weights[y][x] is the attention on the patch in row y and column x of the picture; all words have the same grid.
	Weights [][]float64
}

// AttentionOptions is what [Attention] draws.
type AttentionOptions struct {
	Title   string
	Picture image.Image
	Words   []Word // at least one
	Width   float64
}

// Attention draws a caption over its picture: a panel per word, with the word's attention as glowing spots, interpolated between the
// centres of the patches. All panels share one scale.
func Attention(w io.Writer, format Format, o AttentionOptions) error { return Draw(w, format, o) }

func (o AttentionOptions) check() error {
	if o.Picture == nil || o.Picture.Bounds().Empty() {
		return fmt.Errorf("there is no picture: give one of at least one pixel")
	}
	if len(o.Words) == 0 {
		return fmt.Errorf("there is no word: give at least one")
	}
	for i, word := range o.Words {
		g := word.Weights
		if len(g) == 0 || len(g[0]) == 0 {
			return fmt.Errorf("word %d (%q) has no weights: give a row of columns for each row of patches", i, word.Text)
		}
		if len(g) != len(o.Words[0].Weights) {
			return fmt.Errorf("word %d (%q) has %d rows of weights, the first has %d: use one grid", i, word.Text, len(g), len(o.Words[0].Weights))
		}
		for y, row := range g {
			if len(row) != len(o.Words[0].Weights[0]) {
				return fmt.Errorf("word %d (%q), row %d: %d weights instead of %d", i, word.Text, y, len(row), len(o.Words[0].Weights[0]))
			}
		}
	}
	return nil
}

// largest returns the largest weight and the number of weights that are not finite.
func (o AttentionOptions) largest() (largest float64, bad int) {
	for _, word := range o.Words {
		for _, row := range word.Weights {
			for _, v := range row {
				if !finite(v) {
					bad++
					continue
				}
				largest = max(largest, v)
			}
		}
	}
	return largest, bad
}

func badWeights(bad int) string {
	return plural(bad, "weight") + " not finite, drawn as 0."
}

func (o AttentionOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: attention: %w", err)
	}
	const between, under = 12.0, 26.0
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, missing{}.clean("attention of "+o.sentence()))
	columns := max(int((p.inner()+between)/(132+between)), 1)
	w := math.Floor((p.inner()+between)/float64(columns)) - between
	columns = min(columns, len(o.Words)+1)
	w = min(w, 150)
	size := o.Picture.Bounds().Size()
	h := math.Round(w * min(float64(size.Y)/float64(size.X), 2))
	largest, bad := o.largest()
	for start := 0; start <= len(o.Words); start += columns {
		end := min(start+columns, len(o.Words)+1)
		names, panels := make([]string, end-start), make([]image.Image, end-start)
		for i := start; i < end; i++ { // panel 0 is the picture itself
			if i == 0 {
				names[0], panels[0] = "picture", o.Picture
				continue
			}
			names[i-start] = p.say(o.Words[i-1].Text)
			panels[i-start] = o.panel(o.Words[i-1], largest, int(w)*pixelScale, int(h)*pixelScale)
		}
		p.add(h+under, func(s *sheet, top float64) {
			for i := range panels {
				x := margin + float64(i)*(w+between)
				s.image(x, top, w, h, panels[i])
				st := style{size: 14, color: ink, align: center}
				if i+start == 0 {
					st.color, st.size = soft, labelSize
				}
				s.text(x+w/2, top+h+under/2-1, fit(names[i], st.size, w), st)
			}
		})
		p.used = max(p.used, margin+float64(end-start)*(w+between)-between)
		p.gap(6)
	}
	p.colorBar(scale{colors: ember, high: largest, what: "attention weight on the patch"})
	if bad > 0 {
		p.note("%s", badWeights(bad))
	}
	p.width = min(p.width, max(p.used, 300)+margin)
	return p.finish(), nil
}

func (o AttentionOptions) sentence() string {
	var b strings.Builder
	for _, w := range o.Words {
		b.WriteString(w.Text)
	}
	return b.String()
}

// panel lays the glow of a word over the picture with its colours held back, w x h pixels large.
func (o AttentionOptions) panel(word Word, largest float64, w, h int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	base := resize(o.Picture, w, h)
	draw.Draw(out, out.Bounds(), base, base.Bounds().Min, draw.Src)
	glow := glowOf(word.Weights, largest, w, h)
	for y := range h {
		for x := range w {
			c := over(out.NRGBAAt(x, y), paper)
			g := uint8(math.Round(0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)))
			c = mix(c, color.NRGBA{g, g, g, 255}, 1-saturation)
			out.SetNRGBA(x, y, over(glow.NRGBAAt(x, y), c))
		}
	}
	return out
}

// saturation is how much of a picture's colour stays under the glow; style.css has the same.
const saturation = 0.35

// glowOf is the layer of one word: the more weight, the brighter and the less transparent.
func glowOf(weights [][]float64, largest float64, w, h int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			t := 0.0
			if largest > 0 {
				t = bilinear(weights, (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)) / largest
			}
			t = min(max(t, 0), 1)
			out.SetNRGBA(x, y, fade(ember.at(t), 0.12+0.73*math.Sqrt(t)))
		}
	}
	return out
}

// bilinear interpolates between the centres of the cells of a grid at (u, v) in [0, 1]²; outside of the centres it stays constant.
func bilinear(g [][]float64, u, v float64) float64 {
	locate := func(t float64, n int) (int, int, float64) {
		at := min(max(t*float64(n)-0.5, 0), float64(n-1))
		i := int(at)
		return i, min(i+1, n-1), at - float64(i)
	}
	y0, y1, fy := locate(v, len(g))
	x0, x1, fx := locate(u, len(g[0]))
	value := func(y, x int) float64 {
		if !finite(g[y][x]) {
			return 0
		}
		return g[y][x]
	}
	top := value(y0, x0) + fx*(value(y0, x1)-value(y0, x0))
	bottom := value(y1, x0) + fx*(value(y1, x1)-value(y1, x0))
	return top + fy*(bottom-top)
}

// block makes panels that flow with the width of the page; the picture is in the page once.
func (o AttentionOptions) block(p *page) (markup, error) {
	if err := o.check(); err != nil {
		return "", fmt.Errorf("viz: attention: %w", err)
	}
	pic, err := p.picture(o.Picture)
	if err != nil {
		return "", fmt.Errorf("viz: attention: %w", err)
	}
	largest, bad := o.largest()
	type panel struct {
		Text string
		Glow template.URL
	}
	data := struct {
		Title, ID, Largest, Note string
		Picture                  picture
		Panels                   []panel
	}{Title: p.text(o.Title), ID: p.id(), Largest: number(largest), Picture: pic}
	if bad > 0 {
		data.Note = badWeights(bad)
	}
	fmt.Fprintf(&p.css, ".%s{background-image:url(%s)}\n", data.ID, pic.URL)
	for _, word := range o.Words {
		glow, err := p.picture(glowOf(word.Weights, largest, 48, 48))
		if err != nil {
			return "", fmt.Errorf("viz: attention: %w", err)
		}
		data.Panels = append(data.Panels, panel{p.text(word.Text), glow.URL})
	}
	return p.render("attention", data)
}
