package page

import (
	"bytes"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// keptAttrs are the attributes that the tree keeps, by element; pictures and their sources keep those of lazy loading besides.
var keptAttrs = map[atom.Atom]map[string]string{
	atom.Img: names("src", "srcset", "data-srcset", "data-lazy-srcset", "data-original-set", "alt", "title", "width", "height", "style", "aria-label",
		"aria-labelledby", "aria-describedby", "role"),
	atom.Source: names("srcset", "data-srcset", "data-lazy-srcset", "type", "media"),
	atom.Meta:   names("name", "property", "itemprop", "content", "http-equiv"),
	atom.Link:   names("rel", "href"),
	atom.Base:   names("href"),
	atom.A:      names("href", "rel", "title"),
	atom.Time:   names("datetime", "pubdate", "itemprop"),
	atom.Html:   names("lang", "xml:lang"),
	atom.Script: names("type"),
	atom.Ol:     names("start"),
	atom.Pre:    names(),
}

func names(list ...string) map[string]string {
	m := make(map[string]string, len(list))
	for _, s := range list {
		m[s] = s
	}
	return m
}

// lazyNames is names of Options.Lazy; most calls have the same few.
func lazyNames(list []string) map[string]string { return names(list...) }

// attributes reads the attributes of a tag: those that are kept go to the tree, others only leave their trait. It returns the id where it is wanted.
func (t *tree) attributes(z *html.Tokenizer, more bool, n *node) (id string) {
	kept := keptAttrs[n.atom]
	isPicture := n.atom == atom.Img || n.atom == atom.Source
	for more {
		var key, val []byte
		key, val, more = z.TagAttr()
		if name, ok := kept[string(key)]; ok {
			t.keep(n, name, val)
		} else if isPicture {
			if name, ok := t.lazy[string(key)]; ok {
				t.keep(n, name, val)
			}
		}
		switch string(key) {
		case "class":
			n.traits |= t.hints(n, val)
		case "id":
			n.traits |= t.hints(n, val)
			if t.wantID && len(val) <= 256 {
				id = string(val)
			}
		case "hidden":
			if !bytes.EqualFold(val, []byte("false")) && !bytes.EqualFold(val, []byte("until-found")) {
				n.traits |= hidden
			}
		case "aria-hidden":
			if bytes.EqualFold(val, []byte("true")) && n.atom != atom.Img {
				n.traits |= hidden
			}
		case "style":
			if hides(val) {
				n.traits |= hidden
			}
		case "role":
			if len(val) < 24 {
				n.traits |= roles[string(bytes.ToLower(val))]
			}
		case "href":
			if n.atom == atom.A && !bytes.HasPrefix(val, []byte("#")) {
				n.traits |= anchor
			}
		}
	}
	if n.atom == atom.Body || n.atom == atom.Html {
		n.traits &^= weak | hidden | margin | strong | caption // pages are hidden until a script shows them, and say "no-sidebar"
	}
	return id
}

// keep adds an attribute; of one that is given twice, the first counts.
func (t *tree) keep(n *node, name string, val []byte) {
	for _, a := range t.attrs[n.from:] {
		if a.name == name {
			return
		}
	}
	from := int32(len(t.arena))
	t.arena = append(t.arena, val...)
	t.attrs = append(t.attrs, attribute{name, from, int32(len(t.arena))})
}

// hints returns what a class or id says about a block.
func (t *tree) hints(n *node, val []byte) trait {
	if len(val) > 512 || n.atom == atom.Img {
		return 0
	}
	hint := ofClass(val)
	if n.traits&(block|format) == 0 {
		hint &= caption
	}
	if n.atom == atom.Main || n.atom == atom.Article { // <main class="menu-page">
		hint &^= weak
	}
	return hint
}

// hides reports whether a style hides its element.
func hides(style []byte) bool {
	if len(style) > 4096 || len(style) < 12 {
		return false
	}
	return declares(style, "display", "none") || declares(style, "visibility", "hidden")
}

// declares reports whether a style gives a property this value.
func declares(style []byte, property, value string) bool {
	for {
		at := bytes.IndexByte(style, property[0])
		if at < 0 {
			return false
		}
		style = style[at:]
		if !bytes.HasPrefix(style, []byte(property)) {
			style = style[1:]
			continue
		}
		style = bytes.TrimLeft(style[len(property):], " \t\r\n")
		if len(style) == 0 || style[0] != ':' {
			continue
		}
		style = bytes.TrimLeft(style[1:], " \t\r\n")
		if bytes.HasPrefix(style, []byte(value)) {
			return true
		}
	}
}
