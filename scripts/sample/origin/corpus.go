package origin

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"

	"m6lab/datasets"
)

// Size says how much is made.
type Size struct {
	Scenes, Questions map[string]int // per split
	Poems             PoemOptions
	Dynasties         []string
	Help              HelpOptions
	Answer            int // characters of an answer at most
	Rare              int // texts with a Han character that training has less often than this are left out
}

// Small is the committed sample: every text fits into 128 tokens.
var Small = Size{
	Scenes:    map[string]int{Train: 20000, Valid: 400, Test: 800},
	Questions: map[string]int{Train: 6000, Valid: 200, Test: 400},
	Poems:     PoemOptions{Train: 6000, Valid: 300, Test: 300, Characters: 3000, Length: 120},
	Dynasties: []string{"tang"},
	Help:      HelpOptions{Prose: proseRule{18, 120, 60}, Answer: 96, PerPage: 8},
	Answer:    100,
	Rare:      3,
}

// Large is what `m6 data sample --full` prepares.
var Large = Size{
	Scenes:    map[string]int{Train: 60000, Valid: 400, Test: 800},
	Questions: map[string]int{Train: 60000, Valid: 200, Test: 400},
	Dynasties: []string{"tang", "song"},
	Help:      HelpOptions{Prose: proseRule{15, 400, 40}, Answer: 300, PerPage: 1000},
	Answer:    300,
}

// Sources are the parts that a set is made of, in the order in which they are made; stamps and reference belong to the large set only.
var Sources = []string{"scenes", "emoji", "poems", "help", "faq", "stamps", "reference"}

// Maker makes the rows of one source after the other.
type Maker struct {
	Fetcher Fetcher
	Size    Size
	Report  *Report
	Log     io.Writer // one line per source
}

// Make passes the rows of a source to yield; rows that share a picture come in one call. The source `poems` also gives the biographies of their authors,
// `help` the questions of its headings.
func (m Maker) Make(source string, yield func(...Row) error) error {
	if m.Log != nil {
		fmt.Fprintf(m.Log, "making %s\n", source)
	}
	var rows []Row
	var err error
	switch source {
	case "scenes":
		return m.scenes(yield)
	case "emoji":
		rows, err = m.emoji()
	case "poems", "help", "faq", "reference":
		rows, err = m.Texts(source)
		rows = dropNear(rows, m.Report)
	case "stamps":
		rows, err = StampRows(m.Fetcher, m.Report)
	default:
		return fmt.Errorf("no source %q: the sources are %s", source, strings.Join(Sources, ", "))
	}
	if err != nil {
		return fmt.Errorf("source %s: %w", source, err)
	}
	for _, r := range rows {
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

func (m Maker) scenes(yield func(...Row) error) error {
	emojis, err := Emojis(m.Fetcher)
	if err != nil {
		return err
	}
	c, err := newComposer(emojis)
	if err != nil {
		return err
	}
	for _, split := range []string{Valid, Test, Train} {
		o := SceneOptions{Split: split, Scenes: m.Size.Scenes[split], Questions: m.Size.Questions[split]}
		if err := c.scenes(o, yield); err != nil {
			return err
		}
	}
	return nil
}

func (m Maker) emoji() ([]Row, error) {
	emojis, err := Emojis(m.Fetcher)
	if err != nil {
		return nil, err
	}
	return EmojiRows(emojis, m.Report)
}

// Texts makes the rows of a source without pictures.
func (m Maker) Texts(source string) ([]Row, error) {
	switch source {
	case "faq":
		return FAQRows(m.Fetcher, m.Size.Answer, m.Report)
	case "reference":
		return ReferenceRows(m.Fetcher, m.Size.Help.Prose, m.Report)
	case "help":
		pages, err := HelpPages(m.Fetcher)
		return HelpRows(pages, m.Size.Help, m.Report), err
	}
	var poems []Poem
	for _, dynasty := range m.Size.Dynasties {
		list, err := Poems(m.Fetcher, dynasty, m.Report)
		if err != nil {
			return nil, err
		}
		poems = append(poems, list...)
	}
	people, err := PeopleRows(m.Fetcher, m.Size.Answer, m.Report)
	return append(PoemRows(poems, m.Size.Poems, m.Report), people...), err
}

// Common removes the texts with a Han character that the training rows hold less than least times, and then those of valid and test that are too like a
// training row. Emoji are not removed: a held-out name with a character that training lacks moves to train, with its group.
func Common(rows []Row, least int, report *Report) []Row {
	count := map[rune]int{}
	for _, r := range rows {
		for _, c := range r.Text {
			if r.Split == Train {
				count[c]++
			}
		}
	}
	has := func(text string, below int) bool {
		return strings.ContainsFunc(text, func(c rune) bool { return unicode.Is(unicode.Han, c) && count[c] < below })
	}
	moved := map[string]bool{}
	for _, r := range rows {
		if r.Group != "" && r.Split != Train && has(r.Text, 1) {
			moved[r.Group] = true
		}
	}
	var kept []Row
	for _, r := range rows {
		if moved[r.Group] {
			r.Split = Train
		}
		if r.Image == nil && has(r.Text, least) {
			report.Drop(r.Source, "a character that is rare in training")
			continue
		}
		kept = append(kept, r)
	}
	return dropNear(kept, report)
}

// ReferenceRows makes a row of every good paragraph of the Debian reference, split by page.
func ReferenceRows(f Fetcher, rule proseRule, report *Report) ([]Row, error) {
	dir, err := f.Fetch(DebianReference)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "usr/share/debian-reference/*.zh-cn.html"))
	if err != nil {
		return nil, err
	}
	var rows []Row
	known := map[string]bool{}
	for _, file := range files {
		doc, err := parseHTML(file)
		if err != nil {
			return nil, err
		}
		page := filepath.Base(file)
		for _, s := range sections(doc) {
			for _, text := range s.Paragraphs {
				if reason := rule.fault(text); reason != "" || known[text] {
					report.Drop("reference", orElse(reason, "a duplicate"))
					continue
				}
				known[text] = true
				meta := mustJSON(helpMeta{page, s.Heading, "", DebianReference.Name + " " + DebianReference.Version, DebianReference.Licence})
				id := "reference-" + strings.TrimSuffix(page, ".zh-cn.html") + "-" + itoa(len(rows)+1)
				rows = append(rows, Row{Split: share(20, "page", page), Example: datasets.Example{ID: id, Source: "reference", Text: text, Meta: meta}})
			}
		}
	}
	return rows, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
