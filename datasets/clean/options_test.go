package clean

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestPaper(t *testing.T) {
	paper, all := Paper(), Default()
	for name, o := range map[string]Options{"paper": paper, "default": all} {
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back Options
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.DisallowUnknownFields()
		if err := d.Decode(&back); err != nil || !reflect.DeepEqual(o, back) {
			t.Errorf("%s: %v, from %s", name, err, data)
		}
	}
	on := func(o Options) (names []string) {
		for _, s := range o.switches() {
			if *s.on {
				names = append(names, s.name)
			}
		}
		return names
	}
	if got := strings.Join(on(paper), " "); got != "markup punctuation characters length words perplexity again" {
		t.Errorf("the paper's rules are %s", got)
	}
	if got := len(on(all)); got != len(RuleNames()) {
		t.Errorf("%d rules of %d are on by default", got, len(RuleNames()))
	}
	if paper.Length.Topic != 5 || paper.Length.Content != 15 {
		t.Errorf("the paper's lengths are 5 and 15, not %+v", paper.Length)
	}
	// Every field of Options is a rule with a switch, by the name of its key.
	fields := reflect.TypeFor[Options]()
	for i := range fields.NumField() {
		if key := fields.Field(i).Tag.Get("json"); key != RuleNames()[i] {
			t.Errorf("field %s has the key %q, the rule the name %q", fields.Field(i).Name, key, RuleNames()[i])
		}
	}
	c, err := New(paper)
	if err != nil {
		t.Fatal(err)
	}
	if notes := c.Notes(); len(notes) != 2 || !strings.Contains(notes[0], "text.words.lists") || !strings.Contains(notes[1], "text.perplexity.model") {
		t.Errorf("notes: %q", notes)
	}
	if got := c.Versions(); got != "utf8/1 markup/1 punctuation/1 characters/1 length/1 words/1 perplexity/1 again/1" {
		t.Errorf("versions: %s", got)
	}
	var names []string
	for _, r := range c.Rules() {
		names = append(names, r.Name)
		if r.Doc == "" || r.Version < 1 || !slices.Contains([]string{levelDocument, levelSentence, levelCharacter}, r.Level) || !strings.Contains(r.Doc, "aper") {
			t.Errorf("rule %+v", r)
		}
	}
	if !slices.Equal(names, append([]string{"utf8"}, RuleNames()...)) {
		t.Errorf("rules %q", names)
	}
}

func TestSwitch(t *testing.T) {
	o := Default()
	if err := o.Switch("words", false); err != nil || o.Words.On {
		t.Errorf("%v, %v", err, o.Words.On)
	}
	if err := o.Switch("punctation", false); err == nil || err.Error() != `no text rule "punctation": did you mean "punctuation"?` {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	o := Default()
	if files := o.Files(); len(files) != 0 {
		t.Errorf("%q", files)
	}
	o.Words.Lists = []WordList{{"a", "x"}, {"b", "x"}}
	o.Perplexity.Model, o.Perplexity.HeldOut = "m", "h"
	if files := strings.Join(o.Files(), " "); files != "a b m h" {
		t.Error(files)
	}
	o.Words.On, o.Perplexity.On = false, false
	if files := o.Files(); len(files) != 0 {
		t.Errorf("%q of rules that are off", files)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Options){
		`text.language.level is "documents": did you mean "document"?`: func(o *Options) { o.Language.Level = "documents" },
		`text.language.keep is empty`:                                  func(o *Options) { o.Language.Keep = nil },
		`text.language.keep is "zh-CN": did you mean "zh"?`:            func(o *Options) { o.Language.Keep = []string{"en", "zh-CN"} },
		`text.language.max_traditional is NaN`:                         func(o *Options) { o.Language.MaxTraditional = math.NaN() },
		`text.characters.accents is "": did you mean`:                  func(o *Options) { o.Characters.Accents = "" },
		`text.characters.forms is "flod": did you mean "fold"?`:        func(o *Options) { o.Characters.Forms = "flod" },
		`text.characters.extra has U+200B`:                             func(o *Options) { o.Characters.Extra = "°\u200b" },
		`text.characters.extra has '😀'`:                                func(o *Options) { o.Characters.Extra = "😀" },
		`text.characters.extra has U+FFFD`:                             func(o *Options) { o.Characters.Extra = "\xff" },
		`text.personal.email is "masked": did you mean "mask"?`:        func(o *Options) { o.Personal.Email = "masked" },
		`text.length.topic is -1`:                                      func(o *Options) { o.Length.Topic = -1 },
		`text.length.content is -5`:                                    func(o *Options) { o.Length.Content = -5 },
		`text.words.bad_lines is "ignore"`:                             func(o *Options) { o.Words.BadLines = "ignore" },
		`text.words.lists[0].file is empty`:                            func(o *Options) { o.Words.Lists = []WordList{{Category: "spam"}} },
		`text.words.lists[0].category is "Spam": it is 1 to 32`:        func(o *Options) { o.Words.Lists = []WordList{{"a", "Spam"}} },
		`text.perplexity.percentile is 100`:                            func(o *Options) { o.Perplexity.Percentile = 100 },
		`text.perplexity.above is 0.5`:                                 func(o *Options) { o.Perplexity.Above = 0.5 },
		`text.perplexity has no threshold`:                             func(o *Options) { o.Perplexity.Percentile = 0 },
		`text.perplexity has two thresholds`:                           func(o *Options) { o.Perplexity.Above = 5 },
		`text.perplexity.shortest is -1`:                               func(o *Options) { o.Perplexity.Shortest = -1 },
		`text.again.rounds is 1`:                                       func(o *Options) { o.Again.Rounds = 1 },
		`word list: open none.txt`:                                     func(o *Options) { o.Words.Lists = []WordList{{"none.txt", "spam"}} },
		`text.perplexity.model is m, but this program reads no`:        func(o *Options) { o.Perplexity.Model = "m" },
	} {
		o := Default()
		change(&o)
		_, err := New(o)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s...", err, want)
		}
		for _, name := range RuleNames() { // what is off is not looked at
			if err := o.Switch(name, false); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := New(o); err != nil {
			t.Errorf("%s, although all rules are off: %v", want, err)
		}
	}
	if _, err := New(Default(), testModel, testModel); err == nil {
		t.Error("two loaders were taken")
	}
}

func TestWordLists(t *testing.T) {
	dir := t.TempDir()
	write := func(content string) string {
		file := filepath.Join(dir, "list.txt")
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for content, want := range map[string]string{
		"好\n\tspam\n":   ":2: no word stands before the tab",
		"# a\n\n\xff\n": ":3: the line is no UTF-8",
		"词\tBad Kind\n": `:1: the category "Bad Kind" is not`,
		"词\ta\tb\n":     `:1: the category "a\tb" is not`,
		"零\u200b宽\n":    ":1: the word has U+200B",
		"好\r\n" + strings.Repeat("长", maxWord+1): ":2: the word has more than 128 characters",
		"# nothing\n\n": " has no words",
		"":              " has no words",
	} {
		o := Default()
		o.Words.Lists = []WordList{{write(content), "spam"}}
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), "list.txt"+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
		if o.Words.BadLines = "count"; strings.HasPrefix(want, ":") && strings.Contains(content, "好") {
			c, err := New(o)
			if err != nil || !strings.Contains(c.Notes()[0], "1 bad lines were left out") {
				t.Errorf("%q: %v", content, err)
			}
		}
	}
}

// Words are looked for as the rules before write them.
func TestWordsAsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte("發票\n加①群\ncafé\n加😀群\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Default()
	o.Length.Content = 2
	o.Words.Lists = []WordList{{file, "spam"}}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if notes := c.Notes(); !strings.Contains(notes[0], "1 words were left out") || !strings.Contains(notes[0], "加😀群") {
		t.Errorf("%q", notes)
	}
	text := Text{Body: "代開發票。开发票。加①群。加1群。去Café坐坐。这句留下。"}
	if reason := c.Clean(&text, nil); reason != "" || text.Body != "这句留下。" {
		t.Errorf("%s %s", reason, text.Body)
	}
}

// The automaton finds what a search for every word at every place finds.
func TestAutomatonEqualsSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	alphabet := []rune("甲乙aB1 Ａ𠮷")
	random := func(n int) string {
		var b strings.Builder
		for range 1 + rng.IntN(n) {
			b.WriteRune(alphabet[rng.IntN(len(alphabet))])
		}
		return b.String()
	}
	found := 0
	for range 3000 {
		var words []word
		seen := map[string]bool{}
		for range 1 + rng.IntN(12) {
			w := random(4)
			if key := strings.Map(plainRune, w); !seen[key] {
				seen[key] = true
				words = append(words, word{text: w, category: "x"})
			}
		}
		a := newAutomaton(words)
		text := random(30)
		plain := []rune(strings.Map(plainRune, text))
		at := []int{0} // byte places of characters
		for _, r := range text {
			at = append(at, at[len(at)-1]+len(string(r)))
		}
		want := map[int]int{} // by end, where the longest word begins
		side := func(i int) bool { return i >= 0 && i < len(plain) && text[at[i]] < 0x80 && isWordByte(text[at[i]]) }
		for key := range seen {
			w := []rune(key)
			for i := 0; i+len(w) <= len(plain); i++ {
				end := i + len(w)
				first, last := w[0] < 0x80 && isWordByte(byte(w[0])), w[len(w)-1] < 0x80 && isWordByte(byte(w[len(w)-1]))
				if !slices.Equal(plain[i:end], w) || first && side(i-1) || last && side(end) {
					continue
				}
				if start, ok := want[at[end]]; !ok || at[i] < start {
					want[at[end]] = at[i]
				}
			}
		}
		got := map[int]int{}
		for _, h := range a.scan(nil, text) {
			got[h.end] = h.start
		}
		if !maps.Equal(got, want) {
			t.Fatalf("words %v in %q: %v, want %v", seen, text, got, want)
		}
		found += len(got)
	}
	if found < 3000 {
		t.Errorf("only %d words were found: the test sees little", found)
	}
}

type noQuantiles struct{ v float64 }

func (m noQuantiles) Sentence(s string) float64 { return m.v * float64(len(s)) }

func TestPerplexityThreshold(t *testing.T) {
	dir := t.TempDir()
	held := filepath.Join(dir, "held.txt")
	var b strings.Builder
	for n := range 100 { // sentences of 5 to 104 characters, 15 to 312 bytes each, and short ones that do not count
		b.WriteString(strings.Repeat("字", 5+n) + "\n短\n")
	}
	if err := os.WriteFile(held, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	load := func(v float64) Load { return func(string) (Perplexity, error) { return noQuantiles{v}, nil } }
	o := one(Default(), "perplexity")
	o.Perplexity.Model = "m"
	o.Perplexity.Percentile = 90
	if _, err := New(o, load(1)); err == nil || !strings.Contains(err.Error(), "knows no held-out sentences") {
		t.Error(err)
	}
	o.Perplexity.HeldOut = held
	c, err := New(o, load(1))
	if err != nil {
		t.Fatal(err)
	}
	if want := "perplexity: sentences above 282 per character are removed"; c.Notes()[0] != want { // the 90th of 100: 94 characters
		t.Errorf("%s, want %s", c.Notes()[0], want)
	}
	text := Text{Body: strings.Repeat("字", 94) + "\n" + strings.Repeat("字", 95) + "\n短"}
	if reason := c.Clean(&text, nil); reason != "" || text.Body != strings.Repeat("字", 94)+"\n短" {
		t.Errorf("%s %q", reason, text.Body)
	}
	for v, want := range map[float64]string{math.NaN(): "which is no perplexity", 0: "which is no perplexity"} {
		if _, err := New(o, load(v)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", v, err)
		}
	}
	o.Perplexity.Above, o.Perplexity.Percentile = 2, 0
	if c, err = New(o, load(math.NaN())); err != nil {
		t.Fatal(err)
	}
	text = Text{Body: "不是数的句子。"}
	if reason := c.Clean(&text, nil); reason != reasonEmpty {
		t.Errorf("a perplexity that is no number: %q", reason)
	}
	o.Perplexity.Model = "missing"
	if _, err := New(o, testModel); err == nil || !strings.HasPrefix(err.Error(), "text.perplexity.model: ") {
		t.Error(err)
	}
}

// Parts of a corpus, cleaned by many goroutines, add up to the same counts as the whole, in any order.
func TestCountsMerge(t *testing.T) {
	c := ruleSets(t)["default"]
	rng := rand.New(rand.NewPCG(7, 8))
	var bodies []string
	for range 400 {
		bodies = append(bodies, nastyText(rng)+"今天天气很好，我们去公园。")
	}
	var whole Counts
	var want []string
	for _, body := range bodies {
		text := Text{Body: body, Counts: &whole}
		want = append(want, c.Clean(&text, nil)+"|"+text.Body)
	}
	const parts = 8
	counts := make([]Counts, parts)
	var group sync.WaitGroup
	for part := range parts {
		group.Go(func() {
			for i := part; i < len(bodies); i += parts {
				text := Text{Body: bodies[i], Counts: &counts[part]}
				if got := c.Clean(&text, nil) + "|" + text.Body; got != want[i] {
					t.Errorf("%+q: %+q beside others, %+q alone", bodies[i], got, want[i])
				}
			}
		})
	}
	group.Wait()
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 3, 1, 0, 2, 6, 5, 4}} {
		var sum Counts
		for _, part := range order {
			data, err := json.Marshal(counts[part])
			if err != nil {
				t.Fatal(err)
			}
			var sent Counts // as a pipeline sends them
			if err := json.Unmarshal(data, &sent); err != nil {
				t.Fatal(err)
			}
			if err := sum.Merge(&sent); err != nil {
				t.Fatal(err)
			}
		}
		if err := sum.Check(); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(sum, whole) {
			t.Errorf("the parts add up to\n%+v\nthe whole is\n%+v", sum, whole)
		}
	}
	n := whole.Rule("utf8")
	if n.In != 400 || whole.Rule("again").Dropped == 0 || whole.Rule("words").SentencesDropped == 0 || whole.Histograms["characters_in"] == nil || whole.Histograms["perplexity"] == nil {
		t.Errorf("%+v", whole)
	}
}

func TestCountsCheck(t *testing.T) {
	whole := func() *Counts {
		return &Counts{Rules: []Count{
			{Rule: "a", In: 3, Out: 2, Dropped: 1, BytesIn: 9, BytesOut: 6, Reasons: map[string]int64{"a: x": 1}}, {Rule: "b", In: 2, Out: 2, BytesIn: 6, BytesOut: 5}}}
	}
	if err := whole().Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(c *Counts){
		"lost in a rule":        func(c *Counts) { c.Rules[0].In++ },
		"dropped unnamed":       func(c *Counts) { c.Rules[0].Reasons = nil },
		"lost between rules":    func(c *Counts) { c.Rules[1].In--; c.Rules[1].Out-- },
		"bytes lost in between": func(c *Counts) { c.Rules[1].BytesIn-- },
	} {
		c := whole()
		change(c)
		if c.Check() == nil {
			t.Errorf("%s: not seen", name)
		}
	}
	a, b := &Counts{}, &Counts{}
	a.observe("h", percents, 50)
	b.observe("h", decades, 50)
	if a.Merge(b) == nil {
		t.Error("histograms of other edges were merged")
	}
	h := &Histogram{Edges: []float64{1, 2}, Counts: make([]int64, 3)}
	for _, v := range []float64{-1, 0.99, 1, 1.99, 2, math.Inf(1), math.NaN()} {
		h.Add(v)
	}
	if !slices.Equal(h.Counts, []int64{2, 2, 3}) {
		t.Errorf("%v", h.Counts)
	}
}

// What the watch is told, put together, is what happened: the sentences after a rule are those before it with the told changes.
func TestWatchTellsAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, rule := range []string{"markup", "simplify", "punctuation", "characters", "personal", "words"} {
		o := one(Default(), rule)
		o.Words.Lists = []WordList{{File: "testdata/words/neutral.txt", Category: "spam"}}
		c, err := New(o, testModel)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for range 400 {
			text := Text{Body: strings.ToValidUTF8(nastyText(rng), "")}
			at, rest, out := text.Body, text.Body, ""
			passes := 1
			reason := c.Clean(&text, func(name, before, after string) {
				if before == "" {
					return
				}
				told++
				i := strings.Index(rest, before)
				if i < 0 { // the rule reads its own output once more
					if at = out + rest; rule == "words" {
						t.Fatalf("%s: %q is told of, but not in %q", rule, before, rest)
					}
					rest, out = at, ""
					passes++
					if i = strings.Index(rest, before); i < 0 {
						t.Fatalf("%s: %q is told of, but not in %q", rule, before, rest)
					}
				}
				out, rest = out+rest[:i]+after, rest[i+len(before):]
			})
			want := strings.TrimRight(strings.ReplaceAll(text.Body, "\n", ""), " ")
			if got := strings.TrimRight(strings.ReplaceAll(out+rest, "\n", ""), " "); reason == "" && passes == 1 && got != want {
				t.Fatalf("%s: %+q: the watch tells of %+q, the text is %+q", rule, text.Body, got, want)
			}
		}
		if told < 50 {
			t.Errorf("%s: only %d changes were told", rule, told)
		}
	}
}

// Any file: an error of one line, or a list of which every word is found in itself.
func FuzzWordList(f *testing.F) {
	f.Add([]byte("加微信\n# c\ncasino\tdirty\r\n\ufeff"))
	f.Add([]byte("\xff\n\t\n\u200b"))
	f.Add([]byte("a\nab\nabc\nbc\nＡ\n𠮷 𠮷\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "list.txt")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		l := lists{written: Options{}.written()}
		if err := l.read(WordList{file, "x"}, len(data)%2 == 0); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		a := newAutomaton(l.words)
		for _, w := range l.words {
			found := false
			for _, h := range a.scan(nil, w.text) {
				found = found || h.start == 0 && h.end == len(w.text)
			}
			if !found {
				t.Fatalf("%q is not found in itself", w.text)
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	o := benchOptions(b)
	for b.Loop() {
		if _, err := New(o); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWants: the watch is told of the rules that are wanted alone, and the text is the same.
func TestWants(t *testing.T) {
	o := Default()
	o.Words.Lists = []WordList{benchList(t)}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	const body = "<b>今天天气很好，我们去公园吧</b>！！！加微信领取赠品。😀孩子们都在那里玩。"
	for _, wanted := range []string{"markup", "punctuation", "words", ""} {
		told := map[string]int{}
		text := Text{Body: body, Wants: func(rule string) bool { return rule == wanted }}
		if reason := c.Clean(&text, func(rule, _, _ string) { name, _, _ := strings.Cut(rule, ":"); told[name]++ }); reason != "" {
			t.Fatal(reason)
		}
		if len(told) > 1 || (told[wanted] > 0) != (wanted != "") {
			t.Errorf("%q is wanted, told is %v", wanted, told)
		}
		all := Text{Body: body}
		if c.Clean(&all, nil); text.Body != all.Body {
			t.Errorf("%q is wanted, and the text is %q, not %q", wanted, text.Body, all.Body)
		}
	}
}
