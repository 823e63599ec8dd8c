package viz

import (
	"fmt"
	"image/color"
	"io"
	"strconv"
)

// HeatOptions is what [Heat] draws.
type HeatOptions struct {
	Title                 string
	RowTitle, ColumnTitle string      // such as "layer" and "expert"
	Rows, Columns         []string    // labels; nil numbers them from 0
	Values                [][]float64 // Values[row][column]
	Unit                  string      // of the values, beside the scale
	// Low and High are the ends of the scale; both 0 means from 0 (or the smallest value, if negative) to the largest.
	Low, High float64
	Width     float64
}

// Heat draws a matrix of values as colours: the load of the experts by layer, for instance.
func Heat(w io.Writer, format Format, o HeatOptions) error { return Draw(w, format, o) }

func (o HeatOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o HeatOptions) plan(width float64) (*figure, error) {
	if len(o.Values) == 0 || len(o.Values[0]) == 0 {
		return nil, fmt.Errorf("viz: heat: there are no values: give at least one row and one column")
	}
	rows, columns := numbered(o.Rows, len(o.Values)), numbered(o.Columns, len(o.Values[0]))
	if err := checkGrid(o.Values, len(rows), len(columns)); err != nil {
		return nil, fmt.Errorf("viz: heat: %w", err)
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "heat map")
	low, high, bad := bounds(o.Values)
	low = min(low, 0)
	if o.Low != 0 || o.High != 0 {
		low, high = o.Low, o.High
	}
	m := newMatrix(len(rows), len(columns), p.inner(), p.sayAll(rows), p.sayAll(columns))
	if !m.showColumns && o.Columns == nil && m.size >= 4 {
		m.sparse()
	}
	m.rowTitle, m.columnTitle = p.say(o.RowTitle), p.say(o.ColumnTitle)
	m.stretch(p.inner())
	m.cell = func(r, c int) color.NRGBA { return heatColor(o.Values[r][c], low, high) }
	m.place(p)
	p.gap(6)
	p.colorBar(scale{blues, low, high, p.say(o.Unit), m.raster()})
	if bad > 0 {
		p.note("%s not finite, left blank.", plural(bad, "value"))
	}
	p.width = max(p.width, p.used+margin)
	return p.finish(), nil
}

// numbered returns labels, or the numbers from 0 where there are none.
func numbered(labels []string, n int) []string {
	if labels != nil {
		return labels
	}
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}

// sparse shows every eighth column number where the cells are too small for all.
func (m *matrix) sparse() {
	for i := range m.columnLabels {
		if i%8 != 0 {
			m.columnLabels[i] = ""
		}
	}
	m.showColumns, m.labelHeight = true, smallText*1.2
}

// stretch makes few columns wider, and rows at least readable, so that the matrix fills the width.
func (m *matrix) stretch(width float64) {
	m.sizeY = max(m.sizeY, min(maxCell, max(maxCell*8/float64(m.rows), 6)))
	if m.rowLabels != nil && m.sizeY >= smallText && !m.showRows {
		m.showRows, m.labelWidth = true, ceil(min(widest(m.rowLabels), 0.4*width))
	}
	room := (width - m.labelWidth - labelGap - titleBand) / float64(m.columns)
	if m.size == maxCell {
		m.size = 3 * maxCell
	}
	m.size = min(m.size, room)
}
