package viz

import (
	"fmt"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// HistogramOptions is what [Histogram] draws.
type HistogramOptions struct {
	Title         string
	XLabel        string
	Values        []float64 // at least one finite; others are left out and counted
	Bins          int       // 30 if 0
	Marks         []Baseline
	Width, Height float64 // CSS pixels; 720 x 280 if 0
}

// Histogram draws how often values fall into bins of equal width, with named marks as dashed upright lines.
func Histogram(w io.Writer, format Format, o HistogramOptions) error { return Draw(w, format, o) }

func (o HistogramOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o HistogramOptions) plan(width float64) (*figure, error) {
	var values plotter.Values
	for _, v := range o.Values {
		if finite(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("viz: histogram: there is no finite value among %d: give at least one", len(o.Values))
	}
	if o.Bins < 0 || o.Bins > 1000 {
		return nil, fmt.Errorf("viz: histogram: %d bins: give 1 to 1000", o.Bins)
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "histogram of "+missing{}.clean(o.XLabel))
	p.paragraph("count", style{size: labelSize, color: soft})
	hist, err := plotter.NewHist(values, first(o.Bins, 30))
	if err != nil {
		return nil, fmt.Errorf("viz: histogram: %w", err)
	}
	hist.FillColor = blue
	hist.LineStyle = stroke{color: paper, width: 1}.style()
	height := max(first(o.Height, 280)-p.height-margin, 100)
	pl := newPlot(fit(p.say(o.XLabel), labelSize, p.inner()-60), "")
	pl.X.Tick.Marker, pl.Y.Tick.Marker = linearTicks{int(p.inner() / 60)}, linearTicks{int(height / 50)}
	pl.X.Padding = 0
	pl.Add(gridLines(), hist)
	pl.Y.Min, pl.Y.Max = 0, pl.Y.Max*1.05
	draw := o.marks(p, pl)
	p.add(height, func(s *sheet, top float64) {
		area := s.area(margin, top, p.inner(), height)
		pl.Draw(area)
		draw(s, pl.DataCanvas(area))
	})
	if bad := len(o.Values) - len(values); bad > 0 {
		p.note("%s not finite, left out.", plural(bad, "value"))
	}
	p.note("%s.", plural(len(values), "value"))
	return p.finish(), nil
}

// marks makes room for the marks and returns how to draw them: dashed upright lines with their names at the top.
func (o HistogramOptions) marks(p *plan, pl *plot.Plot) func(*sheet, vgdraw.Canvas) {
	var marks []Baseline
	for _, m := range o.Marks {
		if !finite(m.Value) {
			p.note("The mark %s has no value that can be drawn.", m.Name)
			continue
		}
		pl.X.Min, pl.X.Max = min(pl.X.Min, m.Value), max(pl.X.Max, m.Value)
		marks = append(marks, Baseline{p.say(m.Name + " " + number(m.Value)), m.Value})
	}
	return func(s *sheet, data vgdraw.Canvas) {
		x, _ := pl.Transforms(&data)
		x0, y1 := s.from(data.Min)
		x1, y0 := s.from(data.Max)
		for i, m := range marks {
			at := x0 + float64(x(m.Value)-data.Min.X)/pointsPerPixel
			s.line([][2]float64{{at, y0}, {at, y1}}, stroke{ink, 1, []float64{5, 4}})
			st, side := style{size: noteSize, color: ink}, 5.0
			if at > (x0+x1)/2 {
				st.align, side = right, -5
			}
			s.text(at+side, y0+8+14*float64(i), m.Name, st)
		}
	}
}
