package origin

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"m6lab/datasets"
)

func itoa(n int) string { return strconv.Itoa(n) }

type qaMeta struct {
	Kind    string `json:"kind"` // person or faq
	Name    string `json:"name,omitempty"`
	Page    string `json:"page,omitempty"`
	Package string `json:"package"`
	Licence string `json:"licence"`
}

func qaRow(id, question, answer, meta string) datasets.Example {
	return datasets.Example{ID: id, Source: "qa", Text: question + "回答：" + answer, Question: question, Answer: answer, Meta: meta}
}

// modern marks the words of today's editors in the biographies: only what the collection of 1705 says is kept.
var modern = regexp.MustCompile(`[（(\[〖〗□{}|]|全唐|生平見|按|攷|見《|今據|今補|一九|茲`)

// PeopleRows makes `李白是谁？` of the biographies of Tang poets. The biography's first version is taken where it is there twice, and cut at a full stop after
// at most limit characters.
func PeopleRows(f Fetcher, limit int, report *Report) ([]Row, error) {
	dir, err := f.Fetch(Poetry)
	if err != nil {
		return nil, err
	}
	var authors []struct{ ID, Name, Desc string }
	if err := readJSON(filepath.Join(dir, "dist/quantangshi/authors.tang.json"), &authors); err != nil {
		return nil, err
	}
	var rows []Row
	known := map[string]bool{}
	for _, a := range authors {
		name, err := simplify(a.Name)
		if err != nil {
			return nil, err
		}
		life, reason := firstLife(a.Name, a.Desc, limit)
		if life, err = simplify(life); err != nil {
			return nil, err
		}
		if reason == "" && known[name] {
			reason = "a second person of that name"
		}
		if reason != "" {
			report.Drop("qa", reason)
			continue
		}
		known[name] = true
		meta := mustJSON(qaMeta{Kind: "person", Name: name, Package: Poetry.Name + " " + Poetry.Version, Licence: "public domain (collection: MIT)"})
		rows = append(rows, Row{Split: share(13, "person", name), Example: qaRow("qa-person-"+a.ID, name+"是谁？", life, meta)})
	}
	return rows, nil
}

// firstLife takes the first version of a biography, which begins with the name.
func firstLife(name, desc string, limit int) (life, reason string) {
	desc = strings.TrimSpace(desc)
	if !hanLine.MatchString(name) || !strings.HasPrefix(desc, name+"，") {
		return "", "a biography that does not begin with the name, or none"
	}
	life = strings.Fields(desc)[0]
	if i := strings.Index(life[len(name):], name); i > 0 { // told a second time without a space between
		life = life[:len(name)+i]
	}
	if modern.MatchString(life) {
		return "", "a biography with notes of modern editors"
	}
	life = untilStop(life, limit)
	if utf8.RuneCountInString(life) < 12 || !balanced(life) {
		return "", "a biography that is too short"
	}
	return life, ""
}

// untilStop cuts s after its last full stop within n characters.
func untilStop(s string, n int) string {
	runes := []rune(s)
	runes = runes[:min(n, len(runes))]
	for len(runes) > 0 && runes[len(runes)-1] != '。' {
		runes = runes[:len(runes)-1]
	}
	return string(runes)
}

var sectionNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*\.\s*`)

// FAQRows makes rows of the questions that head the sections of the Debian FAQ, and the first good paragraphs below them, limit characters in all.
func FAQRows(f Fetcher, limit int, report *Report) ([]Row, error) {
	dir, err := f.Fetch(DebianFAQ)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "usr/share/doc/debian/FAQ/zh-cn/*.html"))
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, file := range files {
		doc, err := parseHTML(file)
		if err != nil {
			return nil, err
		}
		page := filepath.Base(file)
		meta := mustJSON(qaMeta{Kind: "faq", Page: page, Package: DebianFAQ.Name + " " + DebianFAQ.Version, Licence: "Debian FAQ notice"})
		for i, s := range sections(doc) {
			question := sectionNumber.ReplaceAllString(s.Heading, "")
			answer := goodProse(s.Paragraphs, proseRule{8, limit, 40})
			if !strings.HasSuffix(question, "？") || !strings.ContainsFunc(question, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				continue
			}
			if answer == "" {
				report.Drop("qa", "a question of the FAQ whose answer is no prose")
				continue
			}
			rows = append(rows, Row{Split: share(13, "faq", question), Example: qaRow("qa-faq-"+strings.TrimSuffix(page, ".zh-cn.html")+"-"+itoa(i),
				question, answer, meta)})
		}
	}
	return slices.Clip(rows), nil
}

// goodProse joins the good paragraphs, passing over the others, as long as they keep within the rule's length together. An answer begins with the first
// paragraph or is none.
func goodProse(paragraphs []string, rule proseRule) string {
	answer := ""
	for i, p := range paragraphs {
		if i > 0 && answer == "" {
			return ""
		}
		if rule.fault(p) == "" && len([]rune(answer+p)) <= rule.high {
			answer += p
		}
	}
	return answer
}
