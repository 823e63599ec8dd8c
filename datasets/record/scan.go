package record

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// light returns the light index of the shard: the one in its footer where this package wrote the file, else one made by reading the columns.
// The notes say what the file has in another form; name is the source of all rows where the file has no such column.
func (s *shard) light(name string) (x *index, notes []string, err error) {
	text, ok := s.file.Lookup(indexKey)
	if ok && s.file.Metadata().CreatedBy == createdBy {
		if missing := s.missing(); len(missing) > 0 {
			return nil, nil, fmt.Errorf("the columns %s are missing in a file of this program: the footer is damaged", strings.Join(missing, ", "))
		}
		x, err := decodeIndex(text, s.rows())
		return x, nil, err
	}
	sc := scanner{s: s, name: name, x: &index{entries: make([]entry, s.rows())}}
	for _, c := range []int{colSource, colText, colBytes, colPath, colReferences, colQuestion, colAnswer, colMeta} {
		if err := sc.column(c); err != nil {
			return nil, nil, fmt.Errorf("column %s: %w", columnNames[c], err)
		}
	}
	if sc.pathOnly > 0 {
		notes = append(notes, fmt.Sprintf("%s: %d pictures are a path without bytes and count as absent", s.path, sc.pathOnly))
	}
	if sc.noText > 0 {
		notes = append(notes, fmt.Sprintf("%s: %d rows have null for a text and count as empty", s.path, sc.noText))
	}
	return sc.x, notes, nil
}

// scanner makes a light index from the columns of a shard.
type scanner struct {
	s        *shard
	name     string
	x        *index
	pathOnly int
	noText   int
}

// column reads one column and marks in the index what it holds.
func (sc *scanner) column(c int) error {
	l := sc.s.columns[c]
	if l.index < 0 {
		return sc.absent(c)
	}
	for g := range len(sc.s.groups) - 1 {
		if c == colBytes && sc.allPictures(g) {
			continue
		}
		extents, err := sc.s.pages(g, l.index)
		if err != nil {
			return err
		}
		for _, at := range extents {
			if at.firstRow == at.lastRow {
				continue
			}
			p, err := sc.s.readPage(g, c, at)
			if err != nil {
				return err
			}
			if err := sc.page(c, sc.s.groups[g]+p.firstRow, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// absent marks what a missing column stands for: one source for all, or nothing.
func (sc *scanner) absent(c int) error {
	if c != colSource {
		return nil
	}
	_, err := sc.x.sourceNumber(sc.name)
	return err
}

// allPictures uses the statistics of a row group, where they are there, to pass over its pictures: they say that all rows have one or that none has.
func (sc *scanner) allPictures(g int) bool {
	l := sc.s.columns[colBytes]
	first, end := sc.s.groups[g], sc.s.groups[g+1]
	levels := sc.s.file.Metadata().RowGroups[g].Columns[l.index].MetaData.SizeStatistics.DefinitionLevelHistogram
	if len(levels) != l.maxLevel+1 {
		return false
	}
	switch rows := int64(end - first); {
	case levels[l.maxLevel] == rows:
		for i := first; i < end; i++ {
			sc.x.entries[i].what |= hasImage
		}
		return true
	case levels[0] == rows:
		return true
	}
	return false
}

// page marks what one page holds; row is the number of its first row in the shard.
func (sc *scanner) page(c, row int, p *page) error {
	for i := range p.rows() {
		e := &sc.x.entries[row+i]
		if c == colReferences {
			e.mark(hasReferences, p.starts[i+1] > p.starts[i])
			continue
		}
		v := p.value(i)
		switch c {
		case colSource:
			n, err := sc.x.sourceNumber(string(v))
			if err != nil {
				return err
			}
			e.what |= n << sourceShift
		case colText:
			e.characters = uint32(utf8.RuneCount(v))
			e.mark(hasText, len(v) > 0)
			if !p.present(i) {
				sc.noText++
			}
		case colBytes:
			e.mark(hasImage, len(v) > 0)
			if p.maxLevel > 1 && p.levels[i] == p.maxLevel-1 { // the struct is there, its bytes are not
				sc.pathOnly++
			}
		case colPath:
			e.mark(hasPath, len(v) > 0 && e.has(hasImage)) // after colBytes
		case colQuestion:
			e.mark(hasQuestion, len(v) > 0)
		case colAnswer:
			e.mark(hasAnswer, len(v) > 0)
		case colMeta:
			e.mark(hasMeta, len(v) > 0 && string(v) != noMeta)
		}
	}
	return nil
}

// mark sets the kinds where present.
func (e *entry) mark(kinds uint32, present bool) {
	if present {
		e.what |= kinds
	}
}
