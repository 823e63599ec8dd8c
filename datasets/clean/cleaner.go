package clean

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"m6lab/datasets/runes"
)

// Text is a document on its way through the rules.
type Text struct {
	Source string  // the paper's row (Table 1), as `forum`; says whether Title is a topic
	Title  string  // plain text, "" none
	Body   string  // plain text; paragraphs are divided by "\n"
	Counts *Counts // where the document is counted; nil counts nothing. No two goroutines may use one at once

	// Wants is asked once before the changes of a rule are told to the watch, for finding the sentences of a change costs more than the change. nil wants all.
	Wants func(rule string) bool
}

// Watch sees every change of a document: the rule with its detail ("words: spam 加微信"), and the sentence before and after, "" where
// it was removed. A dropped document is told last, as its rule and reason with two empty texts. nil watches nothing and costs nothing.
type Watch func(rule, before, after string)

// Rule describes a rule.
type Rule struct {
	Name    string `json:"name"`    // the key of the recipe
	Version int    `json:"version"` // grows when the rule decides anything differently
	Level   string `json:"level"`   // what it drops or changes: document, sentence or character
	On      bool   `json:"on"`
	Doc     string `json:"doc"` // what it does, what the paper says, and what the paper leaves open
}

// The levels of rules.
const (
	levelDocument  = "document"
	levelSentence  = "sentence"
	levelCharacter = "character"
)

// Cleaner applies the rules of a recipe. It does not change and may be used by many goroutines at once.
type Cleaner struct {
	rules  []rule
	notes  []string
	rounds int // 1: the rules run once
	jobs   sync.Pool
}

// rule is a rule with what it does; nil where it is off.
type rule struct {
	Rule
	run   func(j *job) (reason string)
	holds bool // its own output is final: it need not see it again
	once  bool // no other rule can undo what it did

	letters bool // it looks at letters and at which stand side by side alone
}

// Perplexity is a language model: how surprising a sentence is, per character, from 1 on; the higher, the less like text.
// It must be safe for many goroutines at once and give the same number for the same sentence.
type Perplexity interface {
	Sentence(s string) float64
}

// Quantiles is what a [Perplexity] may know besides: the value below which the share q (0 to 1) of its own held-out sentences lies.
type Quantiles interface {
	Quantile(q float64) float64
}

// Load reads a language model's file.
type Load func(file string) (Perplexity, error)

// New loads lists and models, once. load reads the language model; it is needed only where the options name one. Errors name the key,
// or the file and line, and the mend.
func New(o Options, load ...Load) (*Cleaner, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(load) > 1 {
		return nil, fmt.Errorf("text rules: %d loaders of language models were given: give one", len(load))
	}
	c := &Cleaner{rounds: 1}
	if o.Again.On {
		c.rounds = o.Again.Rounds
	}
	c.jobs.New = func() any { return &job{} }
	var loader Load
	if len(load) == 1 {
		loader = load[0]
	}
	for _, read := range []func() (rule, error){
		func() (rule, error) { return utf8Rule(), nil },
		func() (rule, error) { return markupRule(o.Markup), nil },
		func() (rule, error) { return languageRule(o.Language) },
		func() (rule, error) { return simplifyRule(o.Simplify) },
		func() (rule, error) { return punctuationRule(o.Punctuation), nil },
		func() (rule, error) { return charactersRule(o.Characters), nil },
		func() (rule, error) { return personalRule(o.Personal), nil },
		func() (rule, error) { return lengthRule(o.Length), nil },
		func() (rule, error) { return wordsRule(o.Words, o.written(), c.note) },
		func() (rule, error) { return perplexityRule(o.Perplexity, loader, c.note) },
		func() (rule, error) { return againRule(o.Again), nil },
	} {
		r, err := read()
		if err != nil {
			return nil, err
		}
		c.rules = append(c.rules, r)
	}
	return c, nil
}

// written returns how the rules simplify and characters write a word, and false for one that they remove a character of.
func (o Options) written() func(string) (string, bool) {
	var act *characters
	if o.Characters.On {
		act = newCharacters(o.Characters)
	}
	return func(word string) (string, bool) {
		if o.Simplify.On {
			if t, err := settled(); err == nil { // else the rule itself has failed
				word = apply(word, t.scan(word, nil))
			}
		}
		if act == nil {
			return word, true
		}
		var b strings.Builder
		for _, r := range word {
			switch does, with := act.of(r); does {
			case actDrop:
				return "", false
			case actFold:
				b.WriteString(with)
			case actSpace:
				b.WriteByte(' ')
			default:
				b.WriteRune(r)
			}
		}
		return strings.Join(strings.Fields(b.String()), " "), true
	}
}

func (c *Cleaner) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// Notes says what the rules cannot do with what they were given, such as a rule of words without a list; one line each.
func (c *Cleaner) Notes() []string { return append([]string(nil), c.notes...) }

// Rules returns the rules in the order in which they run, those that are off too. The first, utf8, has no switch.
func (c *Cleaner) Rules() []Rule {
	out := make([]Rule, len(c.rules))
	for i, r := range c.rules {
		out[i] = r.Rule
	}
	return out
}

// Versions returns the rules that are on with their versions, "markup/1 punctuation/1": the lineage of a record.
func (c *Cleaner) Versions() string {
	var b strings.Builder
	for _, r := range c.rules {
		if r.On {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%s/%d", r.Name, r.Version)
		}
	}
	return b.String()
}

// job is one document's way through the rules. It is used again for the next.
type job struct {
	t       *Text
	watch   Watch
	at      int  // the rule that runs
	title   bool // it runs on the title
	round   int
	version int       // of the text; grows with every change
	letters int       // the last version with other letters, or with others side by side
	same    bool      // the rewrite that runs leaves letters as they are
	ran     []int     // by rule: the version that it saw last, or that it made
	changed []bool    // by rule
	removed []int     // by rule: bytes, over all rounds
	dropped []int     // by rule: sentences
	found   []finding // what rules found
	detail  string    // of the reason, for the watch
	sized   int       // the version that length is of
	length  int
	edits   []edit
	buf     []byte
	hits    []hit
	enough  bool // no other sentence need be judged
}

// How much room a job keeps for the next document.
const (
	keptEdits = 1 << 12
	keptBytes = 1 << 18
)

// finding is how many of a kind a rule found.
type finding struct {
	rule int
	kind string
	n    int
}

// Clean runs the rules over a text and replaces its title and body. It returns "" where the text is kept, else the rule and the
// reason that dropped it, such as "length: content"; the text is then as the rules before had left it.
func (c *Cleaner) Clean(t *Text, w Watch) (reason string) {
	j := c.jobs.Get().(*job)
	j.start(t, w, len(c.rules))
	size := len(t.Title) + len(t.Body)
	reason = c.loop(j)
	if reason != "" && w != nil {
		w(reason+j.detail, "", "")
	}
	if t.Counts != nil {
		c.count(j, size, reason)
	}
	j.t, j.watch = nil, nil
	if cap(j.edits) > keptEdits || cap(j.buf) > keptBytes {
		j.edits, j.buf, j.hits = nil, nil, nil // a long document's are not kept for short ones
	}
	c.jobs.Put(j)
	return reason
}

func (j *job) start(t *Text, w Watch, rules int) {
	j.t, j.watch, j.detail, j.found = t, w, "", j.found[:0]
	j.version, j.letters, j.sized = 1, 0, 0
	if j.ran == nil {
		j.ran, j.removed, j.dropped, j.changed = make([]int, rules), make([]int, rules), make([]int, rules), make([]bool, rules)
	}
	clear(j.ran)
	clear(j.changed)
	clear(j.removed)
	clear(j.dropped)
}

// loop runs the rules, and again those that have not seen the text as the others left it, until there are none. What drops a text
// in a later round is the last rule's, so that the rules stay a funnel.
func (c *Cleaner) loop(j *job) (reason string) {
	last := len(c.rules) - 1
	for j.round = 1; ; j.round++ {
		for i := range c.rules[:last] {
			r := &c.rules[i]
			if !r.stale(j, i) {
				continue
			}
			j.at, j.same = i, false
			j.ran[i] = j.version
			if reason := r.run(j); reason != "" {
				if j.round > 1 {
					j.at = last
					return "again: " + reason
				}
				return reason
			}
			if j.ran[i] != j.version {
				if r.holds {
					j.ran[i] = j.version
				}
			}
		}
		stale := false
		for i := range c.rules[:last] {
			stale = stale || c.rules[i].stale(j, i)
		}
		if c.rounds == 1 || !stale {
			break
		}
		if j.round == c.rounds {
			j.at = last
			return reasonUnstable
		}
	}
	j.at = last
	if j.t.Body == "" {
		return reasonEmpty
	}
	return ""
}

// stale tells whether rule i has not seen the text as it is.
func (r *rule) stale(j *job, i int) bool {
	switch {
	case r.run == nil || r.once && j.ran[i] > 0:
		return false
	case r.letters && j.ran[i] > 0:
		return j.ran[i] < j.letters
	}
	return j.ran[i] != j.version
}

// count adds the document to the text's counts: to all rules up to the one that dropped it.
func (c *Cleaner) count(j *job, size int, reason string) {
	counts := j.t.Counts
	if len(counts.Rules) == 0 {
		counts.Rules = make([]Count, len(c.rules))
		for i := range c.rules {
			counts.Rules[i].Rule = c.rules[i].Name
		}
	}
	for _, f := range j.found {
		counts.Rules[f.rule].kind(f.kind, int64(f.n))
	}
	for i := 0; i <= j.at; i++ {
		n := &counts.Rules[i]
		n.In++
		n.BytesIn += int64(size)
		n.SentencesDropped += int64(j.dropped[i])
		if i == j.at && reason != "" {
			n.Dropped++
			n.reason(reason, 1)
			return
		}
		n.Out++
		size -= j.removed[i]
		n.BytesOut += int64(size)
		if j.changed[i] {
			n.Changed++
		}
	}
	counts.observe("characters_out", decades, float64(j.size()))
}

// find counts n finds of a kind for the rule that runs.
func (j *job) find(kind string, n int) {
	if n > 0 && j.t.Counts != nil {
		j.found = append(j.found, finding{j.at, kind, n})
	}
}

// size is the number of characters of the body that are no white space.
func (j *job) size() int {
	if j.sized != j.version {
		j.sized, j.length = j.version, letters(j.t.Body)
	}
	return j.length
}

// tell gives the watch the detail of a reason.
func (j *job) tell(format string, args ...any) {
	if j.watch != nil {
		j.detail = fmt.Sprintf(format, args...)
	}
}

// observe adds to a histogram, in the first round only, so that nothing counts twice.
func (j *job) observe(name string, edges []float64, v float64) {
	if j.t.Counts != nil && j.round == 1 {
		j.t.Counts.observe(name, edges, v)
	}
}

// replace puts a new text in the place of title or body.
func (j *job) replace(field *string, with string) {
	j.removed[j.at] += len(*field) - len(with)
	*field = with
	j.changed[j.at] = true
	j.version++
	if !j.same {
		j.letters = j.version
	}
}

// watches tells whether the changes of a rule are told.
func (j *job) watches(rule string) bool {
	return j.watch != nil && (j.t.Wants == nil || j.t.Wants(rule))
}

// rewrite makes the edits that scan finds in title and body.
func (j *job) rewrite(name string, scan func(j *job, s string, edits []edit) []edit) {
	for i, field := range [...]*string{&j.t.Title, &j.t.Body} {
		j.title = i == 0
		if *field == "" {
			continue
		}
		j.edits = scan(j, *field, j.edits[:0])
		if len(j.edits) == 0 {
			continue
		}
		if j.watches(name) {
			trace(j.watch, name, *field, j.edits)
		}
		j.replace(field, apply(*field, j.edits))
	}
}

// utf8Rule removes bytes that are no UTF-8, so that all rules after it may rely on it.
func utf8Rule() rule {
	return rule{
		Rule: Rule{Name: "utf8", Version: 1, Level: levelCharacter, On: true,
			Doc: "Bytes that are no UTF-8 are removed. The paper says nothing of encodings. It has no switch: the rules after it read UTF-8."},
		once: true, holds: true,
		run: func(j *job) string {
			if !runes.Valid(j.t.Body) || !runes.Valid(j.t.Title) {
				j.rewrite("utf8", scanInvalid)
			}
			return ""
		},
	}
}

func scanInvalid(j *job, s string, edits []edit) []edit {
	bad := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			edits = add(edits, i, i+1, "")
			bad++
		}
		i += size
	}
	j.find("bytes", bad)
	return edits
}
