package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"m6lab/datasets"
)

// itemKind is the form in which an item lies in its file.
type itemKind uint8

const (
	captionFile itemKind = iota // a .txt file with the captions of a picture
	jsonLine                    // one line of a .jsonl file
	paragraph                   // a paragraph or line of a .txt file
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// parse returns the example in raw, without id, source and picture, and the path of the picture that a line of JSON names.
func parse(kind itemKind, raw []byte) (ex datasets.Example, picture string, why *leftOut) {
	if !utf8.Valid(raw) {
		return ex, "", &leftOut{LeftEncoding, fmt.Sprintf("at byte %d; convert it, as with iconv -f GB18030 -t UTF-8", invalidAt(string(raw)))}
	}
	raw = bytes.TrimPrefix(raw, byteOrderMark)
	switch kind {
	case captionFile:
		setTexts(&ex, strings.Split(string(raw), "\n"))
	case jsonLine:
		if picture, why = parseLine(&ex, raw); why != nil {
			return ex, "", why
		}
	case paragraph:
		ex.Text = strings.TrimSpace(strings.ReplaceAll(string(raw), "\r\n", "\n"))
	}
	switch {
	case (ex.Question == "") != (ex.Answer == "") && ex.Text == "":
		return ex, "", &leftOut{reason: LeftHalf}
	case ex.Text == "" && ex.Question == "":
		return ex, "", &leftOut{reason: LeftEmpty}
	}
	return ex, picture, nil
}

// setTexts makes the first of the texts that are not empty the text; several are the references too.
func setTexts(ex *datasets.Example, texts []string) {
	var kept []string
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			kept = append(kept, s)
		}
	}
	if len(kept) > 0 {
		ex.Text = kept[0]
	}
	if len(kept) > 1 {
		ex.References = kept
	}
}

// texts is a string or a list of strings in JSON.
type texts []string

// UnmarshalJSON reads either form.
func (t *texts) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'['}) {
		return json.Unmarshal(data, (*[]string)(t))
	}
	var one *string
	if err := json.Unmarshal(data, &one); err != nil || one == nil {
		return err
	}
	*t = texts{*one}
	return nil
}

// parseLine reads an object of a .jsonl file into ex and returns the path of its picture.
func parseLine(ex *datasets.Example, raw []byte) (picture string, why *leftOut) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return "", &leftOut{LeftLine, jsonError(err)}
	}
	if fields == nil {
		return "", &leftOut{LeftLine, "null where an object should be"}
	}
	var text, references texts
	for _, f := range [...]struct {
		name string
		to   any
	}{{"text", &text}, {"image", &picture}, {"question", &ex.Question}, {"answer", &ex.Answer}, {"references", &references}} {
		if value, ok := fields[f.name]; ok {
			if err := json.Unmarshal(value, f.to); err != nil {
				return "", &leftOut{LeftLine, fmt.Sprintf("%q: %s", f.name, jsonError(err))}
			}
			delete(fields, f.name)
		}
	}
	setTexts(ex, text)
	if len(references) > 0 {
		var r datasets.Example
		setTexts(&r, references)
		ex.References = r.References
		if r.References == nil && r.Text != "" {
			ex.References = []string{r.Text}
		}
		if ex.Text == "" {
			ex.Text = r.Text
		}
	}
	ex.Question, ex.Answer = strings.TrimSpace(ex.Question), strings.TrimSpace(ex.Answer)
	if len(fields) > 0 {
		meta, err := json.Marshal(fields)
		if err != nil {
			return "", &leftOut{LeftLine, err.Error()}
		}
		ex.Meta = string(meta)
	}
	return picture, lostCharacters(raw, ex)
}

// jsonError says what is wrong in one line.
func jsonError(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Sprintf("a %s where another type should be", kind.Value)
	}
	return err.Error()
}

// lostCharacters refuses a line in which half of a surrogate pair stands alone: the JSON reader has put a replacement character there.
func lostCharacters(raw []byte, ex *datasets.Example) *leftOut {
	const replacement = "\ufffd"
	if bytes.Contains(raw, []byte(replacement)) || bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`)) {
		return nil // it was there before
	}
	for _, s := range append([]string{ex.Text, ex.Question, ex.Answer}, ex.References...) {
		if strings.Contains(s, replacement) {
			return &leftOut{LeftLine, `half of a surrogate pair (\ud800 to \udfff) stands alone`}
		}
	}
	return nil
}

// textLine is a line of a file.
type textLine struct {
	number int   // from 1
	offset int64 // in the file
	size   int64 // without the line's end
	data   []byte
	long   bool // longer than the limit: data is its beginning
}

// eachLine calls do for every line of r, without its end. Of a line longer than limit only the beginning is kept.
func eachLine(r io.Reader, limit int, do func(l textLine)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	l := textLine{number: 1}
	var buf []byte
	for {
		part, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err == nil
		if ended {
			part = part[:len(part)-1]
		}
		l.size += int64(len(part))
		buf = append(buf, part[:min(len(part), limit-len(buf))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if l.data, l.long = buf, l.size > int64(limit); ended || l.size > 0 {
			do(l)
		}
		if !ended {
			return nil
		}
		l = textLine{number: l.number + 1, offset: l.offset + l.size + 1}
		buf = buf[:0]
	}
}
