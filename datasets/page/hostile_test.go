package page

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hostile are pages that are large, deep or broken, of about size bytes.
func hostile(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, max(1, size/len(s))) }
	return map[string]string{
		"nested div":        fill("<div>") + "text",
		"nested open close": fill("<div>") + "text" + fill("</div>"),
		"nested font":       fill("<font color=red>"),
		"nested mixed":      fill("<b><p><a href=x><li><table><tr><td>"),
		"nested hidden":     fill("<span hidden>"),
		"nested lists":      fill("<ul><li>"),
		"nested tables":     fill("<table><tr><td>x"),
		"end tags":          fill("</div></p></b></td>"),
		"open li":           fill("<li>x"),
		"deep then li":      strings.Repeat("<div>", 500) + fill("<li>x<p>y"),
		"deep then end":     strings.Repeat("<div><span hidden>", 250) + fill("</span><span hidden>"),
		"long attribute":    "<img src='" + fill("a") + "'><p title=\"" + fill("b") + "\">x",
		"many attributes":   "<img " + fill("data-src=x a=b ") + ">",
		"many data attrs":   "<img " + strings.Repeat("data-src=x/y data-original=z/w src=q ", size/40) + ">",
		"long class":        "<div class='" + fill("nav sidebar ") + "'>x</div>",
		"long style":        "<div style='" + fill("display:") + "'>x</div>",
		"long text":         fill("文字"),
		"long word":         fill("a"),
		"unclosed tag":      "<div " + fill("x"),
		"unclosed comment":  "<!--" + fill("-"),
		"unclosed script":   "<script>" + fill("<!--<script>"),
		"less than":         fill("<"),
		"ampersands":        fill("&"),
		"entities":          fill("&lt"),
		"doctypes":          fill("<!doctype x>"),
		"pictures":          fill("<img src=a/b.jpg alt=text>"),
		"pictures in one":   "<picture>" + fill("<source srcset='a 1w, b 2w'><img src=c>"),
		"pictures in link":  "<a href=x.jpg>" + fill("<img src=a/b.jpg><i hidden></i>") + "</a>",
		"pictures in cap":   "<figure>" + fill("<img src=a.jpg><p>text text</p>") + "<figcaption>x</figcaption></figure>",
		"srcset":            "<img srcset='" + fill("a 1w,") + "'>",
		"data URI":          "<img src='data:image/png;base64," + fill("A") + "'>",
		"data percent":      "<img src='data:image/png," + fill("%41") + "'>",
		"aria":              "<img src=a.jpg aria-labelledby='" + fill("x ") + "'><p id=x>y</p>" + fill("<p id=z>"),
		"metas":             fill("<meta name=date content='not a date at all'>"),
		"links":             fill("<a rel=license href=''></a>"),
		"headings":          fill("<h1>a</h1>"),
		"rows":              "<table>" + fill("<tr><td>a<td>b"),
		"nested rows":       fill("<tr><td>a<td>b<table>"),
		"json":              "<script type=application/ld+json>" + fill("[") + "</script>",
		"brs":               fill("<br>"),
		"bases":             fill("<base href=x/>"),
		"rules":             fill("<header><h1>x</h1></header>"),
		"noscripts":         fill("<noscript><img src=x/y.jpg>"),
		"plaintext":         "<plaintext>" + fill("<p>"),
		"svg":               fill("<svg><title>"),
		"frames":            fill("<frameset><frame src=x>"),
	}
}

// TestHostile: every hostile page of a megabyte is read in bounded time, memory and stack, and its text is UTF-8.
func TestHostile(t *testing.T) {
	size := 1 << 20
	if testing.Short() {
		size = 1 << 17
	}
	for name, page := range hostile(size) {
		for _, rule := range []string{MainDensity, MainStrip, MainReadability} {
			if rule == MainReadability && testing.Short() {
				continue
			}
			o := Default()
			o.Main = rule
			o.Card = true
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			p, err := Parse([]byte(page), "http://a.example/b/c.html", "", o)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !utf8.ValidString(p.Text) {
				t.Errorf("%s: text is no UTF-8", name)
			}
			if took > 10*time.Second {
				t.Errorf("%s, %s: took %v for %d bytes", name, rule, took, len(page))
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 400*uint64(len(page)) {
				t.Errorf("%s, %s: allocated %d MB for %d bytes", name, rule, used>>20, len(page))
			}
			if len(p.Pictures) > o.Most+1 {
				t.Errorf("%s: %d pictures", name, len(p.Pictures))
			}
		}
		Strip(page)
	}
}

// TestLinear: eight times the bytes take about eight times as long.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	small, large := hostile(1<<16), hostile(1<<19)
	o := Default()
	measure := func(page string) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			if _, err := Parse([]byte(page), "http://a.example/", "", o); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	for name := range small {
		a, b := measure(small[name]), measure(large[name])
		ratio := float64(b) / float64(a) / (float64(len(large[name])) / float64(len(small[name])))
		if ratio > 4 && b > 200*time.Millisecond {
			t.Errorf("%s: %v for %d bytes, %v for %d: %.1f times what is linear", name, a, len(small[name]), b, len(large[name]), ratio)
		}
		if b > 100*time.Millisecond {
			t.Logf("%-18s %v for %d bytes", name, b, len(large[name]))
		}
	}
}

// TestDeep: a hundred thousand nested tags.
func TestDeep(t *testing.T) {
	page := strings.Repeat("<div>", 100_000) + "<p>最里面的一段文字。</p>" + strings.Repeat("</div>", 100_000) + "<p>最外面的一段文字。</p>"
	for _, rule := range []string{MainDensity, MainStrip, MainReadability} {
		o := Default()
		o.Main = rule
		p, err := Parse([]byte(page), "", "", o)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.Text, "最里面的一段文字。") || !strings.Contains(p.Text, "最外面的一段文字。") || p.Notes["nesting cut"] == 0 {
			t.Errorf("%s: text %q, notes %v", rule, p.Text, p.Notes)
		}
		if rule == MainReadability && p.Main == MainReadability {
			t.Errorf("readability was given the deep page")
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, page := range hostile(64) {
		f.Add([]byte(page), "http://a.example/b", uint8(0))
	}
	for i, name := range []string{"news", "blog", "shop", "encyclopedia", "forum", "tables"} {
		f.Add(readFile(f, "pages", name+".html"), "dir/page.html", uint8(i))
	}
	f.Add([]byte("\xff\xfe<\x00p\x00>\x00"), "", uint8(3))
	f.Fuzz(checkParse)
}

// checkParse parses a page by the options that mode stands for and checks what holds for any page.
func checkParse(t *testing.T, body []byte, address string, mode uint8) {
	o := Default()
	o.Main = []string{MainDensity, MainStrip, MainReadability}[mode%3]
	o.Card, o.Cross, o.Marks, o.Names = mode&4 > 0, mode&8 > 0, mode&16 > 0, mode&32 > 0
	if mode&64 > 0 {
		o.Within, o.Depth, o.Most, o.Texts, o.Bytes = "main", 8, 3, 2, 1024
	}
	p, err := Parse(body, address, "", o)
	if err != nil {
		return
	}
	again, err := Parse(body, address, "", o)
	if err != nil || fmt.Sprintf("%+v", *p) != fmt.Sprintf("%+v", *again) {
		t.Fatalf("twice the same input, two results")
	}
	for _, s := range []string{p.Title, p.Text, p.Date, p.Language} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r") {
			t.Fatalf("text %q", s)
		}
	}
	if strings.Contains(p.Text, "\n\n") || strings.Trim(p.Text, "\n") != p.Text {
		t.Fatalf("empty lines in %q", p.Text)
	}
	if len(p.Pictures) > o.Most+1 {
		t.Fatalf("%d pictures: want at most %d", len(p.Pictures), o.Most)
	}
	for _, pic := range p.Pictures {
		if (pic.Address == "") == (len(pic.Data) == 0) || strings.ContainsAny(pic.Address, " \n\t#") && strings.Contains(pic.Address, "://") {
			t.Fatalf("picture %+v", pic)
		}
		for _, a := range pic.Texts {
			if n := utf8.RuneCountInString(a.Text); n < o.LeastChars || n > o.MostChars || strings.ContainsAny(a.Text, "\r\n") || a.Distance < 0 || !utf8.ValidString(a.Text) {
				t.Fatalf("text %+v", a)
			}
		}
	}
}

// TestBroken: pages with pieces cut out, doubled, swapped and spoilt.
func TestBroken(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	files, _ := filepath.Glob("testdata/*/*.html")
	tags := []string{"<table>", "</div>", "<", ">", "'", "\"", "<!--", "-->", "<p", "</p>", "<img src=", "\x00", "\xff", "<script>", "</script>", "&#", "<td>", "<figure>", "<noscript>", "<a href=x>", "</a>"}
	for i := range 400 {
		file := files[i%len(files)]
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rng.IntN(6) {
			a := rng.IntN(len(body))
			b := a + rng.IntN(min(200, len(body)-a))
			switch rng.IntN(4) {
			case 0:
				body = slices.Delete(body, a, b)
			case 1:
				body = slices.Insert(body, rng.IntN(len(body)), slices.Clone(body[a:b])...)
			case 2:
				body = slices.Insert(body, a, []byte(tags[rng.IntN(len(tags))])...)
			default:
				body[a] ^= byte(1 + rng.IntN(255))
			}
			if len(body) < 10 {
				break
			}
		}
		checkParse(t, body, "dir/page.html", uint8(rng.IntN(128)))
		if t.Failed() {
			t.Fatalf("round %d of %s", i, file)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("春天"), "gbk")
	f.Add([]byte("\xb4\xba\xcc\xec"), "")
	f.Add([]byte("<meta charset=big5>\xac\xb5"), "utf-8")
	f.Add([]byte("\xfe\xff\x00<"), "utf-16")
	f.Add([]byte("~{;F~}"), "hz-gb-2312")
	f.Add([]byte("\x1b$B"), "iso-2022-jp")
	f.Fuzz(func(t *testing.T, body []byte, charset string) {
		text, used, bad := Decode(body, charset)
		if !utf8.ValidString(text) || used == "" || bad < 0 || bad > len(body)+1 {
			t.Fatalf("%q, %q: %q as %q with %d bad", body, charset, text, used, bad)
		}
		again, usedAgain, badAgain := Decode(body, charset)
		if again != text || usedAgain != used || badAgain != bad {
			t.Fatalf("twice the same input, two results")
		}
		if got, used, bad := Decode([]byte(text), ""); utf8.RuneCountInString(text) > 40 && used == utf8Name && (got != strings.TrimPrefix(text, "\ufeff") || bad != 0) {
			t.Fatalf("UTF-8 %q came back as %q", text, got)
		}
	})
}

func FuzzStrip(f *testing.F) {
	for _, page := range hostile(48) {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := Strip(s)
		if utf8.ValidString(s) && !utf8.ValidString(text) {
			t.Fatalf("%q: text %q", s, text)
		}
	})
}
