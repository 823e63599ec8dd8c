package viz_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"image"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/net/html"

	"m6lab/viz"
)

func pageOf(t *testing.T, o viz.ReportOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := viz.Report(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// walk calls visit for every node of a document.
func walk(n *html.Node, visit func(*html.Node)) {
	visit(n)
	for c := range n.ChildNodes() {
		walk(c, visit)
	}
}

func parse(t *testing.T, page []byte) *html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// void are the elements without an end.
var void = map[string]bool{"meta": true, "img": true, "br": true, "input": true, "circle": true, "path": true, "image": true, "rect": true}

// balanced says where a start tag has no end tag or the other way round: the parser would mend it silently.
func balanced(page []byte) error {
	z := html.NewTokenizer(bytes.NewReader(page))
	var open []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() == io.EOF && len(open) == 0 {
				return nil
			}
			return fmt.Errorf("at the end: %v, open %v", z.Err(), open)
		case html.StartTagToken:
			name, _ := z.TagName()
			if !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return fmt.Errorf("</%s> ends %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func TestReportIsValidHTML(t *testing.T) {
	page := pageOf(t, reportSample())
	if !bytes.HasPrefix(page, []byte("<!DOCTYPE html>")) {
		t.Error("the page has no doctype")
	}
	if err := balanced(page[len("<!DOCTYPE html>"):]); err != nil {
		t.Error(err)
	}
	ids, links, fors := map[string]int{}, []string{}, []string{}
	walk(parse(t, page), func(n *html.Node) {
		if n.Type != html.ElementNode {
			return
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			if _, twice := attr[a.Key]; twice {
				t.Errorf("<%s> has the attribute %s twice", n.Data, a.Key)
			}
			attr[a.Key] = a.Val
		}
		if id, ok := attr["id"]; ok {
			ids[id]++
		}
		if n.Data == "a" {
			links = append(links, attr["href"])
		}
		if n.Data == "label" {
			fors = append(fors, "#"+attr["for"])
		}
		if _, ok := attr["alt"]; n.Data == "img" && !ok {
			t.Error("a picture has no alt")
		}
		if n.Data == "svg" && attr["aria-label"] == "" && attr["aria-hidden"] != "true" {
			t.Error("a drawing has no name for screen readers")
		}
	})
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %s occurs %d times", id, n)
		}
	}
	if len(links) != len(reportSample().Sections) {
		t.Errorf("the contents have %d links for %d sections", len(links), len(reportSample().Sections))
	}
	for _, l := range append(links, fors...) {
		if ids[strings.TrimPrefix(l, "#")] != 1 || !strings.HasPrefix(l, "#") {
			t.Errorf("%s leads nowhere", l)
		}
	}
}

// mayStand are the elements that the templates make.
var mayStand = strings.Fields(`html head body meta title style header h1 h2 h3 p dl div dt dd nav ol ul li a main section figure figcaption svg g path rect
	circle text image img bdi mark b small span article table caption thead tbody tr th td blockquote br pre code input label footer defs`)

// safe reports what could run or fetch something.
func safe(t *testing.T, doc *html.Node) {
	t.Helper()
	walk(doc, func(n *html.Node) {
		if n.Type == html.CommentNode {
			t.Errorf("comment %q", n.Data)
		}
		if n.Type != html.ElementNode {
			return
		}
		if !slices.Contains(mayStand, n.Data) {
			t.Errorf("element <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s> has the handler %s=%q", n.Data, a.Key, a.Val)
			case (a.Key == "src" || a.Key == "href") && !strings.HasPrefix(a.Val, "data:image/") && !strings.HasPrefix(a.Val, "#"):
				t.Errorf("<%s> fetches %s=%.60q", n.Data, a.Key, a.Val)
			case a.Key == "style" && regexp.MustCompile(`url\(|expression|@import`).MatchString(a.Val):
				t.Errorf("<%s> has the style %.60q", n.Data, a.Val)
			}
		}
		if n.Data == "style" && regexp.MustCompile(`url\((?:[^d]|d[^a])|@import`).MatchString(n.FirstChild.Data) {
			t.Error("the style sheet fetches something")
		}
	})
}

// poison puts text into every string of v, deeply, and returns how many strings it found.
func poison(v reflect.Value, text string) int {
	n := 0
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(text)
			n++
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "Language" {
				n += poison(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			n += poison(v.Index(i), text)
		}
	case reflect.Interface:
		if _, ok := v.Interface().(image.Image); ok || v.IsNil() {
			return 0
		}
		fresh := reflect.New(v.Elem().Type()).Elem()
		fresh.Set(v.Elem())
		n += poison(fresh, text)
		v.Set(fresh)
	}
	return n
}

func TestEverythingIsEscaped(t *testing.T) {
	for _, attack := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `</style><script>alert(1)</script>`, `</svg></text><script>alert(1)</script>`,
		`javascript:alert(1)`, `{{.}}<b onclick=x>`, `]]><script>`, `<!-- x -->`, "`<script>`", `</code></pre><script>alert(1)</script>`, `;} body{background:url(http://example.org)}`,
		`style="fill:#0072B2"`, `url(data:text/html,x)`, `- <script>`, "\x00<scr\x00ipt>", "\xff<script>",
	} {
		t.Run(attack, func(t *testing.T) {
			o := reportSample()
			n := poison(reflect.ValueOf(&o).Elem(), attack)
			if n < 150 {
				t.Fatalf("only %d strings were reached", n)
			}
			page := pageOf(t, o)
			doc := parse(t, page)
			safe(t, doc)
			text := ""
			walk(doc, func(n *html.Node) {
				if n.Type == html.TextNode {
					text += n.Data
				}
			})
			if utf8.ValidString(attack) && !strings.ContainsAny(attack, "\x00`{-") && strings.Count(text, attack) < 50 {
				t.Errorf("the text is not shown as it is")
			}
		})
	}
}

func TestSVGIsEscaped(t *testing.T) {
	for name, fig := range figures() {
		t.Run(name, func(t *testing.T) {
			box := reflect.New(reflect.TypeOf(fig)).Elem()
			box.Set(reflect.ValueOf(fig))
			poison(box, `</text><script>alert("1")</script>&`)
			svg := svgOf(t, box.Interface().(viz.Figure))
			d := xml.NewDecoder(strings.NewReader(svg))
			for {
				token, err := d.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if e, ok := token.(xml.StartElement); ok && !slices.Contains(mayStand, e.Name.Local) {
					t.Errorf("element <%s>", e.Name.Local)
				}
			}
		})
	}
}

var fontData = regexp.MustCompile(`font-weight:(\d+);src:url\(data:font/woff;base64,([^)]*)\)`)

// fontsIn unpacks the fonts of a page, by weight.
func fontsIn(t *testing.T, page []byte) map[string]*sfnt.Font {
	t.Helper()
	out := map[string]*sfnt.Font{}
	for _, m := range fontData.FindAllSubmatch(page, -1) {
		data, err := base64.StdEncoding.DecodeString(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		f, err := sfnt.Parse(unpack(t, data))
		if err != nil {
			t.Fatal(err)
		}
		out[string(m[1])] = f
	}
	return out
}

// unpack turns a WOFF file back into an sfnt file, and checks lengths and checksums on the way.
func unpack(t *testing.T, woff []byte) []byte {
	t.Helper()
	be := binary.BigEndian
	if string(woff[:4]) != "wOFF" || int(be.Uint32(woff[8:])) != len(woff) {
		t.Fatal("not a WOFF file of its length")
	}
	n := int(be.Uint16(woff[12:]))
	head := append([]byte{0, 1, 0, 0}, byte(n>>8), byte(n), 0, 0, 0, 0, 0, 0)
	var body []byte
	for i := range n {
		e := woff[44+20*i:]
		offset, packed, size := be.Uint32(e[4:]), be.Uint32(e[8:]), be.Uint32(e[12:])
		data := woff[offset : offset+packed]
		if packed < size {
			z, err := zlib.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if len(data) != int(size) {
			t.Fatalf("table %s has %d bytes, not %d", e[:4], len(data), size)
		}
		head = append(head, e[:4]...)
		sum := uint32(0)
		padded := append(slices.Clone(data), 0, 0, 0)
		for j := 0; j < len(data); j += 4 {
			sum += be.Uint32(padded[j:])
		}
		if sum != be.Uint32(e[16:]) {
			t.Errorf("table %s has the checksum %x, not %x", e[:4], sum, be.Uint32(e[16:]))
		}
		for _, v := range []uint32{sum, uint32(12 + 16*n + len(body)), size} {
			head = be.AppendUint32(head, v)
		}
		body = append(body, data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	if len(head)+len(body) != int(be.Uint32(woff[16:])) {
		t.Errorf("the unpacked font has %d bytes, the header says %d", len(head)+len(body), be.Uint32(woff[16:]))
	}
	return append(head, body...)
}

// The semi-bold font has no Han: it is a family of its own, behind which bold text finds the regular one. In one family it would find boxes.
func TestBoldHanIsRegular(t *testing.T) {
	page := string(pageOf(t, reportSample()))
	faces := regexp.MustCompile(`@font-face\{font-family:"([^"]+)";font-weight:(\d+)`).FindAllStringSubmatch(page, -1)
	if len(faces) != 2 || faces[0][2] != "400" || faces[1][2] != "600" || faces[0][1] == faces[1][1] {
		t.Fatalf("the page's fonts are %q, want a regular and a semi-bold one of two families", faces)
	}
	strong := html.EscapeString(fmt.Sprintf(`--strong:"%s","%s",`, faces[1][1], faces[0][1]))
	if !strings.Contains(page, strong) {
		t.Errorf("the page has no %s", strong)
	}
}

// Every visible character of the page is in the font that the page carries, so no machine shows a box.
func TestPageCarriesItsCharacters(t *testing.T) {
	o := reportSample()
	o.Sections = append(o.Sections, viz.Section{Title: "繁體與罕用字", Blocks: []viz.Block{viz.Prose("雲夢澤裏，「夜雨」——Ωμ ①②③ ㎡ ℃ ≤ ≥ ± × ÷ → ★"), viz.Commands{{Line: "m6 poem --title 春夜"}}}})
	page := pageOf(t, o)
	fonts := fontsIn(t, page)
	if len(fonts) != 2 {
		t.Fatalf("the page has %d fonts, not a regular and a semi-bold one", len(fonts))
	}
	seen, han := map[rune]bool{}, 0
	walk(parse(t, page), func(n *html.Node) {
		if n.Type != html.TextNode || n.Parent.Data == "style" {
			return
		}
		for _, r := range n.Data {
			seen[r] = true
		}
	})
	var buf sfnt.Buffer
	for r := range seen {
		if r == '\n' {
			continue
		}
		if i, err := fonts["400"].GlyphIndex(&buf, r); err != nil || i == 0 {
			t.Errorf("%q (U+%04X) is not in the font: %v", r, r, err)
		}
		if r >= 0x4E00 {
			han++
		}
	}
	if han < 80 {
		t.Errorf("only %d Han characters were looked at", han)
	}
	if i, _ := fonts["400"].GlyphIndex(&buf, '猿'); i != 0 {
		t.Error("the font has a character that the page does not use")
	}
}

func TestReportNamesCharactersOutsideTheFont(t *testing.T) {
	page := html.UnescapeString(string(pageOf(t, viz.ReportOptions{Title: "emoji", Sections: []viz.Section{{Title: "a", Blocks: []viz.Block{
		viz.Prose("笑 😀😀 𠮷"), viz.GalleryOptions{Shots: []viz.Shot{{Picture: scene(sampleRed, sampleBlue, 1, true), Caption: "☃"}}},
	}}}})))
	if want := "4 characters outside the embedded font, shown with the reader's own fonts: U+2603, U+1F600, U+20BB7."; !strings.Contains(page, want) {
		t.Errorf("the foot does not say %q but %q", want, page[strings.Index(page, "<footer"):])
	}
	if !strings.Contains(page, "笑 😀😀 𠮷") {
		t.Error("the text was changed")
	}
}

func TestReportErrors(t *testing.T) {
	for name, c := range map[string]struct {
		o    viz.ReportOptions
		want string
	}{
		"title":   {viz.ReportOptions{}, "viz: report: there is no title: give one"},
		"nil":     {viz.ReportOptions{Title: "a", Sections: []viz.Section{{Title: "b", Blocks: []viz.Block{nil}}}}, `viz: report: section "b": block 0 is nil`},
		"figure":  {viz.ReportOptions{Title: "a", Sections: []viz.Section{{Title: "b", Blocks: []viz.Block{viz.MaskOptions{}}}}}, `report: section "b": viz: mask: all parts are empty: give a sequence of at least one position`},
		"caption": {viz.ReportOptions{Title: "a", Sections: []viz.Section{{Title: "b", Blocks: []viz.Block{viz.Captioned{Text: "c"}}}}}, `report: section "b": viz: caption "c" has no block: give one`},
		"cells":   {viz.ReportOptions{Title: "a", Sections: []viz.Section{{Title: "b", Blocks: []viz.Block{viz.Cells{Head: []string{"x"}, Rows: [][]string{{"1", "2"}}}}}}}, `report: section "b": viz: cells "": row 0 has 2 cells, the head has 1: give as many of both`},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := viz.Report(&b, c.o)
			if err == nil || err.Error() != c.want {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if b.Len() > 0 {
				t.Error("something was written in spite of the error")
			}
		})
	}
}

func TestFragmentsAreWhole(t *testing.T) {
	for name, fig := range figures() {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := viz.Draw(&b, viz.HTML, fig); err != nil {
				t.Fatal(err)
			}
			if err := balanced(bytes.TrimSpace(b.Bytes())); err != nil {
				t.Error(err)
			}
			safe(t, parse(t, b.Bytes()))
		})
	}
}
