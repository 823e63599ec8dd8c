package main

import (
	"fmt"

	"m6lab/datasets/clean"
	"m6lab/scripts/command"
	"m6lab/scripts/corpus/stages"
	"m6lab/viz"
)

// paperRow is a row of the paper's Table 1: millions of images, thousand millions of tokens, millions of passages, mean tokens, TB of images,
// GB of text.
type paperRow struct {
	name, source, modality                             string
	images, tokens, passages, average, imageTB, textGB float64
}

var paperTable1 = []paperRow{
	{"Encyclopedia", "encyclopedia", "text", 0, 31.4, 34.0, 923.5, 0, 65.1},
	{"Community QA", "community_qa", "text", 0, 13.9, 113.0, 123.0, 0, 28.8},
	{"Forum discussion", "forum", "text", 0, 8.7, 39.0, 223.1, 0, 18.0},
	{"Common Crawl", "common_crawl", "text", 0, 40.3, 108.7, 370.7, 0, 83.3},
	{"Encyclopedia", "encyclopedia", "image+text", 6.5, 7.9, 10.4, 759.6, 0.1, 15.0},
	{"Crawled webpages", "web", "image+text", 46.0, 9.1, 106.0, 85.8, 1.5, 70.0},
	{"E-commerce", "ecommerce", "image+text", 8.0, 0.5, 8.5, 62.1, 0.3, 12.2},
}

// table1Blocks are the paper's Table 1 beside this build's.
func table1Blocks(r *stages.Report) ([]viz.Block, error) {
	head := []string{"source", "modality", "images", "tokens", "passages", "mean tokens", "images, bytes", "text, bytes"}
	numeric := []bool{false, false, true, true, true, true, true, true}
	ours := viz.Cells{Title: "This build", Head: head, Numeric: numeric}
	total := stages.Table1{Source: "Total"}
	for _, row := range r.Table1 {
		ours.Rows = append(ours.Rows, table1Row(row))
		total.Images += row.Images
		total.Tokens += row.Tokens
		total.Passages += row.Passages
		total.ImageBytes += row.ImageBytes
		total.TextBytes += row.TextBytes
	}
	if total.Passages > 0 {
		total.AverageTokens = float64(total.Tokens) / float64(total.Passages)
	}
	ours.Rows = append(ours.Rows, table1Row(total))
	paper := viz.Cells{Title: "The paper", Head: head, Numeric: numeric}
	for _, p := range paperTable1 {
		paper.Rows = append(paper.Rows, paperCells(p))
	}
	paper.Rows = append(paper.Rows, paperCells(paperRow{"Total", "", "", 60.5, 111.8, 419.6, 266.4, 1.9, 292.4}))
	return []viz.Block{
		viz.Prose("Tokens of this build are WordPiece tokens of BERT's Chinese vocabulary, lower-cased, without [CLS] and [SEP]. Text is counted as UTF-8, pictures as they are encoded. kB, MB, GB, TB are powers of 1000; the paper says neither its encoding nor its tokenizer."),
		ours, paper,
	}, nil
}

func table1Row(t stages.Table1) []string {
	images, size := "-", "-"
	if t.Images > 0 {
		images, size = command.Grouped(t.Images), bytesText(float64(t.ImageBytes))
	}
	return []string{t.Source, t.Modality, images, command.Grouped(t.Tokens), command.Grouped(t.Passages), fmt.Sprintf("%.1f", t.AverageTokens), size, bytesText(float64(t.TextBytes))}
}

func paperCells(p paperRow) []string {
	images, size := "-", "-"
	if p.images > 0 {
		images, size = fmt.Sprintf("%.1f M", p.images), fmt.Sprintf("%.1f TB", p.imageTB)
	}
	return []string{p.name, p.modality, images, fmt.Sprintf("%.1f B", p.tokens), fmt.Sprintf("%.1f M", p.passages), fmt.Sprintf("%.1f", p.average), size, fmt.Sprintf("%.1f GB", p.textGB)}
}

// table2Blocks are the paper's Table 2 with a row of this build.
func table2Blocks(r *stages.Report) ([]viz.Block, error) {
	var text, pictures int64
	rows := map[string]bool{}
	for _, t := range r.Table1 {
		text += t.TextBytes
		pictures += t.ImageBytes
		rows[t.Source] = true
	}
	size, several := "no", "no"
	if pictures > 0 {
		size = bytesText(float64(pictures))
	}
	if len(rows) > 1 {
		several = "yes"
	}
	return []viz.Block{
		viz.Prose("The figures of other corpora are the paper's. Several domains: more than one row of Table 1."),
		viz.Cells{
			Head: []string{"corpus", "text", "images", "several domains"}, Numeric: []bool{false, true, true, false},
			Rows: [][]string{
				{"CN-Wikipedia", "1.6 GB", "no", "no"}, {"THUCTC", "2.2 GB", "no", "no"}, {"HFL", "21.6 GB", "no", "yes"}, {"CLUE Corpus", "100.0 GB", "no", "yes"},
				{"ImageNet", "no", "~1000 GB", "yes"}, {"M6-Corpus of the paper", "292.4 GB", "1900 GB", "yes"},
				{"this build", bytesText(float64(text)), size, several},
			},
		},
	}, nil
}

// histogramBlocks are the distributions of lengths, picture sizes and perplexities.
func histogramBlocks(r *stages.Report) ([]viz.Block, error) {
	var blocks []viz.Block
	for _, s := range r.Sources {
		for _, modality := range []string{"text", "image+text"} {
			row := s.Rows[modality]
			if row == nil {
				continue
			}
			blocks = append(blocks, bins(row.Lengths, s.Name+", "+modality+": lengths", "tokens of a passage")...)
			blocks = append(blocks, bins(row.Sides, s.Name+": picture sizes", "square root of width times height, pixels")...)
		}
		for _, counts := range []struct {
			kind string
			of   *clean.Counts
		}{{"texts", s.Text}, {"pairs", s.Pairs}} {
			blocks = append(blocks, counted(counts.of.Histograms["perplexity"], s.Name+", "+counts.kind+": perplexity of sentences", "perplexity of a character")...)
			blocks = append(blocks, counted(counts.of.Histograms["characters_in"], s.Name+", "+counts.kind+": lengths before the rules", "characters")...)
		}
	}
	return blocks, nil
}

// bins draws a histogram of ours; nothing where it is empty.
func bins(h *stages.Histogram, title, label string) []viz.Block {
	if h == nil || h.N == 0 {
		return nil
	}
	o := viz.BinsOptions{Title: title, XLabel: label, Marks: []viz.Baseline{{Name: "mean", Value: h.Mean()}}}
	from := 0
	for from < len(h.Bins)-1 && h.Bins[from] == 0 {
		from++
	}
	for i := from; i < len(h.Bins); i++ {
		o.Edges = append(o.Edges, stages.Edge(i))
		o.Counts = append(o.Counts, float64(h.Bins[i]))
	}
	o.Edges = append(o.Edges, stages.Edge(len(h.Bins)))
	return []viz.Block{o}
}

// counted draws a histogram of the rules on text; nothing where it is empty.
func counted(h *clean.Histogram, title, label string) []viz.Block {
	if h == nil || len(h.Edges) < 2 {
		return nil
	}
	from, to := 0, len(h.Counts)-1
	for from < to && h.Counts[from] == 0 {
		from++
	}
	for to > from && h.Counts[to] == 0 {
		to--
	}
	if h.Counts[from] == 0 {
		return nil
	}
	edge := func(i int) float64 { // of bin i from the left; the outer bins have none of their own
		switch {
		case i < 1:
			return min(0, h.Edges[0]-1)
		case i > len(h.Edges):
			return 2 * h.Edges[len(h.Edges)-1]
		}
		return h.Edges[i-1]
	}
	o := viz.BinsOptions{Title: title, XLabel: label}
	for i := from; i <= to; i++ {
		o.Edges = append(o.Edges, edge(i))
		o.Counts = append(o.Counts, float64(h.Counts[i]))
	}
	o.Edges = append(o.Edges, edge(to+1))
	return []viz.Block{o}
}
