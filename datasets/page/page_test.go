package page

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"
)

// tokens counts the words of s, where each Chinese character is one.
func tokens(s string) map[string]int {
	m := map[string]int{}
	start := -1
	end := func(i int) {
		if start >= 0 {
			m[strings.ToLower(s[start:i])]++
			start = -1
		}
	}
	for i, r := range s {
		switch {
		case unicode.Is(unicode.Han, r):
			end(i)
			m[string(r)]++
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if start < 0 {
				start = i
			}
		default:
			end(i)
		}
	}
	end(len(s))
	return m
}

// overlap returns precision, recall and F1 of the words of got.
func overlap(got, want string) (precision, recall, f1 float64) {
	g, w := tokens(got), tokens(want)
	common, ng, nw := 0, 0, 0
	for word, n := range g {
		ng += n
		common += min(n, w[word])
	}
	for _, n := range w {
		nw += n
	}
	if common == 0 {
		return 0, 0, 0
	}
	precision, recall = float64(common)/float64(ng), float64(common)/float64(nw)
	return precision, recall, 2 * precision * recall / (precision + recall)
}

func readFile(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, body []byte, o Options) *Page {
	t.Helper()
	p, err := Parse(body, "https://www.example.com/news/2011/a.html", "", o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMainContent: on pages of each kind, the main text of the density rule is what a reader would call it, and no rule loses much of it.
func TestMainContent(t *testing.T) {
	least := map[string][2]float64{MainDensity: {0.94, 0.94}, MainReadability: {0.7, 0.95}, MainStrip: {0.6, 0.99}} // precision, recall of each page
	for _, rule := range []string{MainDensity, MainReadability, MainStrip} {
		mean := 0.0
		files, _ := filepath.Glob("testdata/pages/*.html")
		if len(files) != 6 {
			t.Fatalf("pages %v: want 6", files)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".html")
			o := Default()
			o.Main = rule
			p := parse(t, readFile(t, "pages", name+".html"), o)
			precision, recall, f1 := overlap(p.Text, string(readFile(t, "pages", name+".txt")))
			mean += f1 / float64(len(files))
			if precision < least[rule][0] || recall < least[rule][1] || p.Main != rule {
				t.Errorf("%s, %s (found by %s): precision %.3f, recall %.3f: want %v:\n%s", name, rule, p.Main, precision, recall, least[rule], p.Text)
			}
		}
		t.Logf("%-12s mean F1 %.3f", rule, mean)
	}
}

// TestMainContentForeign measures the density rule on the pages that go-readability is tested with, which come with the module. Their
// expected text is what Mozilla's readability makes of them.
func TestMainContentForeign(t *testing.T) {
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "codeberg.org/readeck/go-readability/v2").Output()
	if err != nil {
		t.Fatalf("where go-readability lies: %v", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(module)), "test-pages")
	files, _ := filepath.Glob(filepath.Join(folder, "*", "source.html"))
	if len(files) < 100 {
		t.Fatalf("%d pages in %s", len(files), folder)
	}
	for _, rule := range []string{MainDensity, MainReadability, MainStrip} {
		o := Default()
		o.Main = rule
		var sum [3]float64
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(filepath.Dir(file), "expected.html"))
			if err != nil {
				t.Fatal(err)
			}
			a, b, c := overlap(parse(t, body, o).Text, Strip(string(want)))
			sum[0], sum[1], sum[2] = sum[0]+a, sum[1]+b, sum[2]+c
		}
		n := float64(len(files))
		t.Logf("%-12s precision %.3f recall %.3f F1 %.3f on %d pages", rule, sum[0]/n, sum[1]/n, sum[2]/n, len(files))
		if rule == MainDensity && sum[2]/n < 0.93 {
			t.Errorf("density has F1 %.3f: want 0.93", sum[2]/n)
		}
	}
}

// TestEncoded: a page in its place's charset is the page in UTF-8.
func TestEncoded(t *testing.T) {
	for file, charset := range map[string]string{"news.gb2312.html": "gb18030", "forum.big5.html": "big5", "tables.none.html": "gb18030"} {
		name, _, _ := strings.Cut(file, ".")
		for _, header := range []string{"", charset, "text/html; charset=" + charset, "utf-8", "iso-8859-1"} {
			got, err := Parse(readFile(t, "encoded", file), "https://www.example.com/news/2011/a.html", header, Default())
			if err != nil {
				t.Fatal(err)
			}
			want := parse(t, readFile(t, "pages", name+".html"), Default())
			if got.Charset != charset || got.Bad != 0 {
				t.Errorf("%s, header %q: charset %s with %d bad: want %s", file, header, got.Charset, got.Bad, charset)
			}
			got.Charset, got.Declared, want.Declared = want.Charset, "", ""
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, header %q:\n got %+v\nwant %+v", file, header, got, want)
			}
		}
	}
}

// TestHead: title, date, licence, language and base.
func TestHead(t *testing.T) {
	for name, want := range map[string]Page{
		"news":         {Title: "江边小镇办起晒谷节 七百人同吃新米饭", Date: "2011-10-08T09:30:00-00:00", Base: "https://www.example.com/news/2011/a.html", Declared: "gb2312"},
		"encyclopedia": {Title: "油纸伞", Date: "2015-03-02T08:00:00Z", Language: "zh-Hans", License: "https://creativecommons.org/licenses/by-sa/4.0/deed.zh", Base: "https://www.example.com/news/2011/a.html", Declared: "utf-8"},
		"forum":        {Title: "第一次自己種番茄的記錄", Base: "https://www.example.com/news/2011/a.html", Declared: "big5"},
		"shop":         {Title: "手工编织竹篮 家用买菜篮 有盖野餐篮", Base: "https://item.shop.example/goods/1024/", Declared: "gb2312"},
		"blog":         {Title: "一个人骑车去看盐湖", Date: "2021-08-15T20:12:00+08:00", Language: "zh-CN", License: "https://creativecommons.org/licenses/by-nc/4.0/", Base: "https://www.example.com/news/2011/a.html"},
		"tables":       {Title: "怎样挑一把好茶壶", Base: "https://www.example.com/news/2011/a.html"},
	} {
		p := parse(t, readFile(t, "pages", name+".html"), Default())
		got := Page{Title: p.Title, Date: p.Date, Language: p.Language, License: p.License, Base: p.Base, Declared: p.Declared}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
		if p.Charset != "utf-8" || p.Bad != 0 {
			t.Errorf("%s: read as %s with %d bad bytes", name, p.Charset, p.Bad)
		}
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"2019-05-01T10:20:30+08:00": "2019-05-01T10:20:30+08:00", "2019-05-01T10:20:30Z": "2019-05-01T10:20:30Z", "2019-05-01T10:20:30.123+0800": "2019-05-01T10:20:30+08:00",
		"2019-05-01 10:20:30": "2019-05-01T10:20:30-00:00", " 2019-05-01 10:20 ": "2019-05-01T10:20:00-00:00", "2019年5月1日 10:20": "2019-05-01T10:20:00-00:00",
		"2019年05月01日": "2019-05-01", "2019/5/1": "2019-05-01", "20190501": "2019-05-01", "Wed, 01 May 2019 10:20:30 +0800": "2019-05-01T10:20:30+08:00",
		"": "", "yesterday": "", "2019-13-01": "", "0001-01-01": "", "9999-01-01": "", "刚刚发布于今天早上": "",
	} {
		if got := parseDate(in); got != want {
			t.Errorf("parseDate(%q) = %q: want %q", in, got, want)
		}
	}
}

// TestOptions: JSON there and back, bounds, names.
func TestOptions(t *testing.T) {
	data, err := json.Marshal(Default())
	if err != nil {
		t.Fatal(err)
	}
	var back Options
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, Default()) {
		t.Errorf("JSON there and back: %+v, %v", back, err)
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*Options){
		"main": func(o *Options) { o.Main = "" }, "within": func(o *Options) { o.Within = "all" }, "depth": func(o *Options) { o.Depth = 0 }, "bytes": func(o *Options) { o.Bytes = 1 << 40 },
		"kinds": func(o *Options) { o.Kinds = []string{"alt", "figcaptoin"} }, "twice": func(o *Options) { o.Kinds = []string{"alt", "alt"} }, "lazy": func(o *Options) { o.Lazy = []string{"data src"} },
		"most_chars": func(o *Options) { o.MostChars = o.LeastChars - 1 }, "distance": func(o *Options) { o.Distance = -1 }, "width": func(o *Options) { o.Width = 0 },
	} {
		o := Default()
		edit(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v: want one that names it", name, err)
		}
		if _, err := Parse([]byte("x"), "", "", o); err == nil {
			t.Errorf("%s: Parse takes it", name)
		}
	}
}

// TestBinary: what is no text is an error of one line that says what it is.
func TestBinary(t *testing.T) {
	for body, kind := range map[string]string{"%PDF-1.4 ...": "PDF", "\x89PNG\r\n\x1a\n...": "PNG", "\x1f\x8b\x08...": "gzip", "PK\x03\x04": "zip"} {
		_, err := Parse([]byte(body), "https://a.example/x", "", Default())
		if err == nil || !strings.Contains(err.Error(), kind) || !strings.Contains(err.Error(), "https://a.example/x") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v: want one line that says %s and the address", body, err, kind)
		}
	}
	for _, body := range []string{"", " ", "\x00", "<", "plain text"} {
		if _, err := Parse([]byte(body), "", "", Default()); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestParallel: the same page gives the same result in many goroutines, also after other pages, and shares nothing with the input.
func TestParallel(t *testing.T) {
	files, _ := filepath.Glob("testdata/pages/*.html")
	want := map[string]string{}
	for _, f := range files {
		want[f] = fmt.Sprintf("%+v", *parse(t, readFile(t, "pages", filepath.Base(f)), Default()))
	}
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for i := range 60 {
				f := files[(i*7+g)%len(files)]
				body := readFile(t, "pages", filepath.Base(f))
				p := parse(t, body, Default())
				clear(body)
				if got := fmt.Sprintf("%+v", *p); got != want[f] {
					t.Errorf("%s: another result", f)
				}
			}
		})
	}
	wait.Wait()
}

// TestStrip has the cases that a reference would not settle.
func TestStrip(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"<pre>一\n  二\n\n三</pre>":              "一\n二\n三",
		"价格&yen;3，a&lt;b":                     "价格¥3，a<b",
		"<p>a\x00b\x01c\u200b\u202ed</p>":     "abcd",
		"<div style='DISPLAY : NONE'>x</div>": "x", // styles are matched as written, in lower case
		"<div style='color:red;display :  none'>藏</div>露的部分":              "露的部分",
		"<p hidden=false>露</p><p aria-hidden=true>藏</p>":                  "露",
		"<tr><td>长" + strings.Repeat("文", 300) + "</td><td>二</td></tr>":   "长" + strings.Repeat("文", 300) + "\n二",
		"<div>一<svg><text>画</text><p>二</p></div>三":                        "一\n二\n三",
		"<div>一<svg><foreignObject><p>画</p></foreignObject></svg>二</div>": "一二",
		"<p>一</p>\n<!-- \n -->\n<p>二</p><frameset><frame></frameset>三":    "一\n二\n三",
	} {
		if got := Strip(in); got != want {
			t.Errorf("Strip(%q) = %q: want %q", in, got, want)
		}
	}
	o := Default()
	o.Marks, o.Main, o.Cell = true, MainStrip, " | "
	p := parse(t, []byte("<ul><li>甲<li>乙</ul><ol start=3><li><p>丙</p><li>丁</ol><table><tr><td>名<td>价</table>"), o)
	if want := "- 甲\n- 乙\n3. 丙\n4. 丁\n名 | 价"; p.Text != want {
		t.Errorf("marks: %q: want %q", p.Text, want)
	}
}

// TestCut: a document over the limit is cut at a character and says so, as is nesting.
func TestCut(t *testing.T) {
	o := Default()
	o.Bytes, o.Main = 1024, MainStrip
	p := parse(t, []byte("<p>"+strings.Repeat("春", 1000)), o)
	if p.Notes["document cut"] != 1 || !utf8.ValidString(p.Text) || utf8.RuneCountInString(p.Text) != (1024-3)/3 {
		t.Errorf("cut: notes %v, %d characters", p.Notes, utf8.RuneCountInString(p.Text))
	}
	o = Default()
	o.Depth, o.Main = 8, MainStrip
	p = parse(t, []byte(strings.Repeat("<div>", 20)+"内<script>藏</script><p>二</p>"+strings.Repeat("</div>", 20)+"外"), o)
	if p.Text != "内\n二\n外" || p.Notes["nesting cut"] == 0 {
		t.Errorf("nesting: %q, notes %v", p.Text, p.Notes)
	}
	if q := parse(t, []byte(strings.Repeat("<br>x", mostNodes)), Default()); q.Notes["document cut"] != 1 || len(q.Text) < mostNodes/2 {
		t.Errorf("elements: notes %v, %d bytes", q.Notes, len(q.Text))
	}
	var kinds []string
	for k := range p.Notes {
		kinds = append(kinds, k)
	}
	if !slices.Equal(kinds, []string{"nesting cut"}) {
		t.Errorf("notes %v", p.Notes)
	}
}
