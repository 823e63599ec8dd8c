package source

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// blankLine is what divides documents of plain text: a line with nothing but spaces and tabs.
var blankLine = regexp.MustCompile(`\n[ \t\r]*\n`)

// readText reads plain text in its three forms. Its charset is not known; the bytes are as found.
func (s *sink) readText(o object, in inspected) error {
	switch in.format {
	case FormatLines:
		return s.lines(o, in, func(line []byte, long bool, where string) error {
			if long {
				return s.fault(FaultLarge, where, errTooLarge)
			}
			return s.document(&Document{Media: "text/plain", Body: bytes.Clone(line)}, where)
		})
	case FormatTHUCTC:
		return s.readTHUCTC(o, in)
	}
	return s.readParagraphs(o, in)
}

// whole reads all of a file. A nil result was handed on as a fault.
func (s *sink) whole(o object, in inspected) ([]byte, error) {
	u, err := unpack(o, in.packing)
	if err != nil {
		return nil, err
	}
	defer u.Close()
	data, err := readUpTo(u, s.o.MaxDocument)
	var d *damage
	switch {
	case errors.Is(err, errTooLarge):
		return nil, s.fault(FaultLarge, "", err)
	case errors.As(err, &d):
		return nil, s.fault(d.reason, "", d.err)
	case err != nil:
		return nil, err
	case len(bytes.TrimSpace(data)) == 0:
		return nil, s.fault(FaultEmpty, "", nil)
	}
	return data, nil
}

// readTHUCTC reads a file of the THUCTC corpus: the title in the first line, the article in the others.
func (s *sink) readTHUCTC(o object, in inspected) error {
	data, err := s.whole(o, in)
	if data == nil {
		return err
	}
	d := &Document{Media: "text/plain", Body: bytes.TrimPrefix(data, byteOrderMark)}
	if title, body, found := bytes.Cut(bytes.TrimLeft(d.Body, " \t\r\n"), []byte{'\n'}); found && len(bytes.TrimSpace(body)) > 0 && utf8.Valid(title) {
		d.Title, d.Body = oneParagraph(string(title)), body
	}
	return s.document(d, "")
}

// readParagraphs reads documents that empty lines divide.
func (s *sink) readParagraphs(o object, in inspected) error {
	u, pos, err := s.content(o, in, 1)
	if err != nil || u == nil {
		return err
	}
	defer u.Close()
	p := paragraphs{s: s}
	p.st.reset(u, pos)
	if s.part.Start > 0 {
		p.st.dropLine()
		if p.inside, err = insideText(o, p.st.pos); err != nil {
			return err
		}
	}
	err = p.read()
	if err == nil && !p.found && s.part.Start == 0 && (s.part.End < 0 || s.part.End >= o.Size()) {
		return s.fault(FaultEmpty, "", nil)
	}
	return err
}

// insideText reports whether the line before the one at an offset is not blank.
func insideText(o object, at int64) (bool, error) {
	const step, most = 4 << 10, 1 << 20
	buf := make([]byte, step)
	for end, floor := at-1, max(0, at-1-most); end > floor; { // at-1 is the line end
		n := int(min(step, end-floor))
		if _, err := o.ReadAt(buf[:n], end-int64(n)); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		for i := n - 1; i >= 0; i-- {
			switch buf[i] {
			case ' ', '\t', '\r':
			case '\n':
				return false, nil
			default:
				return true, nil
			}
		}
		end -= int64(n)
	}
	return false, nil
}

// paragraphs gathers the lines of one document after the other.
type paragraphs struct {
	s      *sink
	st     stream
	inside bool // of a document of the part before
	found  bool // anything
	open   bool // there is a document
	large  bool
	at     int64
	body   []byte
}

func (p *paragraphs) read() error {
	for {
		at := p.st.pos
		if !p.open && p.s.behind(at) {
			return nil
		}
		line, long, ok := p.st.textLine(p.s.o.MaxDocument)
		failed := p.st.cut && p.st.failed() != nil
		if at == 0 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if ok && !failed {
			if err := p.line(line, long, at); err != nil {
				return err
			}
			if !p.st.cut {
				continue
			}
		}
		if !failed {
			return p.end()
		}
		p.open, p.body, p.found = false, nil, true // what damage cuts off is no document
		if again, err := p.s.broken(&p.st); !again || err != nil {
			return err
		}
	}
}

// line takes one line.
func (p *paragraphs) line(line []byte, long bool, at int64) error {
	if !long && len(bytes.Trim(line, " \t\r")) == 0 {
		p.inside = false
		return p.end()
	}
	p.found = true
	if p.inside {
		return nil
	}
	if !p.open {
		p.open, p.at, p.large, p.body = true, at, false, nil
	}
	if p.large = p.large || long || len(p.body)+len(line) > p.s.o.MaxDocument; p.large {
		p.body = nil
		return nil
	}
	if len(p.body) > 0 {
		p.body = append(p.body, '\n')
	}
	p.body = append(p.body, line...)
	return nil
}

// end hands on the document.
func (p *paragraphs) end() error {
	if !p.open {
		return nil
	}
	p.open = false
	where := "#" + strconv.FormatInt(p.at, 10)
	if p.large {
		return p.s.fault(FaultLarge, where, errTooLarge)
	}
	d := &Document{Media: "text/plain", Body: p.body}
	d.Title, d.Body = titled(p.body)
	return p.s.document(d, where)
}

// titled takes the first line of a document for its title where it looks like one: 5 to 40 characters without a sentence's end, and more text
// behind it. (The paper drops topics of fewer than 5 characters: a shorter line stays in the text.)
func titled(body []byte) (string, []byte) {
	first, rest, found := bytes.Cut(body, []byte{'\n'})
	title := oneParagraph(string(first))
	n := utf8.RuneCountInString(title)
	if !found || n < 5 || n > 40 || !utf8.ValidString(title) || len(rest) < 2*len(first) {
		return "", body
	}
	if bytes.ContainsAny([]byte(title), "。！？；!?;，,…") || bytes.HasSuffix(first, []byte{'.'}) || bytes.HasSuffix(first, []byte("：")) {
		return "", body
	}
	return title, rest
}
