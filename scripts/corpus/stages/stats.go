package stages

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"m6lab/datasets/clean"
	"m6lab/datasets/picture"
)

// Stats is what happened to the records of some units. It can be added to another, in any order.
type Stats struct {
	Sources map[string]*Source `json:"sources"`
	Samples []Sample           `json:"samples,omitempty"`
	Shots   []Shot             `json:"shots,omitempty"`
}

// Source is the account of one source: in = out + dropped + quarantined, and the same for documents.
type Source struct {
	Name          string           `json:"name"`
	In            int64            `json:"in"`             // candidates for a record: a text, or a picture of a page with the text around it; a document without either counts as one
	Out           int64            `json:"out"`            // records of the set
	Dropped       map[string]int64 `json:"dropped"`        // by reason
	Quarantined   int64            `json:"quarantined"`    // records that could not be read; quarantine.jsonl lists them
	Faults        map[string]int64 `json:"quarantined_by"` // by reason
	Documents     Documents        `json:"documents"`
	Bytes         int64            `json:"bytes_in"`          // bodies and attached pictures as read, before any rule
	AttachedBytes int64            `json:"attached_bytes_in"` // of them, attached pictures
	ImageBytes    int64            `json:"image_bytes_in"`    // encoded pictures: the attached ones, and those that were found for pages
	Rows          map[string]*Row  `json:"rows"`              // of Table 1, by modality: text, image+text

	Text     *clean.Counts    `json:"text_rules"`    // of documents that become texts
	Pairs    *clean.Counts    `json:"pair_rules"`    // of the texts of pairs
	Pictures *picture.Counts  `json:"picture_rules"` // of the pictures of pairs
	Pages    map[string]int64 `json:"pages"`         // what was found of pages: charsets, how the main text was found, pictures that were passed over by reason
	Found    map[string]int64 `json:"found"`         // texts of pairs that were kept, by how they were found
}

// Documents counts what was read.
type Documents struct {
	In          int64 `json:"in"`
	Out         int64 `json:"out"`     // gave a record at least
	Dropped     int64 `json:"dropped"` // gave none
	Quarantined int64 `json:"quarantined"`
}

// Row is a row of Table 1.
type Row struct {
	Images     int64      `json:"images"`
	Tokens     int64      `json:"tokens"` // WordPiece of BERT's Chinese vocabulary, lower-cased, without [CLS] and [SEP]
	Passages   int64      `json:"passages"`
	Characters int64      `json:"characters"`
	ImageBytes int64      `json:"image_bytes"` // encoded, as found
	TextBytes  int64      `json:"text_bytes"`  // UTF-8
	Lengths    *Histogram `json:"lengths"`     // tokens of a passage
	Sides      *Histogram `json:"sides"`       // square root of width times height of a picture, pixels
}

// Sample is a text that a rule changed or removed.
type Sample struct {
	Order  uint64 `json:"order"` // a hash of seed, document and rule: the smallest are shown
	Rule   string `json:"rule"`
	Source string `json:"source"`
	ID     string `json:"id"`
	Before string `json:"before"`
	After  string `json:"after"` // empty: removed
	within uint64 // orders the changes of one rule in one document
}

// Shot is a pair that was kept.
type Shot struct {
	Order   uint64 `json:"order"`
	Source  string `json:"source"`
	ID      string `json:"id"`
	Text    string `json:"text"`
	Note    string `json:"note"`
	Picture []byte `json:"picture"` // small, PNG
}

// Shown of each rule, and pairs: what the report has room for.
const (
	samplesPerRule = 4
	shotsShown     = 12
)

func newStats() *Stats {
	return &Stats{Sources: map[string]*Source{}}
}

// source returns the account of a source.
func (s *Stats) source(name string) *Source {
	if s.Sources[name] == nil {
		s.Sources[name] = &Source{
			Name: name, Dropped: map[string]int64{}, Faults: map[string]int64{}, Rows: map[string]*Row{},
			Text: &clean.Counts{}, Pairs: &clean.Counts{}, Pictures: &picture.Counts{}, Pages: map[string]int64{}, Found: map[string]int64{},
		}
	}
	return s.Sources[name]
}

func (s *Source) row(modality string) *Row {
	if s.Rows[modality] == nil {
		s.Rows[modality] = &Row{Lengths: &Histogram{}, Sides: &Histogram{}}
	}
	return s.Rows[modality]
}

// merge adds what t counted.
func (s *Stats) merge(t *Stats) error {
	for _, name := range sorted(t.Sources) {
		if err := s.source(name).merge(t.Sources[name]); err != nil {
			return err
		}
	}
	s.Samples = append(s.Samples, t.Samples...)
	s.Shots = append(s.Shots, t.Shots...)
	s.trim()
	return nil
}

// trim keeps the samples that will be shown.
func (s *Stats) trim() {
	slices.SortFunc(s.Samples, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Before, b.Before))
	})
	kept, n := s.Samples[:0], 0
	for i, sample := range s.Samples {
		if i == 0 || sample.Rule != s.Samples[i-1].Rule {
			n = 0
		}
		if n++; n <= samplesPerRule {
			kept = append(kept, sample)
		}
	}
	s.Samples = kept
	slices.SortFunc(s.Shots, func(a, b Shot) int { return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID)) })
	s.Shots = s.Shots[:min(len(s.Shots), shotsShown)]
}

func (s *Source) merge(t *Source) error {
	s.In += t.In
	s.Out += t.Out
	s.Quarantined += t.Quarantined
	s.Bytes += t.Bytes
	s.ImageBytes += t.ImageBytes
	s.AttachedBytes += t.AttachedBytes
	addAll(s.Dropped, t.Dropped)
	addAll(s.Faults, t.Faults)
	s.Documents.In += t.Documents.In
	s.Documents.Out += t.Documents.Out
	s.Documents.Dropped += t.Documents.Dropped
	s.Documents.Quarantined += t.Documents.Quarantined
	for modality, other := range t.Rows {
		s.row(modality).merge(other)
	}
	addAll(s.Pages, t.Pages)
	addAll(s.Found, t.Found)
	s.Pictures.Merge(t.Pictures)
	return errors.Join(s.Text.Merge(t.Text), s.Pairs.Merge(t.Pairs))
}

func (r *Row) merge(t *Row) {
	r.Images += t.Images
	r.Tokens += t.Tokens
	r.Passages += t.Passages
	r.Characters += t.Characters
	r.ImageBytes += t.ImageBytes
	r.TextBytes += t.TextBytes
	r.Lengths.merge(t.Lengths)
	r.Sides.merge(t.Sides)
}

func addAll(to, from map[string]int64) {
	for key, n := range from {
		to[key] += n
	}
}

// total is the sum of the values of a map.
func total(m map[string]int64) (sum int64) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// sorted returns the keys of a map in order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
