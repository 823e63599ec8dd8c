package clean

import (
	"html"
	"strings"
)

const markupDoc = `Remains of HTML in plain text are removed: tags, comments, scripts and styles with their content, doctypes and processing instructions; ` +
	`character references (&amp; &#20013;) become their characters, also those that were escaped twice. A block tag (p, div, br, li, ...) becomes the end of a line. ` +
	`Paper: strip HTML markup. Open: how; here '<' begins a tag only where the name of an HTML element and well-formed attributes follow, so that a<b and <file> stay. ` +
	`Whole pages are read by a parser before this rule.`

func markupRule(o MarkupOptions) rule {
	r := rule{Rule: Rule{Name: "markup", Version: 1, Level: levelCharacter, On: o.On, Doc: markupDoc}}
	if o.On {
		r.run = func(j *job) string {
			for range markupRounds {
				before := j.version
				if !mayHoldMarkup(j.t.Title) && !mayHoldMarkup(j.t.Body) {
					return ""
				}
				j.rewrite("markup", scanMarkup)
				if j.version == before {
					return ""
				}
			}
			j.rewrite("markup", scanSigns)
			return ""
		}
	}
	return r
}

// markupRounds is how often what references and removals brought forth is read again; then < and & are removed altogether, as no
// honest text needs it.
const markupRounds = 6

func mayHoldMarkup(s string) bool {
	return strings.IndexByte(s, '<') >= 0 || strings.IndexByte(s, '&') >= 0
}

// scanSigns removes every < and &.
func scanSigns(j *job, s string, edits []edit) []edit {
	n := 0
	for i := range len(s) {
		if s[i] == '<' || s[i] == '&' {
			edits = add(edits, i, i+1, "")
			n++
		}
	}
	j.find("sign", n)
	return edits
}

// scanMarkup finds tags and character references.
func scanMarkup(j *job, s string, edits []edit) []edit {
	m := markup{budget: 16*len(s) + 4096}
	tag, reference := -1, -1 // the next < and &, len(s) where there is none
	for i := 0; i < len(s); {
		tag, reference = next(s, '<', i, tag), next(s, '&', i, reference)
		i = min(tag, reference)
		if i == len(s) {
			break
		}
		end, with := i, ""
		if s[i] == '<' {
			end, with = m.tag(s, i)
		} else {
			end, with = m.reference(s, i)
		}
		if end == i {
			i++
			continue
		}
		edits = append(edits, edit{i, end, with})
		i = end
	}
	j.find("tag", m.tags)
	j.find("comment", m.comments)
	j.find("script", m.scripts)
	j.find("declaration", m.declarations)
	j.find("reference", m.references)
	return edits
}

// next returns where b is from i on, len(s) where it is not; known is the answer for an earlier place.
func next(s string, b byte, i, known int) int {
	if known >= i {
		return known
	}
	if n := strings.IndexByte(s[i:], b); n >= 0 {
		return i + n
	}
	return len(s)
}

// markup is the state of one scan.
type markup struct {
	budget    int     // how many bytes may be read in tags that turn out to be none, so that hostile text costs no more than its length
	noComment bool    // no --> follows
	noSection bool    // no ]]> follows
	noClosing [2]bool // of script and style

	tags, comments, scripts, declarations, references int
}

// reference reads a character reference at i; end is i where there is none. What &amp; gives may begin another.
func (m *markup) reference(s string, i int) (end int, with string) {
	end = i
	for at := i + 1; ; at = end {
		n, text := character(s[at:])
		if n == 0 {
			return end, with
		}
		m.references++
		end, with = at+n, text
		if text != "&" {
			if len(text) > end-i {
				return end, ""
			}
			return end, with
		}
	}
}

// bare are the references that old pages write without a semicolon.
var bare = [...]string{"nbsp", "lt", "gt", "amp", "quot"}

// character reads what follows the & of a reference: how many bytes it has, 0 where it is none, and its character.
func character(s string) (n int, text string) {
	switch {
	case s == "":
		return 0, ""
	case s[0] == '#':
		n, digits := 1, 0
		isDigit := func(b byte) bool { return b >= '0' && b <= '9' }
		if n < len(s) && s[n]|0x20 == 'x' {
			n++
			isDigit = func(b byte) bool { return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f' }
		}
		for n < len(s) && digits < 8 && isDigit(s[n]) {
			n++
			digits++
		}
		if digits == 0 {
			return 0, ""
		}
		if n < len(s) && s[n] == ';' {
			n++
		}
		return n, html.UnescapeString("&" + s[:n])
	}
	for n < len(s) && n < 32 && (isASCIILetter(s[n]) || n > 0 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	if n < 2 {
		return 0, ""
	}
	if n < len(s) && s[n] == ';' {
		n++
		text = html.UnescapeString("&" + s[:n])
		if strings.HasPrefix(text, "&") && text != "&" {
			return 0, ""
		}
		return n, text
	}
	for _, name := range bare {
		if s[:n] == name && (n == len(s) || s[n] != '=') {
			return n, html.UnescapeString("&" + name + ";")
		}
	}
	return 0, ""
}

// tag reads a tag, comment or declaration at i; end is i where there is none.
func (m *markup) tag(s string, i int) (end int, with string) {
	rest := s[i:]
	if len(rest) < 3 {
		return i, ""
	}
	switch {
	case strings.HasPrefix(rest, "<!--"):
		m.comments++
		if !m.noComment {
			if n := strings.Index(rest[4:], "-->"); n >= 0 {
				return i + 4 + n + 3, ""
			}
			m.noComment = true
		}
		return i + 4, ""
	case strings.HasPrefix(rest, "<![CDATA["):
		m.declarations++
		if !m.noSection {
			if n := strings.Index(rest, "]]>"); n >= 0 {
				return i + n + 3, strings.Clone(rest[len("<![CDATA["):n])
			}
			m.noSection = true
		}
		return i + len("<![CDATA["), ""
	case (rest[1] == '!' || rest[1] == '?') && isASCIILetter(rest[2]):
		n := strings.IndexAny(rest[1:min(len(rest), 1024)], "<>")
		if n < 0 || rest[1+n] == '<' {
			return i, ""
		}
		m.declarations++
		return i + 1 + n + 1, ""
	}
	name := rest[1:]
	closing := name[0] == '/'
	if closing {
		name = name[1:]
	}
	name = elementName(name)
	what := element(name)
	if what == notElement {
		return i, ""
	}
	end = m.attributes(s, i+1+len(name)+len(rest[1:])-len(strings.TrimPrefix(rest[1:], "/")))
	if end == 0 {
		return i, ""
	}
	m.tags++
	switch what {
	case block:
		return end, "\n"
	case cell:
		return end, " "
	case rawScript, rawStyle:
		if !closing {
			if after := m.closing(s, end, name, int(what-rawScript)); after > 0 {
				m.scripts++
				return after, ""
			}
		}
	}
	return end, ""
}

// closing returns where the closing tag of a script or style ends, 0 where there is none.
func (m *markup) closing(s string, i int, name string, which int) int {
	if m.noClosing[which] {
		return 0
	}
	for i < len(s) {
		n := strings.Index(s[i:], "</")
		if n < 0 {
			break
		}
		i += n + 2
		if len(s)-i >= len(name) && strings.EqualFold(s[i:i+len(name)], name) {
			if end := strings.IndexByte(s[i:], '>'); end >= 0 {
				return i + end + 1
			}
			break
		}
	}
	m.noClosing[which] = true
	return 0
}

// attributes reads from the end of a tag's name to behind its >; 0 where what stands there are no attributes.
func (m *markup) attributes(s string, i int) (end int) {
	limit := min(len(s), i+max(256, m.budget))
	defer func(start int) {
		if end == 0 {
			m.budget -= i - start
		}
	}(i)
	for i < limit {
		switch b := s[i]; {
		case b == '>':
			return i + 1
		case b == ' ' || b >= '\t' && b <= '\r' || b == '/':
			i++
			continue
		case s[i-1] != ' ' && (s[i-1] < '\t' || s[i-1] > '\r') && s[i-1] != '/' && s[i-1] != '"' && s[i-1] != '\'':
			return 0 // the name goes on
		}
		start := i
		for i < limit && isAttributeByte(s[i]) {
			i++
		}
		name := s[start:i]
		if name == "" {
			return 0
		}
		value := skipBlanks(s, i, limit)
		if value == limit || s[value] != '=' {
			if !booleans[strings.ToLower(name)] {
				return 0
			}
			continue
		}
		i = skipBlanks(s, value+1, limit)
		if i == limit {
			return 0
		}
		if quote := s[i]; quote == '"' || quote == '\'' {
			n := strings.IndexByte(s[i+1:limit], quote)
			if n < 0 {
				i = limit
				return 0
			}
			i += n + 2
			continue
		}
		for i < limit && s[i] > ' ' && s[i] != '>' && s[i] != '<' {
			i++
		}
	}
	return 0
}

func skipBlanks(s string, i, limit int) int {
	for i < limit && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
		i++
	}
	return i
}

func isAttributeByte(b byte) bool {
	return isASCIILetter(b) || b >= '0' && b <= '9' || b == '-' || b == '_' || b == ':' || b == '.' || b == '@'
}
