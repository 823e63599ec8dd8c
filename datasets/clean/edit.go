package clean

import "slices"

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
func apply(buf []byte, s string, edits []edit) (string, []byte) {
	buf = slices.Grow(buf[:0], len(s))
	at := 0
	for i := range edits {
		e := &edits[i]
		buf = append(buf, s[at:e.start]...)
		buf = append(buf, e.with...)
		at = e.end
	}
	buf = append(buf, s[at:]...)
	return string(buf), buf
}

// trace tells the watch of every sentence that the edits touch, before and after. Sentences that one edit joins are told as one.
func trace(w Watch, rule, s string, edits []edit) {
	for start := 0; start < len(s) && len(edits) > 0; {
		end := sentenceEnd(s, start)
		n := 0
		for n < len(edits) && (edits[n].start < end || n == len(edits)-1 && end == len(s)) {
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
			after, _ := apply(nil, s[start:end], moved)
			w(rule, s[start:end], after)
			edits = edits[n:]
		}
		start = end
	}
}
