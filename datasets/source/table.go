package source

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readTable reads a .csv file, or a .tsv file, whose first row names the columns. A title alone is the text.
func (s *sink) readTable(o object, in inspected, name string) error {
	u, pos, err := s.content(o, in, 0)
	if err != nil || u == nil {
		return err
	}
	defer u.Close()
	t := table{s: s, comma: ','}
	t.st.reset(u, pos)
	for _, ending := range packings {
		name = strings.TrimSuffix(strings.ToLower(name), ending)
	}
	t.tabs = strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".tab")
	if first := t.st.until([]byte{'\n'}, maxHTTPHeaders); !t.tabs && bytes.IndexByte(first, '\t') >= 0 && bytes.IndexByte(first, ',') < 0 {
		t.comma = '\t'
	}
	for {
		at := t.st.pos
		fields, err := t.next()
		var bad *rowFault
		switch {
		case errors.Is(err, errStopped), err != nil && !errors.As(err, &bad):
			return err
		case bad != nil:
			err = s.fault(bad.reason, "#"+strconv.FormatInt(at, 10), bad.err)
		case fields == nil:
			return t.finish()
		default:
			err = t.row(fields, at)
		}
		if err != nil || t.unknown {
			return err
		}
	}
}

func (f *rowFault) Error() string { return fmt.Sprint(f.reason, ": ", f.err) }

// table reads rows.
type table struct {
	s       *sink
	st      stream
	tabs    bool // no quotes: a line is a row, a tab ends a field
	comma   byte
	columns []ranked
	unknown bool // the header has no column that is known
	rows    int
}

var errHeaderRow = errors.New("want a first row that names the columns, as title,image (title, text or caption; image, image_path, image_url or base64)")

// row takes the first row as the header, any other as a document.
func (t *table) row(fields []string, at int64) error {
	where := "#" + strconv.FormatInt(at, 10)
	if t.columns == nil {
		known := false
		for _, name := range fields {
			column := slotOf([]byte(strings.TrimSpace(strings.TrimPrefix(name, string(byteOrderMark)))))
			known = known || column.slot == slotText || column.slot == slotTitle || column.slot == slotQuestion || column.slot == slotHTML
			t.columns = append(t.columns, column)
		}
		if !known {
			t.unknown = true
			return t.s.fault(FaultRow, where, errHeaderRow)
		}
		return nil
	}
	t.rows++
	if len(fields) != len(t.columns) {
		return t.s.fault(FaultRow, where, fmt.Errorf("%d fields where the header has %d", len(fields), len(t.columns)))
	}
	r := row{bare: true}
	for i, value := range fields {
		if !utf8.ValidString(value) {
			return t.s.fault(FaultUTF8, where, nil)
		}
		if t.columns[i].slot != slotNone {
			r.set(t.columns[i], value)
		}
	}
	d, fault := t.s.rowDocument(&r)
	if fault != nil {
		return t.s.fault(fault.reason, where, fault.err)
	}
	return t.s.document(d, where)
}

// finish ends the reading of a table.
func (t *table) finish() error {
	if t.rows == 0 {
		return t.s.fault(FaultEmpty, "", errors.New("there are no rows"))
	}
	return nil
}

// next returns the fields of the next row, nil at the end. A *rowFault is of that row alone.
func (t *table) next() ([]string, error) {
	if t.tabs {
		return t.line()
	}
	for {
		size, state := t.extent()
		switch state {
		case rowEnd:
			return nil, nil
		case rowDamage:
			if again, err := t.s.broken(&t.st); err != nil || !again {
				return nil, err
			}
			continue
		case rowLarge:
			t.st.dropLine()
			return nil, &rowFault{FaultLarge, errTooLarge}
		case rowBad:
			t.st.dropLine()
			return nil, &rowFault{FaultRow, errQuote}
		}
		fields := splitRow(t.st.peek(size), t.comma)
		t.st.advance(size)
		if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" {
			continue // an empty line
		}
		return fields, nil
	}
}

// line returns the fields of a line of a file without quotes.
func (t *table) line() ([]string, error) {
	for {
		line, long, ok := t.st.textLine(2 * t.s.o.MaxDocument) // a picture in base64 is longer than the picture
		failed := t.st.cut && t.st.failed() != nil
		switch {
		case failed:
			if again, err := t.s.broken(&t.st); err != nil || !again {
				return nil, err
			}
		case !ok:
			return nil, nil
		case long:
			return nil, &rowFault{FaultLarge, errTooLarge}
		case len(bytes.TrimSpace(line)) > 0:
			return strings.Split(string(line), "\t"), nil
		case t.st.cut:
			return nil, nil
		}
	}
}

var errQuote = errors.New("a quote is not closed, or stands within a field")

type rowState int8

const (
	rowGood   rowState = iota
	rowEnd             // of the file
	rowBad             // quotes that do not fit
	rowLarge           // too large
	rowDamage          // the stream has failed
)

// extent returns how many bytes the next row has, its line end included.
func (t *table) extent() (int, rowState) {
	limit := 2 * t.s.o.MaxDocument
	quoted, start := false, true // within quotes; at the start of a field
	for i := 0; ; i++ {
		data := t.st.buffered()
		if i >= len(data) {
			if !t.st.more() {
				switch {
				case t.st.failed() != nil:
					t.st.advance(len(data))
					return 0, rowDamage
				case len(data) == 0:
					return 0, rowEnd
				case quoted:
					return 0, rowBad
				}
				return len(data), rowGood
			}
			data = t.st.buffered()
		}
		if i > limit {
			return 0, rowLarge
		}
		switch c := data[i]; {
		case quoted:
			if c != '"' {
				j := bytes.IndexByte(data[i:], '"')
				if j < 0 {
					j = len(data) - i
				}
				i += j - 1
				continue
			}
			if i+1 >= len(data) && t.st.more() {
				data = t.st.buffered()
			}
			switch {
			case i+1 < len(data) && data[i+1] == '"':
				i++
			case i+1 >= len(data) || data[i+1] == t.comma || data[i+1] == '\n' || data[i+1] == '\r':
				quoted = false
			default:
				return 0, rowBad
			}
		case c == '"' && start:
			quoted, start = true, false
		case c == '\n':
			return i + 1, rowGood
		default:
			start = c == t.comma
		}
	}
}

// splitRow divides a sound row into its fields.
func splitRow(data []byte, comma byte) []string {
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\r'})
	var fields []string
	for {
		if len(data) == 0 || data[0] != '"' {
			value, rest, more := bytes.Cut(data, []byte{comma})
			fields = append(fields, string(value))
			if !more {
				return fields
			}
			data = rest
			continue
		}
		var value []byte
		data = data[1:]
		for {
			i := bytes.IndexByte(data, '"')
			if i < 0 {
				return append(fields, string(append(value, data...))) // cannot be: extent has seen the end
			}
			value = append(value, data[:i]...)
			data = data[i+1:]
			if len(data) == 0 || data[0] != '"' {
				break
			}
			value = append(value, '"')
			data = data[1:]
		}
		fields = append(fields, string(value))
		i := bytes.IndexByte(data, comma)
		if i < 0 {
			return fields
		}
		data = data[i+1:]
	}
}
