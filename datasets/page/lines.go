package page

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// line is a run of text between two line breaks as a reader sees it: a paragraph, a heading, a list item, a row of a table.
type line struct {
	from, to   int32 // in layout.text
	first      int32 // its first and last pieces of text, as nodes
	last       int32
	home       int32 // the block element in which it begins
	serial     int32 // the break before it
	weight     int32 // 5 a Chinese character, 2 a letter or digit: about the same for the same meaning
	linkWeight int32 // of it, inside links
	stops      int16 // marks that sentences have
	zone       trait // of the elements around it: margin, weak, strong, caption, heading, item
}

// links returns the share of the line's weight that is links, in percent.
func (l *line) links() int32 {
	if l.weight == 0 {
		return 0
	}
	return int32(int64(l.linkWeight) * 100 / int64(l.weight))
}

// spot is where a picture stands between the lines.
type spot struct {
	node   int32
	line   int32 // index of the line that the picture is in or that follows it
	serial int32
	zone   trait
}

// layout is a document's text as lines, with the pictures between them.
type layout struct {
	t     *tree
	o     *Options
	text  []byte
	lines []line
	spots []spot
	own   []int64 // by element: the mass of the lines of which it is the home

	open   []frame
	cur    line
	begun  bool
	serial int32
	last   rune // the last character of the line
	space  bool // white space before the next character
	feed   bool // and a line feed in it
	cell   bool // the next character begins a cell
	mark   string
}

// frame is an open element of the walk.
type frame struct {
	at   int32
	end  int32
	zone trait
	home int32
	row  bool // inside a table row that is one line
	pre  bool
	list int32 // the number of the next list item; -1 no numbers
}

// lay walks the tree once and returns its lines and pictures.
func lay(t *tree, o *Options) *layout {
	l := &layout{t: t, o: o, text: make([]byte, 0, len(t.arena)), lines: make([]line, 0, len(t.nodes)/6+4)}
	l.open = append(make([]frame, 0, 32), frame{end: t.nodes[0].end, list: -1})
	for i := int32(1); i < int32(len(t.nodes)); {
		for i >= l.open[len(l.open)-1].end {
			l.leave()
		}
		i = l.visit(i)
	}
	l.feedLine()
	l.reconsider()
	return l
}

// visit lays out one node and returns the next.
func (l *layout) visit(i int32) int32 {
	n := &l.t.nodes[i]
	f := &l.open[len(l.open)-1]
	if n.text {
		if f.zone&fallback == 0 {
			l.write(i, n, f)
		}
		return i + 1
	}
	switch {
	case n.traits&mute != 0 || n.traits&hidden != 0 && n.size/4 <= l.t.nodes[0].size: // a page that hides all is shown by a script
		return n.end
	case n.atom == atom.Img:
		l.spots = append(l.spots, spot{node: i, line: int32(len(l.lines)), serial: l.serial, zone: f.zone})
		return i + 1
	case n.atom == atom.Br || n.atom == atom.Hr:
		l.part(f)
		return i + 1
	case n.traits&void != 0:
		return i + 1
	}
	l.enter(i, n, f)
	return i + 1
}

// most reports whether n holds most of the page's text: then it is the page, whatever its name says.
func (l *layout) most(n *node) bool { return n.size > l.t.nodes[0].size/2 }

// enter opens an element.
func (l *layout) enter(i int32, n *node, f *frame) {
	g := frame{at: i, end: n.end, zone: f.zone, home: f.home, row: f.row, pre: f.pre || n.atom == atom.Pre || n.atom == atom.Listing || n.atom == atom.Xmp, list: -1}
	g.zone |= n.traits & (fallback | strong | caption | heading)
	g.zone |= n.traits & weak
	if (n.traits&margin != 0 || n.atom == atom.Header && !l.within(atom.Article, atom.Main, atom.Section)) && !l.most(n) {
		g.zone |= margin
	}
	if n.traits&block != 0 {
		g.home = i
		if f.row && (n.atom == atom.Td || n.atom == atom.Th) {
			l.cell = true
		} else {
			l.part(&g)
		}
	}
	switch n.atom {
	case atom.Tr:
		if g.row = l.oneLine(i, n); g.row {
			g.zone |= item
		}
	case atom.Ol:
		g.list = 1
		if start, err := strconv.Atoi(string(l.t.attr(i, "start"))); err == nil && start >= 0 && start < 1e6 {
			g.list = int32(start)
		}
	case atom.Figcaption:
		g.zone |= caption
	case atom.Dt, atom.Dd:
		g.zone |= item
	case atom.Li:
		g.zone |= item
		if l.o.Marks && !f.row {
			l.mark = "- "
			if f.list >= 0 {
				l.mark = strconv.Itoa(int(f.list)) + ". "
				f.list++
			}
		}
	}
	l.open = append(l.open, g)
}

// leave closes the innermost open element.
func (l *layout) leave() {
	f := l.open[len(l.open)-1]
	l.open = l.open[:len(l.open)-1]
	if n := &l.t.nodes[f.at]; n.traits&block != 0 {
		l.part(&l.open[len(l.open)-1])
	}
}

// part ends the line where a block of f begins or ends: in a row of a table it leaves a space, and in what is not shown nothing.
func (l *layout) part(f *frame) {
	switch {
	case f.zone&fallback != 0:
	case f.row:
		l.space = true
	default:
		l.feedLine()
	}
}

// within reports whether one of the open elements is one of these.
func (l *layout) within(of ...atom.Atom) bool {
	for i := range l.open {
		for _, a := range of {
			if l.t.nodes[l.open[i].at].atom == a {
				return true
			}
		}
	}
	return false
}

// rowBytes and cellBytes bound a table row that is laid out as one line, and its cells; longer ones are the layout of a page, and each cell has
// lines of its own.
const (
	rowBytes  = 600
	cellBytes = 200
)

// oneLine reports whether the row n holds data: two cells or more, short, with nothing but paragraphs in them.
func (l *layout) oneLine(i int32, n *node) bool {
	if n.size > rowBytes || n.end-i > 400 {
		return false
	}
	cells, paragraphs := 0, 0
	for j := i + 1; j < n.end; j++ {
		switch m := &l.t.nodes[j]; {
		case m.text:
		case m.atom == atom.Td || m.atom == atom.Th:
			cells++
			paragraphs = 0
			if m.size > cellBytes {
				return false
			}
		case m.atom == atom.P || m.atom == atom.Div:
			if paragraphs++; paragraphs > 1 {
				return false
			}
		case m.traits&block != 0:
			return false
		}
	}
	return cells > 1
}

// feedLine ends the line.
func (l *layout) feedLine() {
	l.serial++
	l.space, l.feed, l.cell = false, false, false
	if !l.begun {
		return
	}
	l.begun = false
	l.cur.to = int32(len(l.text))
	l.lines = append(l.lines, l.cur)
}

// begin starts a line with the text node i.
func (l *layout) begin(i int32, f *frame) {
	l.begun = true
	l.cur = line{from: int32(len(l.text)), first: i, home: f.home, serial: l.serial, zone: f.zone}
	if l.mark != "" {
		l.text = append(l.text, l.mark...)
		l.mark = ""
	}
	l.space, l.feed, l.cell = false, false, false
	l.last = ' '
}

// write appends a piece of text: white space is collapsed, and dropped where a line feed divides two Chinese characters, as the standard of
// style sheets has it; what is not seen is left out.
func (l *layout) write(i int32, n *node, f *frame) {
	s := l.t.arena[n.from:n.to]
	weight, stops := int32(0), int16(0)
	for k := 0; k < len(s); {
		c := s[k]
		if c > ' ' && c < utf8.RuneSelf {
			k++
			if !l.ready(i, f, rune(c)) {
				continue
			}
			l.text = append(l.text, c)
			l.last = rune(c)
			if w := asciiWeight[c]; w > 0 {
				weight += int32(w)
			} else if isStop(rune(c)) {
				stops++
			}
			continue
		}
		if c <= ' ' {
			k++
			if c < '\t' || c > '\r' && c < ' ' {
				continue
			}
			if c == '\n' || c == '\r' {
				if f.pre {
					l.settle(i, weight, stops, n)
					weight, stops = 0, 0
					l.feedLine()
					continue
				}
				l.feed = true
			}
			l.space = true
			continue
		}
		r, size := utf8.DecodeRune(s[k:])
		k += size
		switch {
		case r == 0xa0 || r == 0x3000 || r >= 0x2000 && r <= 0x200a || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x1680:
			l.space = true
			continue
		case r == utf8.RuneError && size == 1, unseen(r):
			continue
		}
		if !l.ready(i, f, r) {
			continue
		}
		l.text = utf8.AppendRune(l.text, r)
		l.last = r
		switch {
		case isHan(r):
			weight += 5
		case isStop(r):
			stops++
		case r >= 0x3040 && r < 0x3100 || r >= 0xac00 && r < 0xd7b0:
			weight += 4
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			weight += 2
		}
	}
	l.settle(i, weight, stops, n)
}

// settle adds to the line what was written of node i.
func (l *layout) settle(i, weight int32, stops int16, n *node) {
	if !l.begun {
		return
	}
	l.cur.last = i
	l.cur.weight += weight
	if n.traits&anchor != 0 {
		l.cur.linkWeight += weight
	}
	l.cur.stops = min(l.cur.stops, 1000) + min(stops, 1000)
}

// ready begins the line where it is not begun, and writes the space or cell border that is due before r.
func (l *layout) ready(i int32, f *frame, r rune) bool {
	if r == 0x7f {
		return false
	}
	if !l.begun {
		l.begin(i, f)
		return true
	}
	switch {
	case l.cell:
		l.text = append(l.text, l.o.Cell...)
	case l.space && !(l.feed && isWide(l.last) && isWide(r)):
		l.text = append(l.text, ' ')
	}
	l.space, l.feed, l.cell = false, false, false
	return true
}

// asciiWeight is the weight of letters and digits.
var asciiWeight = func() (w [128]uint8) {
	for c := range w {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			w[c] = 2
		}
	}
	return w
}()

// isStop reports whether r is a mark that sentences have and menus lack.
func isStop(r rune) bool {
	switch r {
	case '，', '。', '；', '：', '？', '！', '、', '…', '”', '」', ',', '.', ';', '?', '!':
		return true
	}
	return false
}

func isHan(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r < 0x4dc0 || r >= 0x20000 && r < 0x32000 || r >= 0xf900 && r < 0xfb00 || r == 0x3007
}

// isWide reports whether no space is written beside r where a line of the source ends: Chinese characters, kana and wide punctuation.
func isWide(r rune) bool {
	return isHan(r) || r >= 0x3001 && r < 0x3100 || r >= 0xff01 && r < 0xff61 || r == '“' || r == '”' || r == '‘' || r == '’' || r == '…' || r == '—'
}

// unseen reports whether r is a control or format character that no reader sees.
func unseen(r rune) bool {
	switch {
	case r >= 0x7f && r < 0xa0, r == 0xad, r == 0x200b, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
		r == 0xfeff, r == 0xfffc, r >= 0xfff9 && r <= 0xfffb, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return true
	}
	return false
}

// collapsed returns s as one line.
func collapsed(s []byte) string {
	out := make([]byte, 0, min(len(s), 1024))
	space := false
	for k := 0; k < len(s); {
		r, size := utf8.DecodeRune(s[k:])
		k += size
		switch {
		case unicode.IsSpace(r):
			space = true
		case r < ' ', r == utf8.RuneError && size == 1, unseen(r):
		default:
			if space && len(out) > 0 {
				out = append(out, ' ')
			}
			space = false
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}
