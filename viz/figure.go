package viz

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Format is the kind of file that a figure becomes.
type Format string

const (
	SVG  Format = "svg"  // vector drawing with the glyphs it uses
	PNG  Format = "png"  // two dots per CSS pixel
	HTML Format = "html" // fragment to put into a page or a notebook; it follows the width and the theme of the page
)

// Figure is what [Draw] can draw: the options of one of the figures of this package.
type Figure interface {
	Block
	// plan lays the figure out for a width in CSS pixels; 0 means the figure's own.
	plan(width float64) (*figure, error)
}

// Draw writes fig to w. It is an error if the values of the figure do not fit together or the format is unknown; nothing is written then.
func Draw(w io.Writer, format Format, fig Figure) error {
	var out []byte
	var err error
	switch format {
	case SVG:
		out, err = drawSVG(fig)
	case PNG:
		out, err = drawPNG(fig)
	case HTML:
		out, err = drawHTML(fig)
	default:
		err = fmt.Errorf("viz: format %q is unknown: use svg, png or html", format)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// pixelScale is the number of dots of a PNG per CSS pixel.
const pixelScale = 2

func drawPNG(fig Figure) ([]byte, error) {
	f, err := fig.plan(0)
	if err != nil {
		return nil, err
	}
	if f.width*f.height*pixelScale*pixelScale > 1<<27 {
		return nil, fmt.Errorf("viz: %s: a picture of %.0f x %.0f CSS pixels is too large: draw fewer rows", f.title, f.width, f.height)
	}
	c := vgimg.NewWith(vgimg.UseWH(px(f.width), px(f.height)), vgimg.UseDPI(96*pixelScale), vgimg.UseBackgroundColor(paper))
	f.draw(&sheet{c: draw.New(c), height: f.height, scale: pixelScale})
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("viz: %s: encoding PNG: %w", f.title, err)
	}
	return b.Bytes(), nil
}

// figure is a drawing that is laid out.
type figure struct {
	title         string // what a screen reader says
	width, height float64
	draw          func(*sheet)
}

const (
	margin       = 12.0  // around every figure
	defaultWidth = 720.0 // of figures that fill the width they are given
	labelSize    = 12.0
	titleSize    = 15.0
	noteSize     = 11.0
	lineStep     = 1.45 // line distance in font sizes
)

// plan collects the parts of a figure from top to bottom.
type plan struct {
	title  string
	width  float64 // of the whole figure
	height float64 // of the parts so far
	used   float64 // right end of the widest line of text so far
	parts  []func(*sheet)
	miss   missing
	notes  []string
}

func newPlan(title string, width float64) *plan {
	p := &plan{width: width, height: margin, miss: missing{}}
	p.title = p.say(title)
	return p
}

// say is the one way of a string into a drawing.
func (p *plan) say(s string) string { return p.miss.clean(s) }

func (p *plan) sayAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = p.say(s)
	}
	return out
}

// inner is the width between the margins.
func (p *plan) inner() float64 { return p.width - 2*margin }

// add appends a part of the given height; paint gets the y of its top, a whole number, so that cells and pictures lie on pixels.
func (p *plan) add(height float64, paint func(s *sheet, top float64)) {
	top := p.height
	p.parts = append(p.parts, func(s *sheet) { paint(s, top) })
	p.height += ceil(height)
}

// gap leaves empty space.
func (p *plan) gap(height float64) { p.height += ceil(height) }

// head adds the title, if there is one.
func (p *plan) head() {
	if p.title == "" {
		return
	}
	p.paragraph(p.title, style{size: titleSize, color: ink, bold: true})
	p.gap(8)
}

// paragraph adds text, broken into lines of the inner width.
func (p *plan) paragraph(s string, st style) {
	for _, line := range wrap(s, st.size, st.bold, p.inner()) {
		p.used = max(p.used, margin+textWidth(line, st.size, st.bold))
		p.add(st.size*lineStep, func(sh *sheet, top float64) { sh.text(margin, top+st.size*lineStep/2, line, st) })
	}
}

// note keeps a sentence for the foot of the figure.
func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, p.say(fmt.Sprintf(format, args...)))
}

// finish adds the notes and returns the figure.
func (p *plan) finish() *figure {
	notes := p.notes
	if n := p.miss.note("written as their codes"); n != "" {
		notes = append(notes, n)
	}
	if len(notes) > 0 {
		p.gap(6)
		p.paragraph(strings.Join(notes, " "), style{size: noteSize, color: soft})
	}
	parts := p.parts
	return &figure{title: p.title, width: ceil(p.width), height: ceil(p.height + margin), draw: func(s *sheet) {
		for _, part := range parts {
			part(s)
		}
	}}
}

// key is one entry of a legend.
type key struct {
	name  string
	color color.NRGBA
	kind  keyKind
	dash  []float64
}

type keyKind int

const (
	keyLine keyKind = iota
	keySquare
	keyDot
)

// legend adds rows of entries, as many in a row as fit.
func (p *plan) legend(keys []key) {
	const between, row = 18.0, 20.0
	swatch := 22.0
	if len(keys) > 0 && keys[0].kind == keySquare {
		swatch = 14
	}
	x, y := 0.0, 0.0
	type spot struct {
		key
		x, y float64
	}
	var spots []spot
	for _, k := range keys {
		w := swatch + 6 + textWidth(k.name, labelSize, false)
		if x > 0 && x+w > p.inner() {
			x, y = 0, y+row
		}
		spots = append(spots, spot{k, margin + x, y + row/2})
		x += w + between
		p.used = max(p.used, margin+min(x-between, p.inner()))
	}
	if len(spots) == 0 {
		return
	}
	p.add(y+row, func(s *sheet, top float64) {
		for _, k := range spots {
			s.swatch(k.key, k.x, top+k.y, swatch)
			name := fit(k.name, labelSize, p.inner()-swatch-6)
			s.text(k.x+swatch+6, top+k.y, name, style{size: labelSize, color: ink})
		}
	})
	p.gap(6)
}

// swatch draws the sign of a legend entry, w wide, around the height y.
func (s *sheet) swatch(k key, x, y, w float64) {
	switch k.kind {
	case keySquare:
		s.rect(x+w-14, y-7, 14, 14, k.color)
	case keyDot:
		s.dot(x+w/2, y, 3.5, k.color)
	default:
		s.line([][2]float64{{x, y}, {x + w, y}}, stroke{color: k.color, width: 2, dash: k.dash})
	}
}
