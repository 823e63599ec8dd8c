package stages

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"m6lab/datasets/page"
	"m6lab/datasets/picture"
	"m6lab/datasets/source"
)

// Explanation is what the rules did with one document, in the order in which they did it.
type Explanation struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Address   string    `json:"address"`
	Media     string    `json:"media"`
	Charset   string    `json:"charset,omitempty"`
	Main      string    `json:"main,omitempty"` // the rule that found a page's main text
	Title     string    `json:"title,omitempty"`
	Text      string    `json:"text"` // before the rules
	Fault     string    `json:"fault,omitempty"`
	Changes   []Change  `json:"changes"`
	Pictures  []Judged  `json:"pictures"`
	Verdicts  []Verdict `json:"verdicts"`
	Elsewhere string    `json:"elsewhere"` // what one document cannot show
}

// Change is a sentence that a rule changed or removed.
type Change struct {
	Kind   string `json:"kind"` // of the candidate: text or pair
	Rule   string `json:"rule"`
	Before string `json:"before"`
	After  string `json:"after"` // empty: removed
}

// Judged is a picture with what every rule says of it, also those that are off.
type Judged struct {
	Address string          `json:"address"`
	Scores  []picture.Score `json:"scores"`
}

// Verdict is what became of one candidate of the document.
type Verdict struct {
	Candidate string `json:"candidate"`
	Reason    string `json:"reason"` // why it was dropped; "" kept
	Text      string `json:"text,omitempty"`
	Meta      string `json:"meta,omitempty"`
}

const elsewhere = "Repetitions are decided over all documents of a build, and are not shown."

// recordOf is what records have behind the id of their document.
var recordOf = regexp.MustCompile(`(/picture-[0-9]+)?(~[0-9a-f]+)?$`)

// Explain looks for the document with an id, or that of one of its records, and tells what the rules do with it.
func Explain(ctx context.Context, o Options, id string) (*Explanation, error) {
	if err := o.Recipe.Validate(); err != nil {
		return nil, err
	}
	if _, err := o.Recipe.Files(); err != nil {
		return nil, err
	}
	j := &Job{In: o.In, Recipe: o.Recipe, Images: o.Images, Key: "explain", Workers: runtime.GOMAXPROCS(0)}
	j.ready()
	j.before = func() error { return j.indexAside(ctx) }
	defer j.forget()
	t, err := openTools(j)
	if err != nil {
		return nil, err
	}
	if err := j.plan(ctx, o); err != nil {
		return nil, err
	}
	bare := recordOf.ReplaceAllString(id, "")
	seen, example := 0, ""
	for _, u := range j.Units {
		for _, part := range u.Parts {
			for doc, err := range source.Read(ctx, part, o.Recipe.Read) {
				seen++
				var fault *source.Fault
				switch {
				case errors.As(err, &fault):
					if fault.Address == id {
						return &Explanation{ID: id, Source: rowOf(part), Address: id, Fault: fault.Error(), Elsewhere: elsewhere}, nil
					}
				case err != nil:
					return nil, fmt.Errorf("reading %s: %w", part.Address, err)
				case doc.ID == id || doc.ID == bare:
					return explain(ctx, j, t, part, doc), nil
				default:
					example = doc.ID
				}
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
		}
	}
	return nil, fmt.Errorf("none of %d documents has the id %q: ids look like %q", seen, id, example)
}

// explain takes one document through the rules under observation.
func explain(ctx context.Context, j *Job, t *tools, part source.Part, doc *source.Document) *Explanation {
	e := &Explanation{
		Source: doc.Source, ID: doc.ID, Address: doc.Address, Media: doc.Media, Charset: doc.Charset, Title: doc.Title, Elsewhere: elsewhere,
		Changes: []Change{}, Pictures: []Judged{}, Verdicts: []Verdict{},
	}
	if doc.Source == "" {
		doc.Source = rowOf(part)
		e.Source = doc.Source
	}
	p := &pass{job: j, tools: t, stats: newStats()}
	p.trace = &trace{
		text: func(kind, rule, before, after string) {
			if before != "" || after != "" {
				e.Changes = append(e.Changes, Change{kind, rule, before, after})
			}
		},
		picture: func(address string, s picture.Score) {
			if n := len(e.Pictures); n == 0 || e.Pictures[n-1].Address != address || repeats(e.Pictures[n-1].Scores, s.Rule) {
				e.Pictures = append(e.Pictures, Judged{Address: address})
			}
			last := &e.Pictures[len(e.Pictures)-1]
			last.Scores = append(last.Scores, s)
		},
		verdict: func(candidate, reason string, r *kept) {
			v := Verdict{Candidate: candidate, Reason: reason}
			if r != nil {
				v.Text, v.Meta = r.Text, r.Meta
			}
			e.Verdicts = append(e.Verdicts, v)
		},
		page: func(x *page.Page) { e.Charset, e.Main, e.Title = x.Charset, x.Main, x.Title },
		body: func(text string) { e.Text = text },
	}
	switch o, err := p.judge(ctx, part, doc, p.stats.source(doc.Source)); {
	case err != nil:
		e.Fault = reasonPanic + ": " + err.Error()
	case o.unreadable != nil:
		e.Fault = reasonPage + ": " + o.unreadable.Error()
	}
	return e
}

func repeats(scores []picture.Score, rule string) bool {
	for _, s := range scores {
		if s.Rule == rule {
			return true
		}
	}
	return false
}

// Lines writes the explanation for people.
func (e *Explanation) Lines() []string {
	lines := []string{fmt.Sprintf("%s  %s  %s  %s", e.ID, e.Source, e.Media, e.Address)}
	if e.Fault != "" {
		return append(lines, "quarantined: "+e.Fault)
	}
	if e.Charset != "" {
		lines = append(lines, "charset "+e.Charset)
	}
	if e.Main != "" {
		lines = append(lines, "main text found by "+e.Main)
	}
	for _, c := range e.Changes {
		lines = append(lines, "", c.Kind+": "+c.Rule, "  - "+oneLine(c.Before))
		if c.After == "" {
			lines = append(lines, "  + (removed)")
		} else {
			lines = append(lines, "  + "+oneLine(c.After))
		}
	}
	for _, j := range e.Pictures {
		lines = append(lines, "", "picture "+j.Address)
		for _, s := range j.Scores {
			lines = append(lines, "  "+scoreLine(s))
		}
	}
	lines = append(lines, "")
	for _, v := range e.Verdicts {
		if v.Reason != "" {
			lines = append(lines, "dropped  "+v.Candidate+": "+v.Reason)
		} else {
			lines = append(lines, "kept     "+v.Candidate+": "+oneLine(v.Text))
		}
	}
	return append(lines, e.Elsewhere)
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "⏎") }

// scoreLine writes what a rule says of a picture.
func scoreLine(s picture.Score) string {
	verdict := "keeps"
	switch {
	case !s.Judged:
		verdict = "does not judge"
	case s.Drops && s.On:
		verdict = "drops"
	case s.Drops:
		verdict = "would drop, but is off"
	case !s.On:
		verdict = "would keep, but is off"
	}
	line := fmt.Sprintf("%-10s %10.4g  threshold %-8.4g %s", s.Rule, s.Value, s.Threshold, verdict)
	if s.Detail != "" {
		line += " (" + s.Detail + ")"
	}
	return line
}
