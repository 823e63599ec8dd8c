package text

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// goldenCase is a line of testdata/wordpiece.json.gz: ids and offsets of the reference library, made by
// scripts/reference/wordpiece.py. Spans are flat: start, end, start, end.
type goldenCase struct {
	Text       string  `json:"text"`
	Lower      []int32 `json:"lower"`
	LowerSpans []int   `json:"lower_spans"`
	Cased      []int32 `json:"cased"`
	CasedSpans []int   `json:"cased_spans"`
	Named      []int32 `json:"special"` // lower, with special tokens in the text; only where it has a bracket
	NamedSpans []int   `json:"special_spans"`
}

func golden(t testing.TB) []goldenCase {
	t.Helper()
	f, err := os.Open("testdata/wordpiece.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var data struct{ Cases []goldenCase }
	if err := json.NewDecoder(z).Decode(&data); err != nil {
		t.Fatal(err)
	}
	if len(data.Cases) < 400 {
		t.Fatalf("%d golden lines, want several hundred", len(data.Cases))
	}
	return data.Cases
}

func spans(flat []int) []Span {
	out := make([]Span, 0, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		out = append(out, Span{flat[i], flat[i+1]})
	}
	return out
}

func TestGolden(t *testing.T) {
	lower, cased := New(BertChinese(), Options{Lower: true}), New(BertChinese(), Options{})
	special := New(BertChinese(), Options{Lower: true, Special: true})
	check := func(name string, tok *Tokenizer, text string, want []int32, flat []int) {
		t.Helper()
		if got := tok.Encode(text); !cmp.Equal(got, append([]int32{}, want...)) {
			t.Errorf("%s Encode(%+q)\n got %v\nwant %v", name, text, got, want)
		}
		ids, got := tok.EncodeOffsets(text)
		if !cmp.Equal(ids, append([]int32{}, want...)) {
			t.Errorf("%s EncodeOffsets(%+q)\n got %v\nwant %v", name, text, ids, want)
		}
		if want := spans(flat); !cmp.Equal(got, want) {
			t.Errorf("%s offsets of %+q\n got %v\nwant %v", name, text, got, want)
		}
	}
	for _, c := range golden(t) {
		check("lower", lower, c.Text, c.Lower, c.LowerSpans)
		check("cased", cased, c.Text, c.Cased, c.CasedSpans)
		if strings.Contains(c.Text, "[") {
			check("special", special, c.Text, c.Named, c.NamedSpans)
		}
	}
}

// Every code point, in four modes, between letters, marks and blanks: the words are those of the reference library, by
// their digests, and the fast path has the ids of the exact one. With -short, of the planes that are Han, private or empty
// only one block in 16.
func TestEveryCodePoint(t *testing.T) {
	modes := []*Tokenizer{
		New(BertChinese(), Options{Lower: true}),
		New(BertChinese(), Options{Lower: true, Accents: AccentsKeep}),
		New(BertChinese(), Options{}),
		New(BertChinese(), Options{Accents: AccentsStrip}),
	}
	data, err := os.ReadFile("testdata/codepoints.txt")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	blocks := 0
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if first := strings.Fields(line)[0]; !testing.Short() || first < "020000" || first == "0E0000" || blocks%16 == 0 {
			group.Go(func() { checkBlock(t, modes, strings.Fields(line)) })
		}
		blocks++
	}
	group.Wait()
	if want := 0x110000 / 4096; blocks != want {
		t.Errorf("%d blocks, want %d", blocks, want)
	}
}

func checkBlock(t *testing.T, modes []*Tokenizer, fields []string) {
	var first rune
	if _, err := fmt.Sscanf(fields[0], "%X", &first); err != nil {
		t.Errorf("%q: %v", fields[0], err)
		return
	}
	for i, mode := range modes {
		sum := sha256.New()
		for c := first; c < first+4096; c++ {
			if !utf8.ValidRune(c) {
				continue
			}
			s := "A\u00c9" + string(c) + "b \u0323" + string(c) + "\u00e9"
			words(mode.options.normalize(s, 0), func(word []unit) {
				for _, u := range word {
					sum.Write(utf8.AppendRune(nil, u.r))
				}
				sum.Write([]byte{0})
			})
			if got, want := mode.Encode(s), mode.appendExact(nil, s); !slices.Equal(got, want) {
				t.Errorf("mode %d: U+%04X: the fast path gives %v, the exact one %v", i, c, got, want)
			}
		}
		if got, want := hex.EncodeToString(sum.Sum(nil)[:8]), fields[1+i]; got != want {
			t.Errorf("mode %d: words with U+%04X to U+%04X: digest %s, want %s", i, first, first+4095, got, want)
		}
	}
}

func TestEncode(t *testing.T) {
	v := vocab(t, "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "一", "##二", "[", "]", "mask", "##", "a")
	tests := []struct {
		name, text string
		options    Options
		want       []int32
	}{
		{"longest pieces", "unaffable", Options{}, []int32{5, 6, 7}},
		{"a word that cannot go on is unknown as a whole", "unaffably", Options{}, []int32{1}},
		{"Han characters are words, so no ## of them", "一二", Options{}, []int32{8, 1}},
		{"special names are words", "[MASK]", Options{Lower: true}, []int32{10, 12, 11}},
		{"unless asked for", "a[MASK]一[SEP][mask]", Options{Lower: true, Special: true}, []int32{14, 4, 8, 3, 10, 12, 11}},
		{"blanks only", " \t\u3000\n", Options{}, []int32{}},
		{"nothing", "", Options{}, []int32{}},
		{"bytes that are not UTF-8 are dropped", "u\xff\xfen\xe4\xb8", Options{}, []int32{5}},
		{"## alone is two punctuation characters", "##", Options{}, []int32{1, 1}},
		{"a word of 101 characters", strings.Repeat("a", 101), Options{}, []int32{1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tok := New(v, test.options)
			if got := tok.Encode(test.text); !cmp.Equal(got, test.want) {
				t.Errorf("Encode(%q) = %v, want %v", test.text, got, test.want)
			}
			ids, spans := tok.EncodeOffsets(test.text)
			if !cmp.Equal(ids, test.want) || len(spans) != len(ids) {
				t.Errorf("EncodeOffsets(%q) = %v, %v, want %v", test.text, ids, spans, test.want)
			}
		})
	}
	t.Run("no continuations at all", func(t *testing.T) {
		tok := New(vocab(t, "[UNK]", "a", "b"), Options{})
		if got, want := tok.Encode("a b ab"), []int32{1, 2, 0}; !cmp.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestEncodeOffsets(t *testing.T) {
	tok := New(BertChinese(), Options{Lower: true, KeepPunctuation: true, Special: true})
	text := "他说：“Café” [MASK]…한"
	ids, spans := tok.EncodeOffsets(text)
	var got []string
	for i, span := range spans {
		got = append(got, tok.Vocab().Token(ids[i])+"="+text[span.Start:span.End])
	}
	want := []string{"他=他", "说=说", "：=：", "[unused1]=“", "cafe=Café", "[unused2]=”", "[MASK]=[MASK]", "[unused6]=…", "ᄒ=한", "##ᅡ=한", "##ᆫ=한"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAppend(t *testing.T) {
	tok := New(BertChinese(), Options{Lower: true})
	want := append([]int32{101}, append(tok.Encode("你好"), tok.Encode("world")...)...)
	got := tok.Append(tok.Append([]int32{101}, "你好"), "world")
	if !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	dst := make([]int32, 0, 64)
	if n := testing.AllocsPerRun(50, func() { tok.Append(dst, "你好，world 2021! Ärger") }); n != 0 {
		t.Errorf("Append into a large enough slice allocates %v times", n)
	}
	if got, want := tok.Append([]int32{7}, "a\u302e\u0323"), tok.appendExact([]int32{7}, "a\u302e\u0323"); !cmp.Equal(got, want) {
		t.Errorf("reordered marks: got %v, want %v", got, want)
	}
}
