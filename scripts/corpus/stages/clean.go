package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/zeebo/xxh3"

	"m6lab/datasets/near"
	"m6lab/datasets/source"
)

// cleaned is what the first pass over a unit leaves beside its records.
type cleaned struct {
	Files   map[string]int64 `json:"files"`  // that were written, by ending: bytes
	Places  []Place          `json:"places"` // of packed keys
	Records int              `json:"records"`
	Stats   *Stats           `json:"stats"`

	Seconds        float64 `json:"seconds"`
	PictureSeconds float64 `json:"picture_seconds"` // of them, for finding and judging pictures
}

// Quarantine is a line of quarantine.jsonl: a record that could not be read.
type Quarantine struct {
	Source  string `json:"source"`
	Address string `json:"address"`
	Reason  string `json:"reason"`
	Error   string `json:"error,omitempty"`
}

// Missing is a line of missing.jsonl: a picture that no archive, folder or server gave.
type Missing struct {
	Source  string `json:"source"`
	ID      string `json:"id"` // of the document
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// Contaminated is a line of contaminated.jsonl: a record that stands in an evaluation set.
type Contaminated struct {
	Source string   `json:"source"`
	ID     string   `json:"id"`
	Hit    near.Hit `json:"hit"`
}

// The endings of a unit's files.
const (
	endKept       = ".kept"
	endKeys       = ".keys"
	endQuarantine = ".quarantine.jsonl"
	endMissing    = ".missing.jsonl"
	endEvaluated  = ".contaminated.jsonl"
	endClean      = ".clean.json"
)

// Clean is the first pass: it reads the documents of a unit, applies the rules, and leaves kept records, packed keys and counts in files. A unit
// that was finished before is not done again. It returns where the keys lie.
func (j *Job) Clean(ctx context.Context, u Unit) ([]Place, error) {
	if c, err := j.cleaned(u.Name()); err == nil {
		return c.Places, nil
	}
	t, err := j.tools()
	if err != nil {
		return nil, err
	}
	end, err := j.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if _, err := t.pool.crawl(); err != nil {
		return nil, err
	}
	start := time.Now()
	p := &pass{job: j, tools: t, unit: u, stats: newStats()}
	p.samples.seed = j.Seed
	if err := aside(j.path(u.Name()+endKept), func(f *os.File) error { return p.run(ctx, f) }); err != nil {
		return nil, errors.Unwrap(err)
	}
	c := &cleaned{Records: p.records, Stats: p.stats, Files: map[string]int64{}}
	if err := p.flushKeys(); err != nil {
		return nil, err
	}
	c.Places = p.places
	for ending, lines := range map[string]*bytes.Buffer{endQuarantine: &p.quarantine, endMissing: &p.missing, endEvaluated: &p.contaminated} {
		if lines.Len() == 0 {
			continue
		}
		if err := writeFile(j.path(u.Name()+ending), lines.Bytes()); err != nil {
			return nil, err
		}
	}
	for _, ending := range append(p.keyFiles, endKept, endQuarantine, endMissing, endEvaluated) {
		if info, err := os.Stat(j.path(u.Name() + ending)); err == nil {
			c.Files[ending] = info.Size()
		}
	}
	p.stats.Samples = p.samples.texts()
	c.Seconds, c.PictureSeconds = time.Since(start).Seconds(), p.looking.Seconds()
	return c.Places, writeJSON(j.path(u.Name()+endClean), c)
}

// cleaned reads what the first pass left of a unit; an error where it has not been there, or something is gone.
func (j *Job) cleaned(name string) (*cleaned, error) {
	data, err := os.ReadFile(j.path(name + endClean))
	if err != nil {
		return nil, err
	}
	c := &cleaned{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, err
	}
	if _, found := c.Files[endKept]; !found {
		return nil, errDamaged
	}
	for ending, size := range c.Files {
		if info, err := os.Stat(j.path(name + ending)); err != nil || info.Size() != size {
			return nil, errDamaged
		}
	}
	return c, nil
}

func writeFile(path string, data []byte) error {
	return aside(path, func(f *os.File) error { _, err := f.Write(data); return err })
}

func writeJSON(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return writeFile(path, data)
}

// pass is the first pass over one unit.
type pass struct {
	job          *Job
	tools        *tools
	unit         Unit
	out          *keptFile
	stats        *Stats
	keys         sections // not yet in a file
	places       []Place  // of those that are
	keyFiles     []string // their endings
	samples      sampler
	quarantine   bytes.Buffer
	missing      bytes.Buffer
	contaminated bytes.Buffer
	records      int
	near         near.Keys
	looking      time.Duration // spent on pictures
	trace        *trace        // nil in builds
}

// run reads all parts of the unit.
func (p *pass) run(ctx context.Context, f *os.File) error {
	p.out = newKeptFile(f)
	for _, part := range p.unit.Parts {
		for doc, err := range source.Read(ctx, part, p.job.Recipe.Read) {
			var fault *source.Fault
			switch {
			case errors.As(err, &fault):
				p.fault(part, fault)
			case err != nil:
				return fmt.Errorf("reading %s: %w", part.Address, err)
			default:
				if err := p.document(ctx, part, doc); err != nil {
					return err
				}
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	return p.out.close()
}

// rowOf is the row of Table 1 that a part's faults count for.
func rowOf(part source.Part) string {
	for _, name := range []string{part.Source, source.DefaultSource(part.Format)} {
		if name != "" {
			return name
		}
	}
	return "unknown"
}

// fault takes a record that gave no document: damaged ones are quarantined, sound ones that are none are dropped by their reason.
func (p *pass) fault(part source.Part, fault *source.Fault) {
	s := p.stats.source(rowOf(part))
	s.In++
	s.Documents.In++
	if fault.Skip() {
		s.Dropped["read: "+fault.Reason]++
		s.Documents.Dropped++
		return
	}
	text := ""
	if fault.Err != nil {
		text = fault.Err.Error()
	}
	p.putAside(s, Quarantine{Source: s.Name, Address: fault.Address, Reason: fault.Reason, Error: text})
}

// putAside quarantines one record, which the caller has counted as having come.
func (p *pass) putAside(s *Source, q Quarantine) {
	s.Quarantined++
	s.Documents.Quarantined++
	s.Faults[q.Reason]++
	line(&p.quarantine, q)
}

// line appends a value as a line of JSON.
func line(b *bytes.Buffer, value any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // plain data
	}
}

// outcome is what became of one document.
type outcome struct {
	in      int64
	dropped []string
	kept    []kept
	pages   []string // what to count of pages
	bytes   int64    // of pictures that were found for it

	unreadable error // the document cannot be read: it is quarantined
}

// reasonPanic quarantines a document that a rule could not stand. It is a fault of the program, which must not cost the build.
const reasonPanic = "failure of the program"

// document takes one document through the rules.
func (p *pass) document(ctx context.Context, part source.Part, doc *source.Document) error {
	if doc.Source == "" {
		doc.Source = rowOf(part)
	}
	s := p.stats.source(doc.Source)
	s.Documents.In++
	s.Bytes += int64(len(doc.Body) + len(doc.Title) + len(doc.Question) + len(doc.Answer))
	for _, im := range doc.Images {
		s.Bytes += int64(len(im.Bytes))
		s.ImageBytes += int64(len(im.Bytes))
		s.AttachedBytes += int64(len(im.Bytes))
	}
	o, err := p.judge(ctx, part, doc, s)
	reason := reasonPanic
	if err == nil && o.unreadable != nil {
		reason, err = reasonPage, o.unreadable
	}
	if err != nil {
		s.In++
		p.putAside(s, Quarantine{Source: s.Name, Address: doc.ID, Reason: reason, Error: err.Error()})
		return ctx.Err()
	}
	s.In += o.in
	s.ImageBytes += o.bytes
	for _, what := range o.pages {
		s.Pages[what]++
	}
	for _, reason := range o.dropped {
		s.Dropped[reason]++
	}
	if len(o.kept) == 0 {
		s.Documents.Dropped++
	}
	for i := range o.kept {
		if err := p.keep(&o.kept[i]); err != nil {
			return err
		}
	}
	return nil
}

// judge is what the rules make of a document; an error is a panic of theirs.
func (p *pass) judge(ctx context.Context, part source.Part, doc *source.Document, s *Source) (o outcome, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	d := document{pass: p, part: part, Document: doc, source: s, split: p.job.splitOf(doc)}
	d.run(ctx)
	return d.outcome, nil
}

// keep writes a record and its keys.
func (p *pass) keep(r *kept) error {
	number, err := near.Number(p.unit.Number, p.records)
	if err != nil {
		return err
	}
	r.number = number
	p.records++
	if err := p.addKeys(r); err != nil {
		return err
	}
	if p.records%recordsPerKeyFile == 0 {
		if err := p.flushKeys(); err != nil {
			return err
		}
	}
	return p.out.write(r)
}

// splits are the splits of a set by their number.
var splits = []string{"train", "valid", "test"}

// splitOf draws the split of a document by the hash of its content, so that copies of it are in one split.
func (j *Job) splitOf(doc *source.Document) byte {
	h := xxh3.New()
	switch {
	case len(doc.Body) > 0:
		_, _ = h.Write(doc.Body)
	case doc.Question != "" || doc.Answer != "":
		_, _ = h.WriteString(doc.Question + "\n" + doc.Answer)
	default:
		for _, im := range doc.Images {
			_, _ = h.Write(im.Bytes)
			_, _ = h.WriteString(im.Address)
		}
	}
	at := float64(h.Sum64()>>11) / (1 << 53)
	switch s := j.Recipe.Split; {
	case at < s.Valid:
		return 1
	case at < s.Valid+s.Test:
		return 2
	}
	return 0
}
