package viz

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestWinner(t *testing.T) {
	score := func(name string, v, margin float64) Score { return Score{name, v, margin} }
	for name, c := range map[string]struct {
		row  ScoreRow
		want string
	}{
		"higher":        {ScoreRow{Model: score("", 3, 0), Baselines: []Score{score("a", 2, 0)}}, "the model wins"},
		"lower":         {ScoreRow{LowerIsBetter: true, Model: score("", 3, 0), Baselines: []Score{score("a", 2, 0)}}, "a wins"},
		"best of two":   {ScoreRow{Model: score("", 3, 0), Baselines: []Score{score("a", 2, 0), score("b", 4, 0), score("c", 1, 0)}}, "b wins"},
		"lowest of two": {ScoreRow{LowerIsBetter: true, Model: score("", 3, 0), Baselines: []Score{score("a", 5, 0), score("b", 4, 0)}}, "the model wins"},
		"tie":           {ScoreRow{Model: score("", 3, 0), Baselines: []Score{score("a", 3, 0)}}, "a tie with a"},
		"close":         {ScoreRow{Model: score("", 3, 0.5), Baselines: []Score{score("a", 3.5, 0)}}, "too close to call against a"},
		"close margin":  {ScoreRow{Model: score("", 3, 0), Baselines: []Score{score("a", 2.5, 0.6)}}, "too close to call against a"},
		"clear":         {ScoreRow{Model: score("", 3, 0.4), Baselines: []Score{score("a", 3.5, 0.4)}}, "a wins"},
		"none":          {ScoreRow{Model: score("", 3, 0)}, "no baseline"},
		"NaN model":     {ScoreRow{Model: score("", math.NaN(), 0), Baselines: []Score{score("a", 1, 0)}}, "the model has no finite value"},
		"NaN baseline":  {ScoreRow{Model: score("", 3, 0), Baselines: []Score{score("a", math.NaN(), 0)}}, "no baseline has a finite value"},
		"one NaN":       {ScoreRow{Model: score("", 3, 0), Baselines: []Score{score("a", math.Inf(1), 0), score("b", 5, 0)}}, "b wins"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.row.Winner(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		model, base Score
		want        string
	}{
		{Score{"", 0.61, 0.12}, Score{"a", 0.1, 0}, "0.61 ± 0.12|0.10"}, {Score{"", 29, 0}, Score{"a", 4.15, 0}, "29.00|4.15"}, {Score{"", 48213.4, 0}, Score{"a", 1.5, 0}, "48,213|1.5"},
		{Score{"", 1e-9, 0}, Score{"a", 2, 0}, "1e-09|2"}, {Score{"", 7, 0}, Score{"a", 12, 0}, "7|12"},
	} {
		r := ScoreRow{Model: c.model, Baselines: []Score{c.base}}
		if got := c.model.text(r.decimals()) + "|" + c.base.text(r.decimals()); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestTableErrors(t *testing.T) {
	for want, o := range map[string]TableOptions{
		"viz: table: there is no row: give at least one":           {},
		"viz: table: row 0 has no measure: name what was measured": {Rows: []ScoreRow{{}}},
		"viz: table: row 0 (x) has -1 examples: give 0 or more":    {Rows: []ScoreRow{{Measure: "x", N: -1}}},
	} {
		for _, format := range []Format{SVG, HTML} {
			if err := Table(&bytes.Buffer{}, format, o); err == nil || err.Error() != want {
				t.Errorf("%s: got error %v, want %s", format, err, want)
			}
		}
		if _, err := o.Markdown(); err == nil || err.Error() != want {
			t.Errorf("markdown: got error %v, want %s", err, want)
		}
	}
}

func TestMarkdownKeepsItsCells(t *testing.T) {
	text, err := TableOptions{Model: "a|b", Rows: []ScoreRow{{Measure: "x\n| y", Baselines: []Score{{Name: "c|d"}}}}}.Markdown()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if got := strings.Count(line, "|") - strings.Count(line, `\|`); got != 6 {
			t.Errorf("%d bars in %q, want 6", got, line)
		}
	}
}
