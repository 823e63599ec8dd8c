package clean

import "strings"

// What the elements of HTML mean to plain text.
type elementKind uint8

const (
	notElement elementKind = iota
	inline                 // nothing
	block                  // the end of a line
	cell                   // a blank
	rawScript              // its content is no text
	rawStyle
)

var elements = func() map[string]elementKind {
	t := map[string]elementKind{"td": cell, "th": cell, "script": rawScript, "style": rawStyle}
	for _, name := range strings.Fields(`a abbr acronym applet area audio b base basefont bdi bdo big blink button canvas cite code col colgroup
		command data datalist del dfn em embed font frame i iframe image img input ins kbd keygen label link map mark marquee math meta meter nobr
		noembed noscript object optgroup output param picture portal progress q rb rp rt rtc ruby s samp select slot small source span strike
		strong sub sup svg path g rect circle textarea time track tt u use var video wbr`) {
		t[name] = inline
	}
	for _, name := range strings.Fields(`address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset
		figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu menuitem nav noframes ol option p
		plaintext pre search section summary table tbody template tfoot thead title tr ul xmp`) {
		t[name] = block
	}
	return t
}()

// booleans are the attributes that have no value.
var booleans = func() map[string]bool {
	t := map[string]bool{}
	for _, name := range strings.Fields(`allowfullscreen async autofocus autoplay checked compact controls declare default defer disabled
		formnovalidate hidden inert ismap itemscope loop multiple muted nohref nomodule noresize noshade novalidate nowrap open playsinline
		readonly required reversed selected`) {
		t[name] = true
	}
	return t
}()

// elementName returns the name that s begins with: a letter, then letters, digits, - and : (with a letter behind it).
func elementName(s string) string {
	n := 0
	for n < len(s) && n < 64 {
		b := s[n]
		if !isASCIILetter(b) && (n == 0 || !(b >= '0' && b <= '9' || b == '-' || b == ':' && n+1 < len(s) && isASCIILetter(s[n+1]))) {
			break
		}
		n++
	}
	return s[:n]
}

// element tells what an element is; names with - or : are those of custom elements and other name spaces.
func element(name string) elementKind {
	if name == "" {
		return notElement
	}
	var lower [64]byte
	own := false
	for i := range len(name) {
		b := name[i]
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		own = own || b == '-' || b == ':'
		lower[i] = b
	}
	if kind, ok := elements[string(lower[:len(name)])]; ok {
		return kind
	}
	if own {
		return inline
	}
	return notElement
}
