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

const simplifyDoc = `Traditional characters become simplified ones by OpenCC's tables (t2s): phrases first, the longest that stands there, then characters. ` +
	`Paper: nothing. It may make a text longer: a few simplified characters take four bytes.`

func simplifyRule(o SimplifyOptions) (rule, error) {
	r := rule{Rule: Rule{Name: "simplify", Version: 1, Level: levelCharacter, On: o.On, Doc: simplifyDoc}}
	if !o.On {
		return r, nil
	}
	t, err := traditional()
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

// Simplify turns traditional characters into simplified ones, as OpenCC's t2s does. s must be UTF-8.
func Simplify(s string) (string, error) {
	t, err := traditional()
	if err != nil {
		return "", err
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	edits := t.scan(s, nil)
	if len(edits) == 0 {
		return s, nil
	}
	out, _ := apply(nil, s, edits)
	return out, nil
}

// conversion holds the tables of traditional characters.
type conversion struct {
	of      [1 << 16]uint16 // 0 for a character that stays; else 1 + its place in to, and firstOfPhrase where phrases begin with it
	to      []string
	phrases map[rune][]phrase // by first character, the longest first
	high    map[rune]string   // all characters that change
	shape   [1 << 16]uint8    // isTraditional, isSimplified
}

type phrase struct{ from, to string }

const firstOfPhrase = 1 << 15

// The shapes of a character that has another one.
const (
	isTraditional = 1
	isSimplified  = 2
)

// traditional reads the tables from the converter's own dictionaries.
var traditional = sync.OnceValues(func() (*conversion, error) {
	cc, err := gocc.New("t2s")
	if err != nil {
		return nil, fmt.Errorf("tables of traditional characters: %w", err)
	}
	t := &conversion{phrases: map[rune][]phrase{}, high: map[rune]string{}}
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
				t.phrases[first] = append(t.phrases[first], phrase{from, to})
			} else if size != len(from) {
				return nil, fmt.Errorf("tables of traditional characters: %q is no character", key)
			} else if from != to {
				t.high[first] = to
			}
		}
	}
	return t, t.build()
})

// build makes the tables of the first plane.
func (t *conversion) build() error {
	for r, to := range t.high {
		if r < 1<<16 {
			if len(t.to) == firstOfPhrase-1 {
				return fmt.Errorf("tables of traditional characters: more than %d", firstOfPhrase-1)
			}
			t.to = append(t.to, to)
			t.of[r] = uint16(len(t.to))
			t.shape[r] |= isTraditional
		}
		if s, size := utf8.DecodeRuneInString(to); size == len(to) && s < 1<<16 {
			t.shape[s] |= isSimplified
		}
	}
	for r, list := range t.phrases {
		slices.SortFunc(list, func(a, b phrase) int { return cmp.Or(len(b.from)-len(a.from), strings.Compare(a.from, b.from)) })
		if r >= 1<<16 {
			return fmt.Errorf("tables of traditional characters: a phrase begins with %q", r)
		}
		t.of[r] |= firstOfPhrase
	}
	return nil
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
		r := three(s, i)
		of := t.of[r]
		if of == 0 {
			i += 3
			continue
		}
		if of&firstOfPhrase != 0 {
			if p := t.phraseAt(s[i:], r); p != nil {
				if p.from != p.to {
					edits = append(edits, edit{i, i + len(p.from), p.to})
				}
				i += len(p.from)
				continue
			}
			of &^= firstOfPhrase
		}
		if of != 0 {
			edits = append(edits, edit{i, i + 3, t.to[of-1]})
		}
		i += 3
	}
	return edits
}

// phraseAt is the longest phrase that s begins with, nil where there is none.
func (t *conversion) phraseAt(s string, first rune) *phrase {
	list := t.phrases[first]
	for i := range list {
		if strings.HasPrefix(s, list[i].from) {
			return &list[i]
		}
	}
	return nil
}
