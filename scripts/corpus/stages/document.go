package stages

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"m6lab/datasets"
	"m6lab/datasets/clean"
	"m6lab/datasets/page"
	"m6lab/datasets/picture"
	"m6lab/datasets/source"
	"m6lab/scripts/corpus/recipe"
)

// The reasons of this package for dropping a candidate; those of rules are "text: RULE: detail", "pair: RULE: detail", "picture: RULE: detail".
const (
	reasonNoText       = "no text"
	reasonNoPicture    = "no picture"
	reasonNoCaption    = "no text around the picture"
	reasonNotFound     = "picture not found"
	reasonContaminated = "in an evaluation set"
	reasonPage         = "unreadable page"
)

// document is one document on its way through the first pass.
type document struct {
	*source.Document
	pass   *pass
	part   source.Part
	source *Source
	split  byte
	page   *page.Page // of HTML
	outcome
}

// trace is told what happens to a document; nil where nobody asks. It is the explain command's view.
type trace struct {
	text    func(stage, rule, before, after string)   // a rule changed or removed a sentence
	picture func(address string, score picture.Score) // a rule looked at a picture
	verdict func(candidate, reason string, r *kept)   // "" kept
	page    func(p *page.Page)
	body    func(text string) // plain text, before the rules
}

func (d *document) drop(candidate, reason string) {
	d.dropped = append(d.dropped, reason)
	if t := d.pass.trace; t != nil {
		t.verdict(candidate, reason, nil)
	}
}

// run makes texts, pairs or both of the document.
func (d *document) run(ctx context.Context) {
	what := d.pass.job.Recipe.Pairs.Make(d.Source)
	title, body, err := d.plain(what != recipe.MakeText)
	if err != nil {
		d.unreadable = err
		return
	}
	if t := d.pass.trace; t != nil && t.body != nil {
		t.body(body)
	}
	pictures := len(d.Images) > 0 || d.page != nil && len(d.page.Pictures) > 0
	if what == recipe.MakeText || what == recipe.MakeBoth && (d.page != nil || !pictures) {
		d.in++
		d.makeText(title, body)
	}
	if what == recipe.MakePairs || what == recipe.MakeBoth && pictures {
		if !pictures {
			d.in++
			d.drop(d.ID, reasonNoPicture)
			return
		}
		d.attached(ctx, title, body)
		if d.page != nil {
			d.around(ctx)
		}
	}
}

// plain returns the document's title and body as plain text, and reads the page of HTML.
func (d *document) plain(pictures bool) (title, body string, err error) {
	switch d.Media {
	case "text/html":
		o := d.pass.job.Recipe.Page
		o.Pictures = o.Pictures && pictures
		p, err := page.Parse(d.Body, d.Address, d.Charset, o)
		if err != nil {
			return "", "", err
		}
		d.page = p
		if t := d.pass.trace; t != nil && t.page != nil {
			t.page(p)
		}
		d.notePage(p)
		title = d.Title
		if title == "" {
			title = p.Title
		}
		return title, p.Text, nil
	case "text/plain":
		text, charset, bad := page.Decode(d.Body, d.Charset)
		d.pages = append(d.pages, "charset: "+charset)
		if bad > 0 {
			d.pages = append(d.pages, "bytes that no charset could read")
		}
		return d.Title, text, nil
	}
	return d.Title, "", nil
}

// notePage counts what was found out about a page.
func (d *document) notePage(p *page.Page) {
	d.pages = append(d.pages, "charset: "+p.Charset, "main text: "+p.Main)
	if p.Bad > 0 {
		d.pages = append(d.pages, "bytes that no charset could read")
	}
	for reason, n := range p.Skipped {
		for range n {
			d.pages = append(d.pages, "picture passed over: "+reason)
		}
	}
	for note := range p.Notes {
		d.pages = append(d.pages, "note: "+note)
	}
}

// clean applies rules to a text, which tell their changes to whoever looks at the document, or the report's sampler.
func (d *document) clean(rules *clean.Cleaner, stage string, t *clean.Text) (reason string) {
	if look := d.pass.trace; look != nil {
		return rules.Clean(t, func(rule, before, after string) { look.text(stage, rule, before, after) })
	}
	w := d.pass.samples.watched(stage, d.Source, d.ID)
	t.Wants = w.wants
	return rules.Clean(t, w.watch)
}

// makeText makes one text record.
func (d *document) makeText(title, body string) {
	t := clean.Text{Source: d.Source, Title: title, Body: body, Counts: d.source.Text}
	question := d.Question != "" || d.Answer != ""
	if question {
		t.Title, t.Body = d.Question, d.Answer
	}
	title, body = t.Title, t.Body
	if t.Title == "" && strings.TrimSpace(t.Body) == "" {
		d.drop(d.ID, reasonNoText)
		return
	}
	if reason := d.clean(d.pass.tools.text, "text", &t); reason != "" {
		d.pass.samples.dropped("text", reason, d.Source, d.ID, title+"\n"+body)
		d.drop(d.ID, "text: "+reason)
		return
	}
	r := kept{Example: datasets.Example{ID: d.ID, Source: d.Source, Text: t.Body, References: d.References}}
	if t.Title != "" && !strings.HasPrefix(t.Body, t.Title) {
		r.Text = t.Title + "\n" + t.Body
	}
	if question {
		r.Question, r.Answer = t.Title, t.Body
	}
	r.Meta = d.meta(meta{Title: t.Title, Rules: d.pass.tools.textVersions})
	d.finish(d.ID, r)
}

// finish takes a record that all rules kept.
func (d *document) finish(candidate string, r kept) {
	if hit, found := d.pass.tools.evaluated(&r, d.pass.job.Recipe.Decontaminate.IndexOptions); found {
		line(&d.pass.contaminated, Contaminated{Source: d.Source, ID: r.ID, Hit: hit})
		d.drop(candidate, reasonContaminated+": "+hit.Set)
		return
	}
	r.split, r.address = d.split, d.Address
	r.doc = uint64(d.source.Documents.In)
	d.kept = append(d.kept, r)
	if t := d.pass.trace; t != nil {
		t.verdict(candidate, "", &r)
	}
}

// attached makes pairs of the pictures that came with the document; its text is theirs.
func (d *document) attached(ctx context.Context, title, body string) {
	text := body
	if text == "" && len(d.References) > 0 {
		text = d.References[0]
	}
	if text == "" {
		text, title = title, ""
	}
	if title != "" && !strings.HasPrefix(text, title) {
		text = title + "\n" + text
	}
	for i, im := range d.Images {
		d.in++
		id := d.ID
		if len(d.Images) > 1 {
			id = fmt.Sprintf("%s/picture-%d", d.ID, i)
		}
		p := pair{id: id, address: im.Address, path: im.Path, data: im.Bytes, text: text, found: []found{{Found: "caption"}}, references: d.References}
		if p.address == "" && len(p.data) == 0 {
			p.address = im.Path
		}
		d.makePair(ctx, p)
	}
}

// around makes pairs of the pictures of a page with the text around them.
func (d *document) around(ctx context.Context) {
	for i, pic := range d.page.Pictures {
		d.in++
		p := pair{id: fmt.Sprintf("%s/picture-%d", d.ID, i), address: pic.Address, others: pic.Others, data: pic.Data}
		if p.address != "" {
			p.path = path.Base(strings.SplitN(p.address, "?", 2)[0])
		}
		var lines []string
		for _, a := range pic.Texts {
			if len(lines) == d.pass.job.Recipe.Pairs.Texts {
				break
			}
			lines = append(lines, a.Text)
			p.found = append(p.found, found{Found: a.Found, Distance: a.Distance})
		}
		p.text = strings.Join(lines, "\n")
		d.makePair(ctx, p)
	}
}

// pair is a candidate for an image-text record.
type pair struct {
	id, address, path string
	others            []string
	data              []byte
	text              string
	found             []found
	references        []string
}

// found says how one text of a pair was found.
type found struct {
	Found    string `json:"found"`
	Distance int    `json:"distance"` // edges of the page's tree between picture and text
}

// makePair makes one image-text record: first the text, since it costs less than the picture.
func (d *document) makePair(ctx context.Context, p pair) {
	if strings.TrimSpace(p.text) == "" {
		d.drop(p.id, reasonNoCaption)
		return
	}
	t := clean.Text{Source: d.Source, Body: p.text, Counts: d.source.Pairs}
	if reason := d.clean(d.pass.tools.pairs, "pair", &t); reason != "" {
		d.pass.samples.dropped("pair", reason, d.Source, p.id, p.text)
		d.drop(p.id, "pair: "+reason)
		return
	}
	start := time.Now()
	defer func() { d.pass.looking += time.Since(start) }()
	data, why := d.bytesOf(ctx, p)
	if why != "" {
		line(&d.pass.missing, Missing{Source: d.Source, ID: d.ID, Address: p.address, Reason: why})
		d.drop(p.id, reasonNotFound+": "+why)
		return
	}
	if len(p.data) == 0 {
		d.bytes += int64(len(data))
	}
	pic, reason := d.check(p.address, data)
	d.source.Pictures.Add(pic, reason)
	if reason != "" {
		d.drop(p.id, "picture: "+reason)
		return
	}
	r := kept{
		Example: datasets.Example{ID: p.id, Source: d.Source, Text: t.Body, Image: data, ImagePath: p.path},
		pair:    true, width: int32(pic.Width), height: int32(pic.Height), small: pic.Small,
	}
	if len(p.references) > 1 {
		r.References = p.references
	}
	m := meta{
		Rules:   d.pass.tools.pairVersions,
		Picture: &metaPicture{Address: p.address, Width: pic.Width, Height: pic.Height, Format: pic.Format}, Found: p.found,
	}
	if d.page != nil {
		m.Title = d.page.Title
	}
	r.Meta = d.meta(m)
	d.finish(p.id, r)
}

func (d *document) check(address string, data []byte) (picture.Picture, string) {
	if t := d.pass.trace; t != nil {
		return d.pass.tools.pictures.Explain(data, func(s picture.Score) { t.picture(address, s) })
	}
	return d.pass.tools.pictures.Check(data)
}

// bytesOf returns the encoded picture of a pair, or why there is none.
func (d *document) bytesOf(ctx context.Context, p pair) (data []byte, why string) {
	if len(p.data) > 0 {
		return p.data, ""
	}
	return d.pass.tools.pool.look(ctx, d.part, d.ID, append([]string{p.address}, p.others...))
}

// meta is the lineage of a record, as its column meta holds it.
type meta struct {
	Address string       `json:"address"`
	Date    string       `json:"date,omitempty"`
	License string       `json:"license,omitempty"`
	Title   string       `json:"title,omitempty"`
	Charset string       `json:"charset,omitempty"`
	Picture *metaPicture `json:"picture,omitempty"`
	Found   []found      `json:"found,omitempty"` // how the texts of a pair were found
	Recipe  string       `json:"recipe"`          // hash of recipe, its files and all versions
	Rules   string       `json:"rules"`           // that were on, with their versions
}

type metaPicture struct {
	Address string `json:"address,omitempty"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Format  string `json:"format"`
}

// meta completes the lineage of a record with what is known of the document.
func (d *document) meta(m meta) string {
	m.Address, m.Date, m.License, m.Recipe = d.Address, d.Date, d.License, d.pass.job.Lineage
	if p := d.page; p != nil {
		m.Charset = p.Charset
		if m.License == "" {
			m.License = p.License
		}
		if m.Date == "" {
			m.Date = p.Date
		}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		panic(err) // plain data
	}
	return strings.TrimSuffix(b.String(), "\n")
}
