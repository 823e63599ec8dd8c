package page

import "golang.org/x/net/html/atom"

// trait is what an element's name, role or class says about its content.
type trait uint16

const (
	block    trait = 1 << iota // begins and ends a line
	void                       // has no content
	closesP                    // ends an open paragraph
	mute                       // its text is not for readers: scripts, controls
	fallback                   // <noscript>: pictures count where scripts would have put them, text does not
	margin                     // menus, footers, asides: beside the content
	hidden                     // not shown
	weak                       // margin by its class or id, which may mislead
	anchor                     // inside a link (text), or a link itself
	strong                     // the main content by its name, class or id
	caption                    // a class that says caption
	format                     // formatting: its end tag closes no block
	heading                    // h1 to h6
	item                       // an item of a list, a row of data
)

// traits is by the element's name.
var traits = map[atom.Atom]trait{
	atom.Area: void, atom.Base: void, atom.Br: void, atom.Col: void, atom.Embed: void, atom.Hr: void | block | closesP, atom.Img: void,
	atom.Image: void, atom.Input: void, atom.Link: void, atom.Meta: void, atom.Param: void, atom.Source: void, atom.Track: void, atom.Wbr: void,
	atom.Keygen: void, atom.Basefont: void, atom.Bgsound: void, atom.Frame: void,

	atom.Script: mute, atom.Style: mute, atom.Template: mute, atom.Svg: mute, atom.Math: mute, atom.Canvas: mute, atom.Select: mute,
	atom.Datalist: mute, atom.Textarea: mute, atom.Button: mute, atom.Object: mute, atom.Iframe: mute, atom.Audio: mute, atom.Video: mute,
	atom.Map: mute, atom.Title: mute, atom.Noframes: mute, atom.Noembed: mute, atom.Applet: mute, atom.Rt: mute, atom.Rp: mute, atom.Frameset: mute,
	atom.Progress: mute, atom.Meter: mute,
	atom.Noscript: fallback,

	atom.Nav: block | closesP | margin, atom.Footer: block | closesP | margin, atom.Aside: block | closesP | margin, atom.Header: block | closesP,
	atom.Menu: block | closesP | margin, atom.Dialog: block | closesP | margin,
	atom.Main: block | closesP | strong, atom.Article: block | closesP | strong, atom.Section: block | closesP,

	atom.Address: block | closesP, atom.Blockquote: block | closesP, atom.Center: block | closesP, atom.Details: block | closesP, atom.Dir: block | closesP,
	atom.Div: block | closesP, atom.Dl: block | closesP, atom.Fieldset: block | closesP, atom.Figcaption: block | closesP, atom.Figure: block | closesP,
	atom.Form: block | closesP, atom.Hgroup: block | closesP, atom.Listing: block | closesP, atom.Ol: block | closesP, atom.P: block | closesP,
	atom.Pre: block | closesP, atom.Summary: block | closesP, atom.Table: block | closesP, atom.Ul: block | closesP, atom.Xmp: block | closesP,
	atom.Plaintext: block | closesP, atom.H1: block | closesP | heading, atom.H2: block | closesP | heading, atom.H3: block | closesP | heading,
	atom.H4: block | closesP | heading, atom.H5: block | closesP | heading, atom.H6: block | closesP | heading,
	atom.Html: block, atom.Head: block, atom.Body: block, atom.Li: block | closesP, atom.Dt: block | closesP, atom.Dd: block | closesP, atom.Tr: block, atom.Td: block, atom.Th: block,
	atom.Thead: block, atom.Tbody: block, atom.Tfoot: block, atom.Caption: block, atom.Legend: block, atom.Optgroup: block, atom.Option: block,

	atom.A: format, atom.B: format, atom.Big: format, atom.Code: format, atom.Em: format, atom.Font: format, atom.I: format, atom.S: format,
	atom.Small: format, atom.Strike: format, atom.Strong: format, atom.Tt: format, atom.U: format, atom.Span: format, atom.Label: format, atom.Nobr: format,
}

// inHead are the elements that do not end an open <head>.
func inHead(a atom.Atom) bool {
	switch a {
	case atom.Base, atom.Link, atom.Meta, atom.Script, atom.Style, atom.Template, atom.Title, atom.Noscript, atom.Head, atom.Html, atom.Basefont, atom.Bgsound:
		return true
	}
	return false
}

// closedBy returns the elements that an opening a ends where they are open, and the elements beyond which it does not look (see
// closeUpTo).
func closedBy(a atom.Atom) (closed, stop []atom.Atom) {
	switch a {
	case atom.Li:
		return itemAtoms, nil
	case atom.Dt, atom.Dd:
		return termAtoms, nil
	case atom.Tr:
		return rowAtoms, tableAtoms
	case atom.Td, atom.Th:
		return cellAtoms, tableAtoms
	case atom.Thead, atom.Tbody, atom.Tfoot:
		return groupAtoms, tableAtoms
	case atom.Option, atom.Optgroup:
		return optionAtoms, optionStops
	}
	return nil, nil
}

var (
	itemAtoms   = []atom.Atom{atom.Li}
	termAtoms   = []atom.Atom{atom.Dt, atom.Dd}
	rowAtoms    = []atom.Atom{atom.Tr}
	cellAtoms   = []atom.Atom{atom.Td, atom.Th}
	groupAtoms  = []atom.Atom{atom.Thead, atom.Tbody, atom.Tfoot}
	tableAtoms  = []atom.Atom{atom.Table}
	optionAtoms = []atom.Atom{atom.Option}
	optionStops = []atom.Atom{atom.Select, atom.Datalist}
)

// ofTable reports whether a's end tag reaches through cells.
func ofTable(a atom.Atom) bool {
	switch a {
	case atom.Table, atom.Tr, atom.Td, atom.Th, atom.Thead, atom.Tbody, atom.Tfoot, atom.Caption, atom.Body, atom.Html:
		return true
	}
	return false
}

// roles are the values of the role attribute that say margin.
var roles = map[string]trait{
	"navigation": margin, "banner": margin, "contentinfo": margin, "complementary": margin, "search": margin, "menu": margin, "menubar": margin,
	"dialog": margin, "alertdialog": margin, "toolbar": margin, "tablist": margin, "main": strong, "article": strong,
}

// marginWords and strongWords are the words of classes and ids that say what a part of a page is. A word is a run of letters; of camelCase
// each part is one.
var marginWords, strongWords, captionWords = wordSet(`nav navi navbar navigation menu menus submenu sidebar sidenav sidecol foot footer
	foots breadcrumb breadcrumbs crumb crumbs share sharing social sns related relate recommend recommended recommendation hot hotnews rank ranking toolbar
	tools copyright beian advert adverts advertisement adsense ads gg guanggao banner popup modal cookie cookies consent login signin signup
	register subscribe newsletter promo sponsor sponsored pagination pager pagenav paging prevnext skip masthead topbar bottombar
	friendlink friendlinks links tags tagcloud widget outbrain taboola disqus noprint print gotop backtop daohang caidan toc`),
	wordSet(`article articles content contents main entry post body text story detail details zhengwen neirong artical wenzhang`),
	wordSet(`caption captions figcaption imgdesc picdesc imgtext imgtxt pictext photodesc tuzhu tushuo credit`)

func wordSet(s string) map[string]bool {
	set := map[string]bool{}
	for start, i := -1, 0; i <= len(s); i++ {
		letter := i < len(s) && s[i] >= 'a' && s[i] <= 'z'
		switch {
		case letter && start < 0:
			start = i
		case !letter && start >= 0:
			set[s[start:i]] = true
			start = -1
		}
	}
	return set
}

// slugWords is the number of words from which on a name is a heading's slug and no name of a part of the page.
const slugWords = 4

// ofClass returns what the words of a class or id say.
func ofClass(s []byte) trait {
	var all, name trait // of all names, and of the one being read
	var word [24]byte
	n, words := 0, 0
	endWord := func() {
		if n > 0 {
			words++
		}
		if n >= 3 && n <= len(word) {
			switch {
			case marginWords[string(word[:n])]:
				name |= weak
			case captionWords[string(word[:n])]:
				name |= caption
			case strongWords[string(word[:n])]:
				name |= strong
			case string(word[:n]) == "editsection":
				name |= hidden
			}
		}
		n = 0
	}
	lower := false
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			if lower {
				endWord()
			}
			lower = false
			c += 'a' - 'A'
		default:
			lower = false
			endWord()
			if isSpace(c) {
				if words < slugWords {
					all |= name
				}
				name, words = 0, 0
			}
			continue
		}
		if n < len(word) {
			word[n] = c
		}
		n++
	}
	endWord()
	if words < slugWords {
		all |= name
	}
	return all
}
