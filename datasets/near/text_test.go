package near

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func TestNormal(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{" \t\n　", ""},
		{"你好，世界！", "你好世界"},
		{"Ｈｅｌｌｏ　Ｗｏｒｌｄ１２", "helloworld12"},
		{"Hello, World 12", "helloworld12"},
		{"①②㈠", "12一"},
		{"e\u0301", "é"},
		{"É", "é"},
		{"中e\u0301文", "中é文"},
		{"ﬁ", "fi"},
		{"ｶﾞ", "ガ"},
		{"か\u3099", "が"},
		{"a\xffb", "ab"},
		{"❤\ufe0f🐸", ""},
		{"豈更", "豈更"}, // compatibility forms
		{"〇々", "〇々"},
		{"x²", "x2"},
	}
	for _, test := range tests {
		if got := Normal(test.in); got != test.want {
			t.Errorf("Normal(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

// plainNormal is Normal without short cuts.
func plainNormal(text string, digits bool) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(text) {
		r = unicode.ToLower(r)
		mark := unicode.IsMark(r) && !unicode.Is(unicode.Variation_Selector, r)
		if r != '\ufffd' && (unicode.IsLetter(r) || mark || digits && unicode.IsNumber(r)) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func FuzzNormal(f *testing.F) {
	for _, s := range []string{"", "中e\u0301。文", "ＡＢ１", "a\u0301\u0302\xff中\u0301", "한글 각", "\u1100\u1161\u11a8", "か\u3099ｶﾞ", "…\u0338=\u0338", "e\u0301" + strings.Repeat("\u0302", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\u034f") || strings.ContainsFunc(s, unicode.IsMark) && len(s) > 60 {
			s = s[:min(len(s), 60)] // norm puts a joiner into longer runs of marks
		}
		for k, digits := range []bool{true, false} {
			if got, want := string(appendNormal(nil, s, keep(k))), plainNormal(s, digits); got != want {
				t.Errorf("normal form %d of %+q is %+q, want %+q", k, s, got, want)
			}
		}
	})
}

// Every character alone, and between others, becomes what package norm makes of it.
func TestNormalEveryCharacter(t *testing.T) {
	for r := rune(0); r <= 0x2ffff; r++ {
		for _, s := range []string{string(r), "中" + string(r) + "a", "a" + string(r) + "\u0301"} {
			if got, want := Normal(s), plainNormal(s, true); got != want {
				t.Fatalf("Normal(%+q) = %+q, want %+q", s, got, want)
			}
		}
	}
}

func TestExact(t *testing.T) {
	same := [][]string{
		{"你好，世界", "你好世界", " 你好 世界。\n"},
		{"ABC 1", "ａｂｃ１"},
		{"!!! ???", "!!!  ???"},
		{"!!!"},
		{"???"},
		{"你好，世界1"},
		{"你好，世界2"},
		{"世界你好"},
	}
	for i, group := range same {
		for j, other := range same {
			for _, a := range group {
				for _, b := range other {
					if (Exact(a) == Exact(b)) != (i == j) {
						t.Errorf("Exact(%q) == Exact(%q) is %v", a, b, i != j)
					}
				}
			}
		}
	}
}

// pair is one of testdata/datasketch.json.gz, which scripts/reference/near_duplicates.py made.
type pair struct {
	A, B     string
	Jaccard  float64
	Found    bool
	Estimate float64
}

func readPairs(t testing.TB) (pairs []pair) {
	t.Helper()
	data, err := os.ReadFile("testdata/datasketch.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &pairs); err != nil {
		t.Fatal(err)
	}
	if len(pairs) != 700 {
		t.Fatalf("%d pairs, want 700", len(pairs))
	}
	return pairs
}

// grams5 is the set of n-grams of a text without punctuation.
func gramSet(text string, n int) map[string]bool {
	runes := []rune(text)
	out := map[string]bool{}
	for i := 0; i == 0 || i+n <= len(runes); i++ {
		out[string(runes[i:min(len(runes), i+n)])] = true
	}
	return out
}

func jaccard(a, b map[string]bool) float64 {
	both := 0
	for g := range a {
		if b[g] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// shared says whether two texts share a band, and what their sketches say.
func shared(m *MinHash, a, b string) (band bool, similarity float64) {
	one, s := m.Bands(nil, a)
	two, u := m.Bands(nil, b)
	for i := range one {
		if one[i] == two[i] {
			band = true
		}
	}
	return band, s.Similarity(u)
}

// Against datasketch: the same pairs, as many bands and rows, other hashes. The number found must be what the curve says, as theirs is, and
// the two must not differ by more than chance.
func TestDatasketch(t *testing.T) {
	pairs := readPairs(t)
	var expected, variance float64
	ours, theirs := 0, 0
	for i, p := range pairs {
		j := jaccard(gramSet(p.A, 5), gramSet(p.B, 5))
		if math.Abs(j-p.Jaccard) > 1e-12 {
			t.Fatalf("pair %d: similarity %v, Python says %v", i, j, p.Jaccard)
		}
		o := Default().Texts
		o.Similarity, o.Seed = 0, uint64(i)
		band, _ := shared(NewMinHash(o), p.A, p.B)
		q := 1 - math.Pow(1-math.Pow(j, 8), 14)
		if got := o.Probability(j); math.Abs(got-q) > 1e-9 {
			t.Fatalf("Probability(%v) = %v, the curve is %v", j, got, q)
		}
		expected += q
		variance += q * (1 - q)
		if band {
			ours++
		}
		if p.Found {
			theirs++
		}
	}
	bound := 4 * math.Sqrt(variance)
	t.Logf("found: ours %d, datasketch %d, the curve %.1f ± %.1f", ours, theirs, expected, bound)
	if math.Abs(float64(ours)-expected) > bound || math.Abs(float64(theirs)-expected) > bound {
		t.Errorf("found: ours %d, datasketch %d, the curve says %.1f ± %.1f", ours, theirs, expected, bound)
	}
}

// edited returns a random text of so many characters, and a copy with edits.
func edited(rng *rand.Rand, size, edits int) (string, string) {
	a := make([]rune, size)
	for i := range a {
		a[i] = 0x4e00 + rune(rng.IntN(2000))
	}
	b := slices.Clone(a)
	for range edits {
		b[rng.IntN(size)] = 0x4e00 + rune(rng.IntN(2000))
	}
	return string(a), string(b)
}

// The probability of being found is the curve's: of short texts, where bins are filled again and again, and of long ones.
func TestProbability(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{12, 40, 150, 1500} {
		for _, similarity := range []float64{0, 0.7} {
			t.Run(fmt.Sprintf("%d characters, similarity %v", size, similarity), func(t *testing.T) {
				const steps = 5
				var n, found [steps]int
				var expected, variance [steps]float64
				rounds := 1500
				if size > 1000 {
					rounds = 400
				}
				for i := range rounds {
					a, b := edited(rng, size, 1+rng.IntN(max(1, size/12)))
					j := jaccard(gramSet(a, 5), gramSet(b, 5))
					o := Default().Texts
					o.Similarity, o.Seed = similarity, uint64(i)
					band, estimate := shared(NewMinHash(o), a, b)
					step := min(steps-1, int(j*steps))
					n[step]++
					p := o.Probability(j)
					expected[step] += p
					variance[step] += p * (1 - p)
					if band && (similarity == 0 || estimate >= similarity-1e-9) {
						found[step]++
					}
				}
				for i := range steps {
					if n[i] < 20 {
						continue
					}
					if bound := 4*math.Sqrt(variance[i]) + 1; math.Abs(float64(found[i])-expected[i]) > bound {
						t.Errorf("similarity %.1f to %.1f: %d of %d found, the curve says %.1f ± %.1f", float64(i)/steps, float64(i+1)/steps, found[i], n[i], expected[i], bound)
					}
				}
			})
		}
	}
}

// The sketch estimates the similarity without bias and with the error that it should have.
func TestSketch(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{30, 300} {
		var sum, squares float64
		const rounds = 800
		for i := range rounds {
			a, b := edited(rng, size, 1+rng.IntN(size/8))
			j := jaccard(gramSet(a, 5), gramSet(b, 5))
			o := Default().Texts
			o.Seed = uint64(i)
			_, estimate := shared(NewMinHash(o), a, b)
			variance := 4 * (1 + j) / 2 * (1 - j) / 2 / sketchBits
			z := (estimate - j) / math.Sqrt(variance)
			sum += z
			squares += z * z
		}
		if mean, spread := sum/rounds, math.Sqrt(squares/rounds); math.Abs(mean) > 4/math.Sqrt(rounds) || spread < 0.85 || spread > 1.15 {
			t.Errorf("%d characters: the error of the estimate is %.3f ± %.3f standard errors, want 0 ± 1", size, mean, spread)
		}
	}
}

// Equal sets have equal signatures, whatever the order and number of their n-grams and whoever asks.
func TestBandsOfSets(t *testing.T) {
	m := NewMinHash(Default().Texts)
	for _, group := range [][]string{
		{"一二三四五一二三四五一二三四五", "一二三四五一二三四五一二三四五一二三四五", "，一二三四五 一二三四五。一二三四五"},
		{"好", "好！"},
		{"", "  "},
		{"一二三四五", "一二三四五\n"},
	} {
		first, sketch := m.Bands(nil, group[0])
		for _, text := range group[1:] {
			bands, s := m.Bands(nil, text)
			if !slices.Equal(first, bands) || s != sketch {
				t.Errorf("%q and %q have different signatures", group[0], text)
			}
		}
	}
	one, _ := m.Bands(nil, "一二三四")
	two, _ := m.Bands(nil, "一二三四五")
	if slices.Equal(one, two) {
		t.Error("four characters and five have one signature")
	}
}
