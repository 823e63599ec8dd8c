package source

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"m6lab/datasets/runes"
)

// content reads what a plain file holds from the part's start, or all of a packed one; plain is false then. u is nil where the part has nothing.
func (s *sink) content(o object, in inspected, back int64) (u *unpacked, pos int64, err error) {
	if in.packing == "" {
		pos = max(0, s.part.Start-back)
		u, err = from(o, pos)
		return u, pos, err
	}
	if s.part.Start > 0 {
		return nil, 0, nil // whoever has the beginning reads all
	}
	s.part.End = -1
	u, err = unpack(o, in.packing)
	return u, 0, err
}

// behind reports whether a place is another part's.
func (s *sink) behind(at int64) bool { return s.part.End >= 0 && at >= s.part.End }

// broken hands on the damage that ended a stream, and reports whether the stream goes on behind it.
func (s *sink) broken(in *stream) (again bool, err error) {
	err = in.failed()
	var d *damage
	if !errors.As(err, &d) {
		return false, err
	}
	in.clear()
	return d.again, s.fault(d.reason, "#"+strconv.FormatInt(in.pos, 10), d.err)
}

// lines calls do for the lines of the part that are not blank.
func (s *sink) lines(o object, in inspected, do func(line []byte, long bool, where string) error) error {
	u, pos, err := s.content(o, in, 1)
	if err != nil || u == nil {
		return err
	}
	defer u.Close()
	var st stream
	st.reset(u, pos)
	if s.part.Start > 0 {
		st.dropLine() // that of the part before
	}
	found := false
	for !s.behind(st.pos) {
		at := st.pos
		line, long, ok := st.textLine(s.o.MaxDocument)
		if at == 0 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if ok && !(st.cut && st.failed() != nil) {
			if len(line) > 0 && (long || len(bytes.TrimSpace(line)) > 0) {
				found = true
				if err := do(line, long, "#"+strconv.FormatInt(at, 10)); err != nil {
					return err
				}
			}
			if !st.cut {
				continue
			}
		}
		if st.failed() == nil {
			break
		}
		found = true
		if again, err := s.broken(&st); !again || err != nil {
			return err
		}
	}
	if !found && s.part.Start == 0 && (s.part.End < 0 || s.part.End >= o.Size()) {
		return s.fault(FaultEmpty, "", nil)
	}
	return nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readJSONL reads a document from each line, or from each object of a file that is one list or one object over several lines.
func (s *sink) readJSONL(o object, in inspected) error {
	if list, err := isList(o); err != nil || list {
		if err == nil {
			err = s.readList(o, in)
		}
		return err
	}
	return s.lines(o, in, func(line []byte, long bool, where string) error {
		if long {
			return s.fault(FaultLarge, where, errTooLarge)
		}
		return s.jsonObject(line, where)
	})
}

// jsonObject hands on the document of an object.
func (s *sink) jsonObject(data []byte, where string) error {
	d, fault := s.jsonDocument(data, false)
	if fault != nil {
		return s.fault(fault.reason, where, fault.err)
	}
	return s.document(d, where)
}

// isList reports whether a file of JSON is a list, or an object of which the first line is only "{".
func isList(o object) (bool, error) {
	head, err := firstBytes(o, 1<<10)
	head = bytes.TrimLeft(bytes.TrimPrefix(head, byteOrderMark), " \t\r\n")
	if len(head) == 0 || err != nil {
		return false, err
	}
	first, rest, _ := bytes.Cut(head, []byte{'\n'})
	first = bytes.TrimRight(first, " \t\r")
	return head[0] == '[' && !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte{'['}) || len(first) == 1 && head[0] == '{', nil
}

// readList reads the objects of a list, wherever its lines end. Behind one that cannot be read it goes on with the next that begins a line.
func (s *sink) readList(o object, in inspected) error {
	if s.part.Start > 0 {
		return nil // whoever has the beginning reads all
	}
	u, err := unpack(o, in.packing)
	if err != nil {
		return err
	}
	defer u.Close()
	var st stream
	st.reset(u, 0)
	found := false
	for {
		if !st.find([]byte{'{'}) {
			if st.failed() != nil {
				found = true
				if again, err := s.broken(&st); !again || err != nil {
					return err
				}
				continue
			}
			if !found {
				return s.fault(FaultEmpty, "", nil)
			}
			return nil
		}
		found = true
		where := "#" + strconv.FormatInt(st.pos, 10)
		size, reason := objectSize(&st, s.o.MaxDocument)
		if reason == "" {
			data := bytes.Clone(st.peek(size))
			st.advance(size)
			err = s.jsonObject(data, where)
		} else if st.failed() == nil {
			st.advance(1)
			if st.find([]byte("\n{")) {
				st.advance(1)
			}
			err = s.fault(reason, where, errors.New("the object does not end"))
		} else {
			st.advance(len(st.buffered()))
		}
		if err != nil {
			return err
		}
	}
}

// objectSize returns the size of the object that begins here, up to limit, or why there is none.
func objectSize(st *stream, limit int) (int, string) {
	depth, quoted := 0, false
	for i := 0; ; i++ {
		data := st.buffered()
		if i >= len(data) {
			if !st.more() {
				return 0, FaultTruncated
			}
			data = st.buffered()
		}
		if i > limit {
			return 0, FaultLarge
		}
		switch c := data[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1, ""
			}
		}
	}
}

// jsonDocument makes a document of an object.
func (s *sink) jsonDocument(data []byte, bare bool) (*Document, *rowFault) {
	r := row{bare: bare}
	if fault := r.object(data); fault != nil {
		return nil, fault
	}
	return s.rowDocument(&r)
}

// object reads an object into a row.
func (r *row) object(data []byte) *rowFault {
	if !runes.Valid(data) {
		return &rowFault{FaultUTF8, nil}
	}
	var bad error
	err := eachMember(data, func(key, value []byte) {
		if at := slotOf(key); at.slot != slotNone && bad == nil {
			bad = r.member(at, value)
		}
	})
	if err = errors.Join(err, bad); err != nil {
		return &rowFault{FaultJSON, err}
	}
	return nil
}

// member takes the value of a key. A value of a kind that the key does not have elsewhere is ignored, as the keys are other people's.
func (r *row) member(at ranked, value []byte) error {
	switch text, is := isString(value); {
	case is:
		v, err := unquote(text)
		r.set(at, v)
		return err
	case value[0] == '[':
		var list []string
		var bad error
		eachElement(value, func(element []byte) {
			if text, is := isString(element); is {
				v, err := unquote(text)
				list, bad = append(list, v), errors.Join(bad, err)
			}
		})
		if at.slot == slotText && at.rank == paragraphsRank {
			list = []string{strings.Join(list, "\n")}
		}
		r.setList(at, list)
		return bad
	case value[0] == '{' && at.slot == slotImage: // as `datasets` writes it
		inner := row{}
		err := eachMember(value, func(key, v []byte) {
			if k := string(key); k == "path" || k == "url" || k == "bytes" {
				text, is := isString(v)
				if content, err := unquote(text); is && err == nil {
					inner.set(ranked{slotImage, map[string]int8{"bytes": 0, "path": 1, "url": 2}[k]}, content)
				}
			}
		})
		r.set(at, inner.texts[slotImage])
		return err
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		if at.slot == slotDate || at.slot == slotAnswerID {
			r.set(at, string(value))
		}
	}
	return nil
}
