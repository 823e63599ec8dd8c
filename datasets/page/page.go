package page

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// Page is what was found in one document.
type Page struct {
	Title    string // of the <title>, without the site's name where a heading repeats the rest; "" none
	Text     string // the main content: a paragraph, list item or table row a line
	Main     string // the rule that found Text: density, readability or strip
	Charset  string // as it was read: "utf-8", "gb18030", "big5", ...
	Declared string // as header or page claim it, "" no claim
	Bad      int    // bytes (or code units) that the charset could not read
	Language string // the lang attribute of the page, "" unknown
	License  string // address of the licence that the page links, or its name; "" unknown
	Date     string // RFC 3339: date and time, offset -00:00 where the page gives none, or a full date alone; "" unknown
	Base     string // what relative addresses were resolved against

	Pictures []Picture

	// Skipped counts the pictures left out, by reason: "hidden", "menu, footer or aside", "outside the main content", "no address",
	// "bad address", "address too long", "scheme of no picture", "spacer", "small", "ornament", "counter", "vector or icon",
	// "unreadable format", "no picture", "bad data URI", "data URI of no picture", "data URI too large", "noscript twin", "same address",
	// "over the limit". Nil: none.
	Skipped map[string]int

	// Notes counts what was cut or fell back: "document cut", "nesting cut" (elements), "no main content", and why readability was not used.
	// Nil: nothing.
	Notes map[string]int
}

// Picture is one picture of a page.
type Picture struct {
	Address string   // absolute, without fragment; "" for a data URI
	Others  []string // further addresses of the same picture (other sizes, the placeholder's), best first
	Data    []byte   // the bytes of a data URI
	Width   int      // as declared, in pixels; 0 unknown
	Height  int      // as declared, in pixels; 0 unknown
	From    string   // where the address stood: src, srcset, data-src, noscript, og:image, ...
	Texts   []Around // by Options.Kinds, then by distance
}

// Around is a text beside a picture.
type Around struct {
	Text     string // one line
	Found    string // how: one of the Found constants
	Distance int    // edges between the two in the tree of elements, where those that only format text do not count; 0 for the picture's own attributes
}

// Parse reads an HTML document: its charset (charset is what the protocol's header declares, "" nothing), its main text, title, date and
// licence, and its pictures with the text around them. address is the page's URL, or the path of its file; pictures' addresses are
// absolute, or paths beside that file. It fails for bytes that are no text, and for options that are not valid.
func Parse(body []byte, address, charset string, o Options) (*Page, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if kind := signature(body); kind != "" {
		return nil, fmt.Errorf("page %.200s: %s and no HTML: leave it out, or name its format", address, kind)
	}
	p := &Page{}
	var text string
	text, p.Charset, p.Declared, p.Bad = decode(body, charset)
	if len(text) > o.Bytes {
		cut := o.Bytes
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
		p.note("document cut", 1)
	}
	t := grow(text, &o)
	defer t.release()
	p.note("nesting cut", t.cut)
	if t.full && p.Notes["document cut"] == 0 {
		p.note("document cut", 1)
	}
	about := t.about()
	p.License, p.Date, p.Language = about.license, about.date, about.language
	b := newBase(address, about.base)
	p.Base = b.String()
	if p.License != "" && !strings.ContainsAny(p.License, " \t") {
		if absolute, reason := b.resolve(p.License); reason == "" {
			p.License = absolute
		}
	}
	l := lay(t, &o)
	p.Title = l.title(about.title)
	l.content(p, text, &b, about.card)
	return p, nil
}

// content sets the text and the pictures.
func (l *layout) content(p *Page, text string, b *base, card string) {
	p.Main = l.o.Main
	if p.Main == MainReadability {
		u := b.u
		article, refused := readable(text, &u, l.o.Elements)
		if refused == "" {
			t := grow(article, l.o)
			defer t.release()
			m := lay(t, l.o)
			if p.Text = m.join(nil); p.Text != "" {
				if l.o.Within == "main" {
					l = m
				}
				l.pictures(p, b, 0, card)
				return
			}
			refused = "readability found nothing"
		}
		p.note(refused, 1)
		p.Main = MainDensity
	}
	root := int32(0)
	var keep []bool
	if p.Main == MainDensity {
		if keep, root = l.density(); keep == nil {
			p.Main = MainStrip
			p.note("no main content", 1)
			keep = l.plain()
		}
	}
	p.Text = l.join(keep)
	l.pictures(p, b, root, card)
}

// title returns the page's title: that of <title>, or of the first h1 where the title is the h1 and the site's name; else of the card.
func (l *layout) title(card string) string {
	title := l.t.title
	for i := range l.lines {
		n := &l.lines[i]
		if n.zone&heading == 0 || l.t.nodes[n.home].atom != atom.H1 || n.to-n.from > longestTitle {
			continue
		}
		h1 := string(l.text[n.from:n.to])
		rest, begins := strings.CutPrefix(title, h1)
		next, _ := utf8.DecodeRuneInString(rest)
		if title == "" || begins && strings.ContainsRune(" -_|–—·｜－，,", next) || utf8.RuneCountInString(h1) >= 4 && strings.Contains(title, h1) {
			return h1
		}
	}
	if title == "" {
		return card
	}
	return title
}

// note counts n under a name.
func (p *Page) note(name string, n int) {
	if n == 0 {
		return
	}
	if p.Notes == nil {
		p.Notes = map[string]int{}
	}
	p.Notes[name] += n
}

// skip counts a picture that is left out.
func (p *Page) skip(reason string) {
	if p.Skipped == nil {
		p.Skipped = map[string]int{}
	}
	p.Skipped[reason]++
}

// signatures begin files that are no text.
var signatures = [...]struct{ begins, kind string }{
	{"%PDF-", "a PDF document"}, {"\x89PNG\r\n", "a PNG picture"}, {"\xff\xd8\xff", "a JPEG picture"}, {"GIF87a", "a GIF picture"}, {"GIF89a", "a GIF picture"},
	{"PK\x03\x04", "a zip archive"}, {"\x1f\x8b\x08", "a gzip file"}, {"7z\xbc\xaf", "a 7z archive"}, {"Rar!\x1a", "a rar archive"}, {"\x7fELF", "a program"},
	{"\xd0\xcf\x11\xe0", "an Office document"}, {"ID3", "sound"}, {"OggS", "sound"}, {"\x00\x00\x01\x00", "an icon"}, {"wOFF", "a font"}, {"wOF2", "a font"},
}

// signature returns what body is where it is no text, else "".
func signature(body []byte) string {
	for _, s := range signatures {
		if bytes.HasPrefix(body, []byte(s.begins)) {
			return s.kind
		}
	}
	if len(body) > 12 && string(body[:4]) == "RIFF" && string(body[8:12]) == "WEBP" {
		return "a WebP picture"
	}
	return ""
}

// Strip returns the text of a fragment of HTML as a reader sees it: markup, scripts and what is hidden go, entities are decoded, and block
// elements begin lines. It looks for no main content and for no pictures. A text without markup comes back with its white space collapsed;
// a "<" that begins no tag stays.
func Strip(fragment string) string {
	o := Options{Depth: 512, Cell: "\t"}
	t := grow(fragment, &o)
	defer t.release()
	return lay(t, &o).join(nil)
}
