package main

import (
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

// roff turns a manual page's source into HTML, as the sites of manual pages do. It knows the macros of man(7) and the common ones of mdoc(7); what it does
// not know it passes over, so a few pages keep traces of their typesetting, as such sites do.
type roff struct {
	out     strings.Builder
	lines   []string
	at      int
	open    []string // elements that are open, innermost last
	pending string   // text of the paragraph
	pre     bool     // no-fill text
	term    int      // 1: the next text is a term; 2: then its description
	name    string   // the page's own name, which mdoc's Nm repeats
	title   string
}

// manual is a page of HTML made of roff.
func manual(source string, depth int) (title, page string, ok bool) {
	r := &roff{lines: strings.Split(strings.NewReplacer("\\\n", "", "\x00", "").Replace(source), "\n")}
	for r.at < len(r.lines) {
		line := r.lines[r.at]
		r.at++
		r.line(line, depth)
	}
	r.paragraph()
	r.closeAll()
	body := r.out.String()
	return r.title, body, r.title != "" && strings.Contains(body, "<h2>")
}

func (r *roff) line(line string, depth int) {
	if line == "" && !r.pre {
		r.paragraph()
		return
	}
	if line == "" || line[0] != '.' && line[0] != '\'' {
		r.text(inline(line))
		return
	}
	name, rest, _ := strings.Cut(strings.TrimLeft(line[1:], " \t"), " ")
	rest = strings.TrimSpace(rest)
	if depth < 8 {
		r.macro(strings.TrimSpace(name), rest, depth)
	}
}

// text adds to the paragraph, or to the verbatim text.
func (r *roff) text(s string) {
	switch {
	case r.pre:
		r.out.WriteString(s + "\n")
	case r.term == 1:
		r.out.WriteString("<dt>" + s + "</dt>\n")
		r.term = 2
	case r.pending == "":
		r.pending = s
	default:
		r.pending += joint(r.pending, s) + s
	}
}

// joint is what stands between two lines of a paragraph: nothing between Han characters.
func joint(a, b string) string {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	if last >= 0x2e80 && first >= 0x2e80 {
		return ""
	}
	return " "
}

func (r *roff) paragraph() {
	if r.pending == "" {
		return
	}
	element := "p"
	if r.term == 2 {
		element, r.term = "dd", 0
	}
	r.out.WriteString("<" + element + ">" + r.pending + "</" + element + ">\n")
	r.pending = ""
}

func (r *roff) start(element string) {
	r.paragraph()
	r.out.WriteString("<" + element + ">\n")
	r.open = append(r.open, element)
}

func (r *roff) end(element string) {
	r.paragraph()
	if n := len(r.open); n > 0 && r.open[n-1] == element {
		r.out.WriteString("</" + element + ">\n")
		r.open = r.open[:n-1]
	}
}

func (r *roff) closeAll() {
	for n := len(r.open); n > 0; n = len(r.open) {
		r.end(r.open[n-1])
	}
	r.pre, r.term = false, 0
}

func (r *roff) heading(element, s string) {
	r.paragraph()
	r.closeAll()
	if s == "" && r.at < len(r.lines) {
		s = r.lines[r.at]
		r.at++
	}
	r.out.WriteString("<" + element + ">" + inline(strings.Join(fields(s), " ")) + "</" + element + ">\n")
}

func (r *roff) verbatim(on bool) {
	r.paragraph()
	if r.pre == on {
		return
	}
	if on {
		r.start("pre")
	} else {
		r.end("pre")
	}
	r.pre = on
}

// skipTo passes over lines up to one that begins with end.
func (r *roff) skipTo(end string) {
	for r.at < len(r.lines) {
		r.at++
		if strings.HasPrefix(r.lines[r.at-1], end) {
			return
		}
	}
}

// condition is `.if`, `.ie`, `.el`: what is for a terminal (n) is kept, the rest is passed over with its block.
func (r *roff) condition(name, rest string, depth int) {
	test, then, _ := strings.Cut(rest, " ")
	if name == "el" {
		test, then = "t", rest
	}
	if test == "n" {
		r.line(strings.TrimPrefix(strings.TrimSpace(then), "\\{"), depth+1)
		return
	}
	if !strings.Contains(then, "\\{") {
		return
	}
	for open := strings.Count(then, "\\{") - strings.Count(then, "\\}"); open > 0 && r.at < len(r.lines); r.at++ {
		open += strings.Count(r.lines[r.at], "\\{") - strings.Count(r.lines[r.at], "\\}")
	}
}

var fontNames = map[string]string{"B": "b", "I": "i", "SM": "small", "SB": "b", "BI": "bi", "BR": "br", "IB": "ib", "IR": "ir", "RB": "rb", "RI": "ri"}

func (r *roff) macro(name, rest string, depth int) {
	switch name {
	case "TH", "Dt":
		if f := fields(rest); len(f) > 0 {
			r.title = f[0]
			if len(f) > 1 {
				r.title += "(" + f[1] + ")"
			}
		}
	case "SH", "Sh":
		r.heading("h2", rest)
	case "SS", "Ss":
		r.heading("h3", rest)
	case "PP", "P", "LP", "Pp", "HP", "sp", "br", "ti":
		if !r.pre && (name != "br" && name != "ti" || r.pending == "") {
			r.paragraph()
		} else if !r.pre {
			r.pending += "<br>"
		}
	case "TP", "TQ":
		r.paragraph()
		r.term = 1
	case "IP":
		r.paragraph()
		if f := fields(rest); len(f) > 0 {
			r.out.WriteString("<dt>" + inline(f[0]) + "</dt>\n")
			r.term = 2
		}
	case "nf", "EX", "Vb", "CS", "DS":
		r.verbatim(true)
	case "fi", "EE", "Ve", "CE", "DE":
		r.verbatim(false)
	case "RS":
		r.start("div")
	case "RE":
		r.end("div")
	case "if", "ie", "el":
		r.condition(name, rest, depth)
	case "de", "ig", "am":
		r.skipTo("..")
	case "TS":
		r.skipTo(".TE")
	case "UR", "URL", "MT":
		r.text(inline(rest))
	default:
		if font, ok := fontNames[name]; ok {
			r.font(font, rest)
		} else {
			r.mdoc(name, rest)
		}
	}
}

// font sets the words of a line in one font, or in two by turns.
func (r *roff) font(font, rest string) {
	words := fields(rest)
	if len(words) == 0 && r.at < len(r.lines) && !strings.HasPrefix(r.lines[r.at], ".") {
		words = []string{r.lines[r.at]}
		r.at++
	}
	if len(words) == 0 {
		return
	}
	if font == "b" || font == "i" || font == "small" {
		r.text(element(font, inline(strings.Join(words, " "))))
		return
	}
	var b strings.Builder
	for i, w := range words {
		b.WriteString(element(string(font[i%2]), inline(w)))
	}
	r.text(b.String())
}

// element wraps s; r, for roman, wraps nothing.
func element(name, s string) string {
	if name == "r" || s == "" {
		return s
	}
	return "<" + name + ">" + s + "</" + name + ">"
}

var inlineMacros = map[string]string{"Fl": "b", "Ar": "i", "Cm": "b", "Ic": "b", "Nm": "b", "Pa": "i", "Em": "i", "Sy": "b", "Li": "code", "Ql": "code",
	"Ev": "code", "Dv": "code", "Va": "i", "Fn": "b", "Fa": "i", "Sx": "i", "Tn": "small", "Op": "r", "Dq": "q", "Sq": "q", "Pq": "r", "Bq": "r", "Xr": "r",
	"Nd": "r", "Oo": "r", "Oc": "r", "No": "r", "Ns": "r", "Ad": "i", "An": "r", "Fd": "code", "Dl": "code"}

// mdoc does the macros of mdoc(7).
func (r *roff) mdoc(name, rest string) {
	switch name {
	case "Bl":
		r.start("dl")
	case "El":
		r.end("dl")
	case "It":
		r.paragraph()
		r.out.WriteString("<dt>" + callable(rest) + "</dt>\n")
		r.term = 2
	case "Bd":
		r.verbatim(true)
	case "Ed":
		r.verbatim(false)
	case "Nm":
		if r.name == "" {
			r.name, _, _ = strings.Cut(rest, " ")
		}
		if rest == "" {
			rest = r.name
		}
		fallthrough
	default:
		if _, ok := inlineMacros[name]; ok {
			r.text(callable(name + " " + rest))
		}
	}
}

// callable sets a line of mdoc whose words may be macros themselves.
func callable(line string) string {
	var b strings.Builder
	font, open := "r", ""
	for _, w := range fields(line) {
		if f, ok := inlineMacros[w]; ok {
			font = f
			switch w {
			case "Op", "Oo":
				b.WriteString(" [")
				open = "]" + open
			case "Oc":
				b.WriteString("]")
				open = strings.TrimPrefix(open, "]")
			case "Fl":
				b.WriteString(" -")
			}
			continue
		}
		if s := b.String(); s != "" && !strings.HasSuffix(s, "[") && !strings.HasSuffix(s, "-") && !strings.ContainsAny(w[:1], ".,;:)") {
			b.WriteByte(' ')
		}
		b.WriteString(element(font, inline(w)))
	}
	return strings.TrimSpace(b.String() + open)
}

// fields cuts a macro's arguments: words, or what stands in quotes.
func fields(s string) []string {
	var out []string
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		if strings.HasPrefix(s, `\"`) {
			break
		}
		if s[0] != '"' {
			word, rest, _ := strings.Cut(s, " ")
			out, s = append(out, word), rest
			continue
		}
		word, rest, _ := strings.Cut(s[1:], `"`)
		out, s = append(out, word), rest
	}
	return out
}

var (
	comment    = regexp.MustCompile(`\\".*$`)
	fontEscape = regexp.MustCompile(`\\f(\[[^\]]*\]|\(..|.)`)
	unknown    = regexp.MustCompile(`\\(?:\*(?:\[[^\]]*\]|\(..|.)|n[+-]?(?:\[[^\]]*\]|\(..|.)|\[[^\]]*\]|\(..|s[+-]?\d?|[hvwkloLDmz]'[^']*'|k.|[&,/|^%:cdut{}]|.)`)
	glyphs     = strings.NewReplacer(`\-`, "-", `\e`, "\x00", `\ `, " ", `\~`, " ", `\0`, " ", `\(bu`, "·", `\(lq`, "“", `\(rq`, "”", `\[lq]`, "“", `\[rq]`, "”",
		`\(aq`, "'", `\(em`, "—", `\(en`, "–", `\(hy`, "-", `\(co`, "©", `\(ul`, "_", `\(br`, "|", `\(bv`, "|", `\(de`, "°", `\(sl`, "/", `\'`, "'", "\\`", "`",
		`\\`, "\x00", `\.`, ".", `\(ga`, "`", `\(pd`, "∂", `\(*p`, "π", `\(*b`, "β", `\*(lq`, "“", `\*(rq`, "”", `\*(L"`, "“", `\*(R"`, "”", `\*(C'`, "'", `\*(--`, "—")
)

// inline turns escapes of running text into HTML.
func inline(s string) string {
	s = comment.ReplaceAllString(s, "")
	var b strings.Builder
	font := "r"
	for {
		at := fontEscape.FindStringSubmatchIndex(s)
		run := s
		if at != nil {
			run = s[:at[0]]
		}
		b.WriteString(element(font, html.EscapeString(strings.ReplaceAll(unknown.ReplaceAllString(glyphs.Replace(run), ""), "\x00", `\`))))
		if at == nil {
			return b.String()
		}
		switch strings.Trim(s[at[2]:at[3]], "[](") {
		case "B", "3", "CB":
			font = "b"
		case "I", "2", "CI":
			font = "i"
		case "C", "CW", "L", "CR":
			font = "code"
		default:
			font = "r"
		}
		s = s[at[1]:]
	}
}
