package viz

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"
)

// LayerLoad is the load of one layer of experts over time.
type LayerLoad struct {
	Name   string      // such as "block 1"
	Steps  []float64   // in order
	Values [][]float64 // Values[step][expert]: the expert's load over an even share; 1 is even
}

// LoadsOptions is what [Loads] draws.
type LoadsOptions struct {
	Title  string
	Layers []LayerLoad // at least one, each with a step and an expert
	// High is the end of the scale, which all layers share; 0 is the largest load, at least 2.
	High  float64
	Width float64 // CSS pixels; 720 if 0
}

// Loads draws how busy each expert is: a map for each layer, experts from top to bottom, steps from left to right. More steps or experts
// than there is room for share cells, which show the largest of their loads.
func Loads(w io.Writer, format Format, o LoadsOptions) error { return Draw(w, format, o) }

func (o LoadsOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o LoadsOptions) check() error {
	if len(o.Layers) == 0 {
		return fmt.Errorf("there is no layer: give at least one")
	}
	for _, l := range o.Layers {
		if len(l.Values) == 0 || len(l.Values[0]) == 0 {
			return fmt.Errorf("layer %q has no loads: give at least one step and one expert", l.Name)
		}
		if err := checkGrid(l.Values, len(l.Steps), len(l.Values[0])); err != nil {
			return fmt.Errorf("layer %q: %w", l.Name, err)
		}
	}
	return nil
}

// mostExperts is how many rows of a map have room.
const mostExperts = 64

func (o LoadsOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: loads: %w", err)
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "load of the experts")
	var all [][]float64
	for _, l := range o.Layers {
		all = append(all, l.Values...)
	}
	_, most, bad := bounds(all)
	high := first(o.High, max(most, 2))
	var last *matrix
	for _, l := range o.Layers {
		p.paragraph(p.say(l.Name), style{size: labelSize, color: soft})
		last = l.place(p, high)
		p.gap(6)
	}
	p.colorBar(scale{blues, 0, high, "load over an even share", last.raster()})
	if bad > 0 {
		p.note("%s not finite, left blank.", plural(bad, "load"))
	}
	p.width = max(p.width, p.used+margin)
	return p.finish(), nil
}

// place draws the map of one layer.
func (l LayerLoad) place(p *plan, high float64) *matrix {
	byExpert := make([][]float64, len(l.Values[0]))
	for e := range byExpert {
		for _, loads := range l.Values {
			byExpert[e] = append(byExpert[e], loads[e])
		}
	}
	values, by := pool(byExpert, mostExperts, int(p.inner()-titleBand-2*partBand))
	if by != (pools{1, 1}) {
		p.note("Each cell is the largest of up to %d experts and %d steps.", by.rows, by.columns)
	}
	steps := make([]string, len(l.Steps))
	for i, s := range l.Steps {
		steps[i] = strconv.FormatFloat(math.Round(s), 'f', -1, 64)
	}
	m := newMatrix(len(values), len(values[0]), p.inner(), every(numbered(nil, len(byExpert)), by.rows), every(steps, by.columns))
	m.rowTitle, m.columnTitle = "expert", "step"
	m.stretch(p.inner())
	if !m.showColumns {
		m.sparse()
	}
	m.cell = func(r, c int) color.NRGBA { return heatColor(values[r][c], 0, high) }
	m.place(p)
	return m
}
