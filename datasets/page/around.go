package page

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// Bounds of the search for texts, in lines.
const (
	reach        = 24       // how far a figure's caption or a paragraph is looked for
	mostNearby   = 8        // paragraphs among which the nearest are chosen
	captionChars = 100      // characters of a line that is a caption by its first words
	mostInner    = 1024     // nodes of an element whose text is taken
	textBytes    = 64 << 10 // of one text, before it is cut between sentences
	cardDistance = 4        // edges to a heading below a picture that heads the picture's own card
)

// surround gives each picture its texts. kept are the spots of p.Pictures.
func (l *layout) surround(p *Page, kept []spot) {
	above := make([]int32, len(l.lines)+1) // the last heading before line i, -1 none
	above[0] = -1
	for i := range l.lines {
		above[i+1] = above[i]
		if l.lines[i].zone&heading != 0 && l.lines[i].zone&(margin|weak) == 0 {
			above[i+1] = int32(i)
		}
	}
	for i, s := range kept {
		from, to := int32(0), int32(len(l.t.nodes))
		if !l.o.Cross {
			if i > 0 {
				from = kept[i-1].node
			}
			if i+1 < len(kept) {
				to = kept[i+1].node
			}
		}
		found := l.attributes(s)
		found = l.captions(found, s)
		found = l.paragraphs(found, s, from, to)
		found = l.headings(found, s, above)
		found = append(found, Around{Text: p.Title, Found: FoundPage})
		l.take(&p.Pictures[i], found)
	}
}

// take keeps of the found texts those that the options want, in the options' order.
func (l *layout) take(pic *Picture, found []Around) {
	for _, kind := range l.o.Kinds {
		start := len(pic.Texts)
		for _, a := range found {
			if a.Found != kind {
				continue
			}
			a.Text = l.fit(a.Text, kind == FoundBefore)
			if a.Text == "" || !l.o.Names && isName(a.Text) || slices.ContainsFunc(pic.Texts, func(b Around) bool { return b.Text == a.Text }) {
				continue
			}
			pic.Texts = append(pic.Texts, a)
		}
		slices.SortStableFunc(pic.Texts[start:], func(a, b Around) int { return a.Distance - b.Distance })
	}
	if l.o.Texts > 0 && len(pic.Texts) > l.o.Texts {
		pic.Texts = slices.Clip(pic.Texts[:l.o.Texts])
	}
}

// attributes finds the texts that the picture and its link carry.
func (l *layout) attributes(s spot) (found []Around) {
	t := l.t
	add := func(kind string, text []byte, distance int) {
		if len(text) > 0 {
			found = append(found, Around{Text: collapsed(text[:min(len(text), textBytes)]), Found: kind, Distance: distance})
		}
	}
	add(FoundAlt, t.attr(s.node, "alt"), 0)
	add(FoundTitle, t.attr(s.node, "title"), 0)
	add(FoundAria, t.attr(s.node, "aria-label"), 0)
	for _, name := range [...]string{"aria-labelledby", "aria-describedby"} {
		ids := t.attr(s.node, name)
		for k, id := range strings.Fields(string(ids[:min(len(ids), 1024)])) {
			if n, ok := t.ids[id]; ok && k < 4 {
				add(FoundAria, l.inner(n), t.distance(s.node, n))
			}
		}
	}
	if a := l.enclosing(s.node, atom.A); a >= 0 {
		text := bytes.TrimSpace(l.inner(a))
		if len(text) == 0 {
			text = t.attr(a, "title")
		}
		add(FoundLink, text, t.distance(s.node, a))
	}
	return found
}

// inner returns the text inside an element, cut where it is long.
func (l *layout) inner(n int32) []byte {
	var out []byte
	for i := n + 1; i < min(l.t.nodes[n].end, n+mostInner) && len(out) < 4*l.o.MostChars+1024; {
		switch m := &l.t.nodes[i]; {
		case m.text:
			out = append(out, l.t.arena[m.from:min(m.to, m.from+textBytes)]...)
		case m.traits&(mute|fallback) != 0:
			i = m.end
			continue
		case m.traits&block != 0 || m.atom == atom.Br:
			out = append(out, ' ')
		}
		i++
	}
	return out
}

// captions finds the <figcaption> of the figure around the picture.
func (l *layout) captions(found []Around, s spot) []Around {
	figure := l.enclosing(s.node, atom.Figure)
	if figure < 0 {
		return found
	}
	var text []byte
	distance := 0
	for i := max(0, s.line-reach); i < min(int32(len(l.lines)), s.line+reach); i++ {
		n := &l.lines[i]
		if n.zone&caption == 0 || !l.t.inside(n.home, figure) {
			continue
		}
		c := n.home
		for c > figure && l.t.nodes[c].atom != atom.Figcaption {
			c = l.t.nodes[c].parent
		}
		if c <= figure || l.enclosing(c, atom.Figure) != figure {
			continue
		}
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = append(text, l.text[n.from:n.to]...)
		distance = l.t.distance(s.node, c)
	}
	if len(text) == 0 {
		return found
	}
	return append(found, Around{Text: string(text), Found: FoundFigcaption, Distance: distance})
}

// paragraphs finds the paragraph of the picture and the nearest before and behind it, as far as the next heading, and between the nodes from
// and to. What looks like a caption is one.
func (l *layout) paragraphs(found []Around, s spot, from, to int32) []Around {
	lines := int32(len(l.lines))
	next := s.line
	if next < lines && l.lines[next].serial == s.serial {
		if n := &l.lines[next]; n.links() < menuLinks && n.zone&heading == 0 {
			found = append(found, l.paragraph(next, s, FoundParagraph))
		}
		next++
	}
	var side []Around
	for i := next; i < min(lines, s.line+reach) && len(side) < mostNearby; i++ {
		n := &l.lines[i]
		if n.first > to && !l.sharesFigure(n, s) {
			break
		}
		if n.zone&heading != 0 {
			if l.t.distance(s.node, n.home) <= cardDistance {
				continue
			}
			break
		}
		if l.usable(i, s) {
			side = append(side, l.paragraph(i, s, FoundAfter))
		}
	}
	found = l.nearest(found, side)
	side = side[:0]
	for i := s.line - 1; i >= max(0, s.line-reach) && len(side) < mostNearby; i-- {
		n := &l.lines[i]
		if n.last < from || n.zone&heading != 0 {
			break
		}
		if l.usable(i, s) {
			side = append(side, l.paragraph(i, s, FoundBefore))
		}
	}
	return l.nearest(found, side)
}

// sharesFigure reports whether a line is in the figure around s.
func (l *layout) sharesFigure(n *line, s spot) bool {
	figure := l.enclosing(s.node, atom.Figure)
	return figure >= 0 && l.t.inside(n.home, figure)
}

// usable reports whether a line is a paragraph that may belong to the picture s.
func (l *layout) usable(i int32, s spot) bool {
	n := &l.lines[i]
	if n.zone&(margin|weak) != 0 || n.links() >= menuLinks || l.isNotice(int(i)) {
		return false
	}
	if n.zone&caption == 0 {
		return true
	}
	if figure := l.enclosing(n.home, atom.Figure); figure >= 0 || l.t.nodes[n.home].atom == atom.Figcaption { // a figcaption is its own figure's
		return false
	}
	return true
}

// paragraph returns line i as a text of picture s.
func (l *layout) paragraph(i int32, s spot, found string) Around {
	n := &l.lines[i]
	text := l.text[n.from:n.to]
	if len(text) > textBytes { // of a very long line, the end that is nearer to the picture
		if found == FoundBefore {
			text = text[len(text)-textBytes:]
		} else {
			text = text[:textBytes]
		}
	}
	a := Around{Text: strings.ToValidUTF8(string(text), ""), Found: found, Distance: l.t.distance(s.node, n.home)}
	if n.zone&caption != 0 || beginsCaption(a.Text) {
		a.Found = FoundCaption
	}
	return a
}

// nearest appends the captions of side that lead it, and of the others as many as the options want, nearest first.
func (l *layout) nearest(found, side []Around) []Around {
	if len(side) > 0 && side[0].Found == FoundCaption && side[0].Distance <= l.o.Distance {
		found = append(found, side[0])
	}
	side = slices.DeleteFunc(side, func(a Around) bool {
		return a.Found == FoundCaption || a.Distance > l.o.Distance || utf8.RuneCountInString(a.Text) < l.o.LeastChars
	})
	slices.SortStableFunc(side, func(a, b Around) int { return a.Distance - b.Distance })
	return append(found, side[:min(len(side), l.o.Paragraphs)]...)
}

// captionMarks begin captions in Chinese newspapers and reports, and figures' labels.
var captionMarks = []string{"▲", "△", "▼", "↑", "↓", "图为", "圖為", "图说", "图注", "图：", "图:", "圖：", "资料图", "示意图", "Figure ", "Fig. "}

// beginsCaption reports whether a short line begins as a caption does, such as 图1 or ▲.
func beginsCaption(s string) bool {
	if utf8.RuneCountInString(s) > captionChars {
		return false
	}
	for _, mark := range captionMarks {
		if strings.HasPrefix(s, mark) {
			return true
		}
	}
	for _, mark := range [...]string{"图", "圖", "表"} {
		if rest, ok := strings.CutPrefix(s, mark); ok {
			rest = strings.TrimLeft(rest, " ")
			r, _ := utf8.DecodeRuneInString(rest)
			return r >= '0' && r <= '9' || strings.ContainsRune("一二三四五六七八九十", r) && len(rest) > 6 && strings.ContainsAny(rest[3:min(len(rest), 9)], " ：:、.．")
		}
	}
	return false
}

// headings finds the heading above the picture, and one right below it in the same card where that is nearer.
func (l *layout) headings(found []Around, s spot, above []int32) []Around {
	best, distance := int32(-1), l.o.Distance+1
	if i := above[min(s.line, int32(len(l.lines)))]; i >= 0 {
		best, distance = i, l.t.distance(s.node, l.lines[i].home)
	}
	for i := s.line; i < min(s.line+3, int32(len(l.lines))); i++ {
		if n := &l.lines[i]; n.zone&heading != 0 && n.zone&(margin|weak) == 0 {
			if d := l.t.distance(s.node, n.home); d <= cardDistance && d < distance {
				best, distance = i, d
			}
			break
		}
	}
	if best < 0 || distance > l.o.Distance {
		return found
	}
	n := &l.lines[best]
	return append(found, Around{Text: string(l.text[n.from:n.to]), Found: FoundHeading, Distance: distance})
}

// distance returns the number of edges between two nodes of the tree. Elements that only format text are no nodes.
func (t *tree) distance(a, b int32) int {
	d := 0
	for a != b {
		if t.nodes[a].depth < t.nodes[b].depth || t.nodes[a].depth == t.nodes[b].depth && a < b {
			a, b = b, a
		}
		a = t.nodes[a].parent
		d++
	}
	return d
}
