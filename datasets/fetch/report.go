package fetch

import (
	"cmp"
	"io"
	"path/filepath"
	"slices"
)

// Report counts the addresses of a run, each once.
type Report struct {
	Fetched int      `json:"fetched"` // pictures from the web
	Cached  int      `json:"cached"`  // pictures from the cache
	Bytes   int64    `json:"bytes"`   // of both
	Failed  int      `json:"failed"`
	Reasons []Reason `json:"reasons"` // of the failed, the most frequent first
	Broken  int      `json:"broken"`  // lines of the journal that could not be read
}

// Reason is a reason of failure and how many addresses it met.
type Reason struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// counts is a Report in the making.
type counts struct {
	fetched, cached, failed int
	bytes                   int64
	reasons                 map[string]int
}

// count adds the outcome of an address that this run asks for the first time.
func (f *Fetcher) count(k key, data []byte, failure *Failure, cached bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[k] {
		return
	}
	f.seen[k] = true
	c := &f.report
	switch {
	case failure != nil:
		c.failed++
		if c.reasons == nil {
			c.reasons = map[string]int{}
		}
		c.reasons[failure.Reason]++
		return
	case cached:
		c.cached++
	default:
		c.fetched++
	}
	c.bytes += int64(len(data))
}

// Report returns the counts of this run so far.
func (f *Fetcher) Report() Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &f.report
	r := Report{Fetched: c.fetched, Cached: c.cached, Bytes: c.bytes, Failed: c.failed, Broken: f.journal.broken}
	for reason, n := range c.reasons {
		r.Reasons = append(r.Reasons, Reason{reason, n})
	}
	slices.SortFunc(r.Reasons, func(a, b Reason) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Reason, b.Reason)) })
	return r
}

// Failures returns what failed according to the journal of a cache folder, by reason and address: the list to look through, or to ask again.
func Failures(folder string) ([]Failure, error) {
	last := map[string]*Failure{}
	_, _, err := readJournal(filepath.Join(folder, journalName), func(r *record, e entry) {
		switch old, seen := last[r.URL]; {
		case e.reason == "":
			last[r.URL] = nil
		case !seen || old != nil:
			last[r.URL] = &Failure{Reason: e.reason, URL: r.URL, Detail: e.detail, Transient: e.transient}
		}
	})
	if err != nil {
		return nil, err
	}
	var list []Failure
	for _, failure := range last {
		if failure != nil {
			list = append(list, *failure)
		}
	}
	slices.SortFunc(list, func(a, b Failure) int { return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.URL, b.URL)) })
	return list, nil
}

// ioError returns nil for the end of a file.
func ioError(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
