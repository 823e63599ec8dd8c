package clean

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/liuzl/gocc"
)

// nasty are pieces that rules trip over when they come together.
var nasty = []string{
	"。", "！", "？", "，", "；", "、", "：", "…", "—", "“", "”", "‘", "’", "「", "」", "（", "）", "《", "》", "【", "】",
	".", ",", "!", "?", ";", ":", "-", "+", "'", "\"", "(", ")", "[", "]", "{", "}", "<", ">", "&", "/", "=", "#", "@", "_", "%",
	" ", "  ", "\n", "\r\n", "\t", "\u3000", "\u00a0", "\u2028", "\u200b", "\ufeff", "\x00", "\ufffd",
	"<b>", "</b>", "<p ", "<br>", "<script>", "</script>", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "&lt;", "&gt;", "&amp;", "&#38;", "&#60;", "&nbsp;", "&#x62;",
	"lt;", "amp;", "#60;", "b", "p", "a", "x", "X", "C++", "Dr.", "https://", "http://a.b/c", "www.", ".com", "a@b.cn", "1", "0", "13800138000", "138", "0013", "8000",
	"010-", "12345678", "11010519491231002X", "4111 1111 1111 1111", "192.168.1.1", "::", "3.14", "２", "Ａ", "①", "²", "é", "ß", "e\u0301",
	"中", "文", "好", "今天天气很好", "這", "發", "乾", "隆", "么麼", "麼", "幺", "着", "著", "鍾", "一目瞭然", "加微信", "加微", "信", "春天", "坏词", "乱", "casino", "ass", "the ",
	"か", "カ", "한", "я", "😀", "❤️", "🇨🇳", "\U00020000", "\U0002F800", "\uf900", "⼀", "\ue000", "\xff", "\xe4\xb8", "、、", "！！", "……", "——",
}

func nastyText(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(30) {
		b.WriteString(nasty[rng.IntN(len(nasty))])
	}
	return b.String()
}

// ruleSets are what the rules are tried with: each alone, and together.
func ruleSets(t testing.TB) map[string]*Cleaner {
	base := Default()
	base.Words.Lists = []WordList{{File: "testdata/words/neutral.txt", Category: "spam"}}
	base.Perplexity.Model = "m"
	base.Length.Content = 4
	sets := map[string]Options{"default": base, "paper": Paper()}
	for _, rule := range RuleNames() {
		o := one(base, rule)
		o.Again.On = true
		sets[rule] = o
		o.Again.On = false
		sets[rule+" once"] = o
	}
	o := base
	o.Personal.Phone, o.Personal.Email, o.Personal.IP = "sentence", "sentence", "mask"
	o.Language.Level, o.Language.MaxTraditional = levelSentence, 0.5
	o.Characters.Digits, o.Characters.Accents, o.Characters.Forms = false, "keep", "keep"
	sets["sentences"] = o
	o.Characters.Digits, o.Characters.Accents, o.Characters.Forms = true, "drop", "drop"
	sets["drops"] = o
	cleaners := map[string]*Cleaner{}
	for name, o := range sets {
		c, err := New(o, testModel)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cleaners[name] = c
	}
	return cleaners
}

// checkRules holds every promise of Clean against one text.
func checkRules(t *testing.T, sets map[string]*Cleaner, title, body string) {
	t.Helper()
	for name, c := range sets {
		var counts Counts
		text := Text{Source: "forum", Title: title, Body: body, Counts: &counts}
		reason := c.Clean(&text, nil)
		if err := counts.Check(); err != nil {
			t.Fatalf("%s: %+q: %v", name, body, err)
		}
		watched := Text{Source: "forum", Title: title, Body: body}
		if got := c.Clean(&watched, func(string, string, string) {}); got != reason || watched.Title != text.Title || watched.Body != text.Body {
			t.Fatalf("%s: %+q: %q and %+q, watched %q and %+q", name, body, reason, text.Body, got, watched.Body)
		}
		if !utf8.ValidString(text.Body) || !utf8.ValidString(text.Title) {
			t.Fatalf("%s: %+q gives %+q, which is no UTF-8", name, body, text.Body)
		}
		if reason != "" {
			if len(counts.Rules) == 0 || !strings.Contains(reason, ": ") {
				t.Fatalf("%s: %+q: reason %q", name, body, reason)
			}
			continue
		}
		longer := strings.HasPrefix(name, "simplify") || !strings.Contains("markup punctuation characters personal length words perplexity language again", strings.TrimSuffix(name, " once"))
		if !longer && (len(text.Body) > len(body) || len(text.Title) > len(title)) {
			t.Fatalf("%s: %+q became longer: %+q", name, body, text.Body)
		}
		if strings.HasSuffix(name, " once") {
			continue
		}
		again := Text{Source: "forum", Title: text.Title, Body: text.Body}
		if got := c.Clean(&again, nil); got != "" || again.Body != text.Body || again.Title != text.Title {
			t.Fatalf("%s: %+q gives %+q, cleaned again %+q %+q (%s)", name, body, text.Body, again.Title, again.Body, got)
		}
	}
	var joined strings.Builder
	for s := range Sentences(body) {
		if s == "" {
			t.Fatalf("%+q has an empty sentence", body)
		}
		joined.WriteString(s)
	}
	if joined.String() != body {
		t.Fatalf("%+q: sentences join to %+q", body, joined.String())
	}
}

// Every rule alone and all together on texts of pieces that rules trip over: valid UTF-8, never longer but by simplify, twice is once,
// nothing lost, watched or not.
func TestRandomTexts(t *testing.T) {
	sets := ruleSets(t)
	rng := rand.New(rand.NewPCG(1, 2))
	n := 3000
	if testing.Short() {
		n = 500
	}
	unstable := 0
	for range n {
		title, body := nastyText(rng), nastyText(rng)
		checkRules(t, sets, title, body)
		text := Text{Body: body}
		if sets["default"].Clean(&text, nil) == reasonUnstable {
			unstable++
		}
	}
	if unstable > n/100 {
		t.Errorf("%d of %d texts never came to rest", unstable, n)
	}
}

func FuzzRules(f *testing.F) {
	sets := ruleSets(f)
	f.Add("标题", "<p>今天天气很好！！！</p>&nbsp;加微信。")
	f.Add("<b>", "<b<b>>&amp;lt;b&gt;<!--x-->&#60;")
	f.Add("", "。。…………——————!!??（（（））)")
	f.Add("x", "138-0013-8000 a@b.cn 11010519491231002X 4111 1111 1111 1111 ::1 1.2.3.4")
	f.Add("", "么麼發乾隆𠮷\xff\xe4\xb8かな한글😀❤️\u200b\n \r\n\t")
	f.Add("", "他说：“你好。我走了。”Dr. Smith e.g. 3.14. 加微信\n\n乱乱乱乱乱乱乱乱乱乱。")
	f.Fuzz(func(t *testing.T, title, body string) { checkRules(t, sets, title, body) })
}

// Hostile texts cost little more than others.
func TestHostileTexts(t *testing.T) {
	c := ruleSets(t)["default"]
	const size = 1 << 18
	for _, piece := range []string{
		"<", "<a b='", "<a b=\"<a ' b='<a ", "<!--", "<![CDATA[", "<script>", "</", "<p x", "&", "&amp;", "amp;", "&#38;", "&#x26;lt;", "“", "(", "（“「", "“。", "\"", ".", ". ", "a.", "1.",
		"1 ", "1-", "0", "138 0013 ", "@", "a@", "a@b.", "::", "1:", " ", "\n", "！", "！ ", "😀 ", "！😀", "發", "乾", "加微", "加微信", "加微信。", "\xff", "<😀b>", "\u3000",
	} {
		body := strings.Repeat(piece, size/len(piece))
		start := cpuSeconds()
		text := Text{Body: body}
		c.Clean(&text, nil)
		if took := time.Duration((cpuSeconds() - start) * 1e9); took > 2*time.Second {
			t.Errorf("%q repeated to 256 kB takes %v", piece, took)
		} else if testing.Verbose() && took > 100*time.Millisecond {
			t.Logf("%q: %v", piece, took)
		}
	}
}

// Our own tables write what the converter writes: every character, every phrase in every neighbourhood, and the sample in traditional characters.
func TestSimplifyEqualsConverter(t *testing.T) {
	cc, err := gocc.New("t2s")
	if err != nil {
		t.Fatal(err)
	}
	table, err := traditional()
	if err != nil {
		t.Fatal(err)
	}
	var phrases []string
	characters := 0
	for _, s := range table.starts {
		for _, p := range s.phrases {
			phrases = append(phrases, p.from)
		}
	}
	for _, to := range table.high {
		if to != "" {
			characters++
		}
	}
	if len(phrases) < 250 || characters < 3500 {
		t.Fatalf("the tables hold %d phrases and %d characters", len(phrases), characters)
	}
	changed := 0
	check := func(s string) {
		t.Helper()
		want, err := cc.Convert(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := apply(s, table.scan(s, nil)); got != want {
			t.Fatalf("%q becomes %q, the converter writes %q", s, got, want)
		}
		if want != s {
			changed++
		}
	}
	for r := rune(0x3400); r < 0x2FA20; r++ {
		if r < 0xA000 || r > 0xF8FF && r < 0xFFFF || r > 0x1FFFF {
			check(string(r))
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1500 {
		var b strings.Builder
		for range 12 {
			p := []rune(phrases[rng.IntN(len(phrases))])
			b.WriteString(string(p[rng.IntN(len(p)):])) // also the ends of phrases
			if rng.IntN(4) == 0 {
				b.WriteString(nasty[rng.IntN(len(nasty)-2)])
			}
		}
		check(strings.ToValidUTF8(b.String(), ""))
	}
	pagesSeen := 0
	for i, page := range traditionalPages(t) {
		if i%40 > 0 {
			continue
		}
		check(page)
		want, err := cc.Convert(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(page, "乾") {
			continue // the rule knows more reigns
		}
		pagesSeen++
		if got, err := Simplify(page); err != nil || got != want {
			t.Fatalf("%q becomes %q, the converter writes %q, %v", page, got, want, err)
		}
	}
	if pagesSeen < 5 {
		t.Errorf("only %d pages were compared", pagesSeen)
	}
	if changed < 2000 {
		t.Errorf("only %d texts had anything to change", changed)
	}
}

// What the rule writes it leaves alone, also where the converter would not.
func TestSimplifySettles(t *testing.T) {
	for in, want := range map[string]string{"乾清宮": "乾清宫", "乾清宫": "乾清宫", "什么": "什么", "么麼": "幺麽", "幺麽": "幺麽", "扭轉乾坤": "扭转乾坤", "薴": "苎", "苎": "苎",
		"乾寧二年": "乾宁二年", "乾宁二年": "乾宁二年", "乾符": "乾符", "乾隆": "乾隆", "晒乾": "晒干", "餅乾": "饼干", "乾淨": "干净", "\xff發": "\uFFFD发"} {
		if got, err := Simplify(in); err != nil || got != want {
			t.Errorf("%q becomes %q, %v: want %q", in, got, err, want)
		}
	}
	cc, err := gocc.New("t2s")
	if err != nil {
		t.Fatal(err)
	}
	for r := rune(0x3400); r < 0x2FA20; r++ {
		got, err := Simplify(string(r))
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := Simplify(got); again != got {
			t.Errorf("%c becomes %s and then %s", r, got, again)
		}
		if want, _ := cc.Convert(string(r)); got != want && r != '薴' && r != '鏇' {
			t.Errorf("%c becomes %s, the converter writes %s", r, got, want)
		}
	}
}

func BenchmarkConverter(b *testing.B) {
	cc, err := gocc.New("t2s")
	if err != nil {
		b.Fatal(err)
	}
	page := strings.Join(traditionalPages(b)[:20], "")
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		if _, err := cc.Convert(page); err != nil {
			b.Fatal(err)
		}
	}
}
