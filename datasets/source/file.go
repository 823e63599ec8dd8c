package source

import (
	"bytes"
	"cmp"
	"errors"
	"path"
	"strings"
)

// readHTML reads a file of HTML.
func (s *sink) readHTML(o object, in inspected) error {
	data, err := s.whole(o, in)
	if data == nil {
		return err
	}
	web := cmp.Or(s.web, webAddress(path.Base(s.part.Address)))
	return s.document(&Document{Address: web, Media: "text/html", Body: data}, "")
}

// readPicture reads a picture with the captions beside it: the lines of STEM.txt, or an object in STEM.json.
func (s *sink) readPicture(o object, name string) error {
	base := path.Base(name)
	d, fault := s.captionsOf(base)
	switch {
	case fault != nil:
		return s.fault(fault.reason, "", fault.err)
	case d == nil:
		return s.fault(SkipCaption, "", nil)
	}
	data, err := s.whole(o, inspected{format: FormatPictures})
	if data == nil {
		return err
	}
	d.Images = []Image{{Path: base, Bytes: data}}
	if d.Address == "" && s.web != "" {
		d.Address = s.web
	}
	return s.document(d, "")
}

// captionsOf returns a document of a picture's captions, nil where it has none.
func (s *sink) captionsOf(picture string) (*Document, *rowFault) {
	if s.listing != nil && s.listing.stemsOf()[stem(picture)]&captioned == 0 {
		return nil, nil
	}
	for _, ending := range []string{".txt", ".json", ".TXT", ".JSON"} {
		name := stem(picture) + ending
		data, err := readInside(s.ctx, s.store, s.dir, name, s.o.MaxDocument)
		switch {
		case err != nil && isMissing(err):
			continue
		case errors.Is(err, errTooLarge):
			return nil, &rowFault{FaultLarge, errors.New(name)}
		case err != nil:
			return nil, &rowFault{FaultFile, err}
		case strings.EqualFold(ending, ".json"):
			return s.captionDocument(data)
		}
		return s.captionLines(data)
	}
	return nil, nil
}

// captionLines makes a document of lines; the first is the text, and of several all are references.
func (s *sink) captionLines(data []byte) (*Document, *rowFault) {
	var lines []string
	for line := range bytes.Lines(bytes.TrimPrefix(data, byteOrderMark)) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, string(line))
		}
	}
	if len(lines) == 0 {
		return nil, &rowFault{FaultEmpty, errors.New("the caption")}
	}
	d := &Document{Media: "text/plain", Body: []byte(lines[0])}
	if len(lines) > 1 {
		d.References = lines
	}
	return d, nil
}

// captionDocument makes a document of an object of JSON that belongs to a picture.
func (s *sink) captionDocument(data []byte) (*Document, *rowFault) {
	r := row{bare: true}
	if fault := r.object(bytes.TrimPrefix(data, byteOrderMark)); fault != nil {
		return nil, fault
	}
	r.texts[slotImage], r.lists[slotImage] = "", nil // the picture itself
	return s.rowDocument(&r)
}
