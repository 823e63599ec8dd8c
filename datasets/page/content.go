package page

import (
	"bytes"

	"golang.org/x/net/html/atom"
)

// Bounds of the density rule, in the unit of line.weight (5 a Chinese character) and percent.
const (
	sentenceWeight = 60  // a line of this weight with marks of a sentence is one; 12 Chinese characters
	longWeight     = 200 // one of this weight is text without them
	mostLinks      = 40  // percent of links in a sentence
	menuLinks      = 50  // percent from which on a line is a menu
	nearLines      = 3   // a short line so near to a sentence belongs to it
	headLines      = 12  // lines between the content and an h1 above it that still heads it
	leastContent   = 100 // a page whose sentences weigh less has no main content to speak of
)

// reconsider takes the trait weak, which comes of a class or an id, off the lines and pictures of elements that hold much of the page's
// sentences: a page's wrapper is called "with-sidebar" as often as a sidebar is.
func (l *layout) reconsider() {
	mass := l.masses()
	beside := make([]bool, len(mass))
	for i := 1; i < len(mass); i++ {
		n := &l.t.nodes[i]
		beside[i] = beside[n.parent] || n.traits&weak != 0 && mass[i]*3 <= mass[0]
	}
	for i := range l.lines {
		if !beside[l.lines[i].home] {
			l.lines[i].zone &^= weak
		}
	}
	for i := range l.spots {
		if !beside[l.spots[i].node] {
			l.spots[i].zone &^= weak
		}
	}
}

// masses returns the mass of the lines inside each element.
func (l *layout) masses() []int64 {
	mass := make([]int64, len(l.t.nodes))
	for i := range l.lines {
		mass[l.lines[i].home] += l.lines[i].mass()
	}
	l.own = append(l.own[:0], mass...)
	for i := len(mass) - 1; i > 0; i-- {
		mass[l.t.nodes[i].parent] += mass[i]
	}
	return mass
}

// density chooses the lines of the main content. It finds the element in which nearly all sentences lie, and keeps of its lines the sentences
// and what stands near them. The result is nil where the page has too few sentences. It also returns the element.
func (l *layout) density() (keep []bool, root int32) {
	for i := range l.lines {
		if l.lines[i].zone&weak != 0 {
			l.lines[i].zone |= margin
		}
	}
	mass := l.masses()
	if mass[0] < leastContent {
		return nil, 0
	}
	root = l.t.container(mass, l.own)
	keep = make([]bool, len(l.lines))
	for i := range l.lines {
		keep[i] = l.t.inside(l.lines[i].first, root)
	}
	l.classify(keep)
	for i, before := 0, -1; i < len(keep); i++ {
		if keep[i] {
			if before >= 0 && i-before <= headLines {
				keep[before] = true
			}
			break
		}
		if n := &l.lines[i]; n.zone&heading != 0 && n.zone&margin == 0 && l.t.nodes[n.home].atom == atom.H1 {
			before = i
		}
	}
	return keep, root
}

// mass is the weight of a line that counts as a sentence, without its links.
func (l *line) mass() int64 {
	if l.zone&margin != 0 || !l.sentence() {
		return 0
	}
	return int64(l.weight - l.linkWeight)
}

// sentence reports whether the line reads like running text.
func (l *line) sentence() bool {
	return l.links() < mostLinks && (l.weight >= sentenceWeight && l.stops > 0 || l.weight >= longWeight)
}

// container walks from the root to the element that holds the main content: into the heaviest child as long as what is left behind is little,
// or lies apart from it. Paragraphs beside the child stay where they are: then the parent is the container.
func (t *tree) container(mass, own []int64) int32 {
	at := int32(0)
	for {
		heaviest, beside := int32(-1), own[at]
		for c := at + 1; c < t.nodes[at].end; c = t.nodes[c].end {
			if t.nodes[c].text || mass[c] == 0 {
				continue
			}
			if heaviest < 0 || mass[c] > mass[heaviest] {
				heaviest = c
			}
		}
		if heaviest < 0 || paragraphLike(t.nodes[heaviest].atom) {
			return at
		}
		for c := at + 1; c < t.nodes[at].end; c = t.nodes[c].end {
			if c != heaviest && !t.nodes[c].text && paragraphLike(t.nodes[c].atom) {
				beside += mass[c]
			}
		}
		m, all := mass[heaviest], mass[at]
		switch {
		case (all-m)*20 <= all:
		case beside == 0 && m*10 >= all*8:
		case beside == 0 && m*2 >= all && t.nodes[heaviest].traits&strong != 0:
		default:
			return at
		}
		at = heaviest
	}
}

// paragraphLike reports whether an element is a paragraph of its parent and not a part of the page.
func paragraphLike(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Blockquote, atom.Pre, atom.Ul, atom.Ol, atom.Dl, atom.Li, atom.Dt, atom.Dd, atom.Figure, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Details:
		return true
	}
	return false
}

// classify narrows keep to sentences and what belongs to them.
func (l *layout) classify(keep []bool) {
	const far = 1 << 20
	before := far
	near := make([]int, len(keep)) // lines to the nearest sentence
	for i := range l.lines {
		before++
		if keep[i] && l.lines[i].mass() > 0 && !l.isNotice(i) {
			before = 0
		}
		near[i] = before
	}
	behind := far
	following := false // whether the next line that is no heading is kept
	for i := len(l.lines) - 1; i >= 0; i-- {
		behind++
		if near[i] == 0 {
			behind = 0
		}
		near[i] = min(near[i], behind)
		n := &l.lines[i]
		switch {
		case !keep[i]:
		case n.zone&(margin|weak) != 0 || l.isNotice(i):
			keep[i] = false
		case near[i] == 0:
		case n.zone&heading != 0:
			keep[i] = following
			continue
		case n.links() >= menuLinks && (n.links() >= 90 || near[i] > nearLines):
			keep[i] = false
		case n.zone&(item|caption) != 0:
			keep[i] = near[i] <= 4*nearLines
		default:
			keep[i] = near[i] <= nearLines
		}
		following = keep[i]
	}
}

// notices are what lines of a page's foot contain.
var notices = [...][]byte{[]byte("版权所有"), []byte("版權所有"), []byte("ICP备"), []byte("ICP證"), []byte("ICP证"), []byte("公网安备"), []byte("Copyright"), []byte("All rights reserved"),
	[]byte("All Rights Reserved"), []byte("©"), []byte("上一篇"), []byte("下一篇"), []byte("责任编辑"), []byte("責任編輯"), []byte("打印本页"), []byte("关闭窗口"), []byte("分享到")}

// isNotice reports whether a line is a short notice that every page of a site carries.
func (l *layout) isNotice(i int) bool {
	n := &l.lines[i]
	if n.weight > 5*60 {
		return false
	}
	s := l.text[n.from:n.to]
	for _, notice := range notices {
		if bytes.Contains(s, notice) {
			return true
		}
	}
	return false
}

// plain chooses what is neither beside the content nor a menu; where that is nothing, all.
func (l *layout) plain() []bool {
	keep := make([]bool, len(l.lines))
	some := false
	for i := range l.lines {
		keep[i] = l.lines[i].zone&(margin|weak) == 0 && l.lines[i].links() < menuLinks
		some = some || keep[i]
	}
	if !some {
		return nil
	}
	return keep
}

// join returns the chosen lines (nil: all), one under the other.
func (l *layout) join(keep []bool) string {
	size := 0
	for i := range l.lines {
		if keep == nil || keep[i] {
			size += int(l.lines[i].to-l.lines[i].from) + 1
		}
	}
	out := make([]byte, 0, size)
	for i := range l.lines {
		if keep != nil && !keep[i] {
			continue
		}
		if len(out) > 0 {
			out = append(out, '\n')
		}
		out = append(out, l.text[l.lines[i].from:l.lines[i].to]...)
	}
	return string(out)
}
