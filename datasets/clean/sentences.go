package clean

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Sentences cuts a text into its sentences; joined they are the text again, for white space belongs to the sentence before it.
//
// A sentence ends after a run of 。！？；…, at the end of a line, and after . ! ? ; … of ASCII where they do not stand in a word, a
// number or an address: a point ends no sentence between digits, before a letter or digit, after an abbreviation (Dr. e.g. U.S. a
// single capital letter), after the number of a list item, and before a small letter; ASCII's ; ends one after a Chinese character
// only. Closing quotes and brackets belong to the sentence before them. Between a pair of quotes or brackets on one line, up to 200 characters
// apart, nothing ends: where the text in quotes ends as a sentence does, it ends after the closing quote (“好。”他说。 is two), unless a
// comma, colon or the like, or a small letter of ASCII, follows; after a closing bracket only where the bracket began the sentence.
func Sentences(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for start := 0; start < len(s); {
			end := sentenceEnd(s, start)
			if !yield(s[start:end]) {
				return
			}
			start = end
		}
	}
}

// pairReach is how far the partner of a quote or bracket is looked for, in bytes: 200 Chinese characters.
const pairReach = 600

// The bytes that sentenceEnd must look at.
const (
	plain = iota
	lineEnd
	point // .
	mark  // ! ?
	semicolon
	opener // of ASCII
	wide   // first byte of what may be Chinese punctuation
)

var sentenceBytes = func() (t [256]uint8) {
	t['\n'], t['.'], t['!'], t['?'], t[';'] = lineEnd, point, mark, mark, semicolon
	t['"'], t['('], t['['], t['{'] = opener, opener, opener, opener
	t[0xE2], t[0xE3], t[0xEF] = wide, wide, wide
	return t
}()

// sentenceEnd returns where the sentence that begins at start ends. Any bytes are allowed.
func sentenceEnd(s string, start int) int {
	for i := start; i < len(s); {
		b := s[i]
		switch sentenceBytes[b] {
		case plain:
			i += int(width[b])
		case lineEnd:
			return skipWhite(s, i)
		case point:
			end, ends := pointEnds(s, start, i)
			if ends {
				return runEnd(s, end)
			}
			i = end
		case mark:
			end := i
			for end < len(s) && (s[end] == '!' || s[end] == '?' || s[end] == '.') {
				end++
			}
			if !inWord(s, end) {
				return runEnd(s, end)
			}
			i = end
		case semicolon:
			if i > start && s[i-1] >= 0x80 {
				return runEnd(s, i+1)
			}
			i++
		case opener:
			next, ends := pair(s, start, i, rune(b), 1)
			if ends {
				return runEnd(s, next)
			}
			i = next
		case wide:
			if i+2 < len(s) && s[i+1]&0xC0 == 0x80 && s[i+2]&0xC0 == 0x80 && !sentenceMarks[three(s, i)] {
				i += 3
				continue
			}
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case isTerminator(r):
				return runEnd(s, i+size)
			case closerOf(r) != 0:
				next, ends := pair(s, start, i, r, size)
				if ends {
					return runEnd(s, next)
				}
				i = next
			default:
				i += size
			}
		}
	}
	return len(s)
}

// isTerminator tells whether a character of Chinese punctuation ends a sentence.
func isTerminator(r rune) bool {
	return r == '。' || r == '！' || r == '？' || r == '；' || r == '…' || r == '｡'
}

// sentenceMarks are the characters of Chinese punctuation at which sentenceEnd looks closer.
var sentenceMarks = func() (t [1 << 16]bool) {
	for r := range rune(1 << 16) {
		t[r] = isTerminator(r) || closerOf(r) != 0
	}
	return t
}()

// closerOf returns the partner of an opening quote or bracket, 0 for others.
func closerOf(r rune) rune {
	switch r {
	case '"':
		return '"'
	case '(':
		return ')'
	case '[':
		return ']'
	case '{':
		return '}'
	case '“':
		return '”'
	case '‘':
		return '’'
	case '「':
		return '」'
	case '『':
		return '』'
	case '（':
		return '）'
	case '【':
		return '】'
	case '《':
		return '》'
	case '〈':
		return '〉'
	case '〔':
		return '〕'
	case '［':
		return '］'
	case '｛':
		return '｝'
	}
	return 0
}

// isQuote tells whether an opener is a quote.
func isQuote(r rune) bool { return r == '"' || r == '“' || r == '‘' || r == '「' || r == '『' }

// isCloser tells whether a character closes a quote or bracket.
func isCloser(r rune) bool {
	return strings.ContainsRune("”’」』）】》〉〕］｝)]}", r)
}

// pair goes behind the partner of the opener at i, of size bytes; where it has none, behind the opener. ends tells whether the
// sentence ends there.
func pair(s string, start, i int, open rune, size int) (next int, ends bool) {
	shut, depth := closerOf(open), 1
	last := rune(0) // before the closer
	for k, stop := i+size, min(len(s), i+size+pairReach); k < stop; {
		b := s[k]
		if b >= 0xE4 && b <= 0xE9 {
			k, last = k+3, 0
			continue
		}
		r, n := utf8.DecodeRuneInString(s[k:])
		switch {
		case r == '\n':
			return i + size, false
		case r == shut:
			if depth--; depth == 0 {
				k += n
				terminated := isTerminator(last) || last == '!' || last == '?' || last == '.'
				return k, terminated && (isQuote(open) || i == start) && !goesOn(s, k)
			}
		case r == open:
			depth++
		}
		if !isCloser(r) {
			last = r
		}
		k += n
	}
	return i + size, false
}

// goesOn tells whether what stands at i continues a sentence for certain: a comma and the like, or a small letter of ASCII.
func goesOn(s string, i int) bool {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	if i < len(s) && s[i] >= 'a' && s[i] <= 'z' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return strings.ContainsRune("，、：,:—", r) && i < len(s)
}

// inWord tells whether a letter, digit or sign of ASCII stands at i, as in an address.
func inWord(s string, i int) bool {
	return i < len(s) && s[i] > ' ' && s[i] < 0x80 && !strings.ContainsRune(`)]}"'`, rune(s[i]))
}

// pointEnds tells whether the run of points at i ends the sentence that begins at start, and where the run ends.
func pointEnds(s string, start, i int) (end int, ends bool) {
	end = i + 1
	for end < len(s) && s[end] == '.' {
		end++
	}
	if inWord(s, end) {
		return end, false
	}
	if end-i > 1 {
		return end, true
	}
	word := i
	for word > start && (isASCIILetter(s[word-1]) || s[word-1] == '.') {
		word--
	}
	if word == i && isNumber(s[start:i]) {
		return end, false
	}
	if end == len(s) || s[end] != ' ' && s[end] != '\t' {
		return end, true
	}
	if isAbbreviation(s[word:i]) {
		return end, false
	}
	next := end
	for next < len(s) && (s[next] == ' ' || s[next] == '\t') {
		next++
	}
	return end, next == len(s) || s[next] < 'a' || s[next] > 'z'
}

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// isNumber tells whether s is the number of a list item: digits alone, and white space.
func isNumber(s string) bool {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// abbreviations end with a point that ends no sentence; in small letters.
var abbreviations = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "jr": true, "sr": true, "vs": true, "etc": true, "no": true,
	"nos": true, "fig": true, "figs": true, "eq": true, "vol": true, "pp": true, "ed": true, "eds": true, "inc": true, "ltd": true, "co": true,
	"corp": true, "dept": true, "est": true, "approx": true, "al": true, "cf": true, "jan": true, "feb": true, "mar": true, "apr": true,
	"jun": true, "jul": true, "aug": true, "sep": true, "sept": true, "oct": true, "nov": true, "dec": true, "gen": true, "col": true, "lt": true,
	"sgt": true, "capt": true, "rev": true, "hon": true, "ave": true, "blvd": true, "rd": true, "mt": true, "ft": true, "min": true, "max": true,
}

// isAbbreviation tells whether a word before a point is shortened: of the list, a capital letter, or letters with points between (e.g, U.S).
func isAbbreviation(word string) bool {
	switch {
	case len(word) == 1:
		return word[0] >= 'A' && word[0] <= 'Z'
	case len(word) > 1 && len(word) < 8 && strings.IndexByte(word, '.') == 1:
		return true
	case len(word) > 1 && len(word) < 8:
		return abbreviations[strings.ToLower(word)]
	}
	return false
}

// runEnd goes behind all that belongs to an end of a sentence: more marks, closers, white space.
func runEnd(s string, i int) int {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isTerminator(r) && !isCloser(r) && !(r == '!' || r == '?' || r == '.') {
			break
		}
		i += size
	}
	return skipWhite(s, i)
}

// skipWhite goes behind white space.
func skipWhite(s string, i int) int {
	for i < len(s) {
		switch b := s[i]; {
		case b == ' ' || b >= '\t' && b <= '\r':
			i++
		case b == 0xE3 && strings.HasPrefix(s[i:], "\u3000"):
			i += 3
		case b == 0xC2 && strings.HasPrefix(s[i:], "\u00a0"):
			i += 2
		default:
			return i
		}
	}
	return i
}
