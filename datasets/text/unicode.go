package text

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// What a character is. A property is a bit field; the canonical combining class lies from bit classShift up.
const (
	isDrop     uint16 = 1 << iota // removed: controls, private use, U+FFFD
	isSpace                       // separates words
	isHan                         // a word of its own
	isPunct                       // a word of its own, found after lower-casing and stripping
	isMark                        // removed where accents are stripped
	hasNFD                        // decomposes canonically
	hasLower                      // has a lower case
	classShift = 8
)

// Hangul syllables decompose by arithmetic (The Unicode Standard, section 3.12).
const (
	hangulFirst, hangulLast             = 0xAC00, 0xD7A3
	jamoL, jamoV, jamoT                 = 0x1100, 0x1161, 0x11A7
	jamoVCount, jamoTCount, jamoVTCount = 21, 28, 21 * 28
)

// characters holds the properties of every code point, as the reference library has them.
type characters struct {
	pages [(utf8.MaxRune + 1) >> 8]*[256]uint16 // nil where no character has any property
	nfd   map[rune][]rune                       // whole decomposition, without Hangul
	lower map[rune][]rune
}

//go:embed unicode.txt
var unicodeText string

// table is parsed once. The file is part of the program, and a test holds that it parses.
var table = sync.OnceValue(func() *characters {
	c, _ := parseCharacters(unicodeText)
	return c
})

// properties returns the bit field of r, which is at most utf8.MaxRune.
func (c *characters) properties(r rune) uint16 {
	page := c.pages[r>>8]
	if page == nil {
		return 0
	}
	return page[r&0xFF]
}

func (c *characters) set(first, last rune, bits uint16) {
	for r := first; r <= last; r++ {
		if c.pages[r>>8] == nil {
			c.pages[r>>8] = new([256]uint16)
		}
		c.pages[r>>8][r&0xFF] |= bits
	}
}

// appendNFD appends the canonical decomposition of r, not yet in canonical order.
func (c *characters) appendNFD(dst []rune, r rune) []rune {
	if hangulFirst <= r && r <= hangulLast {
		s := r - hangulFirst
		dst = append(dst, jamoL+s/jamoVTCount, jamoV+s%jamoVTCount/jamoTCount)
		if t := s % jamoTCount; t > 0 {
			dst = append(dst, jamoT+t)
		}
		return dst
	}
	if c.properties(r)&hasNFD != 0 {
		return append(dst, c.nfd[r]...)
	}
	return append(dst, r)
}

// appendLower appends the lower case of r.
func (c *characters) appendLower(dst []rune, r rune) []rune {
	if c.properties(r)&hasLower != 0 {
		return append(dst, c.lower[r]...)
	}
	return append(dst, r)
}

// parseCharacters reads unicode.txt, whose head explains the lines.
func parseCharacters(data string) (*characters, error) {
	c := &characters{nfd: map[rune][]rune{}, lower: map[rune][]rune{}}
	number := 0
	for line := range strings.Lines(data) {
		number++
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		values := make([]rune, 0, len(fields))
		for _, field := range fields[min(1, len(fields)):] {
			v, err := strconv.ParseInt(field, 16, 32)
			if err != nil {
				return c, fmt.Errorf("unicode.txt: line %d: %w", number, err)
			}
			values = append(values, rune(v))
		}
		if len(values) < 2 || !c.add(fields[0], values) {
			return c, fmt.Errorf("unicode.txt: line %d: %q is no property", number, strings.TrimSpace(line))
		}
	}
	return c, nil
}

// add stores one line of unicode.txt and reports whether it knows the kind.
func (c *characters) add(kind string, v []rune) bool {
	bits := map[string]uint16{"drop": isDrop, "space": isSpace, "han": isHan, "punct": isPunct, "mark": isMark}
	switch {
	case bits[kind] != 0:
		c.set(v[0], v[1], bits[kind])
	case kind == "nfd":
		c.set(v[0], v[0], hasNFD)
		c.nfd[v[0]] = v[1:]
	case kind == "spell":
		c.set(v[0], v[0], hasLower)
		c.lower[v[0]] = v[1:]
	case kind == "class" && len(v) == 3:
		c.set(v[0], v[1], uint16(v[2])<<classShift)
	case kind == "lower" && len(v) == 4 && v[2] > 0:
		for r := v[0]; r <= v[1]; r += v[2] {
			c.set(r, r, hasLower)
			c.lower[r] = []rune{r + v[3]}
		}
	default:
		return false
	}
	return true
}
