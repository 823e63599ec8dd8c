package viz

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// curve is the points of a series with their colour.
type curve struct {
	points plotter.XYs
	color  color.NRGBA
	dash   []float64
}

// largestDrawn bounds the values that are drawn: sums and ratios of larger ones, or logarithms of smaller ones than its inverse, overflow.
const largestDrawn = 1e100

// drawable says whether v is finite and not absurdly large.
func drawable(v float64) bool { return math.Abs(v) <= largestDrawn }

// DataRange implements [plot.DataRanger].
func (c curve) DataRange() (xmin, xmax, ymin, ymax float64) {
	if len(c.points) == 0 {
		return math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	}
	return plotter.XYRange(c.points)
}

// trace draws a curve as a line, and one of a single point as a dot.
type trace struct {
	curve
	stroke stroke
}

// Plot implements [plot.Plotter]. Coordinates are rounded to a tenth of a point, which keeps live drawings small.
func (t trace) Plot(c vgdraw.Canvas, pl *plot.Plot) {
	if len(t.points) == 1 {
		markers{curve{points: t.points, color: t.stroke.color}}.Plot(c, pl)
		return
	}
	x, y := pl.Transforms(&c)
	round := func(v vg.Length) vg.Length { return vg.Length(math.Round(float64(v)*10) / 10) }
	line := make([]vg.Point, len(t.points))
	for i, p := range t.points {
		line[i] = vg.Point{X: round(x(p.X)), Y: round(y(p.Y))}
	}
	if len(line) > 1 {
		c.StrokeLines(t.stroke.style(), line)
	}
}

// markers draws a curve as dots.
type markers struct{ curve }

// Plot implements [plot.Plotter].
func (m markers) Plot(c vgdraw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	s := &sheet{c: c}
	for _, p := range m.points {
		px, py := s.from(vg.Point{X: x(p.X), Y: y(p.Y)})
		s.dot(px, py, 3.25, m.color)
	}
}
