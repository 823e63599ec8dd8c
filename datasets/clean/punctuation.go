package clean

import "sync"

const punctuationDoc = `Duplicate punctuation becomes one: ！！！ is ！, 。。。 is 。, and in a run of ，。！？；：、 and their ASCII forms each mark stays once, where ` +
	`it stands first (！？！？ is ！？, !！ is !), also with blanks between. Units stay: …… and —— (longer runs become them), ... (from three points on), --, ++ after a letter (C++); ` +
	`two equal brackets or quotes stay, as nested ones close so and "" is an empty text, three and more become one; 《 「 【, which do not nest, become one. Addresses (https://...) are not touched, nor is a point between digits. ` +
	`Paper: collapse duplicate punctuation. Open: all of this.`

func punctuationRule(o PunctuationOptions) rule {
	r := rule{Rule: Rule{Name: "punctuation", Version: 1, Level: levelCharacter, On: o.On, Doc: punctuationDoc}, holds: true}
	if o.On {
		table := marks()
		r.run = func(j *job) string {
			j.same = true
			j.rewrite("punctuation", func(j *job, s string, edits []edit) []edit {
				edits = scanPunctuation(table, s, edits)
				j.find("collapsed", len(edits))
				return edits
			})
			return ""
		}
	}
	return r
}

// How a mark may repeat. From stop on marks of one value are forms of one mark.
const (
	noMark   uint8 = iota
	single         // once
	bracket        // twice, and three and more once
	ellipsis       // …: twice
	dash           // — ―: twice
	hyphen         // -: twice
	plus           // +: twice after a letter
	fullStop
	comma
	exclamation
	question
	semi
	colon
	listComma
	stop = fullStop // the first of the stops
)

// marks holds how characters of the first plane repeat.
var marks = sync.OnceValue(func() *[1 << 16]uint8 {
	var t [1 << 16]uint8
	for r := range rune(1 << 16) {
		if classOf(r) == classPunct {
			t[r] = single
		}
	}
	set := func(as uint8, runes string) {
		for _, r := range runes {
			t[r] = as
		}
	}
	set(bracket, "()[]{}（）［］｛｝〔〕〈〉<>＜＞“”‘’\"'")
	set(ellipsis, "…")
	set(dash, "—―")
	set(hyphen, "-")
	set(plus, "+")
	set(fullStop, "。.．｡")
	set(comma, "，,﹐")
	set(exclamation, "！!﹗")
	set(question, "？?﹖")
	set(semi, "；;﹔")
	set(colon, "：:﹕")
	set(listComma, "、﹑､")
	return &t
})

// aloneBefore are the first bytes of what stands behind a mark that stands alone: ends of lines, letters and digits of ASCII, Chinese characters.
var aloneBefore = sync.OnceValue(func() *[256]bool {
	var t [256]bool
	for b := range t {
		t[b] = b == '\n' || b > ' ' && b < 0x80 && marks()[b] == noMark || b >= 0xE4 && b <= 0xE9
	}
	return &t
})

// scanPunctuation finds the marks that are too many.
func scanPunctuation(table *[1 << 16]uint8, s string, edits []edit) []edit {
	alone := aloneBefore()
	for i := 0; i < len(s); {
		b := s[i]
		if b >= 0xE4 && b <= 0xE9 { // Han
			i += 3
			continue
		}
		var r rune
		size := 1
		if b < 0x80 {
			r = rune(b)
		} else if r, size = decode(s, i); r > 0xFFFF {
			i += size
			continue
		}
		kind := table[r]
		if kind == noMark {
			i += size
			continue
		}
		end := i + size
		if end == len(s) || alone[s[end]] {
			i = end // most marks stand alone
			continue
		}
		if kind >= stop {
			if r == ':' && addressBegins(s, i) {
				i = skipAddress(s, i)
				continue
			}
			edits, i = collapseStops(table, s, i, edits)
			continue
		}
		edits, i = collapseSame(s, i, r, size, kind, edits)
	}
	return edits
}

// collapseSame handles the run of one character at i, which is no stop.
func collapseSame(s string, i int, r rune, size int, kind uint8, edits []edit) ([]edit, int) {
	end, n := i, 0
	for end+size <= len(s) && s[end:end+size] == s[i:i+size] {
		end += size
		n++
	}
	keep := 1
	switch kind {
	case bracket:
		if n == 2 {
			keep = 2
		}
	case ellipsis, dash, hyphen:
		keep = 2
	case plus:
		if i > 0 && isASCIILetter(s[i-1]) {
			keep = 2
		}
	}
	if n > keep {
		edits = add(edits, i+keep*size, end, "")
	}
	return edits, end
}

// collapseStops handles the run of stops at i: sentence marks and commas, with blanks between them where equal ones follow.
func collapseStops(table *[1 << 16]uint8, s string, i int, edits []edit) ([]edit, int) {
	var seen [listComma + 1]bool
	for i < len(s) {
		r, size := decode(s, i)
		if r > 0xFFFF || table[r] < stop {
			break
		}
		kind := table[r]
		end := i + size
		if r == '.' {
			for end < len(s) && s[end] == '.' {
				end++
			}
			switch n := end - i; {
			case seen[kind]:
			case n > 3:
				edits = add(edits, i+3, end, "")
			case n == 2 && !(betweenDigits(s, i, end)):
				edits = add(edits, i+1, end, "")
			}
		}
		if seen[kind] {
			edits = add(edits, i, end, "")
		}
		seen[kind] = true
		i = end
		// Blanks before a stop that was seen go with it.
		if k := skipBlank(s, i); k > i && k < len(s) {
			if r, _ := decode(s, k); r <= 0xFFFF && table[r] >= stop && seen[table[r]] && !beginsWord(s, k, r) {
				edits = add(edits, i, k, "")
				i = k
			}
		}
	}
	return edits, i
}

// beginsWord tells whether the mark at i is a part of the word after it, as in .NET and .5.
func beginsWord(s string, i int, r rune) bool {
	return r == '.' && i+1 < len(s) && (isASCIILetter(s[i+1]) || s[i+1] >= '0' && s[i+1] <= '9')
}

func betweenDigits(s string, i, end int) bool {
	return i > 0 && s[i-1] >= '0' && s[i-1] <= '9' && end < len(s) && s[end] >= '0' && s[end] <= '9'
}

// skipBlank goes behind blanks that end no line.
func skipBlank(s string, i int) int {
	for i < len(s) {
		switch {
		case s[i] == ' ' || s[i] == '\t':
			i++
		case s[i] == 0xE3 && i+2 < len(s) && s[i:i+3] == "\u3000":
			i += 3
		default:
			return i
		}
	}
	return i
}

// addressBegins tells whether the colon at i is that of https://.
func addressBegins(s string, i int) bool {
	return i > 1 && i+2 < len(s) && s[i+1] == '/' && s[i+2] == '/' && isASCIILetter(s[i-1]) && isASCIILetter(s[i-2])
}

// skipAddress goes behind the address whose colon stands at i: to the next blank, quote, bracket or character beyond ASCII.
func skipAddress(s string, i int) int {
	for i < len(s) {
		b := s[i]
		if b <= ' ' || b >= 0x7F || b == '"' || b == '\'' || b == '<' || b == '>' || b == ')' || b == ']' || b == '}' {
			break
		}
		i++
	}
	return i
}
