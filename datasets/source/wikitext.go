package source

import (
	"bytes"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Wikitext becomes plain text in one pass with a stack of what is open: templates, tables, links, variants of characters. What each leaves of
// itself stands in one output, so that the time is linear in the text, whatever it is.

// open constructs of wikitext.
const (
	markTemplate = '{'
	markTable    = '|'
	markLink     = '['
	markExternal = 'x'
	markVariant  = '-'
)

// construct is one that is open: its content begins at from in the output, its parts at parts.
type construct struct {
	kind  byte
	from  int
	parts []int
}

// maxOpen is how deep constructs nest; deeper ones are taken as text.
const maxOpen = 64

// wikitext is the state of the pass.
type wikitext struct {
	site   *site
	in     string
	i      int
	out    []byte
	open   []construct
	absent map[string]bool // closing tags that stand nowhere behind
}

// plain returns the plain text of an article's wikitext: paragraphs, headings and items of lists on a line each. Templates go, but for some whose
// argument is the text; so do tables, references, pictures, categories, and sections that only list sources and links.
func (s *site) plain(markup, title string) []byte {
	w := &wikitext{site: s, in: markup, out: make([]byte, 0, len(markup)/2), absent: map[string]bool{}}
	for w.i < len(w.in) {
		w.step()
	}
	return sections(html.UnescapeString(string(w.out)))
}

// has reports whether the input goes on with s.
func (w *wikitext) has(s string) bool { return strings.HasPrefix(w.in[w.i:], s) }

// lineStart reports whether only spaces and colons stand before the present place in its line.
func (w *wikitext) lineStart() bool {
	for k := w.i - 1; k >= 0; k-- {
		switch w.in[k] {
		case '\n':
			return true
		case ' ', ':', '\t':
			if w.i-k > 64 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// step takes the next piece of input.
func (w *wikitext) step() {
	if next := strings.IndexAny(w.in[w.i:], "{}[]|<'-_"); next != 0 {
		if next < 0 {
			next = len(w.in) - w.i
		}
		w.out = append(w.out, w.in[w.i:w.i+next]...)
		w.i += next
		return
	}
	switch w.in[w.i] {
	case '{':
		switch {
		case w.has("{{"):
			w.push(markTemplate, 2)
			return
		case w.has("{|") && w.lineStart():
			w.push(markTable, 2)
			return
		}
	case '}':
		if w.has("}}") && w.pop(markTemplate, 2) || w.has("}-") && w.pop(markVariant, 2) {
			return
		}
	case '[':
		switch {
		case w.has("[["):
			w.push(markLink, 2)
			return
		case w.has("[http://"), w.has("[https://"), w.has("[//"), w.has("[ftp://"), w.has("[mailto:"):
			w.push(markExternal, 1)
			return
		}
	case ']':
		if n := len(w.open); n > 0 && w.open[n-1].kind == markExternal && w.pop(markExternal, 1) || w.has("]]") && w.pop(markLink, 2) {
			return
		}
	case '|':
		if w.bar() {
			return
		}
	case '<':
		if w.tag() {
			return
		}
	case '\'':
		if n := len(w.in[w.i:]) - len(strings.TrimLeft(w.in[w.i:], "'")); n > 1 {
			w.i += n
			return
		}
	case '-':
		if w.has("-{") && !w.has("-{{") {
			w.push(markVariant, 2)
			return
		}
	case '_':
		if n := switchWord(w.in[w.i:min(len(w.in), w.i+40)]); n > 0 {
			w.i += n
			return
		}
	}
	w.out = append(w.out, w.in[w.i])
	w.i++
}

// switchWord returns the length of a word such as __NOTOC__ at the beginning of s, 0 for none.
func switchWord(s string) int {
	rest, found := strings.CutPrefix(s, "__")
	if !found {
		return 0
	}
	for i, r := range rest {
		switch {
		case r == '_' && i > 0 && strings.HasPrefix(rest[i:], "__"):
			return 2 + i + 2
		case !(r >= 'A' && r <= 'Z' || unicode.Is(unicode.Han, r)):
			return 0
		}
	}
	return 0
}

// push opens a construct.
func (w *wikitext) push(kind byte, size int) {
	if len(w.open) >= maxOpen {
		w.out = append(w.out, w.in[w.i:w.i+size]...)
	} else {
		w.open = append(w.open, construct{kind: kind, from: len(w.out)})
	}
	w.i += size
}

// pop closes the innermost construct of a kind; those opened in it that were not closed stay as text. It reports whether there was one.
func (w *wikitext) pop(kind byte, size int) bool {
	k := len(w.open) - 1
	for k >= 0 && w.open[k].kind != kind {
		if inner := w.open[k].kind; inner == markTable && kind != markTemplate || inner == markTemplate && kind != markTable {
			return false
		}
		k--
	}
	if k < 0 {
		return false
	}
	c := w.open[k]
	w.open = w.open[:k]
	w.i += size
	parts := c.split(w.out)
	var kept string
	switch kind {
	case markTemplate:
		kept = template(parts)
	case markLink:
		kept = w.site.link(parts)
	case markExternal:
		_, kept, _ = strings.Cut(string(w.out[c.from:]), " ")
	case markVariant:
		kept = variant(string(w.out[c.from:]))
	}
	w.out = append(w.out[:c.from], kept...)
	return true
}

// split returns the parts of a construct's content.
func (c *construct) split(out []byte) []string {
	var parts []string
	from := c.from
	for _, at := range c.parts {
		parts = append(parts, string(out[from:at]))
		from = at
	}
	return append(parts, string(out[from:]))
}

// bar takes "|", which divides templates and links and ends tables.
func (w *wikitext) bar() bool {
	if w.has("|}") && !w.has("|}}") && w.lineStart() && w.pop(markTable, 2) {
		return true
	}
	if len(w.open) == 0 {
		return false
	}
	c := &w.open[len(w.open)-1]
	if c.kind != markTemplate && c.kind != markLink {
		return false
	}
	c.parts = append(c.parts, len(w.out))
	w.i++
	return true
}

// dropped are the elements that go with their content.
var dropped = map[string]bool{
	"ref": true, "math": true, "chem": true, "ce": true, "gallery": true, "timeline": true, "score": true, "imagemap": true, "syntaxhighlight": true,
	"source": true, "table": true, "graph": true, "mapframe": true, "maplink": true, "templatestyles": true, "hiero": true, "inputbox": true,
	"categorytree": true, "style": true, "script": true, "references": true, "noinclude": true, "indicator": true, "section": true,
}

// breaking are the elements that end a line.
var breaking = map[string]bool{"br": true, "p": true, "div": true, "li": true, "ul": true, "ol": true, "hr": true, "blockquote": true, "poem": true, "dd": true, "dt": true}

var tagName = regexp.MustCompile(`^</?([A-Za-z][A-Za-z0-9]*)[^<>]*>`)

// tag takes a comment or a tag, and reports whether it was one.
func (w *wikitext) tag() bool {
	rest := w.in[w.i:]
	if strings.HasPrefix(rest, "<!--") {
		if end := strings.Index(rest, "-->"); end >= 0 {
			w.i += end + 3
		} else {
			w.i = len(w.in)
		}
		return true
	}
	found := tagName.FindStringSubmatch(rest[:min(len(rest), 1024)])
	if found == nil {
		return false
	}
	whole, name := found[0], strings.ToLower(found[1])
	w.i += len(whole)
	opens := whole[1] != '/' && !strings.HasSuffix(whole, "/>")
	switch {
	case name == "nowiki" && opens:
		content := w.in[w.i:]
		if end := w.closing(name); end >= 0 {
			w.out = append(w.out, content[:end]...)
		}
	case dropped[name] && opens:
		w.closing(name)
	case breaking[name]:
		w.out = append(w.out, '\n')
	}
	return true
}

// closing steps behind the next closing tag of a name and returns where it begins, from the present place; -1 for none.
func (w *wikitext) closing(name string) int {
	if w.absent[name] {
		return -1
	}
	for from := w.i; ; {
		k := strings.Index(w.in[from:], "</")
		if k < 0 {
			w.absent[name] = true
			return -1
		}
		from += k + 2
		if len(w.in)-from < len(name) || !strings.EqualFold(w.in[from:from+len(name)], name) {
			continue
		}
		rest := strings.TrimLeft(w.in[from+len(name):min(len(w.in), from+len(name)+64)], " \t\n")
		if strings.HasPrefix(rest, ">") {
			at := from - 2 - w.i
			w.i = from + len(name) + strings.IndexByte(w.in[from+len(name):], '>') + 1
			return at
		}
	}
}

// link returns the text that [[...]] shows.
func (s *site) link(parts []string) string {
	target := strings.TrimSpace(parts[0])
	shown, forced := strings.CutPrefix(target, ":")
	if prefix, _, found := strings.Cut(target, ":"); found && !forced {
		prefix = strings.ToLower(strings.TrimSpace(prefix))
		if s.hidden[prefix] || len(parts) == 1 && language.MatchString(prefix) {
			return ""
		}
	}
	if len(parts) > 1 {
		if last := strings.TrimSpace(parts[len(parts)-1]); last != "" {
			return last
		}
		shown, _, _ = strings.Cut(shown, " (")
	}
	return strings.TrimPrefix(shown, "#")
}

// language is the prefix of links to the same article of another language.
var language = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)*$`)

// shownArguments are the templates of which an argument is the text: the number of the argument, and of the one that is better where it is there.
var shownArguments = map[string][2]int{
	"lang": {2, 2}, "nowrap": {1, 1}, "nobr": {1, 1}, "small": {1, 1}, "big": {1, 1}, "quote": {1, 1}, "cquote": {1, 1}, "le": {1, 3}, "tsl": {3, 4},
	"translink": {3, 4}, "link": {1, 1}, "nihongo": {1, 1}, "color": {2, 2}, "abbr": {1, 1}, "ruby": {1, 1}, "ilh": {3, 4}, "internal link helper": {1, 1},
}

// template returns the text that {{...}} shows, "" for most.
func template(parts []string) string {
	name := strings.ToLower(strings.TrimSpace(parts[0]))
	numbers, found := shownArguments[name]
	switch {
	case found:
	case strings.HasPrefix(name, "lang-"):
		numbers = [2]int{1, 1}
	case strings.HasPrefix(name, "link-"):
		numbers = [2]int{1, 3}
	case strings.HasPrefix(name, "formatnum:"):
		return strings.TrimSpace(parts[0])[len("formatnum:"):]
	case name == "convert" && len(parts) > 2:
		return strings.TrimSpace(parts[1]) + " " + strings.TrimSpace(parts[2])
	case name == "·" || name == "•" || name == "-" && len(parts) == 1:
		return " "
	default:
		return ""
	}
	if better := argument(parts, numbers[1]); better != "" {
		return better
	}
	return argument(parts, numbers[0])
}

// argument returns an argument by its number, given by place or by name.
func argument(parts []string, number int) string {
	place := 0
	for _, part := range parts[1:] {
		name, value, named := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !named || strings.ContainsAny(name, "<[ \n\"") {
			place++
			name, value = strconv.Itoa(place), part
		}
		if name == strconv.Itoa(number) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// variant returns what -{...}- shows to readers of simplified characters.
func variant(content string) string {
	flags, rules, found := strings.Cut(content, "|")
	if !found {
		flags, rules = "", content
	}
	for _, hidden := range []string{"H", "T", "-"} {
		if strings.Contains(flags, hidden) && !strings.HasPrefix(flags, "zh") {
			return ""
		}
	}
	best, rank, first := "", len(variants), ""
	for rule := range strings.SplitSeq(rules, ";") {
		code, text, is := strings.Cut(rule, ":")
		if i := strings.Index(code, "=>"); i >= 0 {
			code = code[i+2:]
		}
		code = strings.ToLower(strings.TrimSpace(code))
		if !is || code != "zh" && !strings.HasPrefix(code, "zh-") {
			continue
		}
		if first == "" {
			first = strings.TrimSpace(text)
		}
		for k, want := range variants[:rank] {
			if code == want {
				best, rank = strings.TrimSpace(text), k
				break
			}
		}
	}
	switch {
	case rank < len(variants):
		return best
	case first != "":
		return first
	}
	return rules
}

var variants = []string{"zh-hans", "zh-cn", "zh", "zh-sg", "zh-my"}

// lists are the headings of sections that list sources and links.
var lists = map[string]bool{
	"参考文献": true, "參考文獻": true, "参考资料": true, "參考資料": true, "参考": true, "參考": true, "外部链接": true, "外部連結": true, "外部鏈接": true,
	"注释": true, "註釋": true, "注釋": true, "脚注": true, "腳註": true, "注解": true, "註解": true, "参见": true, "參見": true, "参看": true, "參看": true,
	"相关条目": true, "相關條目": true, "延伸阅读": true, "延伸閱讀": true, "资料来源": true, "資料來源": true, "来源": true, "來源": true,
	"references": true, "external links": true, "notes": true, "see also": true, "further reading": true, "bibliography": true,
}

var (
	emptyBrackets = regexp.MustCompile(`[（(][\s，、；：,;:]*[）)]`)
	leadingMarks  = regexp.MustCompile(`([（(])[\s，、；：,;:]+`)
	spaces        = regexp.MustCompile(`[ \t\x{a0}]{2,}`)
)

// sections tidies the lines: marks of lists and headings go, and with them sections that list sources and headings without text.
func sections(text string) []byte {
	var out []byte
	type heading struct {
		level int
		text  string
	}
	var due []heading // headings before whose text nothing was written
	dropLevel := 0    // of the section that is left out, 0 for none
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if level := headingLevel(line); level > 0 {
			name := strings.TrimSpace(line[level : len(line)-level])
			if dropLevel > 0 && level > dropLevel {
				continue
			}
			dropLevel = 0
			if lists[strings.ToLower(name)] {
				dropLevel = level
			}
			for len(due) > 0 && due[len(due)-1].level >= level {
				due = due[:len(due)-1]
			}
			if dropLevel == 0 && name != "" {
				due = append(due, heading{level, name})
			}
			continue
		}
		if dropLevel > 0 {
			continue
		}
		if line = tidy(line); line == "" {
			continue
		}
		for _, h := range due {
			out = append(append(out, h.text...), '\n')
		}
		due = due[:0]
		out = append(append(out, line...), '\n')
	}
	return bytes.TrimSuffix(out, []byte{'\n'})
}

// headingLevel returns the number of "=" on both sides of a heading, 0 for another line.
func headingLevel(line string) int {
	n := len(line)
	left, right := n-len(strings.TrimLeft(line, "=")), n-len(strings.TrimRight(line, "="))
	level := min(left, right, 6)
	if level == 0 || 2*level >= n {
		return 0
	}
	return level
}

// tidy cleans one line of what the markup leaves.
func tidy(line string) string {
	line = strings.TrimLeft(line, "*#:; \t")
	if strings.Trim(line, "-") == "" {
		return ""
	}
	if strings.ContainsAny(line, "（(") {
		line = emptyBrackets.ReplaceAllString(line, "")
		line = leadingMarks.ReplaceAllString(line, "$1")
	}
	if strings.Contains(line, "  ") || strings.Contains(line, "\u00a0") {
		line = spaces.ReplaceAllString(strings.ReplaceAll(line, "\u00a0", " "), " ")
	}
	return strings.TrimSpace(line)
}
