package clean

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/liuzl/gocc"
)

const simplifyDoc = `Traditional characters become simplified ones by OpenCC's tables (t2s): phrases first, the longest that stands there, then characters. What a phrase becomes is left alone in simplified text (乾清宫), and so is 乾 in the names of reigns (乾符). ` +
	`Paper: nothing. It may make a text longer: a few simplified characters take four bytes.`

func simplifyRule(o SimplifyOptions) (rule, error) {
	r := rule{Rule: Rule{Name: "simplify", Version: 1, Level: levelCharacter, On: o.On, Doc: simplifyDoc}, letters: true}
	if !o.On {
		return r, nil
	}
	t, err := settled()
	if err != nil {
		return rule{}, err
	}
	r.run = func(j *job) string {
		j.rewrite("simplify", func(j *job, s string, edits []edit) []edit {
			edits = t.scan(s, edits)
			j.find("characters", len(edits))
			return edits
		})
		return ""
	}
	return r, nil
}

// Simplify turns traditional characters into simplified ones, as the rule does. Bytes that are no UTF-8 become U+FFFD.
func Simplify(s string) (string, error) {
	t, err := settled()
	if err != nil {
		return "", err
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	edits := t.scan(s, nil)
	if len(edits) == 0 {
		return s, nil
	}
	return apply(s, edits), nil
}

// conversion holds the tables of traditional characters.
type conversion struct {
	of     [1 << 16]uint16 // 0 for a character that stays and begins no phrase, else its place in starts
	starts []start
	high   map[rune]string // all characters that change
	shape  [1 << 16]uint8  // isTraditional, isSimplified
}

// start is a character with what it becomes, "" where it stays, and the phrases that begin with it, the longest first.
type start struct {
	to      string
	phrases []phrase
}

type phrase struct{ from, to string }

// The shapes of a character that has another one.
const (
	isTraditional = 1
	isSimplified  = 2
)

// traditional holds the converter's tables as they are.
var traditional = sync.OnceValues(readConversion)

// settled holds tables whose output they leave alone: what a phrase becomes (乾清宫) is a phrase that stays, else its characters would be
// taken for traditional ones the next time, and in simplified text at once; and a character becomes what its simplified form becomes.
var settled = sync.OnceValues(func() (*conversion, error) {
	t, err := readConversion()
	if err != nil {
		return nil, err
	}
	for i := range len(t.starts) {
		for _, p := range t.starts[i].phrases {
			if len(t.scan(p.to, nil)) > 0 {
				first, _ := utf8.DecodeRuneInString(p.to)
				s := t.start(first)
				s.phrases = append(s.phrases, phrase{p.to, p.to})
			}
		}
	}
	for _, second := range qian {
		for _, c := range []string{string(second), apply(string(second), t.scan(string(second), nil))} {
			s := t.start('乾')
			if slices.ContainsFunc(s.phrases, func(p phrase) bool { return p.from == "乾"+c }) {
				continue
			}
			s.phrases = append(s.phrases, phrase{"乾" + c, "乾" + apply(c, t.scan(c, nil))})
		}
	}
	for range 3 { // the longest chain has two steps
		for r, to := range t.high {
			if next, ok := t.high[firstRune(to)]; ok && len(to) == len(string(firstRune(to))) {
				t.high[r] = next
			}
		}
	}
	t.build()
	return t, nil
})

// qian are the characters behind a 乾 that stays, in reigns (乾符, 乾寧) and a few words, where the converter writes 干.
const qian = "寧符封化德祐佑元亨貞興道陵坤隆曜"

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// readConversion reads the tables from the converter's own dictionaries.
func readConversion() (*conversion, error) {
	cc, err := gocc.New("t2s")
	if err != nil {
		return nil, fmt.Errorf("tables of traditional characters: %w", err)
	}
	t := &conversion{starts: make([]start, 1), high: map[rune]string{}}
	if len(cc.DictChains) != 1 || len(cc.DictChains[0].Dicts) != 2 {
		return nil, fmt.Errorf("tables of traditional characters: the converter has %d steps, not one of phrases and characters", len(cc.DictChains))
	}
	for i, dict := range cc.DictChains[0].Dicts {
		for _, id := range dict.Trie.PrefixPredict(nil, 0) {
			key, err := dict.Trie.Key(id)
			if err != nil {
				return nil, fmt.Errorf("tables of traditional characters: %w", err)
			}
			value, err := dict.Trie.Value(id)
			if err != nil || len(dict.Values[value]) == 0 {
				return nil, fmt.Errorf("tables of traditional characters: %q has no form", key)
			}
			from, to := string(key), dict.Values[value][0]
			first, size := utf8.DecodeRuneInString(from)
			if isPhrase := i == 0; isPhrase {
				if first >= 1<<16 {
					return nil, fmt.Errorf("tables of traditional characters: the phrase %q begins above the first plane", key)
				}
				s := t.start(first)
				s.phrases = append(s.phrases, phrase{from, to})
			} else if size != len(from) {
				return nil, fmt.Errorf("tables of traditional characters: %q is no character", key)
			} else if from != to {
				t.high[first] = to
			}
		}
	}
	t.build()
	return t, nil
}

// start is the place of a character in starts, made where there is none.
func (t *conversion) start(r rune) *start {
	if t.of[r] == 0 {
		t.of[r] = uint16(len(t.starts)) // no more than there are characters
		t.starts = append(t.starts, start{})
	}
	return &t.starts[t.of[r]]
}

// build makes the tables of the first plane.
func (t *conversion) build() {
	for r, to := range t.high {
		if r < 1<<16 {
			t.start(r).to = to
			t.shape[r] |= isTraditional
		}
		if s, size := utf8.DecodeRuneInString(to); size == len(to) && s < 1<<16 {
			t.shape[s] |= isSimplified
		}
	}
	for i := range t.starts {
		slices.SortFunc(t.starts[i].phrases, func(a, b phrase) int {
			return cmp.Or(len(b.from)-len(a.from), strings.Compare(a.from, b.from))
		})
	}
}

// scan finds what is written otherwise in simplified characters.
func (t *conversion) scan(s string, edits []edit) []edit {
	for i := 0; i < len(s); {
		b := s[i]
		if b < 0xE3 || b > 0xEF {
			if b >= 0xF0 {
				r, _ := decode(s, i)
				if to, ok := t.high[r]; ok {
					edits = append(edits, edit{i, i + 4, to})
				}
			}
			i += int(width[b])
			continue
		}
		at := t.of[three(s, i)]
		if at == 0 {
			i += 3
			continue
		}
		c := &t.starts[at]
		if p := c.phraseAt(s[i:]); p != nil {
			if p.from != p.to {
				edits = append(edits, edit{i, i + len(p.from), p.to})
			}
			i += len(p.from)
			continue
		}
		if c.to != "" {
			edits = append(edits, edit{i, i + 3, c.to})
		}
		i += 3
	}
	return edits
}

// phraseAt is the longest phrase that s begins with, nil where there is none.
func (c *start) phraseAt(s string) *phrase {
	for i := range c.phrases {
		if strings.HasPrefix(s, c.phrases[i].from) {
			return &c.phrases[i]
		}
	}
	return nil
}
