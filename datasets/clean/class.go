package clean

import (
	"math/bits"
	"strings"
	"sync"
	"unicode"

	"m6lab/datasets/runes"
)

// class is what the rules need to know of a character.
type class uint8

const (
	classOther    class = iota // symbols, emoji, private use, unassigned
	classHan                   // Chinese characters of all blocks
	classLatin                 // a to z, A to Z
	classAccented              // other letters of the Latin script
	classDigit                 // 0 to 9
	classSpace                 // white space in a line
	classNewline               // ends of lines and paragraphs
	classPunct                 // Chinese and English punctuation
	classKana
	classHangul
	classLetter // letters of other scripts
	classMark   // combining marks
	classHidden // controls, characters without width, directions, variation selectors
)

// classes holds the class of every character of the first plane.
var classes = sync.OnceValue(func() *[1 << 16]class {
	var t [1 << 16]class
	for r := range rune(1 << 16) {
		t[r] = classify(r)
	}
	return &t
})

// classOf is the class of any character.
func classOf(r rune) class {
	if uint32(r) < 1<<16 {
		return classes()[r]
	}
	return classify(r)
}

func classify(r rune) class {
	switch {
	case r >= '0' && r <= '9':
		return classDigit
	case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
		return classLatin
	case r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029:
		return classNewline
	case r == '\t' || unicode.Is(unicode.Zs, r):
		return classSpace
	case r > ' ' && r < 0x7F || isPunct(r):
		return classPunct
	case unicode.Is(unicode.Han, r) && (unicode.IsLetter(r) || unicode.Is(unicode.Nl, r)) || r == '々':
		return classHan
	case r >= 0x3041 && r <= 0x30FF || r >= 0x31F0 && r <= 0x31FF || r >= 0xFF66 && r <= 0xFF9F || r >= 0x1AFF0 && r <= 0x1B16F:
		return classKana
	case unicode.Is(unicode.Hangul, r):
		return classHangul
	case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF || r == 0x34F || r == 0x3164:
		return classHidden
	case unicode.IsMark(r):
		return classMark
	case unicode.Is(unicode.Latin, r) && unicode.IsLetter(r) && r < 0x2000:
		return classAccented
	case unicode.IsLetter(r):
		return classLetter
	}
	return classOther
}

// isPunct tells whether a character beyond ASCII is punctuation of Chinese or English text.
func isPunct(r rune) bool {
	switch {
	case r == 0xB7, r == 0xA7, // · §
		r >= 0x2010 && r <= 0x201F, // dashes and quotes
		r >= 0x2020 && r <= 0x2027, // † ‡ • … ‧
		r == 0x2032, r == 0x2033, r == 0x2039, r == 0x203A, r == 0x203B, r == 0xAB, r == 0xBB,
		r >= 0x3001 && r <= 0x3003, r >= 0x3008 && r <= 0x3011, r >= 0x3014 && r <= 0x301F,
		r >= 0xFE10 && r <= 0xFE19, r >= 0xFE30 && r <= 0xFE52, r >= 0xFE54 && r <= 0xFE6B && r != 0xFE67,
		r >= 0xFF01 && r <= 0xFF0F, r >= 0xFF1A && r <= 0xFF20, r >= 0xFF3B && r <= 0xFF40, r >= 0xFF5B && r <= 0xFF64:
		return true
	}
	return false
}

// width is the number of bytes of the UTF-8 character that begins with a byte.
var width = func() (t [256]uint8) {
	for b := range t {
		switch {
		case b < 0xC0:
			t[b] = 1
		case b < 0xE0:
			t[b] = 2
		case b < 0xF0:
			t[b] = 3
		default:
			t[b] = 4
		}
	}
	return t
}()

// three decodes the character of three bytes at i; s must hold valid UTF-8 there.
func three(s string, i int) rune {
	_ = s[i+2]
	return rune(s[i]&0x0F)<<12 | rune(s[i+1]&0x3F)<<6 | rune(s[i+2]&0x3F)
}

// decode is the character at i and its bytes; s must be valid UTF-8.
func decode(s string, i int) (rune, int) {
	switch b := s[i]; {
	case b < 0x80:
		return rune(b), 1
	case b < 0xE0:
		return rune(b&0x1F)<<6 | rune(s[i+1]&0x3F), 2
	case b < 0xF0:
		return three(s, i), 3
	default:
		return rune(b&0x07)<<18 | rune(s[i+1]&0x3F)<<12 | rune(s[i+2]&0x3F)<<6 | rune(s[i+3]&0x3F), 4
	}
}

// letters is the number of characters of s that are no white space. s must be valid UTF-8.
func letters(s string) int {
	return runes.Count(s) - asciiBlanks(s) - wideBlanks(s)
}

// asciiBlanks counts the bytes that are white space of ASCII: 9 to 13 and 32. It looks at eight at once, for which there is no branch to foretell.
func asciiBlanks(s string) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	n, i := 0, 0
	for ; i+8 <= len(s); i += 8 {
		v := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		low := v &^ high                                    // seven bits of each byte
		from, behind := low+(128-9)*ones, low+(128-14)*ones // the high bit is set from 9, and from 14 on
		noBlank := (low ^ ' '*ones) + 127*ones              // the high bit is set where the seven others are not those of a blank
		n += bits.OnesCount64((from&^behind | ^noBlank) &^ v & high)
	}
	for ; i < len(s); i++ {
		if s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r' {
			n++
		}
	}
	return n
}

// wideBlanks counts the white space beyond ASCII. It begins with one of four bytes; U+3000 is the only one behind E3, which Chinese text is full of.
func wideBlanks(s string) int {
	n := strings.Count(s, "\u3000")
	table := classes()
	for _, lead := range [...]byte{0xC2, 0xE1, 0xE2} {
		for i := strings.IndexByte(s, lead); i >= 0; {
			r, size := decode(s, i)
			if table[r] == classSpace || table[r] == classNewline {
				n++
			}
			i += size
			next := strings.IndexByte(s[i:], lead)
			if next < 0 {
				break
			}
			i += next
		}
	}
	return n
}
