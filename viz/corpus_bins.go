package viz

import (
	"fmt"
	"io"
	"math"
)

// BinsOptions is what [Bins] draws.
type BinsOptions struct {
	Title  string
	XLabel string
	// Edges divide the bins: bin i holds values from Edges[i] up to Edges[i+1]; they grow, and bins are drawn with equal width.
	Edges  []float64
	Counts []float64 // one less than Edges; 0 or more
	Marks  []Baseline
	Width  float64 // CSS pixels; 720 if 0
	Height float64 // CSS pixels; 260 if 0
}

// Bins draws a histogram that was counted before, with bins of any width, such as those that double: how long the texts of a corpus are.
func Bins(w io.Writer, format Format, o BinsOptions) error { return Draw(w, format, o) }

func (o BinsOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o BinsOptions) check() error {
	if len(o.Counts) == 0 || len(o.Edges) != len(o.Counts)+1 {
		return fmt.Errorf("viz: bins: %d edges for %d counts: give at least one count, and one edge more", len(o.Edges), len(o.Counts))
	}
	for i, e := range o.Edges {
		if !finite(e) || i > 0 && e <= o.Edges[i-1] {
			return fmt.Errorf("viz: bins: edge %d is %v: give numbers that grow", i, e)
		}
	}
	for i, n := range o.Counts {
		if !finite(n) || n < 0 {
			return fmt.Errorf("viz: bins: count %d is %v: give 0 or more", i, n)
		}
	}
	return nil
}

func (o BinsOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "histogram of "+missing{}.clean(o.XLabel))
	p.paragraph("count", style{size: labelSize, color: soft})
	largest, sum := 0.0, 0.0
	for _, n := range o.Counts {
		largest, sum = max(largest, n), sum+n
	}
	step := roundStep(max(largest, 1) / 4)
	top := step * math.Ceil(max(largest, 1)/step)
	left := 0.0
	for v := 0.0; v <= top; v += step {
		left = max(left, textWidth(short(v), noteSize, false))
	}
	height := max(first(o.Height, 260)-p.height-margin-40, 80)
	x0, room := margin+left+8, p.inner()-left-8-18 // the last edge's label stands half outside
	each := room / float64(len(o.Counts))
	p.add(height+18, func(s *sheet, y float64) {
		base := y + height
		for v := 0.0; v <= top; v += step {
			at := base - v/top*(height-16)
			s.line([][2]float64{{x0, at}, {x0 + room, at}}, stroke{color: grid, width: 1})
			s.text(x0-8, at, short(v), style{size: noteSize, color: soft, align: right})
		}
		for i, n := range o.Counts {
			h := n / top * (height - 16)
			s.rect(x0+float64(i)*each+0.5, base-h, max(each-1, 0.5), h, blue)
		}
		o.edges(s, x0, each, base)
		o.marks(s, p, x0, each, y, base)
	})
	if o.XLabel != "" {
		p.paragraph(p.say(o.XLabel), style{size: labelSize, color: soft})
	}
	p.note("%s.", plural(int(sum), "value"))
	return p.finish(), nil
}

// edges writes as many edges below the bins as there is room for.
func (o BinsOptions) edges(s *sheet, x0, each, base float64) {
	every := 1
	for float64(every)*each < 46 && every < len(o.Edges) {
		every++
	}
	for i := 0; i < len(o.Edges); i += every {
		at := x0 + float64(i)*each
		s.line([][2]float64{{at, base}, {at, base + 3}}, stroke{color: soft, width: 1})
		label := short(round(o.Edges[i]))
		s.text(at-textWidth(label, noteSize, false)/2, base+11, label, style{size: noteSize, color: soft})
	}
}

// marks draws upright lines at values that lie among the edges.
func (o BinsOptions) marks(s *sheet, p *plan, x0, each, y, base float64) {
	for i, m := range o.Marks {
		if !finite(m.Value) || m.Value < o.Edges[0] || m.Value > o.Edges[len(o.Edges)-1] {
			continue
		}
		bin := 0
		for bin < len(o.Counts)-1 && m.Value >= o.Edges[bin+1] {
			bin++
		}
		at := x0 + each*(float64(bin)+(m.Value-o.Edges[bin])/(o.Edges[bin+1]-o.Edges[bin]))
		s.line([][2]float64{{at, y}, {at, base}}, stroke{ink, 1, []float64{5, 4}})
		st, side := style{size: noteSize, color: ink}, 5.0
		if at > p.width/2 {
			st.align, side = right, -5
		}
		s.text(at+side, y+8+14*float64(i), p.say(m.Name+" "+number(m.Value)), st)
	}
}

// round keeps three digits that matter of a number that is not whole.
func round(v float64) float64 {
	if v == math.Trunc(v) {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2)
	return math.Round(v/unit) * unit
}
