package look

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"image"
	_ "image/png" // the format of the sample's pictures
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"m6lab/datasets"
	"m6lab/datasets/sample"
	"m6lab/viz"
)

// Rows draws n rows of a source (scenes, scenes_vqa, emoji, poems, help, qa) from the training split: the same seed draws the same rows.
func Rows(source string, n int, seed uint64) []datasets.Example {
	rows, err := drawn("train", source, n, seed)
	if err != nil {
		Fail(err)
	}
	return rows
}

// HeldOut is Rows from the validation split, which no model is trained on.
func HeldOut(source string, n int, seed uint64) []datasets.Example {
	rows, err := drawn("valid", source, n, seed)
	if err != nil {
		Fail(err)
	}
	return rows
}

func drawn(split, source string, n int, seed uint64) ([]datasets.Example, error) {
	if !slices.Contains(sample.Sources(), source) {
		return nil, fmt.Errorf("the sample has no source %q: it has %s", source, strings.Join(sample.Sources(), ", "))
	}
	var rows []datasets.Example
	for row, err := range sample.Examples(split) {
		if err != nil {
			return nil, err
		}
		if row.Source == source {
			rows = append(rows, row)
		}
	}
	if n < 1 || n > len(rows) {
		return nil, fmt.Errorf("%d rows of %s: want 1 to %d", n, source, len(rows))
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows[:n], nil
}

// Counts shows a table of the sample: rows, pictures and characters of each source.
func Counts() {
	table, err := counts()
	if err != nil {
		Fail(err)
	}
	HTML(table)
}

func counts() (string, error) {
	type count struct{ train, heldOut, pictures, characters int }
	all := map[string]*count{}
	for _, source := range sample.Sources() {
		all[source] = &count{}
	}
	for _, split := range sample.Splits() {
		for row, err := range sample.Examples(split) {
			if err != nil {
				return "", err
			}
			c := all[row.Source]
			if split == "train" {
				c.train++
			} else {
				c.heldOut++
			}
			if row.Image != nil {
				c.pictures++
			}
			c.characters += utf8.RuneCountInString(row.Text)
		}
	}
	cells := [][]string{{"source", "training rows", "held-out rows", "with a picture", "characters"}}
	for _, source := range sample.Sources() {
		c := all[source]
		line := []string{source}
		for _, n := range []int{c.train, c.heldOut, c.pictures, c.characters} {
			line = append(line, thousands(n))
		}
		cells = append(cells, line)
	}
	return table(cells), nil
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Table shows a table; the first row is its head.
func Table(rows [][]string) { HTML(table(rows)) }

// table is an HTML table; the first row is its head, all columns but the first stand at the right.
func table(rows [][]string) string {
	var b strings.Builder
	b.WriteString(`<table style="border-collapse:collapse">`)
	for i, row := range rows {
		b.WriteString("<tr>")
		tag := "td"
		if i == 0 {
			tag = "th"
		}
		for k, cell := range row {
			align := "right"
			if k == 0 {
				align = "left"
			}
			fmt.Fprintf(&b, `<%s style="text-align:%s;padding:3px 12px">%s</%s>`, tag, align, html.EscapeString(cell), tag)
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</table>")
	return b.String()
}

// Pictures shows the pictures of rows with their texts; a row without a picture is an error.
func Pictures(rows []datasets.Example) {
	var shots []viz.Shot
	for _, row := range rows {
		picture, err := Picture(row)
		if err != nil {
			Fail(err)
		}
		shots = append(shots, viz.Shot{Picture: picture, Caption: row.Text})
	}
	Figure(viz.GalleryOptions{Shots: shots})
}

// Picture decodes the picture of a row.
func Picture(row datasets.Example) (image.Image, error) {
	if row.Image == nil {
		return nil, fmt.Errorf("row %s has no picture", row.ID)
	}
	picture, _, err := image.Decode(bytes.NewReader(row.Image))
	if err != nil {
		return nil, fmt.Errorf("row %s: %w", row.ID, err)
	}
	return picture, nil
}

// Texts shows the texts of rows, each in a box with its id.
func Texts(rows []datasets.Example) {
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, `<div style="border-left:3px solid #888;margin:8px 0;padding:2px 10px;max-width:46em"><div style="font-size:80%%;opacity:.7">%s</div>%s</div>`,
			html.EscapeString(row.ID), html.EscapeString(row.Text))
	}
	HTML(b.String())
}

// Poems shows poems with title, poet and lines.
func Poems(rows []datasets.Example) {
	var b strings.Builder
	b.WriteString(`<div style="display:flex;flex-wrap:wrap;gap:24px">`)
	for _, row := range rows {
		var poem struct{ Title, Author, Body string }
		if err := json.Unmarshal([]byte(row.Meta), &poem); err != nil || poem.Body == "" {
			Fail(fmt.Errorf("row %s is no poem", row.ID))
		}
		fmt.Fprintf(&b, `<div><b>%s</b> <span style="opacity:.7">%s</span><br>%s</div>`, html.EscapeString(poem.Title), html.EscapeString(poem.Author),
			strings.ReplaceAll(html.EscapeString(poem.Body), "。", "。<br>"))
	}
	b.WriteString("</div>")
	HTML(b.String())
}
