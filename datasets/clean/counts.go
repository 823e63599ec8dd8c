package clean

import (
	"fmt"
	"slices"
	"sort"
)

// Count is what one rule did. Documents flow through the rules in order: In = Out + Dropped, and the Out of a rule is the In
// of the next. Bytes are UTF-8, of title and body; a dropped document counts with none in BytesOut.
type Count struct {
	Rule             string           `json:"rule"`
	In               int64            `json:"in"`      // documents
	Out              int64            `json:"out"`     // documents
	Dropped          int64            `json:"dropped"` // documents
	Changed          int64            `json:"changed"` // documents that were kept with another text
	SentencesDropped int64            `json:"sentences_dropped"`
	BytesIn          int64            `json:"bytes_in"`
	BytesOut         int64            `json:"bytes_out"`
	Reasons          map[string]int64 `json:"reasons,omitempty"` // dropped documents by reason; they sum to Dropped
	Kinds            map[string]int64 `json:"kinds,omitempty"`   // what the rule found in the text, by kind: tags, words of a category, phone numbers
}

// Counts are the counts of all rules of a cleaner, in order, and histograms. The zero value is ready. Counts of parts of a
// corpus add up ([Counts.Merge]) in any order to the same sum.
type Counts struct {
	Rules      []Count               `json:"rules"`
	Histograms map[string]*Histogram `json:"histograms,omitempty"` // by name: characters_in, characters_out, han_percent, perplexity
}

// Histogram counts values between edges: Counts[i] those from Edges[i-1] to below Edges[i]; the first is below all edges, the last above.
type Histogram struct {
	Edges  []float64 `json:"edges"`
	Counts []int64   `json:"counts"` // one more than edges
}

// percents are the edges of shares, decades those of lengths and perplexities.
var (
	percents = []float64{0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100}
	decades  = []float64{1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000,
		1e4, 1.5e4, 2e4, 3e4, 5e4, 7e4, 1e5, 2e5, 5e5, 1e6, 1e7}
)

// Add counts a value. A value that is no number counts as above all edges.
func (h *Histogram) Add(v float64) {
	i := sort.Search(len(h.Edges), func(i int) bool { return v < h.Edges[i] })
	h.Counts[i]++
}

// observe adds a value to a histogram by its name.
func (c *Counts) observe(name string, edges []float64, v float64) {
	h := c.Histograms[name]
	if h == nil {
		if c.Histograms == nil {
			c.Histograms = map[string]*Histogram{}
		}
		h = &Histogram{Edges: edges, Counts: make([]int64, len(edges)+1)}
		c.Histograms[name] = h
	}
	h.Add(v)
}

// Rule returns the counts of a rule, nil where it is not there.
func (c *Counts) Rule(name string) *Count {
	for i := range c.Rules {
		if c.Rules[i].Rule == name {
			return &c.Rules[i]
		}
	}
	return nil
}

// Merge adds other to c. Both must come from the same recipe; where histograms have other edges an error says so, and c is as it was.
func (c *Counts) Merge(other *Counts) error {
	for name, h := range other.Histograms {
		mine := c.Histograms[name]
		if len(h.Counts) != len(h.Edges)+1 || mine != nil && !slices.Equal(mine.Edges, h.Edges) {
			return fmt.Errorf("merge counts: histogram %q has other edges: merge counts of one version only", name)
		}
	}
	for i := range other.Rules {
		o := &other.Rules[i]
		mine := c.Rule(o.Rule)
		if mine == nil {
			c.Rules = append(c.Rules, Count{Rule: o.Rule})
			mine = &c.Rules[len(c.Rules)-1]
		}
		mine.add(o)
	}
	for name, h := range other.Histograms {
		if c.Histograms == nil {
			c.Histograms = map[string]*Histogram{}
		}
		mine := c.Histograms[name]
		if mine == nil {
			mine = &Histogram{Edges: slices.Clone(h.Edges), Counts: make([]int64, len(h.Counts))}
			c.Histograms[name] = mine
		}
		for i, n := range h.Counts {
			mine.Counts[i] += n
		}
	}
	return nil
}

func (c *Count) add(o *Count) {
	c.In += o.In
	c.Out += o.Out
	c.Dropped += o.Dropped
	c.Changed += o.Changed
	c.SentencesDropped += o.SentencesDropped
	c.BytesIn += o.BytesIn
	c.BytesOut += o.BytesOut
	for k, n := range o.Reasons {
		c.reason(k, n)
	}
	for k, n := range o.Kinds {
		c.kind(k, n)
	}
}

func (c *Count) reason(name string, n int64) {
	if c.Reasons == nil {
		c.Reasons = map[string]int64{}
	}
	c.Reasons[name] += n
}

func (c *Count) kind(name string, n int64) {
	if c.Kinds == nil {
		c.Kinds = map[string]int64{}
	}
	c.Kinds[name] += n
}

// Check returns an error where documents were lost: a rule whose In is not Out + Dropped, reasons that do not sum to Dropped,
// or an Out that is not the next rule's In.
func (c *Counts) Check() error {
	for i := range c.Rules {
		r := &c.Rules[i]
		sum := int64(0)
		for _, n := range r.Reasons {
			sum += n
		}
		switch {
		case r.In != r.Out+r.Dropped:
			return fmt.Errorf("text rule %s lost documents: %d in, %d out, %d dropped", r.Rule, r.In, r.Out, r.Dropped)
		case sum != r.Dropped:
			return fmt.Errorf("text rule %s dropped %d documents, but names reasons for %d", r.Rule, r.Dropped, sum)
		case i > 0 && (r.In != c.Rules[i-1].Out || r.BytesIn != c.Rules[i-1].BytesOut):
			return fmt.Errorf("between text rules %s and %s documents were lost: %d out, %d in (%d and %d bytes)",
				c.Rules[i-1].Rule, r.Rule, c.Rules[i-1].Out, r.In, c.Rules[i-1].BytesOut, r.BytesIn)
		}
	}
	return nil
}
