package origin

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"m6lab/datasets"
)

// Poem is a regulated poem: an even number of at least four lines, all of five or all of seven characters, simplified.
type Poem struct {
	ID       string
	Dynasty  string // 唐 or 宋
	Author   string
	Title    string
	Body     string   // with its punctuation
	Lines    []string // without
	Selected bool     // of the anthology 唐诗三百首
}

var (
	hanLine     = regexp.MustCompile(`^\p{Han}+$`)
	plainTitle  = regexp.MustCompile(`^[\p{Han} ，、]+$`)
	doubled     = regexp.MustCompile(`([，。])[，。]+`)
	seriesEnd   = regexp.MustCompile(`( ?其?[一二三四五六七八九十百]+首?)+$`)
	punctuation = "，。！？；：、"
)

// Poems reads the poems of one dynasty ("tang" or "song") that obey the paper's form, and counts the others in report.
func Poems(f Fetcher, dynasty string, report *Report) ([]Poem, error) {
	dir, err := f.Fetch(Poetry)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "dist/quantangshi", "poet."+dynasty+".*.json"))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	var all []Poem
	bodies := map[string]bool{}
	for _, file := range files {
		var raw []rawPoem
		if err := readJSON(file, &raw); err != nil {
			return nil, err
		}
		for _, r := range raw {
			p, reason, err := r.poem(dynasty)
			if err != nil {
				return nil, err
			}
			key := strings.Join(p.Lines, "")
			if reason == "" && bodies[key] {
				reason = "a duplicate"
			}
			if reason != "" {
				report.Drop("poems", reason)
				continue
			}
			bodies[key] = true
			all = append(all, p)
		}
	}
	return all, nil
}

type rawPoem struct {
	ID, Author, Title string
	Paragraphs, Tags  []string
}

// poem converts one record; reason says why it is left out.
func (r rawPoem) poem(dynasty string) (p Poem, reason string, err error) {
	body := doubled.ReplaceAllString(strings.Join(r.Paragraphs, ""), "$1")
	lines := splitLines(body)
	if reason = formFault(lines); reason != "" {
		return p, reason, nil
	}
	fields := [3]string{body, strings.Join(strings.Fields(r.Title), " "), r.Author}
	for i := range fields {
		if fields[i], err = simplify(fields[i]); err != nil {
			return p, "", err
		}
	}
	if !plainTitle.MatchString(fields[1]) || !hanLine.MatchString(fields[2]) || utf8.RuneCountInString(fields[1]) > 20 {
		return p, "a long title, or notes in title or author", nil
	}
	p = Poem{ID: r.ID, Dynasty: map[string]string{"tang": "唐", "song": "宋"}[dynasty], Body: fields[0], Title: fields[1], Author: fields[2],
		Lines: splitLines(fields[0]), Selected: slices.Contains(r.Tags, "唐诗三百首")}
	return p, formFault(p.Lines), nil
}

// splitLines cuts at every punctuation mark; the text must end with one.
func splitLines(body string) []string {
	lines := strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(punctuation, r) })
	if body == "" || !strings.ContainsRune(punctuation, lastRune(body)) {
		return nil
	}
	return lines
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// formFault says which rule of the paper's form the lines break, if any; marks of gaps and notes are no Han characters.
func formFault(lines []string) string {
	if len(lines) < 4 || len(lines)%2 != 0 {
		return "fewer than four lines, or an odd number"
	}
	if len(lines) > 16 {
		return "more than sixteen lines"
	}
	n := utf8.RuneCountInString(lines[0])
	if n != 5 && n != 7 {
		return "lines of neither five nor seven characters"
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) != n {
			return "lines of unequal length"
		}
		if !hanLine.MatchString(l) {
			return "gaps, notes or variants in a line"
		}
	}
	return ""
}

// Series is what a split must not divide: the author and the title without its number.
func (p Poem) Series() string { return p.Author + "|" + seriesEnd.ReplaceAllString(p.Title, "") }

type poemMeta struct {
	Title   string `json:"title"`
	Author  string `json:"author"`
	Dynasty string `json:"dynasty"`
	Body    string `json:"body"`
	Lines   int    `json:"lines"`
	Width   int    `json:"characters"` // of a line
	Series  string `json:"series"`
	Licence string `json:"licence"`
}

// Row is the poem after the paper's prompt, `见情郎 作者: 唐 李白 正文:`.
func (p Poem) Row(split string) Row {
	text := p.Title + " 作者: " + p.Dynasty + " " + p.Author + " 正文: " + p.Body
	return Row{Split: split, Example: datasets.Example{ID: "poem-" + p.ID, Source: "poems", Text: text,
		Meta: mustJSON(poemMeta{p.Title, p.Author, p.Dynasty, p.Body, len(p.Lines), utf8.RuneCountInString(p.Lines[0]), p.Series(),
			"public domain (collection: MIT)"})}}
}

// PoemOptions says how many poems each split gets; 0 is no limit.
type PoemOptions struct {
	Train, Valid, Test int
	Characters         int // only poems made of that many most frequent characters
	Length             int // characters of the whole text
}

// PoemRows chooses poems and splits them by series, those held out first: no line of a poem occurs in another split.
func PoemRows(all []Poem, o PoemOptions, report *Report) []Row {
	frequent := frequentCharacters(all, o.Characters)
	limits, taken := map[string]int{Train: o.Train, Valid: o.Valid, Test: o.Test}, map[string]int{}
	lines, rows := map[string]string{}, []Row(nil)
	for _, p := range ordered(all) {
		row := p.Row(p.split())
		reason := p.fault(lines, frequent)
		if o.Length > 0 && utf8.RuneCountInString(row.Text) > o.Length {
			reason = "longer than " + itoa(o.Length) + " characters"
		}
		if limits[row.Split] > 0 && taken[row.Split] == limits[row.Split] {
			reason = "not needed: " + row.Split + " is full"
		}
		if reason != "" {
			report.Drop("poems", reason)
			continue
		}
		taken[row.Split]++
		for _, l := range p.Lines {
			lines[l] = row.Split
		}
		rows = append(rows, row)
	}
	return rows
}

// split keeps a series together.
func (p Poem) split() string { return share(50, "series", p.Series()) }

// ordered returns the poems by rank, and those of a rank by a hash.
func ordered(all []Poem) []Poem {
	type key struct {
		rank int
		hash uint64
		poem Poem
	}
	keys := make([]key, len(all))
	for i, p := range all {
		keys[i] = key{p.rank(), hash("poem", p.ID), p}
	}
	slices.SortStableFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.hash, b.hash)) })
	list := make([]Poem, len(all))
	for i, k := range keys {
		list[i] = k.poem
	}
	return list
}

// rank orders the choice: poems held out, then the anthology, then the others.
func (p Poem) rank() int {
	switch {
	case p.split() != Train:
		return 0
	case p.Selected:
		return 1
	}
	return 2
}

// fault tells why a poem cannot join its split, given the split of every line chosen so far.
func (p Poem) fault(lines map[string]string, frequent map[rune]bool) string {
	split := p.split()
	for _, l := range p.Lines {
		if at := lines[l]; at != "" && at != split {
			return "a line that another split has"
		}
	}
	for _, r := range p.Title + p.Author + p.Body {
		if frequent != nil && r > 0x2e80 && !frequent[r] && !strings.ContainsRune(punctuation, r) {
			return "a rare character"
		}
	}
	return ""
}

// frequentCharacters returns the n most frequent characters; nil when n is 0.
func frequentCharacters(all []Poem, n int) map[rune]bool {
	if n == 0 {
		return nil
	}
	count := map[rune]int{}
	for _, p := range all {
		for _, r := range p.Title + p.Author + strings.Join(p.Lines, "") {
			count[r]++
		}
	}
	chars := make([]rune, 0, len(count))
	for r := range count {
		chars = append(chars, r)
	}
	slices.SortFunc(chars, func(a, b rune) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	set := map[rune]bool{}
	for _, r := range chars[:min(n, len(chars))] {
		set[r] = true
	}
	return set
}
