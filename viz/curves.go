package viz

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Series is a named line: Y over X, in the order of X. Values that are not finite are left out and counted.
type Series struct {
	Name string
	X, Y []float64
}

// Baseline is a value to beat, drawn as a dashed line.
type Baseline struct {
	Name  string
	Value float64
}

// CurvesOptions is what [Curves] draws.
type CurvesOptions struct {
	Title          string
	XLabel, YLabel string   // "step" and "loss" if empty
	Series         []Series // at least one; a series may have no points yet
	// HeldOut are markers; one with the name of a series takes its colour.
	HeldOut   []Series
	Baselines []Baseline
	// Smooth in [0, 1) is the weight of the past in a running mean of the lines; the raw line stays faintly behind. 0 draws the raw line.
	Smooth float64
	// LogY draws the loss on a logarithmic scale; values not above 0 are left out and counted.
	LogY          bool
	Width, Height float64 // CSS pixels; 720 x 400 if 0
}

// Curves draws loss curves: lines per task or source over the steps, held-out points, and baselines. It is fast enough to be called
// every second while training: long series are thinned to the extremes of each pixel column.
func Curves(w io.Writer, format Format, o CurvesOptions) error { return Draw(w, format, o) }

func (o CurvesOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o CurvesOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: curves: %w", err)
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	c := &curves{CurvesOptions: o, plan: p, colors: make(map[string]color.NRGBA)}
	if p.title == "" {
		p.title = first(o.YLabel, "loss") + " over " + first(o.XLabel, "step")
	} else {
		p.head()
	}
	c.collect()
	p.legend(c.keys)
	p.paragraph(p.say(first(o.YLabel, "loss")), style{size: labelSize, color: soft})
	plotted := max(first(o.Height, 400)-p.height-margin, 200) // narrow figures grow in height, for their legend
	p.add(plotted, c.axes(plotted))
	return p.finish(), nil
}

func (o CurvesOptions) check() error {
	if len(o.Series) == 0 && len(o.HeldOut) == 0 {
		return fmt.Errorf("there is no series: give at least one, which may be empty")
	}
	if !(o.Smooth >= 0 && o.Smooth < 1) {
		return fmt.Errorf("the weight Smooth is %v: give a weight from 0 to below 1", o.Smooth)
	}
	for _, list := range [][]Series{o.Series, o.HeldOut} {
		for _, s := range list {
			if len(s.X) != len(s.Y) {
				return fmt.Errorf("series %q has %d x and %d y values: give as many of both", s.Name, len(s.X), len(s.Y))
			}
		}
	}
	return nil
}

// first returns the first value that is not zero.
func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

// curves is the drawing of CurvesOptions while it is laid out.
type curves struct {
	CurvesOptions
	plan      *plan
	colors    map[string]color.NRGBA
	raw, mean []curve
	markers   []curve
	base      []Baseline
	keys      []key
}

// dashes tells series apart when there are more than colours.
var dashes = [][]float64{nil, {6, 3}, {2, 2}, {8, 3, 2, 3}}

// collect drops what cannot be drawn, smooths, and makes the legend.
func (c *curves) collect() {
	for i, s := range c.Series {
		col, dash := series[i%len(series)], dashes[i/len(series)%len(dashes)]
		c.colors[s.Name] = col
		raw := c.usable(s)
		mean := smooth(raw, c.Smooth)
		if c.Smooth > 0 {
			c.raw = append(c.raw, curve{raw, col, nil})
		}
		c.mean = append(c.mean, curve{mean, col, dash})
		name := s.Name + " (no points yet)"
		if len(mean) > 0 {
			name = s.Name + " " + number(mean[len(mean)-1].Y)
		}
		c.keys = append(c.keys, key{name: c.plan.say(name), color: col, dash: dash})
	}
	for _, s := range c.HeldOut {
		col, ok := c.colors[s.Name]
		if !ok {
			col = series[len(c.colors)%len(series)]
			c.colors[s.Name] = col
		}
		points := c.usable(s)
		c.markers = append(c.markers, curve{points: points, color: col})
		name := s.Name + " held out"
		if len(points) > 0 {
			name += " " + number(points[len(points)-1].Y)
		}
		c.keys = append(c.keys, key{name: c.plan.say(name), color: col, kind: keyDot})
	}
	for _, b := range c.Baselines {
		if !drawable(b.Value) || c.LogY && b.Value < 1/largestDrawn {
			c.plan.note("The baseline %s has no value that can be drawn.", b.Name)
			continue
		}
		c.base = append(c.base, Baseline{c.plan.say(b.Name), b.Value})
	}
}

// usable returns the points of s that can be drawn, and notes how many cannot.
func (c *curves) usable(s Series) plotter.XYs {
	var out plotter.XYs
	infinite, negative := 0, 0
	for i := range s.X {
		switch {
		case !drawable(s.X[i]) || !drawable(s.Y[i]):
			infinite++
		case c.LogY && s.Y[i] < 1/largestDrawn:
			negative++
		default:
			out = append(out, plotter.XY{X: s.X[i], Y: s.Y[i]})
		}
	}
	if infinite > 0 {
		c.plan.note("%s: %s not finite or beyond 1e100, left out.", s.Name, plural(infinite, "value"))
	}
	if negative > 0 {
		c.plan.note("%s: %s not above 0, left out of the logarithmic scale.", s.Name, plural(negative, "value"))
	}
	return out
}

// smooth is the exponential running mean of points, corrected for its start.
func smooth(points plotter.XYs, weight float64) plotter.XYs {
	if weight == 0 {
		return points
	}
	out := make(plotter.XYs, len(points))
	sum, norm := 0.0, 0.0
	for i, p := range points {
		sum = weight*sum + (1-weight)*p.Y
		norm = weight*norm + (1 - weight)
		out[i] = plotter.XY{X: p.X, Y: sum / norm}
	}
	return out
}

// thin keeps of points the lowest and the highest of each of n columns, and the first and last of all.
func thin(points plotter.XYs, n int) plotter.XYs {
	if len(points) <= 2*n {
		return points
	}
	lo, hi := points[0].X, points[len(points)-1].X
	column := func(x float64) int { return int(float64(n) * (x - lo) / (hi - lo)) }
	out := plotter.XYs{points[0]}
	for i := 0; i < len(points); {
		j, low, high := i, i, i
		for ; j < len(points) && column(points[j].X) == column(points[i].X); j++ {
			if points[j].Y < points[low].Y {
				low = j
			}
			if points[j].Y > points[high].Y {
				high = j
			}
		}
		out = append(out, points[min(low, high)])
		if low != high {
			out = append(out, points[max(low, high)])
		}
		i = j
	}
	return append(out, points[len(points)-1])
}

// axes builds the gonum plot and returns how to draw it.
func (c *curves) axes(height float64) func(*sheet, float64) {
	pl := newPlot(fit(c.plan.say(first(c.XLabel, "step")), labelSize, c.plan.inner()-60), "")
	pl.X.Tick.Marker, pl.Y.Tick.Marker = linearTicks{int(c.plan.inner() / 70)}, linearTicks{int(height / 40)}
	if c.LogY {
		pl.Y.Scale, pl.Y.Tick.Marker = plot.LogScale{}, logTicks{int(height / 40)}
	}
	pl.Add(gridLines(), baselines{c}) // data is drawn over the names of baselines, never under them
	points := 0
	add := func(list []curve, width, opacity float64) {
		for _, v := range list {
			points += len(v.points)
			v.points = thin(v.points, int(c.plan.inner()/2))
			pl.Add(trace{v, stroke{fade(v.color, opacity), width, v.dash}})
		}
	}
	add(c.raw, 1, 0.25)
	add(c.mean, 1.75, 1)
	for _, v := range c.markers {
		points += len(v.points)
		pl.Add(markers{v})
	}
	c.span(pl, height, points == 0)
	return func(s *sheet, top float64) {
		area := s.area(margin, top, c.plan.inner(), height)
		pl.Draw(area)
		if points == 0 {
			data := pl.DataCanvas(area)
			x, y := s.from(data.Center())
			s.text(x, y, "no points yet", style{size: labelSize, color: soft, align: center})
		}
	}
}

// span sets the ranges of the axes: baselines are inside, nothing touches the frame, and the name of the highest baseline has room.
func (c *curves) span(pl *plot.Plot, height float64, empty bool) {
	if empty {
		pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = 0, 1, 0.1, 1
	}
	below, above := 0.04, 0.04
	for _, b := range c.base {
		pl.Y.Min, pl.Y.Max = min(pl.Y.Min, b.Value), max(pl.Y.Max, b.Value)
		above = 24 / height
	}
	if pl.X.Max == pl.X.Min {
		pl.X.Max++
	}
	if c.LogY {
		ratio := max(pl.Y.Max/pl.Y.Min, 1.05)
		pl.Y.Min, pl.Y.Max = pl.Y.Min/math.Pow(ratio, below), pl.Y.Max*math.Pow(ratio, above)
		return
	}
	size := pl.Y.Max - pl.Y.Min
	if size == 0 {
		size = max(math.Abs(pl.Y.Max), 1)
	}
	pl.Y.Min, pl.Y.Max = pl.Y.Min-below*size, pl.Y.Max+above*size
}

// baselines draws the dashed lines with their names above the right end, moved up where two would overlap.
type baselines struct{ *curves }

// Plot implements [plot.Plotter].
func (c baselines) Plot(data vgdraw.Canvas, pl *plot.Plot) {
	s := &sheet{c: data}
	_, y := pl.Transforms(&data)
	x0, y0 := s.from(data.Min)
	x1, y1 := s.from(data.Max)
	var used []float64
	for _, b := range c.base {
		at := y0 - float64(y(b.Value)-data.Min.Y)/pointsPerPixel
		s.line([][2]float64{{x0, at}, {x1, at}}, stroke{soft, 1, []float64{5, 4}})
		label := free(at-9, used, y1+6)
		used = append(used, label)
		s.label(x1-4, label, fit(b.Name+" "+number(b.Value), noteSize, x1-x0-8), style{size: noteSize, color: soft, align: right})
	}
}

// free moves y away from the heights in use: upwards, or downwards where the top is reached.
func free(y float64, used []float64, top float64) float64 {
	const distance = 14
	clash := func(y float64) bool {
		for _, u := range used {
			if math.Abs(u-y) < distance {
				return true
			}
		}
		return false
	}
	for _, step := range []float64{-2, 2} {
		for at := max(y, top); at >= top && at < y+200; at += step {
			if !clash(at) {
				return at
			}
		}
	}
	return y
}
