package viz

import (
	"fmt"
	"image/color"
	"io"
)

// Bar is one named amount.
type Bar struct {
	Name  string
	Value float64 // 0 or more
	Group string  // bars of one group share a colour; "" where there are no groups
}

// BarsOptions is what [Bars] draws.
type BarsOptions struct {
	Title string
	Bars  []Bar  // at least one, drawn from top to bottom; what follows the 60th is summed up in one
	Unit  string // after each value
	Share bool   // write each bar's share of the sum
	Marks []Baseline
	Width float64
}

// Bars draws amounts as horizontal bars with their values: the parameters of a model by part, for instance.
func Bars(w io.Writer, format Format, o BarsOptions) error { return Draw(w, format, o) }

const mostBars = 60

func (o BarsOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o BarsOptions) plan(width float64) (*figure, error) {
	if len(o.Bars) == 0 {
		return nil, fmt.Errorf("viz: bars: there is no bar: give at least one")
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "bars")
	var kept []Bar
	sum := 0.0
	for _, b := range o.Bars {
		if b.Value < 0 {
			return nil, fmt.Errorf("viz: bars: %q is %v: give 0 or more", b.Name, b.Value)
		}
		if !finite(b.Value) {
			p.note("%s is not finite, left out.", b.Name)
			continue
		}
		sum += b.Value
		kept = append(kept, b)
	}
	kept = sumUp(kept)
	largest := 0.0
	for _, b := range kept {
		largest = max(largest, b.Value)
	}
	var marks []Baseline
	for _, m := range o.Marks {
		if !finite(m.Value) || m.Value < 0 {
			p.note("The mark %s has no value that can be drawn.", m.Name)
			continue
		}
		largest = max(largest, m.Value)
		marks = append(marks, m)
	}
	o.Marks = marks
	o.draw(p, kept, sum, largest)
	return p.finish(), nil
}

// sumUp joins the bars after the 60th to one.
func sumUp(bars []Bar) []Bar {
	if len(bars) <= mostBars {
		return bars
	}
	rest := Bar{Name: fmt.Sprintf("%d others", len(bars)-mostBars+1)}
	for _, b := range bars[mostBars-1:] {
		rest.Value += b.Value
	}
	return append(bars[:mostBars-1:mostBars-1], rest)
}

func (o BarsOptions) draw(p *plan, bars []Bar, sum, largest float64) {
	const row, thick = 24.0, 14.0
	colors := o.groups(p, bars)
	nameWidth, valueWidth := 0.0, 0.0
	names, values := make([]string, len(bars)), make([]string, len(bars))
	for i, b := range bars {
		names[i], values[i] = p.say(b.Name), p.say(short(b.Value)+unit(o.Unit))
		if o.Share && sum > 0 {
			values[i] += " (" + percent(b.Value/sum) + ")"
		}
		nameWidth = max(nameWidth, textWidth(names[i], labelSize, false))
		valueWidth = max(valueWidth, textWidth(values[i], labelSize, false))
	}
	step := row
	above := nameWidth > 0.4*p.inner()
	if above {
		nameWidth, step = -8, row+labelSize*lineStep // names stand above their bars
	}
	room := max(p.inner()-nameWidth-valueWidth-16, 20)
	scale := 0.0
	if largest > 0 {
		scale = room / largest
	}
	x := margin + nameWidth + 8
	if len(o.Marks) > 0 {
		o.marks(p, x, scale, step*float64(len(bars)))
	}
	for i, b := range bars {
		if above {
			for _, line := range wrap(names[i], labelSize, false, p.inner()) {
				p.add(labelSize*lineStep, func(s *sheet, top float64) {
					s.label(margin, top+labelSize*lineStep/2, line, style{size: labelSize, color: ink})
				})
			}
		}
		p.add(row, func(s *sheet, top float64) {
			if !above {
				s.text(x-8, top+row/2, names[i], style{size: labelSize, color: ink, align: right})
			}
			s.rect(x, top+(row-thick)/2, max(b.Value*scale, 1), thick, colors[b.Group])
			s.text(x+max(b.Value*scale, 1)+8, top+row/2, values[i], style{size: labelSize, color: soft})
		})
	}
}

func unit(u string) string {
	if u == "" {
		return ""
	}
	return " " + u
}

// groups gives each group its colour, and adds the legend if there are several.
func (o BarsOptions) groups(p *plan, bars []Bar) map[string]color.NRGBA {
	colors := make(map[string]color.NRGBA)
	var keys []key
	for _, b := range bars {
		if _, ok := colors[b.Group]; !ok {
			colors[b.Group] = series[len(colors)%len(series)]
			keys = append(keys, key{name: p.say(b.Group), color: colors[b.Group], kind: keySquare})
		}
	}
	if len(keys) > 1 {
		p.legend(keys)
	}
	return colors
}

// marks adds the dashed lines of reference values behind the bars, with their names above.
func (o BarsOptions) marks(p *plan, x, scale, height float64) {
	for i, m := range o.Marks {
		name := p.say(m.Name + " " + short(m.Value) + unit(o.Unit))
		below := 16 * float64(len(o.Marks)-i-1)
		p.add(16, func(s *sheet, top float64) {
			at := x + m.Value*scale
			st := style{size: noteSize, color: soft}
			if at > p.width/2 {
				st.align = right
			}
			s.text(at, top+8, name, st)
			s.line([][2]float64{{at, top + 16}, {at, top + 16 + below + height}}, stroke{soft, 1, []float64{5, 4}})
		})
	}
}
