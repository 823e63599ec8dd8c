package clean

import (
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const charactersDoc = `Chinese characters (all blocks, 〇 and 々), English letters, Chinese and English punctuation, digits and white space stay. Emoji, kana, hangul and other scripts, ` +
	`symbols, private use, controls, characters without width and damaged ones are removed. White space: a run becomes one blank, or the end of a line where it has one; none stays at the ends of lines. ` +
	`Letters with accents are folded to their letter, full-width letters and digits, circled numbers, ligatures and old forms of characters to plain ones, by NFKC, where that is not longer. ` +
	`Paper: keep only Chinese and English characters and punctuation. Open: digits (here kept), accents, full-width forms, units and signs of mathematics (extra), white space.`

// What charactersRule does with a character.
const (
	actKeep uint8 = iota
	actDrop
	actSpace
	actNewline
	actFold
)

// characters are the decisions of one recipe.
type characters struct {
	act  [1 << 16]uint8
	fold map[rune]string // what actFold writes
	high map[rune]string // of characters above the first plane: what they become; Chinese ones stay, others go
}

func charactersRule(o CharactersOptions) rule {
	r := rule{Rule: Rule{Name: "characters", Version: 1, Level: levelCharacter, On: o.On, Doc: charactersDoc}, holds: true}
	if !o.On {
		return r
	}
	c := newCharacters(o)
	r.run = func(j *job) string {
		j.rewrite("characters", c.scan)
		return ""
	}
	return r
}

// newCharacters returns the decisions of a recipe, which are made once: a cleaner of texts, one of captions and the lists of words ask for the same.
func newCharacters(o CharactersOptions) *characters {
	made, _ := decided.LoadOrStore(o, sync.OnceValue(func() *characters { return decide(o) }))
	return made.(func() *characters)()
}

// decided are the decisions that were made, by their options.
var decided sync.Map

func decide(o CharactersOptions) *characters {
	c := &characters{fold: map[rune]string{}, high: map[rune]string{}}
	table := classes()
	for r := range rune(1 << 16) {
		c.act[r] = actDrop
		switch table[r] {
		case classHan, classLatin, classPunct:
			c.act[r] = actKeep
		case classDigit:
			if o.Digits {
				c.act[r] = actKeep
			}
		case classSpace:
			c.act[r] = actSpace
		case classNewline:
			c.act[r] = actNewline
		case classAccented:
			if o.Accents == "keep" {
				c.act[r] = actKeep
			}
		}
	}
	for _, r := range o.Extra {
		c.act[r] = actKeep
	}
	c.act[' '], c.act['\n'] = actSpace, actNewline
	c.folds(o)
	return c
}

// formRanges are where characters lie that have a plain form.
var formRanges = [][2]rune{{0x80, 0xFFFF}, {0x1D400, 0x1D7FF}, {0x1F100, 0x1F1FF}, {0x2F800, 0x2FA1F}}

// folds finds what characters with a plain form become; plain forms are made of characters that stay.
func (c *characters) folds(o CharactersOptions) {
	stays := c.act
	for _, span := range formRanges {
		for r := span[0]; r <= span[1]; r++ {
			if r < 1<<16 && strings.ContainsRune(o.Extra, r) {
				continue
			}
			kind, choice := classOf(r), o.Forms
			if kind == classAccented {
				choice = o.Accents
			}
			if choice == "drop" {
				continue
			}
			with := plainForm(r, kind)
			if with == "" || !allStay(&stays, with) {
				continue
			}
			switch {
			case choice == "keep" && r >= 1<<16:
				c.high[r] = string(r)
			case choice == "keep":
				c.act[r] = actKeep
			case r >= 1<<16:
				c.high[r] = with
			default:
				c.act[r], c.fold[r] = actFold, with
			}
		}
	}
}

func allStay(act *[1 << 16]uint8, s string) bool {
	for _, r := range s {
		if r > 0xFFFF && classOf(r) != classHan || r <= 0xFFFF && act[r] != actKeep {
			return false
		}
	}
	return true
}

// plainForm returns the plain form of a character, "" where it has none or a longer one.
func plainForm(r rune, kind class) string {
	with := ""
	switch {
	case r == 0x30FB || r == 0xFF65 || r == 0x2027 || r == 0x2219 || r == 0x22C5: // middle dots, as in names
		return "·"
	case r == '™' || r == '℠':
		return ""
	case kind == classAccented:
		if with = ligatures[r]; with == "" {
			with = withoutMarks(norm.NFKD.String(string(r)))
		}
	case kind == classSpace || kind == classNewline || kind == classHidden || kind == classMark:
		return ""
	case kind == classPunct && !(r >= 0xFE10 && r <= 0xFE6B): // full-width punctuation is that of Chinese text; … is no three points
		return ""
	default:
		with = norm.NFKC.String(string(r))
	}
	if with == string(r) || len(with) > utf8.RuneLen(r) {
		return ""
	}
	return with
}

// ligatures are letters that Unicode does not decompose.
var ligatures = map[rune]string{
	'æ': "ae", 'Æ': "AE", 'œ': "oe", 'Œ': "OE", 'ø': "o", 'Ø': "O", 'đ': "d", 'Đ': "D", 'ł': "l", 'Ł': "L", 'ı': "i", 'ß': "ss", 'ħ': "h", 'Ħ': "H",
	'ŧ': "t", 'Ŧ': "T", 'ɡ': "g", 'ɑ': "a",
}

func withoutMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if classOf(r) == classMark {
			return -1
		}
		return r
	}, s)
}

// classNames are the kinds under which removed characters are counted.
var classNames = [...]string{
	classOther: "symbol", classHan: "han", classLatin: "latin", classAccented: "accented", classDigit: "digit", classSpace: "space", classNewline: "newline",
	classPunct: "punctuation", classKana: "kana", classHangul: "hangul", classLetter: "letter", classMark: "mark", classHidden: "hidden",
}

// scan finds the characters that go or change.
func (c *characters) scan(j *job, s string, edits []edit) []edit {
	var gone [len(classNames)]int
	folded := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= 0xE5 && b <= 0xE9 { // U+5000 to U+9FFF: Chinese
			i += 3
			continue
		}
		r, size := rune(b), 1
		if b >= 0x80 {
			r, size = decode(s, i)
		}
		var act uint8
		with := ""
		if r >= 1<<16 || c.act[r] == actFold {
			act, with = c.of(r)
		} else if act = c.act[r]; act == actSpace && b == ' ' && i > 0 && c.staysAt(s, i+1) {
			act = actKeep // most blanks stand alone
		}
		switch act {
		case actKeep:
			i += size
		case actFold:
			edits = append(edits, edit{i, i + size, with})
			folded++
			i += size
		default:
			end, white := c.run(s, i, &gone)
			if i == 0 || end == len(s) {
				white = ""
			} else if white == "\n" && j.title {
				white = " "
			}
			if s[i:end] != white {
				edits = append(edits, edit{i, end, white})
			}
			i = end
		}
	}
	j.find("folded", folded)
	j.same = folded == 0
	for kind, n := range gone {
		j.find(classNames[kind], n)
		j.same = j.same && n == 0
	}
	return edits
}

// staysAt tells whether a character stands at i that stays for certain: Chinese, or of ASCII.
func (c *characters) staysAt(s string, i int) bool {
	return i < len(s) && (s[i] >= 0xE5 && s[i] <= 0xE9 || s[i] < 0x80 && c.act[s[i]] == actKeep)
}

// of is what happens with a character, and what it becomes.
func (c *characters) of(r rune) (act uint8, with string) {
	if r < 1<<16 {
		if act = c.act[r]; act == actFold {
			with = c.fold[r]
		}
		return act, with
	}
	if with, ok := c.high[r]; ok {
		if with == string(r) {
			return actKeep, ""
		}
		return actFold, with
	}
	if classOf(r) == classHan {
		return actKeep, ""
	}
	return actDrop, ""
}

// run goes behind white space and characters that go, and tells what white space stands for them.
func (c *characters) run(s string, i int, gone *[len(classNames)]int) (end int, white string) {
	for i < len(s) {
		r, size := decode(s, i)
		act, _ := c.of(r)
		switch act {
		case actSpace:
			if white == "" {
				white = " "
			}
		case actNewline:
			white = "\n"
		case actDrop:
			gone[classOf(r)]++
		default:
			return i, white
		}
		i += size
	}
	return i, white
}
