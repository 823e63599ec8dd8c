package score

import "unicode"

// Tokens splits a text as the metrics see it: a run of cased letters and decimal digits is one token, white space
// separates, and every other character, each Han character and each punctuation mark, stands alone. Case is kept.
func Tokens(text string) []string {
	var out []string
	var run []rune
	flush := func() {
		if len(run) > 0 {
			out = append(out, string(run))
			run = run[:0]
		}
	}
	for _, r := range text {
		if unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Nd) {
			run = append(run, r)
			continue
		}
		flush()
		if !unicode.IsSpace(r) {
			out = append(out, string(r))
		}
	}
	flush()
	return out
}
