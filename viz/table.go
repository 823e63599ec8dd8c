package viz

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Score is a measured value of a model or of a baseline.
type Score struct {
	Name  string
	Value float64
	// Margin is half the width of its 95 % interval; 0 if unknown.
	Margin float64
}

// text writes the score with a number of decimals; below 0 the number is as long as it needs.
func (s Score) text(decimals int) string {
	write := func(v float64) string {
		if decimals < 0 || !finite(v) || math.Abs(v) >= 1000 {
			return number(v)
		}
		return strconv.FormatFloat(v, 'f', decimals, 64)
	}
	if s.Margin > 0 {
		return write(s.Value) + " ± " + write(s.Margin)
	}
	return write(s.Value)
}

// decimals is the number of decimals that all scores of the row share: as many as the one that needs most, or -1 for very small ones.
func (r ScoreRow) decimals() int {
	most := 0
	for _, s := range append([]Score{r.Model}, r.Baselines...) {
		for _, v := range []float64{s.Value, s.Margin} {
			text := number(v)
			if strings.Contains(text, "e") {
				return -1
			}
			if _, after, ok := strings.Cut(text, "."); ok {
				most = max(most, len(after))
			}
		}
	}
	return most
}

// ScoreRow is one measure of a model beside its baselines.
type ScoreRow struct {
	Measure       string // such as "perplexity per character"
	Unit          string // such as "%"
	N             int    // number of examples; 0 if unknown
	LowerIsBetter bool
	Model         Score
	Baselines     []Score
}

// Winner says in words who is better: "the model wins", "nearest neighbour wins", "too close to call" where the difference is within
// the margins, "a tie", or that a value is not finite.
func (r ScoreRow) Winner() string {
	if len(r.Baselines) == 0 {
		return "no baseline"
	}
	if !finite(r.Model.Value) {
		return "the model has no finite value"
	}
	best, found := Score{}, false
	for _, b := range r.Baselines {
		if finite(b.Value) && (!found || r.ahead(b, best) > 0) {
			best, found = b, true
		}
	}
	ahead := r.ahead(r.Model, best)
	switch {
	case !found:
		return "no baseline has a finite value"
	case ahead == 0:
		return "a tie with " + best.Name
	case math.Abs(ahead) <= max(r.Model.Margin, best.Margin):
		return "too close to call against " + best.Name
	case ahead > 0:
		return "the model wins"
	}
	return best.Name + " wins"
}

// ahead is how much better a is than b.
func (r ScoreRow) ahead(a, b Score) float64 {
	if r.LowerIsBetter {
		return b.Value - a.Value
	}
	return a.Value - b.Value
}

func (r ScoreRow) sense() string {
	if r.LowerIsBetter {
		return "lower is better"
	}
	return "higher is better"
}

// TableOptions is what [Table] draws.
type TableOptions struct {
	Title string
	Model string     // the column of the model; "model" if empty
	Rows  []ScoreRow // at least one
	Width float64
}

// Table draws held-out figures beside their baselines: value, unit, number of examples, and in words who wins.
func Table(w io.Writer, format Format, o TableOptions) error { return Draw(w, format, o) }

func (o TableOptions) check() error {
	if len(o.Rows) == 0 {
		return fmt.Errorf("there is no row: give at least one")
	}
	for i, r := range o.Rows {
		if r.Measure == "" {
			return fmt.Errorf("row %d has no measure: name what was measured", i)
		}
		if r.N < 0 {
			return fmt.Errorf("row %d (%s) has %d examples: give 0 or more", i, r.Measure, r.N)
		}
	}
	return nil
}

// Markdown is the table for a text file. Characters that would end a cell are escaped.
func (o TableOptions) Markdown() (string, error) {
	if err := o.check(); err != nil {
		return "", fmt.Errorf("viz: table: %w", err)
	}
	cell := func(s string) string {
		return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(s)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| measure | n | %s | baselines | result |\n|---|---:|---:|---|---|\n", cell(first(o.Model, "model")))
	for _, r := range o.Rows {
		v := r.view()
		fmt.Fprintf(&b, "| %s (%s) | %s | %s | %s | %s |\n", cell(v.Measure), cell(v.Hint), v.N, cell(v.Model), cell(strings.Join(v.baselines(), ", ")), cell(v.Winner))
	}
	return b.String(), nil
}

// scoreView is a row as text.
type scoreView struct {
	Measure, Hint, N, Model, Winner string
	Baselines                       []Score
	Values                          []string
	Won, Lost                       bool
}

func (r ScoreRow) view() scoreView {
	v := scoreView{Measure: r.Measure, Hint: r.sense(), N: "not given", Model: r.Model.text(r.decimals()) + unit(r.Unit), Winner: r.Winner(), Baselines: r.Baselines}
	if r.N > 0 {
		v.N = thousands(float64(r.N))
	}
	for _, b := range r.Baselines {
		v.Values = append(v.Values, b.text(r.decimals())+unit(r.Unit))
	}
	v.Won, v.Lost = v.Winner == "the model wins", strings.HasSuffix(v.Winner, " wins") && v.Winner != "the model wins"
	return v
}

// baselines are the names with their values.
func (v scoreView) baselines() []string {
	out := make([]string, len(v.Values))
	for i, b := range v.Baselines {
		out[i] = b.Name + " " + v.Values[i]
	}
	return out
}

func (o TableOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: table: %w", err)
	}
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "held-out figures")
	heading, value, small := style{size: noteSize, color: soft}, style{size: labelSize, color: ink}, style{size: noteSize, color: soft}
	bold := value
	bold.bold = true
	rows := [][]textCell{{{{"measure", heading}}, {{"n", heading}}, {{p.say(first(o.Model, "model")), heading}}, {{"baselines", heading}}, {{"result", heading}}}}
	for _, r := range o.Rows {
		v := r.view()
		var base textCell
		for _, b := range v.baselines() {
			base = append(base, styled{p.say(b), style{size: labelSize, color: soft}})
		}
		rows = append(rows, []textCell{
			{{p.say(v.Measure), value}, {v.Hint, small}}, {{v.N, small}}, {{p.say(v.Model), bold}}, base, {{p.say(v.Winner), value}},
		})
	}
	t := &textTable{plan: p, columns: columnsOf(p.inner(), rows), numeric: []bool{false, true, true, false, false}}
	for _, row := range rows {
		t.row(row)
	}
	return p.finish(), nil
}

// place is the place of a column.
type place struct{ x, w float64 }

// columnsOf gives the columns of n and of the model the width of their text, and shares the rest among the others.
func columnsOf(width float64, rows [][]textCell) []place {
	const between = 18.0
	w := []float64{0, 0, 0, 0, 0}
	for _, c := range []int{1, 2} {
		for _, row := range rows {
			for _, part := range row[c] {
				w[c] = max(w[c], min(textWidth(part.text, part.size, part.bold), 0.25*width))
			}
		}
	}
	rest := width - w[1] - w[2] - 4*between
	w[0], w[3], w[4] = 0.36*rest, 0.36*rest, 0.28*rest
	out := make([]place, len(w))
	x := margin
	for i := range w {
		out[i] = place{x, w[i]}
		x += w[i] + between
	}
	return out
}

// textTable adds rows of wrapped text with a line below each.
type textTable struct {
	plan    *plan
	columns []place
	numeric []bool
}

type styled struct {
	text string
	style
}

type textCell []styled

func (t *textTable) row(cells []textCell) {
	type placed struct {
		styled
		x, y float64
	}
	var all []placed
	height := 0.0
	for i, cell := range cells {
		y := 6.0
		for _, part := range cell {
			for _, line := range wrap(part.text, part.size, part.bold, t.columns[i].w) {
				at := placed{styled{line, part.style}, t.columns[i].x, y + part.size*lineStep/2}
				if t.numeric[i] {
					at.x, at.align = at.x+t.columns[i].w, right
				}
				all = append(all, at)
				y += part.size * lineStep
			}
		}
		height = max(height, y+6)
	}
	t.plan.add(height, func(s *sheet, top float64) {
		for _, a := range all {
			s.text(a.x, top+a.y, a.text, a.style)
		}
		s.line([][2]float64{{margin, top + height}, {margin + t.plan.inner(), top + height}}, stroke{color: grid, width: 1})
	})
}

func (o TableOptions) block(p *page) (markup, error) {
	if err := o.check(); err != nil {
		return "", fmt.Errorf("viz: table: %w", err)
	}
	data := struct {
		Title, Model string
		Rows         []scoreView
	}{Title: p.text(o.Title), Model: p.text(first(o.Model, "model"))}
	for _, r := range o.Rows {
		v := r.view()
		for _, s := range append(v.baselines(), v.Measure, v.Model) {
			p.text(s)
		}
		data.Rows = append(data.Rows, v)
	}
	return p.render("scores", data)
}
