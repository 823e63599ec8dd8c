package picture

import (
	"fmt"
	"strings"
)

// Count is what became of the pictures that reached a rule.
type Count struct {
	In       int64 `json:"in"`
	Dropped  int64 `json:"dropped"`
	Unjudged int64 `json:"unjudged"` // kept because the rule had nothing to go by
}

// Counts tells what became of many pictures. It is a plain value: of a part of the input each, merged in any order to the same sum.
type Counts struct {
	Pictures     int64            `json:"pictures"`
	Kept         int64            `json:"kept"`
	Bytes        int64            `json:"bytes"` // of the encoded pictures
	KeptBytes    int64            `json:"kept_bytes"`
	Rules        map[string]Count `json:"rules"`         // by name
	Reasons      map[string]int64 `json:"reasons"`       // pictures dropped, by reason as Check returns it
	Formats      map[string]int64 `json:"formats"`       // pictures with a readable header, by format
	FormatsBytes map[string]int64 `json:"formats_bytes"` // and their bytes
}

// NewCounts returns counts of nothing yet, with a row for every rule that is on.
func (f *Filter) NewCounts() *Counts {
	c := &Counts{Rules: map[string]Count{}, Reasons: map[string]int64{}, Formats: map[string]int64{}, FormatsBytes: map[string]int64{}}
	for _, r := range f.rules {
		if r.On {
			c.Rules[r.Name] = Count{}
		}
	}
	return c
}

// Add counts what Check returned for one picture.
func (c *Counts) Add(p Picture, reason string) {
	c.init()
	c.Pictures++
	c.Bytes += int64(p.Bytes)
	if p.Format != "" {
		c.Formats[p.Format]++
		c.FormatsBytes[p.Format] += int64(p.Bytes)
	}
	by := RuleOf(reason)
	if reason == "" {
		c.Kept++
		c.KeptBytes += int64(p.Bytes)
	} else {
		c.Reasons[reason]++
	}
	for _, s := range p.Scores {
		if !s.On {
			continue
		}
		n := c.Rules[s.Rule]
		n.In++
		if !s.Judged && s.Rule != by {
			n.Unjudged++
		}
		if s.Rule == by {
			n.Dropped++
		}
		c.Rules[s.Rule] = n
		if s.Rule == by {
			break // what Explain measured beyond it did not reach the rule
		}
	}
}

// Merge adds the counts of another part of the input.
func (c *Counts) Merge(other *Counts) {
	c.init()
	c.Pictures += other.Pictures
	c.Kept += other.Kept
	c.Bytes += other.Bytes
	c.KeptBytes += other.KeptBytes
	for name, n := range other.Rules {
		sum := c.Rules[name]
		c.Rules[name] = Count{sum.In + n.In, sum.Dropped + n.Dropped, sum.Unjudged + n.Unjudged}
	}
	addAll(c.Reasons, other.Reasons)
	addAll(c.Formats, other.Formats)
	addAll(c.FormatsBytes, other.FormatsBytes)
}

// Check returns an error where pictures were lost: those that came must be kept or dropped for a reason, rule by rule.
func (c *Counts) Check() error {
	dropped, byRule := int64(0), int64(0)
	for _, n := range c.Reasons {
		dropped += n
	}
	for _, n := range c.Rules {
		byRule += n.Dropped
	}
	if c.Pictures != c.Kept+dropped || dropped != byRule {
		return fmt.Errorf("picture: %d pictures came, %d were kept, %d dropped for a reason and %d by a rule: some were lost", c.Pictures, c.Kept, dropped, byRule)
	}
	return nil
}

func (c *Counts) init() {
	if c.Rules == nil {
		c.Rules = map[string]Count{}
	}
	for _, m := range []*map[string]int64{&c.Reasons, &c.Formats, &c.FormatsBytes} {
		if *m == nil {
			*m = map[string]int64{}
		}
	}
}

func addAll(sum, part map[string]int64) {
	for name, n := range part {
		sum[name] += n
	}
}

// RuleOf returns the rule of a reason: "decodable" of "decodable: truncated".
func RuleOf(reason string) string {
	name, _, _ := strings.Cut(reason, ":")
	return name
}
