package text

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Normalize returns what is left of s in its words, written as a reader expects: without blanks between Han characters
// and about full-width punctuation, with blanks between other words and as English sets them about ASCII punctuation.
// Decode(Encode(s)) equals Normalize(s) where no token is [UNK] and Options.Special is off.
func (t *Tokenizer) Normalize(s string) string {
	var j joiner
	words(t.options.normalize(s, 0), func(word []unit) {
		spelled := make([]byte, 0, 4*len(word))
		for _, u := range word {
			spelled = utf8.AppendRune(spelled, u.r)
		}
		j.word(string(spelled))
	})
	return j.String()
}

// Decode returns readable text. [PAD], [CLS], [SEP], [MASK], [unusedN] and ids that the vocabulary does not have are left
// out, [UNK] is written as Options.Unknown, and what KeepPunctuation maps comes back.
func (t *Tokenizer) Decode(ids []int32) string {
	return t.decode(ids, false)
}

// DecodeSpecial is Decode with special tokens written by their names, [UNK] among them.
func (t *Tokenizer) DecodeSpecial(ids []int32) string {
	return t.decode(ids, true)
}

func (t *Tokenizer) decode(ids []int32, special bool) string {
	var j joiner
	for _, id := range ids {
		token := t.vocab.Token(id)
		if r, ok := t.keptBy[id]; ok {
			token = string(r)
		} else if isSpecial(token) && !special {
			if token != unkName || t.options.Unknown == "" {
				continue
			}
			token = t.options.Unknown
		}
		if rest, ok := strings.CutPrefix(token, "##"); ok && rest != "" {
			j.glue(rest)
		} else {
			j.word(token)
		}
	}
	return j.String()
}

func isSpecial(token string) bool {
	return slices.Contains(specialNames, token) || strings.HasPrefix(token, "[unused") && strings.HasSuffix(token, "]")
}

// joiner writes words with the blanks between them.
type joiner struct {
	strings.Builder
	last    rune // the last character, 0 at the start
	before  rune // the one before it, where last was a word of its own
	quoting bool // an odd number of " so far
}

// glue appends s to the last word.
func (j *joiner) glue(s string) {
	j.WriteString(s)
	j.before = 0
	j.last, _ = utf8.DecodeLastRuneInString(s)
}

// word appends a word.
func (j *joiner) word(s string) {
	if s == "" {
		return
	}
	next, size := utf8.DecodeRuneInString(s)
	if j.last != 0 && j.blank(next) {
		j.WriteByte(' ')
	}
	if next == '"' {
		j.quoting = !j.quoting
	}
	last := j.last
	j.glue(s)
	if size == len(s) {
		j.before = last
	}
}

// The sides on which punctuation clings to its neighbours: what is in none of these strings clings on both.
const (
	opening = "([{$#“‘"     // a blank before, none after
	closing = ".,!?;:)]}%”" // none before, a blank after
)

// blank reports whether a blank stands between the last character and a word that begins with next.
func (j *joiner) blank(next rune) bool {
	c := table()
	last := c.properties(j.last)
	if (last|c.properties(next))&isHan != 0 {
		return false
	}
	closes := strings.ContainsRune(closing, j.last) || j.last == '"' && !j.quoting
	opens := strings.ContainsRune(opening, next) || next == '"' && !j.quoting
	if j.before != 0 && isDigit(j.before) && isDigit(next) && strings.ContainsRune(".,:", j.last) {
		return false // 3.14, 10,000, 12:30
	}
	return (last&isPunct == 0 || closes) && (c.properties(next)&isPunct == 0 || opens)
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
