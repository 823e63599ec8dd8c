package viz

import (
	"fmt"
	"image/color"
	"io"
)

// Part is a stretch of positions of a sequence.
type Part struct {
	Name   string // such as "visual", "masked", "complete"
	Length int    // may be 0
}

// MaskOptions is what [Mask] draws.
type MaskOptions struct {
	Title string
	// Parts lie one after another; their lengths add up to the length of the sequence.
	Parts []Part
	// Allowed[query][key] says whether the position of the query sees that of the key; it is square.
	Allowed [][]bool
	// Labels are the tokens of the positions, drawn along both axes where they fit; nil for none.
	Labels []string
	Width  float64 // CSS pixels; 560 if 0
}

// Mask draws an attention mask as a matrix: a row sees the coloured columns. Each part of the keys has its own colour, and lines
// separate the parts.
func Mask(w io.Writer, format Format, o MaskOptions) error { return Draw(w, format, o) }

func (o MaskOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o MaskOptions) check() error {
	n := 0
	for _, part := range o.Parts {
		if part.Length < 0 {
			return fmt.Errorf("part %q has the length %d: give 0 or more", part.Name, part.Length)
		}
		n += part.Length
	}
	if n == 0 {
		return fmt.Errorf("all parts are empty: give a sequence of at least one position")
	}
	if len(o.Allowed) != n {
		return fmt.Errorf("field Allowed has %d rows and the parts have %d positions: give as many of both", len(o.Allowed), n)
	}
	for i, row := range o.Allowed {
		if len(row) != n {
			return fmt.Errorf("row %d of Allowed has %d columns, not %d", i, len(row), n)
		}
	}
	if o.Labels != nil && len(o.Labels) != n {
		return fmt.Errorf("there are %d labels for %d positions: give as many of both, or none", len(o.Labels), n)
	}
	return nil
}

func (o MaskOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: mask: %w", err)
	}
	p, _ := o.layout(width)
	return p.finish(), nil
}

func (o MaskOptions) layout(width float64) (*plan, *matrix) {
	own := first(o.Width, 560)
	if width > 0 {
		own = min(own, width)
	}
	p := newPlan(o.Title, own)
	p.head()
	if p.title == "" {
		p.title = "attention mask"
	}
	parts := o.said(p)
	keys := make([]key, 0, len(parts)+1)
	for i, part := range parts {
		if part.Length > 0 {
			keys = append(keys, key{name: "sees " + part.Name, color: partColor(i), kind: keySquare})
		}
	}
	p.legend(append(keys, key{name: "does not see", color: blank, kind: keySquare}))
	labels := p.sayAll(o.Labels)
	m := newMatrix(len(o.Allowed), len(o.Allowed), p.inner(), labels, labels)
	m.rowParts, m.columnParts = parts, parts
	m.rowTitle, m.columnTitle = "sees (queries)", "is seen (keys)"
	partOf := o.partOf()
	m.cell = func(row, column int) color.NRGBA {
		if o.Allowed[row][column] {
			return partColor(partOf[column])
		}
		return blank
	}
	m.place(p)
	return p, m
}

// said returns the parts with names that can be drawn.
func (o MaskOptions) said(p *plan) []Part {
	out := make([]Part, len(o.Parts))
	for i, part := range o.Parts {
		out[i] = Part{p.say(part.Name), part.Length}
	}
	return out
}

// partOf maps each position to the index of its part.
func (o MaskOptions) partOf() []int {
	var out []int
	for i, part := range o.Parts {
		for range part.Length {
			out = append(out, i)
		}
	}
	return out
}

func partColor(i int) color.NRGBA {
	return []color.NRGBA{sky, orange, green, purple, red, blue}[i%6]
}
