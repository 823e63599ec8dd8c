package viz

import (
	"fmt"
	"image/color"
	"io"
	"math"
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
	values, pools := pool(o.Values, math.MaxInt, int(p.inner()-titleBand-2*partBand))
	if pools.columns > 1 {
		columns = every(columns, pools.columns)
		p.note("Each cell is the largest of up to %d columns.", pools.columns)
	}
	m := newMatrix(len(rows), len(columns), p.inner(), p.sayAll(rows), p.sayAll(columns))
	m.rowTitle, m.columnTitle = p.say(o.RowTitle), p.say(o.ColumnTitle)
	m.stretch(p.inner())
	if !m.showColumns && o.Columns == nil {
		m.sparse()
	}
	m.cell = func(r, c int) color.NRGBA { return heatColor(values[r][c], low, high) }
	m.place(p)
	p.gap(6)
	p.colorBar(scale{blues, low, high, p.say(o.Unit), m.raster()})
	if bad > 0 {
		p.note("%s not finite, left blank.", plural(bad, "value"))
	}
	p.width = max(p.width, p.used+margin)
	return p.finish(), nil
}

// pools is how many rows and columns share a cell.
type pools struct{ rows, columns int }

// pool joins neighbours until there are no more than the given rows and columns. A joined cell is the largest finite value of its
// members, so that no peak is lost.
func pool(values [][]float64, rows, columns int) ([][]float64, pools) {
	by := pools{1, 1}
	for (len(values)+by.rows-1)/by.rows > rows {
		by.rows++
	}
	for (len(values[0])+by.columns-1)/by.columns > max(columns, 1) {
		by.columns++
	}
	if by == (pools{1, 1}) {
		return values, by
	}
	out := make([][]float64, (len(values)+by.rows-1)/by.rows)
	for r := range out {
		for c := 0; c < len(values[0]); c += by.columns {
			out[r] = append(out[r], largestOf(values[r*by.rows:min((r+1)*by.rows, len(values))], c, by.columns))
		}
	}
	return out, by
}

// largestOf is the largest finite value in the columns from c to c+n, or NaN.
func largestOf(rows [][]float64, c, n int) float64 {
	out := math.NaN()
	for _, row := range rows {
		for _, v := range row[c:min(c+n, len(row))] {
			if finite(v) && !(v <= out) {
				out = v
			}
		}
	}
	return out
}

// every keeps the first of every n labels.
func every(labels []string, n int) []string {
	var out []string
	for i := 0; i < len(labels); i += n {
		out = append(out, labels[i])
	}
	return out
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

// sparse numbers only so many columns as have room.
func (m *matrix) sparse() {
	step := 1
	for float64(step)*m.size < 36 {
		step *= 2
	}
	for i := range m.columnLabels {
		if i%step != 0 {
			m.columnLabels[i] = ""
		}
	}
	m.showColumns, m.labelHeight, m.labelRoom = true, smallText*1.2, float64(step)*m.size
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
