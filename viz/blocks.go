package viz

import (
	"fmt"
	"image"
	"strings"
)

// Prose is text: paragraphs with an empty line between; a paragraph whose lines all begin with "- " is a list; `between` backquotes is code.
type Prose string

type paragraph struct {
	Items []line // of a list
	Line  line   // of a paragraph
}

// line is text with every second stretch set as code.
type line []struct {
	Text string
	Code bool
}

func (t Prose) block(p *page) (markup, error) {
	var out []paragraph
	for _, text := range strings.Split(strings.ReplaceAll(p.text(string(t)), "\r\n", "\n"), "\n\n") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		lines := strings.Split(text, "\n")
		list := true
		for _, l := range lines {
			list = list && strings.HasPrefix(l, "- ")
		}
		if !list {
			out = append(out, paragraph{Line: lineOf(text)})
			continue
		}
		var items []line
		for _, l := range lines {
			items = append(items, lineOf(strings.TrimPrefix(l, "- ")))
		}
		out = append(out, paragraph{Items: items})
	}
	return p.render("prose", out)
}

// lineOf splits text at backquotes; one without a partner stays as it is.
func lineOf(text string) line {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 {
		parts[len(parts)-2] += "`" + parts[len(parts)-1]
		parts = parts[:len(parts)-1]
	}
	out := make(line, len(parts))
	for i, s := range parts {
		out[i].Text, out[i].Code = s, i%2 == 1
	}
	return out
}

// Captioned is a block with a sentence below it.
type Captioned struct {
	Block Block
	Text  string
}

func (c Captioned) block(p *page) (markup, error) {
	if c.Block == nil {
		return "", fmt.Errorf("viz: caption %q has no block: give one", c.Text)
	}
	body, err := c.Block.block(p)
	if err != nil {
		return "", err
	}
	return p.render("captioned", map[string]any{"Body": body, "Text": p.text(c.Text)})
}

// Cells is a table of text.
type Cells struct {
	Title string
	Head  []string
	Rows  [][]string // each as long as Head
	// Numeric columns stand at the right.
	Numeric []bool
}

type tableCell struct {
	Text    string
	Numeric bool
}

func (c Cells) block(p *page) (markup, error) {
	row := func(texts []string) []tableCell {
		out := make([]tableCell, len(texts))
		for i, s := range texts {
			out[i] = tableCell{p.text(s), i < len(c.Numeric) && c.Numeric[i]}
		}
		return out
	}
	data := struct {
		Title string
		Head  []tableCell
		Rows  [][]tableCell
	}{Title: p.text(c.Title), Head: row(c.Head)}
	for i, r := range c.Rows {
		if len(r) != len(c.Head) {
			return "", fmt.Errorf("viz: cells %q: row %d has %d cells, the head has %d: give as many of both", c.Title, i, len(r), len(c.Head))
		}
		data.Rows = append(data.Rows, row(r))
	}
	return p.render("cells", data)
}

// Poem is a poem of the model, or of a poet.
type Poem struct {
	Prompt, Title, Author string // each may be empty
	Lines                 []string
	Verdict               Verdict // whether it keeps the form
	Note                  string  // such as "4 lines of 5 characters"
}

func (c Poem) block(p *page) (markup, error) {
	return p.render("poem", map[string]any{
		"Prompt": p.text(c.Prompt), "Title": p.text(c.Title), "Author": p.text(c.Author), "Lines": p.texts(c.Lines),
		"Verdict": c.Verdict.String(), "Note": p.text(c.Note),
	})
}

// Fill is a sentence with a masked span that the model filled in.
type Fill struct {
	Masked  string      // with [MASK] where text is missing
	Filled  string      // by the model
	Truth   string      // the original
	Picture image.Image // that the model saw; nil for none
	Note    string
}

func (c Fill) block(p *page) (markup, error) {
	data := struct {
		Masked        line
		Filled, Truth []piece
		Verdict, Note string
		Picture       *picture
	}{Verdict: Right.String(), Note: p.text(c.Note)}
	filled, truth := p.text(c.Filled), p.text(c.Truth)
	data.Filled, data.Truth = compare(filled, truth), compare(truth, filled)
	if filled != truth {
		data.Verdict = Wrong.String()
	}
	for i, s := range strings.Split(p.text(c.Masked), "[MASK]") {
		if i > 0 {
			data.Masked = append(data.Masked, line{{"[MASK]", true}}...)
		}
		data.Masked = append(data.Masked, line{{s, false}}...)
	}
	if c.Picture != nil {
		pic, err := p.picture(c.Picture)
		if err != nil {
			return "", fmt.Errorf("viz: fill: %w", err)
		}
		data.Picture = &pic
	}
	return p.render("fill", data)
}

// Command is a command line with what it does.
type Command struct {
	Text string // what it does
	Line string // one or more lines, as they are typed
}

// Commands are command lines to copy.
type Commands []Command

func (c Commands) block(p *page) (markup, error) {
	out := make([]Command, len(c))
	for i, v := range c {
		out[i] = Command{p.text(v.Text), p.text(v.Line)}
	}
	return p.render("commands", out)
}
