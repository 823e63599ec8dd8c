package page

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"m6lab/datasets/runes"
)

// Names of the charsets that Decode looks for by itself.
const (
	utf8Name    = "utf-8"
	gbName      = "gb18030" // holds GB2312 and GBK
	big5Name    = "big5"    // with the Hong Kong characters
	latinName   = "windows-1252"
	utf16leName = "utf-16le"
	utf16beName = "utf-16be"
)

// Decode returns a document or plain text as UTF-8, the charset that it was read by, and how many bytes that charset could not read (each
// is U+FFFD in the text). charset is what the protocol's header declares, "" nothing. A byte order mark decides; else UTF-8, GB18030, Big5
// and the declared charset are weighed by how much of the text is common Chinese, and the declared one wins unless another reads far better.
// Without a declaration and without sense in any of them the text is windows-1252.
func Decode(body []byte, charset string) (text string, used string, bad int) {
	text, used, _, bad = decode(body, charset)
	return text, used, bad
}

// decode is Decode, which also returns the label that was declared.
func decode(body []byte, header string) (text, used, declared string, bad int) {
	declared = strings.ToLower(strings.Trim(header, " \t\r\n\"'"))
	if at := strings.Index(declared, "charset="); at >= 0 { // the whole Content-Type
		declared = valueOf([]byte(declared), "charset")
	}
	name, inHeader := known(declared)
	if !inHeader {
		if label := declaration(body); label != "" {
			declared = label
			name, _ = known(label)
			if name == utf16leName || name == utf16beName {
				name = utf8Name // a page that can be asked in bytes is not in words of 16 bits
			}
		}
	}
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		body, name = body[3:], utf8Name
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		body, name = body[2:], utf16leName
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		body, name = body[2:], utf16beName
	default:
		var valid bool
		if name, valid = choose(body, name); valid && name == utf8Name {
			return string(body), name, declared, 0
		}
	}
	text, bad = read(body, name)
	return text, name, declared, bad
}

// known returns the charset that a label means, by the table of the HTML standard and HZ besides, and whether there is one.
func known(label string) (name string, ok bool) {
	switch label {
	case "":
		return "", false
	case "hz-gb-2312", "hz":
		return "hz-gb-2312", true
	case "gb2312", "gbk", "gb18030", "utf8", "cp936", "ms936", "x-gbk", "euc-cn", "gb_2312":
		if label == "utf8" {
			return utf8Name, true
		}
		return gbName, true
	case "cp950", "ms950", "big5-eten":
		return big5Name, true
	case "utf-16", "ucs-2", "unicode":
		return utf16leName, true
	}
	enc, err := htmlindex.Get(label)
	if err != nil {
		return "", false
	}
	name, err = htmlindex.Name(enc)
	switch {
	case err != nil || name == "replacement" || name == "x-user-defined":
		return "", false
	case name == "gbk":
		return gbName, true
	}
	return name, true
}

// encodingOf returns the decoder's table for a name that known returned.
func encodingOf(name string) encoding.Encoding {
	switch name {
	case gbName:
		return simplifiedchinese.GB18030
	case big5Name:
		return traditionalchinese.Big5
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	case utf16leName:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case utf16beName:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	if enc, err := htmlindex.Get(name); err == nil {
		return enc
	}
	return charmap.Windows1252
}

// read returns body as UTF-8 and the number of bytes that the charset does not know.
func read(body []byte, name string) (text string, bad int) {
	if name == utf8Name {
		if runes.Valid(body) {
			return string(body), 0
		}
		var b strings.Builder
		b.Grow(len(body) + 64)
		for len(body) > 0 {
			n := validPrefix(body)
			b.Write(body[:n])
			body = body[n:]
			if len(body) > 0 {
				b.WriteRune(utf8.RuneError)
				body = body[1:]
				bad++
			}
		}
		return b.String(), bad
	}
	out, err := encodingOf(name).NewDecoder().Bytes(body)
	if err != nil { // decoders put U+FFFD for what they cannot read; an error would be theirs, and what they wrote before it stays
		bad++
	}
	text = string(out)
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return text, bad + strings.Count(text, "\uFFFD")
}

// validPrefix returns the length of the longest prefix of b that is UTF-8.
func validPrefix(b []byte) int {
	i := 0
	for i < len(b) {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return i
}

// sampleBytes bounds what is weighed: enough for certainty, and little of a large document.
const sampleBytes = 16 << 10

// choose returns the charset of body, where declared is the claim ("" none), and whether body is known to be UTF-8.
func choose(body []byte, declared string) (name string, valid bool) {
	switch declared {
	case utf16leName, utf16beName, "hz-gb-2312":
		if name := words(body); name != "" {
			return name, false
		}
		if declared == "hz-gb-2312" && !hasHigh(body) {
			return declared, true
		}
		declared = ""
	case "iso-2022-jp":
		if !hasHigh(body) {
			return declared, true
		}
	case "":
		if name := words(body); name != "" {
			return name, false
		}
	}
	if !hasHigh(body) {
		if declared == "" {
			return utf8Name, true
		}
		return declared, true
	}
	wide := 0 // characters of more than one byte, where all is UTF-8
	if valid = runes.Valid(body); valid {
		if declared == utf8Name || declared == "" {
			return utf8Name, true
		}
		wide = runes.Count(body)
		for _, c := range body {
			if c < utf8.RuneSelf {
				wide--
			}
		}
		if wide >= 16 || singleByte(declared) { // by chance, bytes of another charset are UTF-8 for a few characters only
			return utf8Name, true
		}
	}
	return weigh(sample(body), declared), valid
}

// hasHigh reports whether b has a byte beyond ASCII.
func hasHigh(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// words returns the kind of UTF-16 that b is by its zero bytes, "" none: markup and digits leave zeros on one side only.
func words(b []byte) string {
	if len(b) > 4096 {
		b = b[:4096]
	}
	zeros := [2]int{}
	for i, c := range b {
		if c == 0 {
			zeros[i&1]++
		}
	}
	switch half := len(b) / 2; {
	case half < 2:
	case zeros[1]*10 >= half && zeros[0]*100 <= half:
		return utf16leName
	case zeros[0]*10 >= half && zeros[1]*100 <= half:
		return utf16beName
	}
	return ""
}

// sample returns the stretches of body that hold bytes beyond ASCII, up to sampleBytes, divided by line feeds. Up to three ASCII bytes behind
// a byte beyond ASCII belong to its stretch: trails of GBK and Big5 are letters as well, and GB18030 puts digits between.
func sample(body []byte) []byte {
	out := make([]byte, 0, min(len(body), sampleBytes))
	since := 4
	for _, c := range body {
		if c >= utf8.RuneSelf {
			if len(out) >= sampleBytes && since > 0 {
				break
			}
			since = 0
			out = append(out, c)
			continue
		}
		if since++; since <= 3 {
			out = append(out, c)
		} else if since == 4 {
			out = append(out, '\n')
		}
	}
	return out
}
