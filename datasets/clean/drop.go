package clean

import (
	"bytes"
	"strings"
)

// dropSentences removes the sentences of the body that judge names a reason for.
func (j *job) dropSentences(name string, judge func(s string) string) {
	j.dropFrom(name, &j.t.Body, false, judge)
}

// dropFrom removes sentences of a field that judge names a reason for; where judge sets j.enough, those behind stay unseen. The end of a line stays where its last sentence goes but others of it stay. A title goes
// as a whole.
func (j *job) dropFrom(name string, field *string, title bool, judge func(s string) string) {
	s := *field
	buf := j.buf[:0]
	kept, dropped := 0, 0 // up to where buf is what was kept
	asked, watched := false, false
	j.enough = false
	for start := 0; start < len(s) && !j.enough; {
		end := sentenceEnd(s, start)
		sentence := s[start:end]
		if why := judge(sentence); why != "" {
			buf = append(buf, s[kept:start]...)
			kept = end
			dropped++
			if strings.IndexByte(sentence, '\n') >= 0 && len(buf) > 0 && buf[len(buf)-1] != '\n' {
				buf = append(bytes.TrimRight(buf, " "), '\n')
			}
			if !asked {
				asked, watched = true, j.watches(name)
			}
			if watched {
				j.watch(name+": "+why, sentence, "")
			}
		}
		start = end
	}
	if dropped == 0 {
		return
	}
	j.dropped[j.at] += dropped
	buf = append(buf, s[kept:]...)
	j.buf = buf
	text := strings.TrimRight(string(buf), " \n")
	if title {
		text = ""
	}
	j.replace(field, text)
}
