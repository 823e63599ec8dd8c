package viz

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// newPlot is a gonum plot in the style of this package: thin bottom axis, no ticks but their labels, light lines across.
func newPlot(xLabel, yLabel string) *plot.Plot {
	pl := plot.New()
	handler := loadFaces().handler
	pl.TextHandler = handler
	pl.BackgroundColor = nil
	pl.Title.TextStyle.Handler, pl.Title.TextStyle.Font = handler, fontOf(titleSize, false)
	pl.Legend.TextStyle.Handler, pl.Legend.TextStyle.Font = handler, fontOf(labelSize, false)
	for _, axis := range []*plot.Axis{&pl.X, &pl.Y} {
		axis.Label.TextStyle.Handler, axis.Tick.Label.Handler = handler, handler
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = fontOf(labelSize, false), fontOf(noteSize, false)
		axis.Label.TextStyle.Color, axis.Tick.Label.Color = soft, soft
		axis.Label.Padding = px(4)
		axis.Tick.Length = 0
		axis.Tick.LineStyle.Width = 0
		axis.LineStyle.Color, axis.LineStyle.Width = soft, px(1)
		axis.Padding = px(5)
	}
	pl.Y.LineStyle.Width = 0
	pl.Y.Tick.Label.YAlign = -0.31 // the middle of the digits, not of the font's box, on the line
	pl.X.Label.Text, pl.Y.Label.Text = xLabel, yLabel
	return pl
}

func gridLines() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Width = 0
	g.Horizontal.Color, g.Horizontal.Width, g.Horizontal.Dashes = grid, px(1), nil
	return g
}

// from converts a point of the canvas to CSS pixels.
func (s *sheet) from(p vg.Point) (x, y float64) {
	return float64(p.X) / pointsPerPixel, s.height - float64(p.Y)/pointsPerPixel
}
