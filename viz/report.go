package viz

import (
	"fmt"
	"html/template"
	"io"
)

// Fact is a line of the summary at the top of a report: "seed" and "7".
type Fact struct{ Name, Value string }

// Section is a part of a report with an entry in its table of contents.
type Section struct {
	Title  string
	Blocks []Block
}

// ReportOptions is what [Report] writes.
type ReportOptions struct {
	Title    string // required
	Lead     string // one or two sentences below the title
	Language string // of the page, such as "en" (if empty) or "zh-CN"
	Facts    []Fact
	Sections []Section
	Foot     string
}

// Widths of the figures of a page, in CSS pixels: for wide screens and for phones.
const (
	wideFigure  = 860
	smallFigure = 348
)

// Report writes one HTML page that needs nothing from outside: no scripts, no network, fonts and pictures inside. It follows the light or
// dark theme of the reader, the width of the screen, and prints well. All text is escaped.
func Report(w io.Writer, o ReportOptions) error {
	if o.Title == "" {
		return fmt.Errorf("viz: report: there is no title: give one")
	}
	p := &page{miss: missing{}, wide: wideFigure, small: smallFigure}
	body, err := p.report(o)
	if err != nil {
		return err
	}
	font, err := fontFor([]byte(body), semiboldApart)
	if err != nil {
		return err
	}
	head := map[string]any{
		"Title": o.Title, "Language": first(o.Language, "en"), "Style": p.style(font), "Stack": template.CSS(font.stack()), "Strong": template.CSS(font.strong()), "Body": body,
	}
	out, err := p.render("page", head)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, string(out))
	return err
}

// report renders all that is visible.
func (p *page) report(o ReportOptions) (markup, error) {
	type section struct {
		ID, Title string
		Blocks    []markup
	}
	data := struct {
		Title, Lead, Foot, Note string
		Facts                   []Fact
		Sections                []section
	}{Title: p.text(o.Title), Lead: p.text(o.Lead), Foot: p.text(o.Foot)}
	for _, f := range o.Facts {
		data.Facts = append(data.Facts, Fact{p.text(f.Name), p.text(f.Value)})
	}
	for i, s := range o.Sections {
		out := section{ID: fmt.Sprintf("part-%d", i+1), Title: p.text(s.Title)}
		for j, b := range s.Blocks {
			if b == nil {
				return "", fmt.Errorf("viz: report: section %q: block %d is nil", s.Title, j)
			}
			drawn, err := b.block(p)
			if err != nil {
				return "", fmt.Errorf("report: section %q: %w", s.Title, err)
			}
			out.Blocks = append(out.Blocks, drawn)
		}
		data.Sections = append(data.Sections, out)
	}
	data.Note = p.miss.note("shown with the reader's own fonts")
	return p.render("report", data)
}
