package clean

import (
	"fmt"
	"strings"
)

// Options is the "text" part of a recipe: one field a rule, in the order in which the rules run. Every rule has its switch,
// `on`. The zero value has all rules off; [Paper] and [Default] are the two sets to start from.
type Options struct {
	Markup      MarkupOptions      `json:"markup"`
	Language    LanguageOptions    `json:"language"`
	Simplify    SimplifyOptions    `json:"simplify"`
	Punctuation PunctuationOptions `json:"punctuation"`
	Characters  CharactersOptions  `json:"characters"`
	Personal    PersonalOptions    `json:"personal"`
	Length      LengthOptions      `json:"length"`
	Words       WordsOptions       `json:"words"`
	Perplexity  PerplexityOptions  `json:"perplexity"`
	Again       AgainOptions       `json:"again"`
}

// MarkupOptions switches the strip of HTML remains.
type MarkupOptions struct {
	On bool `json:"on"`
}

// LanguageOptions say which languages stay.
type LanguageOptions struct {
	On             bool     `json:"on"`
	Level          string   `json:"level"`           // "document": the whole document is judged; "sentence": every sentence
	Keep           []string `json:"keep"`            // of "zh", "en", "ja", "ko", "other"
	MaxTraditional float64  `json:"max_traditional"` // 0 to 1: a Chinese text with a higher share of traditional characters is dropped; 1 keeps all
}

// SimplifyOptions switches the conversion of traditional to simplified characters.
type SimplifyOptions struct {
	On bool `json:"on"`
}

// PunctuationOptions switches the collapse of duplicate punctuation.
type PunctuationOptions struct {
	On bool `json:"on"`
}

// CharactersOptions say which characters stay.
type CharactersOptions struct {
	On      bool   `json:"on"`
	Digits  bool   `json:"digits"`  // keep 0 to 9
	Accents string `json:"accents"` // letters such as é: "fold" to e, "keep", "drop"
	Forms   string `json:"forms"`   // full-width letters and digits, circled numbers, old forms of characters: "fold" to plain ones, "keep", "drop"
	Extra   string `json:"extra"`   // characters that stay besides, such as "℃"
}

// PersonalOptions say what happens with personal data: "mask" puts a token in its place, "sentence" removes the sentence, "keep" leaves it.
type PersonalOptions struct {
	On    bool   `json:"on"`
	Phone string `json:"phone"` // [PHONE]: Chinese mobile, land line and service numbers
	Email string `json:"email"` // [MAIL]
	ID    string `json:"id"`    // [ID]: Chinese identity numbers, of 18 digits by their check digit, of 15 by region and date
	Card  string `json:"card"`  // [CARD]: bank cards by prefix and Luhn's check
	IP    string `json:"ip"`    // [IP]: addresses of both versions
}

// LengthOptions are the limits in characters; white space does not count.
type LengthOptions struct {
	On      bool     `json:"on"`
	Topic   int      `json:"topic"`   // the shortest topic that stays
	Content int      `json:"content"` // the shortest content that stays
	Topics  []string `json:"topics"`  // the sources whose title is a topic; "" is that of a text without a source
}

// WordsOptions name the lists of words.
type WordsOptions struct {
	On       bool       `json:"on"`
	Lists    []WordList `json:"lists"`
	BadLines string     `json:"bad_lines"` // "error": the first one ends the build before any work; "count": they are left out and counted
}

// WordList is a file with a word a line.
type WordList struct {
	File     string `json:"file"`
	Category string `json:"category"` // of words that name none themselves: spam, political, pornographic, dirty, or one's own
}

// PerplexityOptions name the model and the threshold.
type PerplexityOptions struct {
	On         bool    `json:"on"`
	Model      string  `json:"model"`      // the model's file; "" is none, and the rule then removes nothing
	Percentile float64 `json:"percentile"` // 0 to 100: the threshold is this percentile of held-out sentences; 0 where Above is used
	Above      float64 `json:"above"`      // an absolute threshold per character; 0 where Percentile is used
	HeldOut    string  `json:"held_out"`   // a text file whose sentences give the percentile; "" where the model knows its own distribution
	Shortest   int     `json:"shortest"`   // sentences of fewer characters are not judged
}

// AgainOptions switch the repetition of the rules until a text no longer changes.
type AgainOptions struct {
	On     bool `json:"on"`
	Rounds int  `json:"rounds"` // at most; a text that still changes is dropped
}

// Paper returns the rules of the paper's section 2, and beside them only again, so that the paper's limits hold for what comes out. The lists of words and the language model are not
// published: their rules are on and do nothing until files are named ([Cleaner.Notes] says so).
func Paper() Options {
	o := Default()
	o.Language.On, o.Simplify.On, o.Personal.On = false, false, false
	o.Characters.Extra = ""
	return o
}

// Default returns the paper's rules and the additions: language identification, simplified characters, and personal data masked.
func Default() Options {
	return Options{
		Markup:      MarkupOptions{On: true},
		Language:    LanguageOptions{On: true, Level: levelDocument, Keep: []string{"zh", "en"}, MaxTraditional: 1},
		Simplify:    SimplifyOptions{On: true},
		Punctuation: PunctuationOptions{On: true},
		Characters:  CharactersOptions{On: true, Digits: true, Accents: "fold", Forms: "fold", Extra: "°℃±×÷≤≥≠≈¥￥€£‰"},
		Personal:    PersonalOptions{On: true, Phone: "mask", Email: "mask", ID: "mask", Card: "mask", IP: "keep"},
		Length:      LengthOptions{On: true, Topic: 5, Content: 15, Topics: []string{"community_qa", "forum", ""}},
		Words:       WordsOptions{On: true, Lists: []WordList{}, BadLines: "error"},
		Perplexity:  PerplexityOptions{On: true, Percentile: 95, Shortest: 5},
		Again:       AgainOptions{On: true, Rounds: 8},
	}
}

// Files returns the files that the rules which are on read, in order: lists, model, held-out text. What a build gives depends on them besides its input.
func (o Options) Files() []string {
	var files []string
	if o.Words.On {
		for _, l := range o.Words.Lists {
			files = append(files, l.File)
		}
	}
	if o.Perplexity.On && o.Perplexity.Model != "" {
		files = append(files, o.Perplexity.Model)
		if o.Perplexity.HeldOut != "" && o.Perplexity.Above == 0 {
			files = append(files, o.Perplexity.HeldOut)
		}
	}
	return files
}

// RuleNames returns the names of the rules that have a switch, in order: the keys of the recipe.
func RuleNames() []string {
	var o Options
	var names []string
	for _, s := range o.switches() {
		names = append(names, s.name)
	}
	return names
}

// Switch turns a rule on or off by its name, as an ablation does.
func (o *Options) Switch(rule string, on bool) error {
	for _, s := range o.switches() {
		if s.name == rule {
			*s.on = on
			return nil
		}
	}
	return fmt.Errorf("no text rule %q: did you mean %q?", rule, nearest(rule, RuleNames()))
}

// namedSwitch is a rule's name and where its switch lies.
type namedSwitch struct {
	name string
	on   *bool
}

func (o *Options) switches() []namedSwitch {
	return []namedSwitch{
		{"markup", &o.Markup.On}, {"language", &o.Language.On}, {"simplify", &o.Simplify.On}, {"punctuation", &o.Punctuation.On},
		{"characters", &o.Characters.On}, {"personal", &o.Personal.On}, {"length", &o.Length.On}, {"words", &o.Words.On},
		{"perplexity", &o.Perplexity.On}, {"again", &o.Again.On},
	}
}

// Validate names the first key with a value that cannot be, and what it may be. The keys of rules that are off are not looked at.
func (o Options) Validate() error {
	for _, check := range []func() error{
		o.Language.validate, o.Characters.validate, o.Personal.validate, o.Length.validate, o.Words.validate, o.Perplexity.validate, o.Again.validate,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (o LanguageOptions) validate() error {
	if !o.On {
		return nil
	}
	if err := oneOf("language.level", o.Level, levelDocument, levelSentence); err != nil {
		return err
	}
	if len(o.Keep) == 0 {
		return fmt.Errorf("text.language.keep is empty: every document would be dropped; name languages such as \"zh\", or turn the rule off")
	}
	for _, code := range o.Keep {
		if err := oneOf("language.keep", code, languageCodes[:]...); err != nil {
			return err
		}
	}
	if !(o.MaxTraditional >= 0 && o.MaxTraditional <= 1) {
		return fmt.Errorf("text.language.max_traditional is %v: it is a share of 0 to 1", o.MaxTraditional)
	}
	return nil
}

func (o CharactersOptions) validate() error {
	if !o.On {
		return nil
	}
	if err := oneOf("characters.accents", o.Accents, "fold", "keep", "drop"); err != nil {
		return err
	}
	if err := oneOf("characters.forms", o.Forms, "fold", "keep", "drop"); err != nil {
		return err
	}
	for _, r := range o.Extra {
		switch classOf(r) {
		case classSpace, classNewline, classHidden:
			return fmt.Errorf("text.characters.extra has %U: white space, controls and characters without width never stay", r)
		}
		if r > 0xFFFF {
			return fmt.Errorf("text.characters.extra has %q: characters above U+FFFF cannot be added", r)
		}
		if r == 0xFFFD {
			return fmt.Errorf("text.characters.extra has U+FFFD, the mark of damaged text: it never stays")
		}
	}
	return nil
}

func (o PersonalOptions) validate() error {
	if !o.On {
		return nil
	}
	for _, k := range []struct{ key, action string }{
		{"phone", o.Phone}, {"email", o.Email}, {"id", o.ID}, {"card", o.Card}, {"ip", o.IP},
	} {
		if err := oneOf("personal."+k.key, k.action, "mask", "sentence", "keep"); err != nil {
			return err
		}
	}
	return nil
}

func (o LengthOptions) validate() error {
	if o.On && o.Topic < 0 {
		return fmt.Errorf("text.length.topic is %d: it is a number of characters from 0 on (the paper's is 5)", o.Topic)
	}
	if o.On && o.Content < 0 {
		return fmt.Errorf("text.length.content is %d: it is a number of characters from 0 on (the paper's is 15)", o.Content)
	}
	return nil
}

func (o WordsOptions) validate() error {
	if !o.On {
		return nil
	}
	if err := oneOf("words.bad_lines", o.BadLines, "error", "count"); err != nil {
		return err
	}
	for i, l := range o.Lists {
		if l.File == "" {
			return fmt.Errorf("text.words.lists[%d].file is empty: name a file with a word a line", i)
		}
		if !isCategory(l.Category) {
			return fmt.Errorf("text.words.lists[%d].category is %q: it is 1 to 32 small letters, digits or _, such as %q", i, l.Category, nearest(l.Category, categories))
		}
	}
	return nil
}

func (o PerplexityOptions) validate() error {
	switch {
	case !o.On:
	case !(o.Percentile >= 0 && o.Percentile < 100):
		return fmt.Errorf("text.perplexity.percentile is %v: it is a number from 0 to below 100, such as 95", o.Percentile)
	case o.Above != 0 && !(o.Above > 1):
		return fmt.Errorf("text.perplexity.above is %v: a perplexity per character is above 1", o.Above)
	case o.Percentile == 0 && o.Above == 0:
		return fmt.Errorf("text.perplexity has no threshold: set percentile (such as 95) or above (such as 500)")
	case o.Percentile != 0 && o.Above != 0:
		return fmt.Errorf("text.perplexity has two thresholds: set one of percentile and above to 0")
	case o.Shortest < 0:
		return fmt.Errorf("text.perplexity.shortest is %d: it is a number of characters from 0 on", o.Shortest)
	}
	return nil
}

func (o AgainOptions) validate() error {
	if o.On && (o.Rounds < 2 || o.Rounds > 64) {
		return fmt.Errorf("text.again.rounds is %d: it is a number of 2 to 64", o.Rounds)
	}
	return nil
}

// oneOf is an error where value is none of valid: it names the nearest.
func oneOf(key, value string, valid ...string) error {
	for _, v := range valid {
		if v == value {
			return nil
		}
	}
	return fmt.Errorf("text.%s is %q: did you mean %q? It is one of %s", key, value, nearest(value, valid), strings.Join(valid, ", "))
}

// nearest returns the entry of valid with the smallest edit distance to word, the first of equals.
func nearest(word string, valid []string) string {
	best, least := "", -1
	for _, v := range valid {
		if d := distance([]rune(strings.ToLower(word)), []rune(v)); least < 0 || d < least {
			best, least = v, d
		}
	}
	return best
}

// distance counts the insertions, deletions and substitutions from a to b.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
