package source

import (
	"bytes"
	"errors"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	pageOpen  = []byte("<page>")
	pageClose = []byte("</page>")
)

// readWiki reads the articles of an XML dump of MediaWiki as plain text. In text the dump escapes "<", so that its tags can be looked for.
func (s *sink) readWiki(o object, in inspected) (err error) {
	site, err := siteOf(o, in)
	if err != nil {
		return err
	}
	w := wiki{s: s, site: site}
	u, pos, err := w.open(o, in)
	if err != nil || u == nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	w.st.reset(u, pos)
	err = w.read()
	if err == nil && w.pages == 0 && s.part.Start == 0 && (s.part.End < 0 || s.part.End >= o.Size()) {
		return s.fault(FaultEmpty, "", nil)
	}
	return err
}

// wiki reads pages.
type wiki struct {
	s     *sink
	st    stream
	site  site
	end   int64 // pages that begin here, in the text, or behind are another part's; -1 for none
	pages int
}

// open opens the content of the part.
func (w *wiki) open(o object, in inspected) (*unpacked, int64, error) {
	w.end = -1
	if in.packing != ".bz2" {
		u, pos, err := w.s.content(o, in, 0)
		if in.packing == "" {
			w.end = w.s.part.End
		}
		return u, pos, err
	}
	start, err := nextStream(o, w.s.part.Start, -1)
	if err != nil {
		return nil, 0, err
	}
	if start < 0 || start >= w.s.part.End {
		if w.s.part.Start > 0 {
			return nil, 0, nil
		}
		start = 0 // no stream at all: for the decompressor to say
	}
	last := w.s.part.End
	b := &streams{o: o, at: start}
	b.begin = func(at, in int64) {
		if at >= last && w.end < 0 && last < o.Size() {
			w.end = in
		}
	}
	return &unpacked{b, []func(){func() { _ = b.Close() }}}, 0, nil
}

// read reads the pages.
func (w *wiki) read() error {
	for {
		if !w.st.find(pageOpen) {
			if again, err := w.s.broken(&w.st); err != nil || !again {
				return err
			}
			continue
		}
		at := w.st.pos
		if w.end >= 0 && at >= w.end {
			return nil
		}
		w.pages++
		page := w.st.until(pageClose, 4*w.s.o.MaxDocument)
		if page == nil {
			if err := w.cut(at); err != nil {
				return err
			}
			continue
		}
		if inner := bytes.LastIndex(page, pageOpen); inner > 0 { // the end of the first is lost
			w.st.advance(inner)
			if err := w.s.fault(FaultXML, "#@"+strconv.FormatInt(at, 10), errNoEnd); err != nil {
				return err
			}
			continue
		}
		if err := w.page(page, at); err != nil {
			return err
		}
		w.st.advance(len(page))
	}
}

var errNoEnd = errors.New("there is no </page>")

// cut hands on a page without an end: damage of the stream, the end of the file, or a page that is too large.
func (w *wiki) cut(at int64) error {
	where := "#@" + strconv.FormatInt(at, 10)
	w.st.advance(len(pageOpen))
	if w.st.failed() != nil {
		w.st.advance(len(w.st.buffered()))
		again, err := w.s.broken(&w.st)
		if err == nil && !again {
			err = errStopped
		}
		return err
	}
	reason, data := FaultLarge, w.st.buffered()
	last := bytes.LastIndex(data, pageOpen)
	if last < 0 {
		last = max(0, len(data)-len(pageOpen)+1)
	}
	if w.st.err != nil {
		reason = FaultTruncated
	}
	w.st.advance(last) // whatever page begins between has no end either
	return w.s.fault(reason, where, errNoEnd)
}

// page hands on one page.
func (w *wiki) page(page []byte, at int64) error {
	id, idFound := element(page, "id")
	where := "#" + string(id)
	if _, err := strconv.ParseUint(string(id), 10, 63); err != nil || !idFound {
		where = "#@" + strconv.FormatInt(at, 10)
	}
	title, found := element(page, "title")
	ns, _ := element(page, "ns")
	switch {
	case !found || !idFound:
		return w.s.fault(FaultXML, where, errors.New("the page has no title or no id"))
	case !utf8.Valid(page):
		return w.s.fault(FaultUTF8, where, nil)
	case len(ns) > 0 && string(ns) != "0":
		return w.s.fault(SkipNamespace, where, errors.New(html.UnescapeString(string(title))))
	case bytes.Contains(page, []byte("<redirect")):
		return w.s.fault(SkipRedirect, where, errors.New(html.UnescapeString(string(title))))
	}
	if i := bytes.LastIndex(page, []byte("<revision>")); i > 0 {
		page = page[i:] // of several the newest, which is the last
	}
	text, found := element(page, "text")
	if !found {
		return w.s.fault(FaultXML, where, errors.New("the page has no text"))
	}
	if len(text) > w.s.o.MaxDocument {
		return w.s.fault(FaultLarge, where, errTooLarge)
	}
	d := &Document{Title: html.UnescapeString(string(title)), Media: "text/plain", Charset: "utf-8"}
	when, _ := element(page, "timestamp")
	d.Date = date(string(when))
	d.Address = w.site.address(d.Title)
	markup := html.UnescapeString(string(text))
	if isRedirect(markup) {
		return w.s.fault(SkipRedirect, where, errors.New(d.Title))
	}
	if d.Body = w.site.plain(markup, d.Title); len(d.Body) == 0 {
		return w.s.fault(FaultEmpty, where, errors.New(d.Title))
	}
	return w.s.document(d, where)
}

// isRedirect knows redirects of dumps that do not mark them.
func isRedirect(markup string) bool {
	first := strings.ToLower(strings.TrimSpace(markup[:min(len(markup), 64)]))
	return strings.HasPrefix(first, "#redirect") || strings.HasPrefix(first, "#重定向")
}

// element returns the content of the first element of a name; an empty one for <name/>.
func element(data []byte, name string) ([]byte, bool) {
	for {
		i := bytes.Index(data, []byte("<"+name))
		if i < 0 {
			return nil, false
		}
		data = data[i+1+len(name):]
		end := bytes.IndexByte(data, '>')
		if end < 0 {
			return nil, false
		}
		if c := data[0]; c != '>' && c != ' ' && c != '/' && c != '\n' {
			continue // a longer name
		}
		if end > 0 && data[end-1] == '/' {
			return nil, true
		}
		data = data[end+1:]
		end = bytes.Index(data, []byte("</"+name+">"))
		if end < 0 {
			return nil, false
		}
		return data[:end], true
	}
}

// site is what a dump's head tells.
type site struct {
	base   string          // the address of an article without its title; "" unknown
	hidden map[string]bool // prefixes of links that show nothing: files and categories, in small letters
	others map[string]bool // prefixes of other namespaces
}

// siteOf reads the head of a dump.
func siteOf(o object, in inspected) (site, error) {
	const size = 64 << 10
	s := site{hidden: map[string]bool{}, others: map[string]bool{}}
	for _, name := range []string{"file", "image", "media", "category", "文件", "档案", "檔案", "图像", "圖像", "图片", "圖片", "媒体", "媒體", "分类", "分類"} {
		s.hidden[name] = true
	}
	head, err := firstBytes(o, size)
	if err != nil {
		return s, err
	}
	about, found := element(head, "siteinfo")
	if !found {
		return s, nil
	}
	if base, found := element(about, "base"); found {
		if u, err := url.Parse(html.UnescapeString(string(base))); err == nil && strings.Contains(u.Path, "/") {
			u.Path = u.Path[:strings.LastIndexByte(u.Path, '/')+1]
			u.RawPath = ""
			s.base = u.String()
		}
	}
	for part := range bytes.SplitSeq(about, []byte("<namespace ")) {
		head, name, found := bytes.Cut(part, []byte{'>'})
		key := attribute(head, "key")
		if !found || key == "" {
			continue
		}
		name, _, _ = bytes.Cut(name, []byte{'<'})
		lower := strings.ToLower(html.UnescapeString(string(name)))
		switch {
		case lower == "":
		case key == "6" || key == "14" || key == "-2":
			s.hidden[lower] = true
		default:
			s.others[lower] = true
		}
	}
	return s, nil
}

// attribute returns the value of an attribute of a tag.
func attribute(tag []byte, name string) string {
	_, value, found := bytes.Cut(tag, []byte(name+`="`))
	if !found {
		return ""
	}
	value, _, _ = bytes.Cut(value, []byte{'"'})
	return string(value)
}

// address is the URL of an article.
func (s *site) address(title string) string {
	if s.base == "" {
		return ""
	}
	return s.base + (&url.URL{Path: strings.ReplaceAll(title, " ", "_")}).EscapedPath()
}
