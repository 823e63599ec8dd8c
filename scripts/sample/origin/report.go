package origin

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report counts, per source, what was dropped and why, so that nothing is lost silently.
type Report struct{ dropped map[string]map[string]int }

// Drop counts one row of source that was left out for the named reason.
func (r *Report) Drop(source, reason string) {
	if r.dropped == nil {
		r.dropped = map[string]map[string]int{}
	}
	if r.dropped[source] == nil {
		r.dropped[source] = map[string]int{}
	}
	r.dropped[source][reason]++
}

// WriteTo prints a line per source and reason.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, source := range sortedKeys(r.dropped) {
		for _, reason := range sortedKeys(r.dropped[source]) {
			fmt.Fprintf(&b, "left out of %s: %d rows, %s\n", source, r.dropped[source][reason], reason)
		}
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
