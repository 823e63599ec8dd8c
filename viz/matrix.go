package viz

import (
	"fmt"
	"image/color"
	"io"
)

// Head is the attention of one head, or any other named matrix.
type Head struct {
	Name string
	// Weights[query][key] is the weight of the key for the query.
	Weights [][]float64
}

// MatrixOptions is what [Matrix] draws.
type MatrixOptions struct {
	Title string
	// Rows and Columns are the tokens of the queries and of the keys.
	Rows, Columns []string
	Heads         []Head  // at least one
	Head          int     // the head of SVG and PNG; HTML lets the reader choose
	Width         float64 // CSS pixels; 560 if 0

	bare bool // without title and name of the head, which the page shows
}

// Matrix draws token-to-token attention. All heads share one scale. The HTML has a selector of the head that needs no script.
func Matrix(w io.Writer, format Format, o MatrixOptions) error { return Draw(w, format, o) }

func (o MatrixOptions) check() error {
	if len(o.Heads) == 0 {
		return fmt.Errorf("there is no head: give at least one")
	}
	if o.Head < 0 || o.Head >= len(o.Heads) {
		return fmt.Errorf("head %d does not exist: there are %d, counted from 0", o.Head, len(o.Heads))
	}
	if len(o.Rows) == 0 || len(o.Columns) == 0 {
		return fmt.Errorf("there are %d row and %d column labels: give at least one of both", len(o.Rows), len(o.Columns))
	}
	for _, h := range o.Heads {
		if err := checkGrid(h.Weights, len(o.Rows), len(o.Columns)); err != nil {
			return fmt.Errorf("head %q: %w", h.Name, err)
		}
	}
	return nil
}

// checkGrid says whether values has the given numbers of rows and columns.
func checkGrid(values [][]float64, rows, columns int) error {
	if len(values) != rows {
		return fmt.Errorf("%d rows of values for %d labels: give as many of both", len(values), rows)
	}
	for i, row := range values {
		if len(row) != columns {
			return fmt.Errorf("row %d has %d values for %d labels: give as many of both", i, len(row), columns)
		}
	}
	return nil
}

func (o MatrixOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: matrix: %w", err)
	}
	own := first(o.Width, 560)
	if width > 0 {
		own = min(own, width)
	}
	p := newPlan(o.Title, own)
	name := p.say(first(o.Heads[o.Head].Name, fmt.Sprintf("head %d", o.Head)))
	if !o.bare {
		p.head()
		p.paragraph(name, style{size: labelSize, color: soft})
	}
	p.title = join(first(p.title, "attention between tokens"), name)
	var all [][]float64
	for _, h := range o.Heads {
		all = append(all, h.Weights...)
	}
	_, high, _ := bounds(all)
	_, _, bad := bounds(o.Heads[o.Head].Weights)
	high = max(high, 0)
	room := int(p.inner() - titleBand - 2*partBand)
	values, by := pool(o.Heads[o.Head].Weights, room, room)
	if by != (pools{1, 1}) {
		p.note("Each cell is the largest of up to %d rows and %d columns.", by.rows, by.columns)
	}
	rows, columns := every(o.Rows, by.rows), every(o.Columns, by.columns)
	m := newMatrix(len(rows), len(columns), p.inner(), p.sayAll(rows), p.sayAll(columns))
	m.rowTitle, m.columnTitle = "sees (queries)", "is seen (keys)"
	m.cell = func(r, c int) color.NRGBA { return heatColor(values[r][c], 0, high) }
	m.place(p)
	p.gap(6)
	p.colorBar(scale{blues, 0, high, "attention weight", m.raster()})
	if bad > 0 {
		p.note("%s not finite, left blank.", plural(bad, "weight"))
	}
	p.width = max(p.width, p.used+margin)
	return p.finish(), nil
}

// bounds returns the range of the finite values, and how many are not finite; 0, 0 if none is.
func bounds(values [][]float64) (low, high float64, bad int) {
	none := true
	for _, row := range values {
		for _, v := range row {
			switch {
			case !finite(v):
				bad++
			case none:
				low, high, none = v, v, false
			default:
				low, high = min(low, v), max(high, v)
			}
		}
	}
	return low, high, bad
}

// heatColor is the colour of v on the scale from low to high; a value that is not finite is left in the colour of the paper.
func heatColor(v, low, high float64) color.NRGBA {
	if !finite(v) {
		return paper
	}
	if high <= low {
		return blues[0]
	}
	return blues.at((v - low) / (high - low))
}

func (o MatrixOptions) block(p *page) (markup, error) {
	if err := o.check(); err != nil {
		return "", fmt.Errorf("viz: matrix: %w", err)
	}
	if len(o.Heads) == 1 {
		return p.figure(o)
	}
	type head struct {
		ID, Name string
		View     markup
	}
	data := struct {
		Title, ID string
		Heads     []head
	}{Title: p.text(o.Title), ID: p.id()}
	one := o
	one.bare = true
	for i, h := range o.Heads {
		one.Head = i
		drawn, err := p.figure(one)
		if err != nil {
			return "", err
		}
		id := fmt.Sprintf("%s-%d", data.ID, i)
		data.Heads = append(data.Heads, head{id, p.text(first(h.Name, fmt.Sprintf("head %d", i))), drawn})
		fmt.Fprintf(&p.css, "#%s:checked~.views>:nth-child(%d){display:block}\n", id, i+1)
		fmt.Fprintf(&p.css, "#%s:checked~.tabs>:nth-child(%d){background:var(--ink);color:var(--paper);border-color:var(--ink)}\n", id, i+1)
		fmt.Fprintf(&p.css, "#%s:focus-visible~.tabs>:nth-child(%d){outline:2px solid var(--blue);outline-offset:2px}\n", id, i+1)
	}
	return p.render("heads", data)
}
