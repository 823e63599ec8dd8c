package clean

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

const wordsDoc = `A sentence with a word of a list is removed, not the document. Lists are files of the user: a word a line, # begins a comment, a tab parts the word from a category of its own; ` +
	`letters are compared without case and width, and a word of English letters is found only as a whole word. Words are brought to the form that the rules simplify and characters write. ` +
	`Paper: remove sentences with words on spam, political, pornographic or dirty lists. Open: the lists, which are not published.`

// categories are those of the paper; others may be named.
var categories = []string{"spam", "political", "pornographic", "dirty"}

// maxWord bounds a word of a list, in characters.
const maxWord = 128

func isCategory(s string) bool {
	if len(s) == 0 || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if b := s[i]; !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '_') {
			return false
		}
	}
	return true
}

// wordsRule reads the lists. written gives a word as the rules before write it, and false where they remove a character of it.
func wordsRule(o WordsOptions, written func(string) (string, bool), note func(string, ...any)) (rule, error) {
	r := rule{Rule: Rule{Name: "words", Version: 1, Level: levelSentence, On: o.On, Doc: wordsDoc}}
	if !o.On {
		return r, nil
	}
	if len(o.Lists) == 0 {
		note("words: no list is given, so no sentence is removed; name files in text.words.lists")
		return r, nil
	}
	l := lists{written: written}
	for _, list := range o.Lists {
		if err := l.read(list, o.BadLines == "count"); err != nil {
			return rule{}, err
		}
	}
	if l.bad > 0 {
		note("words: %d bad lines were left out; the first: %v", l.bad, l.firstBad)
	}
	if l.never > 0 {
		note("words: %d words were left out, as the rule characters removes a character of theirs; the first: %s", l.never, l.firstNever)
		if len(l.words) == 0 {
			return r, nil
		}
	}
	a := newAutomaton(l.words)
	r.run = func(j *job) string {
		for i, field := range [...]*string{&j.t.Title, &j.t.Body} {
			j.hits = a.scan(j.hits[:0], *field)
			if len(j.hits) > 0 {
				j.removeHits(field, i == 0)
			}
		}
		return ""
	}
	return r, nil
}

// lists gathers the words of all lists; a word that is there already keeps its first category.
type lists struct {
	words    []word
	seen     map[string]bool
	bad      int
	firstBad error

	written    func(string) (string, bool)
	never      int // words that no cleaned text has
	firstNever string
}

func (l *lists) read(list WordList, countBad bool) error {
	data, err := os.ReadFile(list.File)
	if err != nil {
		return fmt.Errorf("word list: %w: give an existing file in text.words.lists", err)
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	before := len(l.seen)
	for number := 1; len(data) > 0; number++ {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		w, why := parseWord(string(bytes.TrimSuffix(line, []byte("\r"))), list.Category)
		if why != "" {
			err := fmt.Errorf("%s:%d: %s", list.File, number, why)
			if !countBad {
				return fmt.Errorf("word list %w, or set text.words.bad_lines to \"count\"", err)
			}
			if l.bad++; l.firstBad == nil {
				l.firstBad = err
			}
			continue
		}
		if w.text == "" {
			continue
		}
		text, can := l.written(w.text)
		if !can {
			if l.never++; l.firstNever == "" {
				l.firstNever = w.text
			}
			continue
		}
		w.text = text
		key := strings.Map(plainRune, w.text)
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		if !l.seen[key] {
			l.seen[key] = true
			l.words = append(l.words, w)
		}
	}
	if before == 0 && len(l.seen) == 0 && l.never == 0 {
		return fmt.Errorf("word list %s has no words: put one on every line, or leave the list out", list.File)
	}
	return nil
}

// parseWord reads a line: a word without text for an empty line or a comment, or why it is bad, with the mend.
func parseWord(line, category string) (word, string) {
	if !utf8.ValidString(line) {
		return word{}, "the line is no UTF-8: save the file as UTF-8"
	}
	if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
		return word{}, ""
	}
	text, own, tabbed := strings.Cut(line, "\t")
	text, own = strings.TrimSpace(text), strings.TrimSpace(own)
	if tabbed {
		category = own
	}
	switch {
	case text == "":
		return word{}, "no word stands before the tab: write the word first"
	case tabbed && !isCategory(own):
		return word{}, fmt.Sprintf("the category %q is not 1 to 32 small letters, digits or _: write one such as spam behind the tab", own)
	case utf8.RuneCountInString(text) > maxWord:
		return word{}, fmt.Sprintf("the word has more than %d characters: write one word a line", maxWord)
	}
	for _, r := range text {
		if k := classOf(r); k == classHidden || k == classNewline || r == utf8.RuneError {
			return word{}, fmt.Sprintf("the word has %U, which no cleaned text has: remove it", r)
		}
	}
	return word{text: text, category: category}, ""
}

// removeHits removes the sentences of a field that hits lie in.
func (j *job) removeHits(field *string, title bool) {
	hits := j.hits
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	start, behind := 0, 0 // behind all words
	for _, h := range hits {
		behind = max(behind, h.end)
	}
	j.dropFrom("words", field, title, func(s string) string {
		for len(hits) > 0 && hits[0].start < start {
			if hits[0].end > start { // a word across sentences
				break
			}
			hits = hits[1:]
		}
		end := start + len(s)
		start = end
		if len(hits) == 0 || hits[0].start >= end {
			return ""
		}
		w := hits[0].word
		j.find(w.category, 1)
		j.enough = behind <= end
		if j.watch == nil {
			return w.category
		}
		return w.category + " " + w.text
	})
}
