package near

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// keep says which characters a normal form keeps.
type keep uint8

const (
	keepWords   keep = iota // letters, marks and digits
	keepLetters             // letters and marks
)

func (k keep) has(r rune) bool {
	if unicode.IsMark(r) {
		return !unicode.Is(unicode.Variation_Selector, r)
	}
	return unicode.IsLetter(r) || k == keepWords && unicode.IsNumber(r)
}

// What the tables of single characters say of a rune, if it is not what the rune becomes.
const (
	dropped = 0  // white space, punctuation, a symbol, a control character
	slow    = -1 // ask package norm, together with its neighbours
)

// simplePunctuation marks what is left out, whatever stands beside it: the punctuation that Chinese text is full of. From U+2010 on.
var simplePunctuation = func() (t [0x3012 - 0x2010]bool) {
	for _, r := range "‐–—―‘’“”…\u3000、。〈〉《》「」『』【】" {
		t[r-0x2010] = true
	}
	return t
}()

// fast is what a rune of ASCII and of the wide forms becomes.
var fastASCII, fastWide = func() (ascii, wide [2][0x100]int8) {
	for r := range rune(0x80) {
		for k := range keep(2) {
			if v := unicode.ToLower(r); k.has(v) {
				ascii[k][r] = int8(v)
			}
		}
	}
	for r := range rune(0x100) { // U+FF00 on: U+FF01 to U+FF5E are ASCII's
		for k := range 2 {
			if wide[k][r] = slow; r >= 1 && r <= 0x5e {
				wide[k][r] = ascii[k][r+0x20]
			}
		}
	}
	return ascii, wide
}()

// fast is what a rune that needs no neighbours becomes, dropped, or slow.
func (k keep) fast(r rune) rune {
	switch {
	case r < 0x80:
		return rune(fastASCII[k][r])
	case r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf:
		return r
	case r >= 0xff00 && r <= 0xffff:
		return rune(fastWide[k][r-0xff00])
	case r >= 0x2010 && r <= 0x3011 && simplePunctuation[r-0x2010]:
		return dropped
	}
	return slow
}

// Normal returns a text as duplicates are compared: in normal form NFKC, in lower case, letters, marks and digits alone. White space,
// punctuation, symbols and control characters are left out.
func Normal(text string) string { return string(appendNormal(nil, text, keepWords)) }

// appendNormal appends the normal form. Runs of characters that may depend on their neighbours, with the character before, go through
// package norm; all others begin a segment of their own, so that the result is that of the whole.
func appendNormal(dst []byte, text string, k keep) []byte {
	last := -1 // where in text the last fast character began
	before := 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		v := k.fast(r)
		if v != slow {
			last, before = i, len(dst)
			if v != dropped {
				if v < utf8.RuneSelf {
					dst = append(dst, byte(v))
				} else {
					dst = append(dst, byte(0xe0|v>>12), byte(0x80|v>>6&0x3f), byte(0x80|v&0x3f))
				}
			}
			i += size
			continue
		}
		begin := i
		if last >= 0 {
			begin, dst = last, dst[:before]
		}
		for i < len(text) {
			r, size := utf8.DecodeRuneInString(text[i:])
			if k.fast(r) != slow {
				break
			}
			i += size
		}
		dst = k.appendSlow(dst, text[begin:i])
		last = -1
	}
	return dst
}

func (k keep) appendSlow(dst []byte, text string) []byte {
	var buf [256]byte
	for _, r := range string(norm.NFKC.AppendString(buf[:0], text)) {
		if r = unicode.ToLower(r); r != utf8.RuneError && k.has(r) {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
