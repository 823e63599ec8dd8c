package page

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html/atom"
)

// candidate is an address of a picture.
type candidate struct {
	ref, from string
	width     int // of a srcset's w descriptor; 0 none
	density   float64
}

// mostCandidates bounds the addresses that are looked at for one picture.
const mostCandidates = 24

// mostLooked and eight times Options.Most are the pictures of a page that are looked at, kept or not.
const mostLooked = 256

// pictures adds the page's pictures, each with the text around it, and counts those it leaves out. root is the element of the main content.
func (l *layout) pictures(p *Page, b *base, root int32, card string) {
	if !l.o.Pictures {
		return
	}
	if n := len(l.t.images) - len(l.spots); n > 0 {
		for range n {
			p.skip("hidden")
		}
	}
	seen := map[string]bool{}
	kept := make([]spot, 0, len(l.spots))
	previous := -1 // index in l.spots of the last one that was kept
	for i, s := range l.spots {
		if len(p.Pictures) >= l.o.Most || i >= mostLooked+8*l.o.Most {
			p.skip("over the limit")
			continue
		}
		pic, reason := l.picture(b, s, root)
		switch {
		case reason != "":
		case s.zone&fallback != 0 && previous >= 0 && previous == i-1 && l.t.distance(s.node, l.spots[previous].node) <= 4:
			reason = "noscript twin"
		case pic.Address != "" && seen[pic.Address]:
			reason = "same address"
		}
		if reason != "" {
			p.skip(reason)
			continue
		}
		previous = i
		seen[pic.Address] = pic.Address != ""
		if s.zone&fallback != 0 {
			pic.From = "noscript " + pic.From
		}
		p.Pictures = append(p.Pictures, pic)
		kept = append(kept, s)
	}
	l.surround(p, kept)
	if l.o.Card && card != "" {
		if address, reason := b.resolve(card); reason != "" {
			p.skip(reason)
		} else if !seen[address] {
			pic := Picture{Address: address, From: "og:image"}
			l.take(&pic, []Around{{Text: p.Title, Found: FoundPage}})
			p.Pictures = append(p.Pictures, pic)
		}
	}
}

// picture returns the picture at s without texts, or why it is left out.
func (l *layout) picture(b *base, s spot, root int32) (pic Picture, reason string) {
	switch {
	case s.zone&(margin|weak) != 0:
		return pic, "menu, footer or aside"
	case l.o.Within == "main" && !l.t.inside(s.node, root):
		return pic, "outside the main content"
	}
	pic.Width, pic.Height = l.size(s.node)
	if pic.Width > 0 && pic.Width <= 2 || pic.Height > 0 && pic.Height <= 2 {
		return pic, "spacer"
	}
	if pic.Width > 0 && pic.Width < l.o.LeastSide || pic.Height > 0 && pic.Height < l.o.LeastSide {
		return pic, "small"
	}
	reason = "no address"
	for k, c := range l.candidates(s.node) {
		address, data, why := l.resolve(b, c.ref)
		switch {
		case why != "":
			if k == 0 || reason == "no address" {
				reason = why
			}
		case pic.From == "":
			pic.Address, pic.Data, pic.From = address, data, c.from
		case address != "" && address != pic.Address && !slices.Contains(pic.Others, address):
			pic.Others = append(pic.Others, address)
		}
	}
	if pic.From == "" {
		return pic, reason
	}
	return pic, ""
}

// size returns the declared width and height in pixels, 0 where they are not declared.
func (l *layout) size(n int32) (width, height int) {
	width, height = pixels(l.t.attr(n, "width")), pixels(l.t.attr(n, "height"))
	if style := l.t.attr(n, "style"); len(style) > 0 && len(style) < 4096 {
		for _, d := range bytes.Split(style, []byte(";")) {
			name, value, _ := bytes.Cut(d, []byte(":"))
			v := bytes.TrimSpace(value)
			if !bytes.HasSuffix(v, []byte("px")) {
				continue
			}
			switch string(bytes.ToLower(bytes.TrimSpace(name))) {
			case "width":
				width = pixels(v)
			case "height":
				height = pixels(v)
			}
		}
	}
	return width, height
}

// pixels reads a length in pixels; percent and other units are 0.
func pixels(v []byte) int {
	s := strings.TrimSuffix(strings.TrimSpace(string(v)), "px")
	if at := strings.IndexByte(s, '.'); at > 0 {
		s = s[:at]
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1<<20 {
		return 0
	}
	return n
}

// candidates returns the addresses of the picture n, best first: of <picture> and srcset the widest that Options.Width admits, then those of
// lazy loading, then src, then the other ones of the sets.
func (l *layout) candidates(n int32) []candidate {
	var sets, out []candidate
	t := l.t
	for p := t.nodes[n].parent; p > 0 && t.nodes[p].depth+3 > t.nodes[n].depth; p = t.nodes[p].parent {
		if t.nodes[p].atom != atom.Picture {
			continue
		}
		for c := p + 1; c < min(n, p+mostCandidates); c++ {
			if t.nodes[c].atom == atom.Source && !t.nodes[c].text && readableType(t.attr(c, "type")) {
				for _, name := range setNames {
					sets = sourceSet(sets, string(t.attr(c, name)), "picture "+name)
				}
			}
		}
		break
	}
	for _, name := range setNames {
		sets = sourceSet(sets, string(t.attr(n, name)), name)
	}
	best := l.widest(sets)
	if best >= 0 {
		out = append(out, sets[best])
	}
	for _, name := range l.o.Lazy {
		if v := string(bytes.TrimSpace(t.attr(n, name))); likely(v) {
			out = append(out, candidate{ref: v, from: name})
		}
	}
	if v := t.attr(n, "src"); len(v) > 0 {
		out = append(out, candidate{ref: string(v), from: "src"})
	}
	for i, c := range sets {
		if i != best {
			out = append(out, c)
		}
	}
	if href := l.linked(n); href != "" {
		out = append(out, candidate{ref: href, from: "link"})
	}
	return out[:min(len(out), mostCandidates)]
}

var setNames = [...]string{"data-srcset", "data-lazy-srcset", "data-original-set", "srcset"}

// linked returns the address of the enclosing link where it leads to a picture, "" elsewhere.
func (l *layout) linked(n int32) string {
	a := l.enclosing(n, atom.A)
	if a < 0 {
		return ""
	}
	href := string(l.t.attr(a, "href"))
	path, _, _ := strings.Cut(strings.ToLower(href), "?")
	if strings.Contains(path[strings.LastIndexByte(path, '/')+1:], ":") {
		return "" // a page about the picture, as in wikis
	}
	for _, ext := range [...]string{".jpg", ".jpeg", ".png", ".webp", ".gif"} {
		if strings.HasSuffix(path, ext) {
			return href
		}
	}
	return ""
}

// enclosing returns the innermost element a around n, -1 none.
func (l *layout) enclosing(n int32, a atom.Atom) int32 {
	for p := l.t.nodes[n].parent; p > 0; p = l.t.nodes[p].parent {
		if l.t.nodes[p].atom == a {
			return p
		}
	}
	return -1
}

// likely reports whether the value of an attribute that often holds an address looks like one.
func likely(v string) bool {
	if v == "" || len(v) > 8<<20 || strings.ContainsAny(v[:min(len(v), 64)], "{}<>") {
		return false
	}
	return strings.Contains(v, "/") || strings.Contains(v, ".")
}

// readableType reports whether a <source> of this media type can be decoded.
func readableType(t []byte) bool {
	s, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(string(t))), ";")
	switch s {
	case "", "image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp":
		return true
	}
	return false
}

// sourceSet appends the candidates of a srcset, by the HTML standard's grammar.
func sourceSet(out []candidate, set, from string) []candidate {
	for len(out) < mostCandidates {
		set = strings.TrimLeft(set, " \t\r\n\f,")
		if set == "" {
			return out
		}
		end := strings.IndexAny(set, " \t\r\n\f")
		if end < 0 {
			end = len(set)
		}
		c := candidate{ref: set[:end], from: from, density: 1}
		set = set[end:]
		if trimmed := strings.TrimRight(c.ref, ","); trimmed != c.ref {
			c.ref = trimmed
			out = append(out, c)
			continue
		}
		end = strings.IndexByte(set, ',')
		if end < 0 {
			end = len(set)
		}
		for _, d := range strings.Fields(set[:end]) {
			switch v := d[:len(d)-1]; d[len(d)-1] {
			case 'w':
				if w, err := strconv.Atoi(v); err == nil && w > 0 {
					c.width = w
				}
			case 'x':
				if x, err := strconv.ParseFloat(v, 64); err == nil && x > 0 && x < 100 {
					c.density = x
				}
			}
		}
		set = set[end:]
		out = append(out, c)
	}
	return out
}

// widest returns the index of the widest candidate up to Options.Width, or else of the narrowest; without widths, of the densest. -1: none.
func (l *layout) widest(sets []candidate) int {
	best := -1
	better := func(a, b candidate) bool {
		fitsA, fitsB := a.width <= l.o.Width, b.width <= l.o.Width
		switch {
		case (a.width > 0) != (b.width > 0):
			return a.width > 0
		case a.width == 0:
			return a.density > b.density
		case fitsA != fitsB:
			return fitsA
		case fitsA:
			return a.width > b.width
		}
		return a.width < b.width
	}
	for i, c := range sets {
		if best < 0 || better(c, sets[best]) {
			best = i
		}
	}
	return best
}
