package main

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"m6lab/scripts/command"
	"m6lab/tasks"
	"m6lab/viz"
)

// facts are the summary at the top.
func (r *reporter) facts() []viz.Fact {
	f := r.figures
	facts := []viz.Fact{
		{Name: "preset", Value: f.Preset},
		{Name: "parameters", Value: command.Grouped(f.Parameters)},
		{Name: "picture encoder", Value: command.Grouped(f.Encoder)},
		{Name: "steps", Value: fmt.Sprintf("%s of %s", command.Grouped(f.Step), command.Grouped(f.Steps))},
		{Name: "batch", Value: fmt.Sprint(r.model.Run.Train.Batch)},
		{Name: "seed of the run", Value: fmt.Sprint(r.model.Run.Train.Seed)},
		{Name: "seed of this page", Value: fmt.Sprint(r.seed)},
		{Name: "machine", Value: fmt.Sprintf("%s, %d cores", runtime.GOARCH, runtime.NumCPU())},
	}
	if records, err := r.folder().Metrics(); err == nil {
		if seconds := trainingSeconds(records); seconds > 0 {
			facts = append(facts, viz.Fact{Name: "training", Value: fmt.Sprintf("%.0f min", seconds/60)})
		}
	}
	return facts
}

// trainingSeconds adds up the steps of the log: the seconds of a step, for each step since the line before.
func trainingSeconds(records []map[string]float64) float64 {
	sum, before := 0.0, 0.0
	for _, record := range records {
		sum += record["seconds_per_step"] * (record["step"] - before)
		before = record["step"]
	}
	return sum
}

// titles are the headings of the tables.
var titles = map[string]string{
	"lm":      "Language modelling",
	"caption": "Captions",
	"vqa":     "Questions about pictures",
	"denoise": "Masked text",
}

// about says below each heading what is counted.
var about = map[string]string{
	"lm":      "Nats of the whole text and its end over its characters, on both sides of the same text; a word that the vocabulary lacks is one unknown character for both.",
	"caption": "Any of a picture's captions counts as right. Held-out scenes show only combinations that training never showed; held-out emoji have names that training never showed. The nearest neighbour copies the caption of the closest training picture (16 x 16 pixels).",
	"vqa":     "The answer must be the example's, to the character. The baseline knows the type of the question.",
	"denoise": "One span of 1 to 3 tokens is hidden. The model is not told how many; the baselines are. Every side is given the text on the left of the gap, and must fill and close it. The wrong picture is another example's.",
}

// scores are the tables of held-out figures, and who wins.
func (r *reporter) scores() ([]viz.Block, error) {
	var blocks []viz.Block
	won, all := 0, 0
	for _, e := range evaluations {
		var rows []viz.ScoreRow
		for _, f := range r.results[e.name].Figures {
			row := scoreRow(f)
			rows = append(rows, row)
			if len(row.Baselines) > 0 {
				all++
				if row.Winner() == "the model wins" {
					won++
				}
			}
		}
		if len(rows) > 0 {
			blocks = append(blocks, viz.Captioned{Block: viz.TableOptions{Title: titles[e.name], Rows: rows}, Text: about[e.name]})
		}
	}
	if len(blocks) == 0 {
		return nil, nil
	}
	how := "all rows of the split"
	if r.limit > 0 {
		how = fmt.Sprintf("at most %d rows of each source, drawn with seed %d", r.limit, r.seed)
	}
	first := viz.Prose(fmt.Sprintf("The model is clearly ahead of every baseline in %d of %d figures. A difference within the 95 %% margins counts for nobody. Judged: %s.", won, all, how))
	return append([]viz.Block{first}, blocks...), nil
}

// scoreRow is a figure as the table draws it.
func scoreRow(f tasks.Figure) viz.ScoreRow {
	measure := []string{f.Source}
	if f.Part != "" {
		measure = append(measure, f.Part)
	}
	row := viz.ScoreRow{
		Measure: strings.Join(measure, ", ") + ": " + f.Measure, Unit: f.Unit, N: f.N, LowerIsBetter: f.LowerIsBetter,
		Model: rounded(f.Model),
	}
	for _, b := range f.Baselines {
		row.Baselines = append(row.Baselines, rounded(b))
	}
	return row
}

// rounded is a score with as many digits as a reader wants: none behind the point from 100 on, else one or two.
func rounded(s tasks.Score) viz.Score {
	scale := 100.0
	if s.Value >= 100 {
		scale = 1
	} else if s.Value >= 10 {
		scale = 10
	}
	return viz.Score{Name: s.Name, Value: math.Round(s.Value*scale) / scale, Margin: math.Round(s.Margin*scale) / scale}
}

// notes are what was left out or chosen.
func (r *reporter) notes() ([]viz.Block, error) {
	if len(r.figures.Notes) == 0 {
		return nil, nil
	}
	return []viz.Block{viz.Prose("- " + strings.Join(r.figures.Notes, "\n- "))}, nil
}
