package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// splitKey divides an entry's name as WebDataset does: the key is all before the first dot of the last element.
func splitKey(name string) (key, ending string) {
	dir, base := path.Split(name)
	stem, ending, _ := strings.Cut(base, ".")
	return dir + stem, strings.ToLower(ending)
}

// sample is a group of entries with one key.
type sample struct {
	key    string
	at     int64
	row    row
	lines  []byte // of .txt or .cls
	object []byte // of .json
	html   []byte
	bytes  int
	files  int
	fault  *rowFault
}

// readTar reads the samples of a WebDataset file.
func (s *sink) readTar(o object, in inspected) error {
	if in.packing == "" && (s.part.Start > 0 || s.part.End < o.Size()) {
		return s.readTarPart(o)
	}
	u, _, err := s.content(o, in, 0)
	if err != nil || u == nil {
		return err
	}
	defer u.Close()
	t := &tarReader{}
	t.st.reset(u, 0)
	return s.samples(t, "", -1)
}

// samples reads samples until one begins at end or behind it. Entries with the key skip in the beginning are the part's before.
func (s *sink) samples(t *tarReader, skip string, end int64) error {
	var g *sample
	flush := func() error {
		if g == nil {
			return nil
		}
		done := g
		g = nil
		return s.sample(done)
	}
	any := false
	for {
		at := t.st.pos
		e, err := t.next()
		var bad *tarFault
		switch {
		case errors.Is(err, io.EOF):
			if err := flush(); err != nil {
				return err
			}
			if t.st.failed() != nil {
				_, err := s.broken(&t.st)
				return err
			}
			if !any && at == 0 {
				return s.fault(FaultEmpty, "", nil)
			}
			return nil
		case errors.As(err, &bad):
			any = true
			if end >= 0 && at >= end && g == nil {
				return nil
			}
			if err := s.fault(bad.reason, "#"+strconv.FormatInt(at, 10), bad.err); err != nil {
				return err
			}
			continue
		}
		any = true
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if e.kind == '5' {
			continue // folders are no records
		}
		name, safe := safeName(e.name)
		key, ending := splitKey(name)
		if g == nil || key != g.key || !safe {
			if err := flush(); err != nil {
				return err
			}
			if end >= 0 && at >= end {
				return nil
			}
		}
		if safe && skip != "" && key == skip {
			if t.st.skip(padded(e.size)) < padded(e.size) {
				return s.tarCut(t, e, at)
			}
			continue
		}
		skip = ""
		if !safe || e.kind != '0' {
			if err := s.badEntry(e, safe, at); err != nil {
				return err
			}
			if n := t.st.skip(padded(e.size)); n < padded(e.size) {
				return s.tarCut(t, e, at)
			}
			continue
		}
		if g == nil {
			g = &sample{key: key, at: at}
		}
		g.files++
		if !s.entry(t, g, e, name, ending) {
			g = nil // what is cut off is no sample
			return s.tarCut(t, e, at)
		}
	}
}

// badEntry hands on an entry that is no file, or whose name is dangerous.
func (s *sink) badEntry(e tarEntry, safe bool, at int64) error {
	where := "#" + strconv.FormatInt(at, 10)
	if !safe {
		return s.fault(FaultPath, where, fmt.Errorf("%.200q", e.name))
	}
	return s.fault(SkipKind, where, fmt.Errorf("%.200q is of type %q", e.name, e.kind))
}

// tarCut ends reading where the file ends within an entry.
func (s *sink) tarCut(t *tarReader, e tarEntry, at int64) error {
	if t.st.failed() != nil {
		_, err := s.broken(&t.st)
		return err
	}
	return s.fault(FaultTruncated, "#"+strconv.FormatInt(at, 10), fmt.Errorf("%.200q has %d bytes and the file ends before", e.name, e.size))
}

// entry reads the content of an entry into its sample, and reports whether all of it was there.
func (s *sink) entry(t *tarReader, g *sample, e tarEntry, name, ending string) bool {
	last := ending[strings.LastIndexByte(ending, '.')+1:]
	isPicture := formatsByEnding["."+last] == FormatPictures
	wanted := isPicture || last == "txt" || last == "json" || last == "html"
	if wanted && e.size > int64(s.o.MaxDocument-min(g.bytes/2, s.o.MaxDocument)) {
		g.fault = &rowFault{FaultLarge, fmt.Errorf("%.200q has %d bytes", name, e.size)}
		wanted = false
	}
	if !wanted || g.fault != nil {
		return t.st.skip(padded(e.size)) == padded(e.size)
	}
	data := t.st.peek(int(e.size))
	if int64(len(data)) < e.size {
		return false
	}
	g.bytes += len(data)
	data = bytes.Clone(data)
	switch {
	case isPicture:
		g.row.images = append(g.row.images, Image{Path: name, Bytes: data})
	case last == "txt":
		g.lines = append(append(g.lines, data...), '\n')
	case last == "json":
		g.object = data
	case last == "html":
		g.html = data
	}
	return t.st.skip(padded(e.size)) == padded(e.size)
}

// sample hands on a sample.
func (s *sink) sample(g *sample) error {
	where := "#" + strconv.FormatInt(g.at, 10)
	if g.fault != nil {
		return s.fault(g.fault.reason, where, g.fault.err)
	}
	g.row.bare = true
	if g.object != nil {
		if fault := g.row.object(g.object); fault != nil {
			return s.fault(fault.reason, where, fault.err)
		}
		g.row.texts[slotImage], g.row.lists[slotImage] = "", nil // those in the archive
	}
	images := g.row.images
	switch {
	case g.html != nil:
		return s.document(&Document{Media: "text/html", Body: g.html, Images: images}, where)
	case g.lines != nil:
		d, fault := s.captionLines(g.lines)
		if fault != nil {
			return s.fault(fault.reason, where, fault.err)
		}
		if g.object != nil { // address, date and licence; the text is that of .txt
			if about, fault := s.rowDocument(&g.row); fault == nil {
				about.Body, about.References, about.Media = d.Body, d.References, d.Media
				d = about
			}
		}
		d.Images = images
		return s.document(d, where)
	case g.object != nil:
		d, fault := s.rowDocument(&g.row)
		switch {
		case fault != nil && fault.reason == FaultEmpty && len(images) > 0:
			return s.fault(SkipCaption, where, nil)
		case fault != nil:
			return s.fault(fault.reason, where, fault.err)
		}
		return s.document(d, where)
	case len(images) > 0:
		return s.fault(SkipCaption, where, nil)
	}
	return s.fault(SkipKind, where, fmt.Errorf("%.200q", g.key))
}

// readTarPart reads the samples of which the first entry lies in the part.
func (s *sink) readTarPart(o object) error {
	start, before, err := syncTar(o, s.part.Start)
	if err != nil {
		return err
	}
	end := int64(-1)
	if s.part.End < o.Size() {
		if end, _, err = syncTar(o, s.part.End); err != nil {
			return err
		}
	}
	u, err := from(o, start)
	if err != nil {
		return err
	}
	defer u.Close()
	t := &tarReader{}
	t.st.reset(u, start)
	return s.samples(t, before, end)
}
