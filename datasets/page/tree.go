package page

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// node is an element or a piece of text. The nodes of a document lie in its order, each before its descendants.
type node struct {
	atom   atom.Atom // 0: text, or an element without a name of its own here
	text   bool
	traits trait
	depth  uint16
	parent int32 // -1 none
	end    int32 // behind the last descendant
	from   int32 // text: its bytes in the arena; element: its attributes
	to     int32
	size   int32 // bytes of text inside that readers see, spaces not counted
}

// attribute is a name and a value in the arena.
type attribute struct {
	name     string
	from, to int32
}

// tree is a document as a flat list, with what its head says.
type tree struct {
	nodes []node
	attrs []attribute
	arena []byte

	stack []int32 // open elements
	open  map[atom.Atom]int
	links int // open elements <a href>
	over  int // open elements beyond the depth
	muted int // the over of the outermost of them that is not for readers; 0 none
	cut   int // how many there were
	full  bool

	metas   []int32 // nodes of <meta>, <link>, <time>, <base>, <html> that have attributes
	images  []int32 // nodes of pictures
	heads   []int32 // nodes of h1 to h6
	ids     map[string]int32
	title   string
	scripts []string // JSON-LD

	lazy   map[string]string // attributes of lazy loading
	depth  int
	wantID bool
}

// longestTitle bounds a title in bytes.
const longestTitle = 4096

// mostNodes bounds a tree; behind it the document is cut. Large pages have a tenth of it.
const mostNodes = 1 << 20

var trees = sync.Pool{New: func() any { return &tree{open: map[atom.Atom]int{}} }}

// grow parses text into a tree of the pool. Nothing that it returns points into text.
func grow(text string, o *Options) *tree {
	t := trees.Get().(*tree)
	t.nodes, t.attrs, t.arena, t.stack = t.nodes[:0], t.attrs[:0], t.arena[:0], t.stack[:0]
	t.metas, t.images, t.heads, t.scripts = t.metas[:0], t.images[:0], t.heads[:0], t.scripts[:0]
	clear(t.open)
	t.full = false
	t.links, t.over, t.muted, t.cut, t.title = 0, 0, 0, 0, ""
	t.depth = o.Depth
	t.wantID = strings.Contains(text, "aria-labelledby") || strings.Contains(text, "aria-describedby")
	t.ids = nil
	t.lazy = lazyNames(o.Lazy)
	t.add(node{parent: -1, traits: block})
	t.stack = append(t.stack, 0)

	z := html.NewTokenizer(strings.NewReader(text))
	for {
		kind := z.Next()
		if len(t.nodes) >= mostNodes {
			t.full, kind = true, html.ErrorToken
		}
		switch kind {
		case html.ErrorToken:
			t.finish()
			return t
		case html.TextToken:
			t.addText(z.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			t.start(z)
		case html.EndTagToken:
			name, _ := z.TagName()
			t.endTag(atom.Lookup(name))
		}
	}
}

// release gives the tree back.
func (t *tree) release() {
	if cap(t.arena) <= 4<<20 && cap(t.nodes) <= 1<<18 {
		trees.Put(t)
	}
}

func (t *tree) add(n node) int32 {
	t.nodes = append(t.nodes, n)
	return int32(len(t.nodes) - 1)
}

func (t *tree) top() int32 { return t.stack[len(t.stack)-1] }

// addText adds a piece of text to the open element. Of scripts only JSON-LD is kept.
func (t *tree) addText(s []byte) {
	top := t.top()
	switch t.nodes[top].atom {
	case atom.Script:
		if len(t.scripts) < 8 && len(s) <= 64<<10 && t.isData(top) {
			t.scripts = append(t.scripts, string(s))
		}
		return
	case atom.Style, atom.Textarea, atom.Iframe, atom.Noembed, atom.Noframes:
		return
	case atom.Title:
		if t.title == "" && t.nodes[top].depth <= 4 {
			t.title = collapsed(s[:min(len(s), longestTitle)])
		}
		return
	}
	if len(s) == 0 || t.muted > 0 {
		return
	}
	n := node{text: true, parent: top, depth: t.nodes[top].depth + 1, from: int32(len(t.arena)), to: int32(len(t.arena) + len(s))}
	if t.links > 0 {
		n.traits = anchor
	}
	for _, c := range s {
		if c > ' ' {
			n.size++
		}
	}
	if n.size > 0 && t.nodes[top].atom == atom.Head {
		t.pop(len(t.stack) - 1)
		n.parent = t.top()
		n.depth = t.nodes[n.parent].depth + 1
	}
	t.arena = append(t.arena, s...)
	t.add(n)
}

// isData reports whether the script n holds JSON-LD.
func (t *tree) isData(n int32) bool {
	return bytes.EqualFold(t.attr(n, "type"), []byte("application/ld+json"))
}

// start opens the element of a start tag.
func (t *tree) start(z *html.Tokenizer) {
	name, more := z.TagName()
	a := atom.Lookup(name)
	if a == atom.Image {
		a = atom.Img
	}
	n := node{atom: a, traits: traits[a], from: int32(len(t.attrs))}
	isImage := a == atom.Img || a == 0 && string(name) == "amp-img"
	if isImage {
		n.atom, n.traits = atom.Img, traits[atom.Img]
	}
	t.imply(a, n.traits)
	n.parent = t.top()
	n.depth = t.nodes[n.parent].depth + 1
	id := t.attributes(z, more, &n)
	n.to = int32(len(t.attrs))
	if n.traits&void == 0 && (t.over > 0 || len(t.stack) > t.depth) {
		t.startOver(n.traits)
		return
	}
	if n.traits&^format == 0 && (n.atom == 0 || n.traits&format != 0) && id == "" && t.open[a] == 0 {
		return // says nothing; where one that says something is open, all are kept, so that the right end tag closes it
	}
	at := t.add(n)
	if id != "" {
		if t.ids == nil {
			t.ids = map[string]int32{}
		}
		if _, taken := t.ids[id]; !taken {
			t.ids[id] = at
		}
	}
	switch {
	case isImage:
		t.images = append(t.images, at)
	case a == atom.Meta || a == atom.Link || a == atom.Base || a == atom.Time || a == atom.Html || a == atom.A && t.attr(at, "rel") != nil:
		if n.to > n.from {
			t.metas = append(t.metas, at)
		}
	case n.traits&heading != 0:
		t.heads = append(t.heads, at)
	}
	if n.traits&void != 0 {
		return
	}
	if a == atom.Noscript {
		z.NextIsNotRawText()
	}
	t.stack = append(t.stack, at)
	t.open[a]++
	if a == atom.A && t.nodes[at].traits&anchor != 0 {
		t.links++
	}
}

// startOver counts an element beyond the depth. Its content lies flat in the innermost open element, a block's on a line of its own.
func (t *tree) startOver(traits trait) {
	t.over++
	t.cut++
	if t.muted == 0 && traits&(mute|hidden|fallback) != 0 {
		t.muted = t.over
	}
	if traits&block != 0 {
		t.lineBreak()
	}
}

// lineBreak adds a <br> to the open element.
func (t *tree) lineBreak() {
	t.add(node{atom: atom.Br, traits: void, parent: t.top(), depth: t.nodes[t.top()].depth + 1})
}

// imply closes what the start of a ends without saying so.
func (t *tree) imply(a atom.Atom, traits trait) {
	if t.over > 0 {
		return
	}
	if t.open[atom.Head] > 0 && !inHead(a) {
		t.close(atom.Head)
	}
	if traits&closesP != 0 && t.open[atom.Svg] > 0 && t.open[atom.Foreignobject] == 0 {
		t.close(atom.Svg) // it was not closed: a drawing has no paragraphs
	}
	if traits&closesP != 0 && t.open[atom.P] > 0 {
		t.closeUpTo(pAtoms, pStops)
	}
	if traits&heading != 0 && t.nodes[t.top()].traits&heading != 0 {
		t.pop(len(t.stack) - 1)
	}
	if a == atom.A && t.nodes[t.top()].atom == atom.A {
		t.pop(len(t.stack) - 1)
	}
	if closed, stop := closedBy(a); closed != nil {
		t.closeUpTo(closed, stop)
	}
}

var (
	pAtoms = []atom.Atom{atom.P}
	pStops = []atom.Atom{atom.Table, atom.Td, atom.Th, atom.Caption, atom.Button, atom.Object, atom.Template, atom.Html}
)

// closeUpTo closes the innermost open element of closed, unless one of stop lies inside it; without stop, a block other than <address>, <div>
// and <p>.
func (t *tree) closeUpTo(closed, stop []atom.Atom) {
	open := 0
	for _, a := range closed {
		open += t.open[a]
	}
	if open == 0 {
		return
	}
	for i := len(t.stack) - 1; i > 0; i-- {
		a := t.nodes[t.stack[i]].atom
		if slices.Contains(closed, a) {
			t.pop(i)
			return
		}
		if slices.Contains(stop, a) || stop == nil && traits[a]&block != 0 && a != atom.Address && a != atom.Div && a != atom.P {
			return
		}
	}
}

// close closes the innermost open element named a and all inside it.
func (t *tree) close(a atom.Atom) {
	for i := len(t.stack) - 1; i > 0; i-- {
		if t.nodes[t.stack[i]].atom == a {
			t.pop(i)
			return
		}
	}
}

// pop closes the open elements from the i-th on.
func (t *tree) pop(i int) {
	for _, at := range t.stack[i:] {
		t.forget(at)
	}
	t.stack = t.stack[:i]
}

func (t *tree) forget(at int32) {
	n := &t.nodes[at]
	t.open[n.atom]--
	if n.atom == atom.A && n.traits&anchor != 0 {
		t.links--
	}
}

// endTag closes the innermost open element a where the rules of scope let it.
func (t *tree) endTag(a atom.Atom) {
	if t.over > 0 {
		if traits[a]&void == 0 {
			t.over--
			if t.over < t.muted {
				t.muted = 0
			}
		}
		if traits[a]&block != 0 || a == atom.Br {
			t.lineBreak()
		}
		return
	}
	if a == atom.Br || a == atom.P && t.open[a] == 0 {
		t.lineBreak()
		return
	}
	if t.open[a] <= 0 || a == atom.Body || a == atom.Html {
		return
	}
	isHeading := traits[a]&heading != 0
	for i := len(t.stack) - 1; i > 0; i-- {
		n := t.nodes[t.stack[i]]
		switch {
		case n.atom == a || isHeading && n.traits&heading != 0:
			t.pop(i)
			return
		case traits[a]&format != 0 && n.traits&block != 0: // the link or bold is over, the block that begins in it is not
			t.remove(a, i)
			return
		case n.atom == atom.Td || n.atom == atom.Th || n.atom == atom.Caption || n.atom == atom.Table:
			if !ofTable(a) {
				return
			}
		}
	}
}

// remove takes the innermost open element a below the i-th off the stack; what is open inside it stays open.
func (t *tree) remove(a atom.Atom, i int) {
	for i--; i > 0; i-- {
		n := t.nodes[t.stack[i]]
		if n.atom == a {
			t.forget(t.stack[i])
			t.stack = slices.Delete(t.stack, i, i+1)
			return
		}
		if n.atom == atom.Td || n.atom == atom.Th || n.atom == atom.Table {
			return
		}
	}
}

// finish sets the ends and the sizes.
func (t *tree) finish() {
	for i := len(t.nodes) - 1; i > 0; i-- {
		n := &t.nodes[i]
		n.end = max(n.end, int32(i+1))
		p := &t.nodes[n.parent]
		p.end = max(p.end, n.end)
		if n.traits&(mute|fallback|hidden) == 0 {
			p.size = int32(min(int64(p.size)+int64(n.size), math.MaxInt32))
		}
	}
	t.nodes[0].end = int32(len(t.nodes))
}

// attr returns the value of an attribute of element n, nil where there is none.
func (t *tree) attr(n int32, name string) []byte {
	for _, a := range t.attrs[t.nodes[n].from:t.nodes[n].to] {
		if a.name == name {
			return t.arena[a.from:a.to:a.to]
		}
	}
	return nil
}

// has reports whether element n has an attribute, be it empty.
func (t *tree) has(n int32, name string) bool {
	return t.attr(n, name) != nil
}

// inside reports whether n lies in the element of.
func (t *tree) inside(n, of int32) bool { return n >= of && n < t.nodes[of].end }
