package clean

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// ruleReference is testdata/text_rules.json.gz, made by scripts/reference/text_rules.py.
type ruleReference struct {
	Markup, Characters, Punctuation, Simplify []struct{ In, Out string }
	Plane                                     []string
	Sentences                                 []struct {
		In  string
		Out []string
	}
	Words struct {
		Words []string
		Cases []struct {
			In   string
			Hits [][2]int
		}
	}
	Identity, Card, Phone []struct {
		Number string
		OK     bool
	}
}

func readRules(t *testing.T) ruleReference {
	f, err := os.Open("testdata/text_rules.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var r ruleReference
	if err := json.NewDecoder(z).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// alone cleans a text by one rule.
func alone(t *testing.T, c *Cleaner, s string) string {
	t.Helper()
	text := Text{Body: s}
	if reason := c.Clean(&text, nil); reason != "" && reason != reasonEmpty {
		t.Fatalf("%+q: %s", s, reason)
	}
	return text.Body
}

func ruleAlone(t *testing.T, rule string) *Cleaner {
	t.Helper()
	c, err := New(one(Default(), rule))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withoutSpace(s string) string { return strings.Join(strings.Fields(s), "") }

func TestRuleReference(t *testing.T) {
	ref := readRules(t)
	t.Run("markup", func(t *testing.T) {
		c := ruleAlone(t, "markup")
		for _, x := range ref.Markup {
			if got := withoutSpace(alone(t, c, x.In)); got != x.Out {
				t.Errorf("%q\ngives %q\nwant  %q", x.In, got, x.Out)
			}
		}
	})
	t.Run("plane", func(t *testing.T) {
		table := newCharacters(Default().Characters)
		bad := 0
		for i, want := range ref.Plane {
			r := rune(i)
			if r >= 0xD800 && r <= 0xDFFF {
				continue
			}
			act, with := table.of(r)
			got := map[uint8]string{actKeep: string(r), actDrop: "", actSpace: " ", actNewline: "\n", actFold: with}[act]
			if got != want {
				if bad++; bad < 60 {
					t.Errorf("%U %q becomes %q, want %q", r, r, got, want)
				}
			}
		}
	})
	for name, cases := range map[string][]struct{ In, Out string }{"characters": ref.Characters, "punctuation": ref.Punctuation} {
		t.Run(name, func(t *testing.T) {
			c := ruleAlone(t, name)
			for _, x := range cases {
				if got := alone(t, c, x.In); got != x.Out {
					t.Errorf("%+q\ngives %+q\nwant  %+q", x.In, got, x.Out)
				}
			}
		})
	}
	t.Run("sentences", func(t *testing.T) {
		for _, x := range ref.Sentences {
			if got := slices.Collect(Sentences(x.In)); !slices.Equal(got, x.Out) {
				t.Errorf("%q\ngives %q\nwant  %q", x.In, got, x.Out)
			}
		}
	})
	t.Run("words", func(t *testing.T) {
		var words []word
		for _, w := range ref.Words.Words {
			words = append(words, word{text: w, category: "x"})
		}
		a := newAutomaton(words)
		found := 0
		for _, x := range ref.Words.Cases {
			var got [][2]int
			for _, h := range a.scan(nil, x.In) {
				got = append(got, [2]int{h.start, h.end})
			}
			if !slices.Equal(got, x.Hits) {
				t.Errorf("%q\ngives %v\nwant  %v", x.In, got, x.Hits)
			}
			found += len(got)
		}
		if found < 100 {
			t.Errorf("only %d words in all texts", found)
		}
	})
	t.Run("personal", func(t *testing.T) {
		c := ruleAlone(t, "personal")
		for token, cases := range map[string][]struct {
			Number string
			OK     bool
		}{"[ID]": ref.Identity, "[CARD]": ref.Card, "[PHONE]": ref.Phone} {
			right := 0
			for _, x := range cases {
				got := alone(t, c, "号码"+x.Number+"。")
				found := got == "号码"+token+"。"
				switch {
				case token == "[CARD]" && len(x.Number) == 15 && got == "号码[ID]。":
					continue // 15 digits can be both
				case token == "[PHONE]" && x.Number[0] == '1' && x.Number[1] >= '3' && found:
					continue // mobile prefixes that are not given out yet count as such
				}
				if found != x.OK {
					t.Errorf("%s: %s gives %s, want it found: %v", token, x.Number, got, x.OK)
				}
				if x.OK {
					right++
				}
			}
			if right < 100 || right > len(cases)-20 {
				t.Errorf("%s: %d of %d numbers are right: the test sees little", token, right, len(cases))
			}
		}
	})
	// OpenCC's tables of 2026 are newer than the converter's of 2023.
	t.Run("simplify", func(t *testing.T) {
		other, all := 0, 0
		for _, x := range ref.Simplify {
			got, err := Simplify(x.In)
			if err != nil {
				t.Fatal(err)
			}
			a, b := []rune(got), []rune(x.Out)
			if len(a) != len(b) {
				t.Errorf("%q\ngives %q\nwant  %q", x.In, got, x.Out)
				continue
			}
			for i := range a {
				if unicode.Is(unicode.Han, a[i]) {
					all++
				}
				if a[i] != b[i] {
					other++
					t.Logf("%c, want %c", a[i], b[i])
				}
			}
		}
		if all < 10000 || other*1000 > all {
			t.Errorf("%d of %d characters differ from OpenCC's", other, all)
		}
	})
}
