package origin

import (
	"os"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// skipped elements hold no running text; MAC and WIN are readings for other systems beside the one that is kept.
var (
	skippedTags    = map[string]bool{"script": true, "style": true, "pre": true, "img": true, "table": true}
	skippedClasses = map[string]bool{"MAC": true, "WIN": true, "noteicon": true, "related": true, "howtoget": true}
)

func parseHTML(path string) (*html.Node, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return html.Parse(file)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func isSkipped(n *html.Node) bool {
	return n.Type == html.ElementNode && (skippedTags[n.Data] || skippedClasses[attribute(n, "class")])
}

// textOf joins the text below n and tidies its white space.
func textOf(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil && !isSkipped(n); c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return tidy(b.String())
}

var (
	blanks    = regexp.MustCompile(`[\s\p{Z}]+`)
	footnotes = regexp.MustCompile(`\[[0-9]+\]`)
	commas    = regexp.MustCompile(`([\p{Han}”’）]), ?([\p{Han}“‘（])`)
	colons    = regexp.MustCompile(`([\p{Han}”’）]): ?`)
	numbers   = regexp.MustCompile(`[0-9]{6}`) // of telephones and chat groups
)

// tidy makes one space of all white space, and none of that beside a Chinese mark or between two Han characters, where a line was broken. Commas and colons
// between Chinese words become Chinese ones.
func tidy(s string) string {
	runes := []rune(strings.TrimSpace(blanks.ReplaceAllString(footnotes.ReplaceAllString(s, ""), " ")))
	var b strings.Builder
	for i, r := range runes {
		if r == ' ' && (wide(runes[i-1]) && wide(runes[i+1]) || isMark(runes[i-1]) || isMark(runes[i+1])) {
			continue
		}
		b.WriteRune(r)
	}
	text := strings.NewReplacer("「", "“", "」", "”", "『", "‘", "』", "’").Replace(b.String())
	return colons.ReplaceAllString(commas.ReplaceAllString(text, "$1，$2"), "$1：")
}

func isMark(r rune) bool {
	return strings.ContainsRune("，。！？；：、（）《》「」“”…", r)
}

func wide(r rune) bool { return unicode.Is(unicode.Han, r) || isMark(r) }

// proseRule bounds what counts as Chinese prose.
type proseRule struct {
	low, high int // characters
	han       int // least share of Han characters, in percent
}

// fault says why s is no well-formed Chinese prose: too few Han characters, no end, quotes open, code. It is empty for good prose.
func (p proseRule) fault(s string) string {
	runes, han := []rune(s), 0
	for _, r := range runes {
		if unicode.Is(unicode.Han, r) {
			han++
		}
	}
	switch {
	case len(runes) < p.low || len(runes) > p.high:
		return "too short or too long"
	case han*100 < len(runes)*p.han:
		return "too little Chinese"
	case !strings.ContainsRune("。！？", runes[len(runes)-1]):
		return "no full stop at the end"
	case !unicode.IsLetter(runes[0]) && runes[0] != '“' && runes[0] != '《':
		return "a fragment"
	case strings.ContainsAny(s, "={}\\<>|^_$*#\uFFFD") || strings.Contains(s, "http") || strings.Contains(s, "。。") || strings.ContainsFunc(s, garbled), numbers.MatchString(s):
		return "code, an address or residue"
	case !balanced(s):
		return "quotes or brackets that do not close"
	}
	return ""
}

// garbled finds characters of Latin-1 that only a wrong encoding puts into Chinese text.
func garbled(r rune) bool { return r >= 0x80 && r <= 0xbf && r != '°' && r != '·' && r != '±' }

// balanced tells whether quotes and brackets close, and no sentence ends within a quote.
func balanced(s string) bool {
	pairs := map[rune]rune{'”': '“', '’': '‘', '）': '（', ')': '(', '》': '《', ']': '['}
	var open []rune
	for _, r := range s {
		switch {
		case strings.ContainsRune("“‘（(《[", r):
			open = append(open, r)
		case pairs[r] != 0:
			if len(open) == 0 || open[len(open)-1] != pairs[r] {
				return false
			}
			open = open[:len(open)-1]
		case r == '。' && len(open) > 0 && open[len(open)-1] == '“':
			return false
		}
	}
	return len(open) == 0
}
