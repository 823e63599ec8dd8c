package main

import (
	"bytes"
	"fmt"
	stdimage "image"
	_ "image/png" // of the small pictures in reports
	"io"
	"slices"
	"strings"

	"m6lab/scripts/command"
	"m6lab/scripts/corpus/stages"
	"m6lab/viz"
)

// writePage writes the report as a page.
func writePage(w io.Writer, r *stages.Report) error {
	var sections []viz.Section
	for _, section := range []struct {
		title string
		make  func(*stages.Report) ([]viz.Block, error)
	}{
		{"The account", accountBlocks},
		{"Table 1", table1Blocks},
		{"Table 2", table2Blocks},
		{"Pairs that were kept", shotBlocks},
		{"Sentences that rules changed or removed", sampleBlocks},
		{"What each rule did", ruleBlocks},
		{"Histograms", histogramBlocks},
		{"Pages", pageBlocks},
		{"How it was made", madeBlocks},
	} {
		blocks, err := section.make(r)
		if err != nil {
			return fmt.Errorf("%s: %w", section.title, err)
		}
		if len(blocks) > 0 {
			sections = append(sections, viz.Section{Title: section.title, Blocks: blocks})
		}
	}
	return viz.Report(w, viz.ReportOptions{
		Title:    "M6-Corpus",
		Lead:     fmt.Sprintf("%s of %s, by the rules of section 2 of the paper. Every record that came in is accounted for.", command.Plural(r.Records(), "record"), command.Plural(int64(len(r.Sources)), "source")),
		Facts:    facts(r),
		Sections: sections,
		Foot:     fmt.Sprintf("Made by %s in %.0f s. All figures are in %s beside this page.", r.Version, r.Ran.Seconds, stages.ReportName),
	})
}

func facts(r *stages.Report) []viz.Fact {
	var in, documents, quarantined int64
	for _, s := range r.Sources {
		in += s.In
		documents += s.Documents.In
		quarantined += s.Quarantined
	}
	return []viz.Fact{
		{Name: "documents read", Value: command.Grouped(documents)},
		{Name: "records in", Value: command.Grouped(in)},
		{Name: "records out", Value: command.Grouped(r.Records())},
		{Name: "quarantined", Value: command.Grouped(quarantined)},
		{Name: "input", Value: bytesText(float64(r.BytesIn))},
		{Name: "build", Value: r.Key},
	}
}

// accountBlocks show where the records of each source went.
func accountBlocks(r *stages.Report) ([]viz.Block, error) {
	table := viz.Cells{
		Head:    []string{"source", "documents", "records in", "out", "dropped", "quarantined", "kept"},
		Numeric: []bool{false, true, true, true, true, true, true},
	}
	for _, s := range r.Sources {
		table.Rows = append(table.Rows, []string{
			s.Name, command.Grouped(s.Documents.In), command.Grouped(s.In), command.Grouped(s.Out), command.Grouped(s.In - s.Out - s.Quarantined), command.Grouped(s.Quarantined), share(s.Out, s.In),
		})
	}
	blocks := []viz.Block{
		viz.Prose("A record that comes in is a text, or a picture with the text around it; a document that has neither counts as one. For every source: in = out + dropped + quarantined."),
		table,
	}
	for _, s := range r.Sources {
		if s.In > 0 {
			blocks = append(blocks, viz.FunnelOptions{Title: s.Name + ": records", Steps: steps(s, r.Rules)})
		}
	}
	return blocks, nil
}

func share(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// steps are the reasons for which records of a source were dropped, in the order of the stages. Details of a rule are joined.
func steps(s *stages.Source, rules []string) []viz.FunnelStep {
	lost := map[string]int64{"quarantined": s.Quarantined}
	for reason, n := range s.Dropped {
		lost[ruleOf(reason)] += n
	}
	order := []string{"quarantined", "read", "no text", "no picture", "no text around the picture"}
	for _, stage := range []string{"text", "pair"} {
		for _, rule := range rules {
			name, _, _ := strings.Cut(rule, "/")
			if !strings.HasPrefix(name, "picture.") {
				order = append(order, stage+": "+name)
			}
		}
	}
	order = append(order, "picture not found")
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "/")
		if name, found := strings.CutPrefix(name, "picture."); found {
			order = append(order, "picture: "+name)
		}
	}
	order = append(order, "in an evaluation set")
	var rest []string
	for reason := range lost {
		if !slices.Contains(order, reason) {
			rest = append(rest, reason)
		}
	}
	slices.Sort(rest)
	left := s.In
	out := []viz.FunnelStep{{Name: "in", Left: float64(left)}}
	for _, reason := range append(order, rest...) {
		if n := lost[reason]; n > 0 {
			left -= n
			out = append(out, viz.FunnelStep{Name: reason, Left: float64(left)})
		}
	}
	return append(out, viz.FunnelStep{Name: "out", Left: float64(left)})
}

// ruleOf is the part of a reason that names stage and rule: "text: length" of "text: length: content".
func ruleOf(reason string) string {
	stage, rest, found := strings.Cut(reason, ": ")
	if !found || stage != "text" && stage != "pair" && stage != "picture" {
		return stage
	}
	rule, _, _ := strings.Cut(rest, ":")
	return stage + ": " + rule
}

// ruleBlocks are the counts of every rule.
func ruleBlocks(r *stages.Report) ([]viz.Block, error) {
	var blocks []viz.Block
	for _, note := range r.Notes {
		blocks = append(blocks, viz.Prose("Note: "+note+"."))
	}
	var table *viz.Cells
	last := ""
	for _, f := range r.Funnel {
		if title := f.Source + ": " + f.Kind; title != last {
			last = title
			blocks = append(blocks, viz.Cells{})
			table = &viz.Cells{Title: title, Head: []string{"rule", "in", "out", "dropped", "changed", "sentences removed", "text removed"}, Numeric: []bool{false, true, true, true, true, true, true}}
		}
		table.Rows = append(table.Rows, []string{
			f.Rule, command.Grouped(f.In), command.Grouped(f.Out), command.Grouped(f.In - f.Out), command.Grouped(f.Changed), command.Grouped(f.Sentences), bytesText(float64(f.BytesIn - f.BytesOut)),
		})
		blocks[len(blocks)-1] = *table
	}
	return blocks, nil
}

// shotBlocks are pairs.
func shotBlocks(r *stages.Report) ([]viz.Block, error) {
	var shots []viz.Shot
	var pairs int64
	for _, row := range r.Table1 {
		pairs += row.Images
	}
	for _, s := range r.Shots {
		picture, _, err := stdimage.Decode(bytes.NewReader(s.Picture))
		if err != nil {
			return nil, fmt.Errorf("picture of %s: %w", s.ID, err)
		}
		shots = append(shots, viz.Shot{Picture: picture, Caption: clip(s.Text, 120), Note: s.Source + "; text from " + s.Note})
	}
	if len(shots) == 0 {
		return nil, nil
	}
	return []viz.Block{viz.GalleryOptions{Shots: shots, Chosen: fmt.Sprintf("%d of %s, at random with seed %d.", len(shots), command.Grouped(pairs), r.Seed)}}, nil
}

// clip shortens a text to a number of characters.
func clip(text string, most int) string {
	runes := []rune(strings.ReplaceAll(text, "\n", " "))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most]) + "…"
}

// sampleBlocks are examples of what rules did.
func sampleBlocks(r *stages.Report) ([]viz.Block, error) {
	if len(r.Samples) == 0 {
		return nil, nil
	}
	blocks := []viz.Block{viz.Prose(fmt.Sprintf("Of every rule some sentences, drawn at random with seed %d among all that it changed or removed.", r.Seed))}
	last := ""
	for _, s := range r.Samples {
		if s.Rule != last {
			last = s.Rule
			blocks = append(blocks, viz.Cells{Title: s.Rule, Head: []string{"source", "before", "after"}})
		}
		after := clip(s.After, 160)
		if s.After == "" {
			after = "(removed)"
		}
		table := blocks[len(blocks)-1].(viz.Cells)
		table.Rows = append(table.Rows, []string{s.Source, clip(s.Before, 160), after})
		blocks[len(blocks)-1] = table
	}
	return blocks, nil
}

// pageBlocks say what was found out about pages, and how the texts of pairs were found.
func pageBlocks(r *stages.Report) ([]viz.Block, error) {
	var blocks []viz.Block
	for _, kind := range []struct {
		title, head string
		counts      func(*stages.Source) map[string]int64
	}{
		{"Found in pages and files", "what", func(s *stages.Source) map[string]int64 { return s.Pages }},
		{"Texts of pairs by how they were found", "how", func(s *stages.Source) map[string]int64 { return s.Found }},
		{"Quarantined by reason", "reason", func(s *stages.Source) map[string]int64 { return s.Faults }},
		{"Dropped by reason", "reason", func(s *stages.Source) map[string]int64 { return s.Dropped }},
	} {
		table := viz.Cells{Title: kind.title, Head: []string{"source", kind.head, "count"}, Numeric: []bool{false, false, true}}
		for _, s := range r.Sources {
			counts := kind.counts(s)
			names := make([]string, 0, len(counts))
			for name := range counts {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				table.Rows = append(table.Rows, []string{s.Name, name, command.Grouped(counts[name])})
			}
		}
		if len(table.Rows) > 0 {
			blocks = append(blocks, table)
		}
	}
	return blocks, nil
}

// madeBlocks say by what the set was made.
func madeBlocks(r *stages.Report) ([]viz.Block, error) {
	files := viz.Cells{Title: "Files that the recipe names", Head: []string{"key", "file", "hash"}}
	for _, f := range r.Files {
		files.Rows = append(files.Rows, []string{f.Key, f.Path, f.Hash})
	}
	blocks := []viz.Block{
		viz.Prose("Sources: " + strings.Join(r.In, ", ") + ".\n\nRules with their versions: " + strings.Join(r.Rules, ", ") + "."),
		viz.Prose(fmt.Sprintf("Run on %s with %d workers in %.1f s; all workers together %.1f s for the index of pictures, %.1f s for reading and rules on text, %.1f s for pictures, %.1f s for the last pass.",
			r.Ran.Runner, r.Ran.Workers, r.Ran.Seconds, r.CoreSeconds.Index, r.CoreSeconds.Text, r.CoreSeconds.Pictures, r.CoreSeconds.Write)),
	}
	if len(files.Rows) > 0 {
		blocks = append(blocks, files)
	}
	return append(blocks, viz.Commands{{Text: "The recipe (recipe.json beside this page)", Line: string(r.Recipe)}}), nil
}
