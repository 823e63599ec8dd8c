package clean

import "strings"

// edit replaces the bytes from start to end. A rule's edits ascend and do not overlap.
type edit struct {
	start, end int
	with       string
}

// add appends an edit; one that touches the edit before it, and replaces by nothing as that does, becomes part of it.
func add(edits []edit, start, end int, with string) []edit {
	if n := len(edits); n > 0 && with == "" && edits[n-1].end == start && edits[n-1].with == "" {
		edits[n-1].end = end
		return edits
	}
	return append(edits, edit{start, end, with})
}

// apply returns s with the edits made.
func apply(s string, edits []edit) string {
	size := len(s)
	for i := range edits {
		size += len(edits[i].with) - (edits[i].end - edits[i].start)
	}
	var b strings.Builder
	b.Grow(size)
	at := 0
	for i := range edits {
		e := &edits[i]
		b.WriteString(s[at:e.start])
		b.WriteString(e.with)
		at = e.end
	}
	b.WriteString(s[at:])
	return b.String()
}

// trace tells the watch of every sentence that the edits touch, before and after. Sentences that one edit joins are told as one.
func trace(w Watch, rule, s string, edits []edit) {
	for start := 0; start < len(s) && len(edits) > 0; {
		end := sentenceEnd(s, start)
		n := 0
		for n < len(edits) && edits[n].start < end {
			for edits[n].end > end {
				end = sentenceEnd(s, end)
			}
			n++
		}
		if n > 0 {
			moved := make([]edit, n)
			for i, e := range edits[:n] {
				moved[i] = edit{e.start - start, e.end - start, e.with}
			}
			w(rule, s[start:end], apply(s[start:end], moved))
			edits = edits[n:]
		}
		start = end
	}
}
