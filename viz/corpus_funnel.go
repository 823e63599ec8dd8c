package viz

import (
	"fmt"
	"io"
)

// FunnelStep is what is left behind one step of a process.
type FunnelStep struct {
	Name string
	Left float64 // 0 or more, and no more than the step before has
}

// FunnelOptions is what [Funnel] draws.
type FunnelOptions struct {
	Title string
	Steps []FunnelStep // at least one, from top to bottom; the first is what goes in
	Unit  string       // after each value
	Width float64      // CSS pixels; 720 if 0
}

// Funnel draws how an amount shrinks step by step: the documents of a source through the rules of a corpus, for instance. What a step loses
// is drawn behind what it leaves, and written with its share of what came in.
func Funnel(w io.Writer, format Format, o FunnelOptions) error { return Draw(w, format, o) }

func (o FunnelOptions) block(p *page) (markup, error) { return p.figure(o) }

func (o FunnelOptions) plan(width float64) (*figure, error) {
	if len(o.Steps) == 0 {
		return nil, fmt.Errorf("viz: funnel: there is no step: give at least one")
	}
	for i, s := range o.Steps {
		if !finite(s.Left) || s.Left < 0 || i > 0 && s.Left > o.Steps[i-1].Left {
			return nil, fmt.Errorf("viz: funnel: %q leaves %v: give a number from 0 to what the step before leaves", s.Name, s.Left)
		}
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "funnel")
	o.draw(p)
	return p.finish(), nil
}

func (o FunnelOptions) draw(p *plan) {
	const row, thick = 24.0, 16.0
	names, values := make([]string, len(o.Steps)), make([]string, len(o.Steps))
	nameWidth, valueWidth := 0.0, 0.0
	for i, s := range o.Steps {
		names[i], values[i] = p.say(s.Name), p.say(short(s.Left)+unit(o.Unit))
		if i > 0 && s.Left < o.Steps[i-1].Left {
			lost := o.Steps[i-1].Left - s.Left
			values[i] += fmt.Sprintf("  −%s (%s)", short(lost), percent(lost/o.Steps[i-1].Left))
		}
		nameWidth = max(nameWidth, textWidth(names[i], labelSize, false))
		valueWidth = max(valueWidth, textWidth(values[i], labelSize, false))
	}
	nameWidth = min(nameWidth, 0.35*p.inner())
	room := max(p.inner()-nameWidth-valueWidth-16, 20)
	scale := 0.0
	if o.Steps[0].Left > 0 {
		scale = room / o.Steps[0].Left
	}
	x := margin + nameWidth + 8
	for i, s := range o.Steps {
		before := s.Left
		if i > 0 {
			before = o.Steps[i-1].Left
		}
		p.add(row, func(sh *sheet, top float64) {
			sh.text(x-8, top+row/2, fit(names[i], labelSize, nameWidth), style{size: labelSize, color: ink, align: right})
			sh.rect(x, top+(row-thick)/2, max(before*scale, 1), thick, fade(red, 0.35))
			sh.rect(x, top+(row-thick)/2, max(s.Left*scale, 1), thick, blue)
			sh.text(x+max(before*scale, 1)+8, top+row/2, values[i], style{size: labelSize, color: soft})
		})
	}
}
