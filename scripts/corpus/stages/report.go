package stages

import (
	"encoding/json"
	"fmt"
	"os"

	"m6lab/datasets/clean"
	"m6lab/datasets/picture"
	"m6lab/scripts/corpus/recipe"
)

// Report is report.json: what a build did. Only Ran and Seconds differ between two builds of the same inputs and recipe.
type Report struct {
	Key         string          `json:"key"` // hash of recipe, versions and inputs
	Version     string          `json:"version"`
	Rules       []string        `json:"rules"` // that were on, with their versions
	Notes       []string        `json:"notes"` // what rules could not do with what they were given
	In          []string        `json:"in"`
	Units       int             `json:"units"`
	BytesIn     int64           `json:"bytes_in"` // of the inputs as they lie on the disk, compressed or not
	Sources     []*Source       `json:"sources"`
	Balanced    bool            `json:"balanced"` // in = out + dropped + quarantined for every source: always true, or the build fails
	Funnel      []Funnel        `json:"funnel"`
	Table1      []Table1        `json:"table1"`
	Samples     []Sample        `json:"samples"`
	Shots       []Shot          `json:"shots"`
	Seed        uint64          `json:"seed"` // of samples and shots
	Files       []recipe.File   `json:"files"`
	Recipe      json.RawMessage `json:"recipe"`
	Ran         Ran             `json:"ran"`
	CoreSeconds CoreSeconds     `json:"core_seconds"`
}

// Ran says how the build was run.
type Ran struct {
	Runner  string  `json:"runner"`
	Workers int     `json:"workers"`
	Seconds float64 `json:"seconds"` // of the whole, of the last run where it was stopped and started again
}

// CoreSeconds is the time of all workers together, also of runs that were stopped.
type CoreSeconds struct {
	Index    float64 `json:"index"`    // the look for the pictures of archives
	Text     float64 `json:"text"`     // reading, pages, rules on text, keys
	Pictures float64 `json:"pictures"` // finding and judging pictures
	Write    float64 `json:"write"`    // the last pass
}

// Funnel is what one rule did to one kind of candidate of a source; those of one Source and Kind follow each other in order.
type Funnel struct {
	Source    string `json:"source"`
	Kind      string `json:"kind"` // text or pair
	Rule      string `json:"rule"`
	In        int64  `json:"in"`
	Out       int64  `json:"out"`
	Changed   int64  `json:"changed,omitempty"`
	Sentences int64  `json:"sentences_removed,omitempty"`
	BytesIn   int64  `json:"bytes_in,omitempty"`
	BytesOut  int64  `json:"bytes_out,omitempty"`
}

// Table1 is a row of the paper's Table 1. Counts are plain numbers, sizes are bytes: text as UTF-8, pictures encoded as they were found.
// Tokens are those of BERT's Chinese WordPiece, lower-cased.
type Table1 struct {
	Source        string  `json:"source"`
	Modality      string  `json:"modality"` // text, or image+text
	Images        int64   `json:"images"`
	Tokens        int64   `json:"tokens"`
	Passages      int64   `json:"passages"`
	AverageTokens float64 `json:"average_tokens"`
	ImageBytes    int64   `json:"image_bytes"`
	TextBytes     int64   `json:"text_bytes"`
}

// Records is the number of records of the set.
func (r *Report) Records() (n int64) {
	for _, s := range r.Sources {
		n += s.Out
	}
	return n
}

// ReadReport reads a report.json.
func ReadReport(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s is no report of a build: %w", path, err)
	}
	return r, nil
}

// report makes the report of what was joined.
func (j *Job) report(c *collector, ran Ran) *Report {
	files, _ := j.Recipe.Files() // they were read before
	r := &Report{
		Key: j.setKey(), Version: Version, In: j.In, Units: len(j.Units), BytesIn: j.Bytes, Balanced: true, Samples: c.stats.Samples, Shots: c.stats.Shots,
		Seed: j.Seed, Files: files, Recipe: j.Recipe.JSON(), Ran: ran,
		CoreSeconds: CoreSeconds{Index: c.seconds.index, Text: c.seconds.clean - c.seconds.pictures, Pictures: c.seconds.pictures, Write: c.seconds.finish},
		Notes:       []string{}, Sources: []*Source{}, Table1: []Table1{}, Funnel: []Funnel{},
	}
	var rules []picture.Rule
	if t, err := j.tools(); err == nil {
		rules = t.pictures.Rules()
		r.Notes = append(r.Notes, t.text.Notes()...)
		r.Rules = t.versions()
	}
	for _, name := range sorted(c.stats.Sources) {
		s := c.stats.Sources[name]
		r.Sources = append(r.Sources, s)
		r.Funnel = append(r.Funnel, funnel(s, rules)...)
		for _, modality := range sorted(s.Rows) {
			r.Table1 = append(r.Table1, s.Rows[modality].table1(name, modality))
		}
	}
	return r
}

func (r *Row) table1(source, modality string) Table1 {
	t := Table1{Source: source, Modality: modality, Images: r.Images, Tokens: r.Tokens, Passages: r.Passages, ImageBytes: r.ImageBytes, TextBytes: r.TextBytes}
	if r.Passages > 0 {
		t.AverageTokens = float64(r.Tokens) / float64(r.Passages)
	}
	return t
}

// funnel lists what happened to the candidates of a source in order: those for texts, then those for pairs.
func funnel(s *Source, pictures []picture.Rule) []Funnel {
	var out []Funnel
	for _, c := range s.Text.Rules {
		out = append(out, textStep(s.Name, "text", c))
	}
	for _, c := range s.Pairs.Rules {
		out = append(out, textStep(s.Name, "pair", c))
	}
	for _, rule := range pictures {
		if c, on := s.Pictures.Rules[rule.Name]; on {
			out = append(out, Funnel{Source: s.Name, Kind: "pair", Rule: "picture." + rule.Name, In: c.In, Out: c.In - c.Dropped})
		}
	}
	return out
}

func textStep(source, kind string, c clean.Count) Funnel {
	return Funnel{
		Source: source, Kind: kind, Rule: "text." + c.Rule, In: c.In, Out: c.Out, Changed: c.Changed, Sentences: c.SentencesDropped,
		BytesIn: c.BytesIn, BytesOut: c.BytesOut,
	}
}
