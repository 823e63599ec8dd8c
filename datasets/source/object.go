package source

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A line of jsonl is read by hand: encoding/json would decode all of it into a map, at a third of the speed, and puts replacement characters
// where the input has none. What is accepted is what encoding/json accepts, but for half surrogate pairs.

var (
	errObject    = errors.New("want one object")
	errSurrogate = errors.New(`half of a surrogate pair (\ud800 to \udfff) stands alone`)
)

// jsonError says what is wrong at which byte.
type jsonError struct {
	what string
	at   int
}

func (e *jsonError) Error() string { return e.what + " at byte " + strconv.Itoa(e.at) }

// scanner walks over JSON.
type scanner struct {
	b   []byte
	i   int
	err error
}

const maxJSONDepth = 1000

// eachMember calls do for the members of the object that is all of data: the key without quotes, as written, and the value. Nothing is copied.
func eachMember(data []byte, do func(key, value []byte)) error {
	s := scanner{b: data}
	s.space()
	if s.i == len(data) || data[s.i] != '{' {
		return errObject
	}
	s.object(1, do)
	s.space()
	if s.err == nil && s.i < len(data) {
		s.fail("something behind the object")
	}
	return s.err
}

// eachElement calls do for the elements of the array that is all of data, which is known to be sound.
func eachElement(data []byte, do func(value []byte)) {
	s := scanner{b: data}
	s.array(1, do)
}

func (s *scanner) fail(what string) {
	if s.err == nil {
		s.err = &jsonError{what, s.i}
	}
	s.i = len(s.b)
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte behind white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) object(depth int, do func(key, value []byte)) {
	s.i++ // {
	if s.peek() == '}' {
		s.i++
		return
	}
	for s.err == nil {
		if s.peek() != '"' {
			s.fail("no key")
			return
		}
		from := s.i + 1
		s.text()
		key := s.b[from:max(from, s.i-1)]
		if s.peek() != ':' {
			s.fail("no colon")
			return
		}
		s.i++
		s.space()
		from = s.i
		s.value(depth)
		if s.err == nil && do != nil {
			do(key, s.b[from:s.i])
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return
		default:
			s.fail("neither a comma nor the end of the object")
		}
	}
}

func (s *scanner) array(depth int, do func(value []byte)) {
	s.i++ // [
	if s.peek() == ']' {
		s.i++
		return
	}
	for s.err == nil {
		s.space()
		from := s.i
		s.value(depth)
		if s.err == nil && do != nil {
			do(s.b[from:s.i])
		}
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return
		default:
			s.fail("neither a comma nor the end of the list")
		}
	}
}

func (s *scanner) value(depth int) {
	if depth > maxJSONDepth {
		s.fail("too deep")
		return
	}
	switch c := s.peek(); {
	case c == '"':
		s.text()
	case c == '{':
		s.object(depth+1, nil)
	case c == '[':
		s.array(depth+1, nil)
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.fail("no value")
	}
}

func (s *scanner) word(w string) {
	if !bytes.HasPrefix(s.b[s.i:], []byte(w)) {
		s.fail("no value")
		return
	}
	s.i += len(w)
}

func (s *scanner) digits() bool {
	from := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > from
}

func (s *scanner) take(set string) bool {
	if s.i < len(s.b) && bytes.IndexByte([]byte(set), s.b[s.i]) >= 0 {
		s.i++
		return true
	}
	return false
}

func (s *scanner) number() {
	s.take("-")
	ok := s.take("0") || s.digits()
	if ok && s.take(".") {
		ok = s.digits()
	}
	if ok && s.take("eE") {
		s.take("+-")
		ok = s.digits()
	}
	if !ok {
		s.fail("no number")
	}
}

// text steps over a string.
func (s *scanner) text() {
	s.i++ // "
	for {
		rest := s.b[s.i:]
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			s.i = len(s.b)
			s.fail("a string without end")
			return
		}
		escape := bytes.IndexByte(rest[:end], '\\')
		plain := rest[:end]
		if escape >= 0 {
			plain = rest[:escape]
		}
		for k, c := range plain {
			if c < 0x20 {
				s.i += k
				s.fail("a control character")
				return
			}
		}
		if escape < 0 {
			s.i += end + 1
			return
		}
		s.i += escape + 1
		s.escape()
		if s.err != nil {
			return
		}
	}
}

// escape steps over what stands behind a backslash.
func (s *scanner) escape() {
	if s.take(`"\/bfnrt`) {
		return
	}
	if !s.take("u") || len(s.b)-s.i < 4 {
		s.fail("no escape")
		return
	}
	for _, c := range s.b[s.i : s.i+4] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			s.fail("no escape")
			return
		}
	}
	s.i += 4
}

// unquote returns the content of a sound string without its quotes.
func unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), nil
	}
	out := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return string(append(out, raw...)), nil
		}
		out = append(out, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(raw)
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
					return "", errSurrogate
				}
				if r = utf16.DecodeRune(r, hex4(raw[2:])); r == utf8.RuneError {
					return "", errSurrogate
				}
				raw = raw[6:]
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
}

func hex4(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32) // checked before
	return rune(n)
}

// isString returns the content of a JSON value that is a string.
func isString(value []byte) ([]byte, bool) {
	if len(value) >= 2 && value[0] == '"' {
		return value[1 : len(value)-1], true
	}
	return nil, false
}
