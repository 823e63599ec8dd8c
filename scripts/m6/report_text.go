package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"m6lab/datasets"
	"m6lab/m6"
	"m6lab/tasks"
	"m6lab/viz"
)

// How much text the page shows.
const (
	shownFills = 4 // of texts, and of captions
	poemTokens = 80
)

// writing is a poem and filled gaps.
func (r *reporter) writing(ctx context.Context) ([]viz.Block, error) {
	blocks, err := r.poem(ctx)
	if err != nil {
		return nil, err
	}
	var texts, captions []tasks.Case
	for _, c := range r.results["denoise"].Cases {
		if c.Example.Image == nil {
			texts = append(texts, c)
		} else {
			captions = append(captions, c)
		}
	}
	for _, cases := range [][]tasks.Case{texts, captions} {
		drawn := r.draw(cases, shownFills)
		if len(drawn) == 0 {
			continue
		}
		blocks = append(blocks, viz.Prose(fmt.Sprintf("Masked text, filled by the most probable tokens: %d of %d, at random with seed %d.", len(drawn), len(cases), r.seed)))
		for _, c := range drawn {
			fill := viz.Fill{Masked: c.Given, Filled: c.Written, Truth: c.Truth[0], Note: c.Source}
			if c.Example.Image != nil {
				picture, err := show(c.Example.Image)
				if err != nil {
					return nil, fmt.Errorf("picture of %s: %w", c.ID, err)
				}
				fill.Picture = picture
			}
			blocks = append(blocks, fill)
		}
		r.figures.Shown = append(r.figures.Shown, drawn...)
	}
	return blocks, nil
}

// poemMeta is what a poem's meta says.
type poemMeta struct{ Title, Author, Dynasty, Body string }

// poem writes a poem to the title of a held-out one; nothing where the data has no poems.
func (r *reporter) poem(ctx context.Context) ([]viz.Block, error) {
	rows, err := tasks.Pick(r.data.Held, "poems", tasks.Text, 0, r.seed)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	truth, meta := drawPoem(rows, r.seed)
	if meta.Title == "" {
		return nil, nil
	}
	prompt := fmt.Sprintf("%s 作者: %s %s 正文:", meta.Title, meta.Dynasty, meta.Author)
	o := m6.Generate{MaxTokens: poemTokens, Temperature: 0.8, TopK: 50}
	written, err := r.model.Write(ctx, []m6.Prompt{{Text: r.model.Objective.Begin(r.model.IDs(prompt)...), Seed: uint32(r.seed)}}, o)
	if err != nil {
		return nil, fmt.Errorf("a poem: %w", err)
	}
	r.figures.Poem = r.model.Text(written[0].Tokens)
	form, ok := poemForm(r.figures.Poem)
	note := fmt.Sprintf("%s Right is an even number of lines, all of 5 or all of 7 characters. Drawn with temperature %g among the %d most probable tokens, seed %d, for the title of a held-out poem, %s.", form, o.Temperature, o.TopK, r.seed, truth.ID)
	return []viz.Block{
		viz.Poem{Prompt: prompt, Title: meta.Title, Author: "the model", Lines: lines(r.figures.Poem), Verdict: verdict(ok), Note: note},
		viz.Poem{Title: meta.Title, Author: meta.Author, Lines: lines(meta.Body), Note: "The held-out poem itself."},
	}, nil
}

// drawPoem draws a poem whose meta has a title.
func drawPoem(rows []datasets.Example, seed uint64) (datasets.Example, poemMeta) {
	random := rand.New(rand.NewPCG(seed, uint64(len(rows))))
	for _, i := range random.Perm(len(rows)) {
		var meta poemMeta
		if json.Unmarshal([]byte(rows[i].Meta), &meta) == nil && meta.Title != "" {
			return rows[i], meta
		}
	}
	return datasets.Example{}, poemMeta{}
}

// lines breaks a poem behind its punctuation.
func lines(poem string) []string {
	var out []string
	line := ""
	for _, r := range poem {
		line += string(r)
		if strings.ContainsRune("，。？！；", r) {
			out, line = append(out, strings.TrimSpace(line)), ""
		}
	}
	if line = strings.TrimSpace(line); line != "" {
		out = append(out, line)
	}
	return out
}

// poemForm says whether a poem has an even number of lines of 5 or of 7 Han characters each.
func poemForm(poem string) (string, bool) {
	broken := lines(poem)
	length := -1
	for _, line := range broken {
		n := 0
		for _, r := range line {
			if unicode.Is(unicode.Han, r) {
				n++
			}
		}
		if length >= 0 && n != length {
			return "Its lines differ in length.", false
		}
		length = n
	}
	ok := len(broken) > 0 && len(broken)%2 == 0 && (length == 5 || length == 7)
	return fmt.Sprintf("Number of lines: %d, of %d characters each.", len(broken), max(length, 0)), ok
}

// next are the commands that a reader may want.
func (r *reporter) next() ([]viz.Block, error) {
	dir, data := r.dir, r.data.Held.Dir()
	return []viz.Block{viz.Commands{
		{Text: "Caption a picture of your own", Line: "m6 caption --dir " + dir + " picture.png"},
		{Text: "Ask about a picture", Line: "m6 vqa --dir " + dir + " --image picture.png 图里有几只青蛙？"},
		{Text: "Write a poem", Line: "m6 poem --dir " + dir + " --author 李白 --seed 7 见情郎"},
		{Text: "Ask a question", Line: "m6 qa --dir " + dir + " 李白是谁？"},
		{Text: "All held-out figures of a task, with every text", Line: "m6 eval caption --dir " + dir + " --data " + data + " --cases --json"},
		{Text: "Take the weights elsewhere", Line: "m6 export --dir " + dir + " --out model.safetensors"},
		{Text: "Learn from data of your own: a folder of pictures with captions of the same name in .txt",
			Line: "m6 data folder my/pictures --out runs/mine\nm6 pretrain --preset debug --data runs/mine --dir runs/my-model"},
		{Text: "Train longer", Line: "m6 pretrain --preset " + r.model.Run.Preset + " --data " + data + " --dir runs/long --set train.steps=20000"},
		{Text: "Open the notebooks", Line: "make notebook"},
	}}, nil
}
