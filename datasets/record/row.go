package record

import (
	"bytes"
	"fmt"
	"sort"

	"m6lab/datasets"
)

// reader reads the columns of one row. The first error stays in err.
type reader struct {
	s          *Set
	sh         *shard
	number     int // of the shard
	group, row int
	e          entry
	err        error
}

// example reads the columns that the row's entry says are there.
func (r *reader) example() datasets.Example {
	ex := datasets.Example{Source: r.s.sources[r.e.source()]}
	ex.ID = r.text(colID, always)
	ex.Text = r.text(colText, hasText)
	ex.ImagePath = r.text(colPath, hasPath)
	ex.Question = r.text(colQuestion, hasQuestion)
	ex.Answer = r.text(colAnswer, hasAnswer)
	ex.Meta = r.text(colMeta, hasMeta)
	if image := r.value(colBytes, hasImage); len(image) > 0 {
		ex.Image = bytes.Clone(image)
	}
	if r.e.has(hasReferences) {
		ex.References = r.list(colReferences)
	}
	return ex
}

// text returns a copy of the row's string in a column, "" where the entry lacks kind.
func (r *reader) text(column int, kind uint32) string {
	return string(r.value(column, kind))
}

// always is the kind of what every row has.
const always = 0

// value returns the row's value in a column, in the memory of its page; nil where the entry lacks kind.
func (r *reader) value(column int, kind uint32) []byte {
	if kind != always && !r.e.has(kind) {
		return nil
	}
	p := r.page(column)
	if p == nil {
		return nil
	}
	i := r.row - p.firstRow
	if !p.present(i) {
		r.err = fmt.Errorf("column %s is null where a value should be", columnNames[column])
	}
	return p.value(i)
}

// list returns a copy of the row's strings in a repeated column.
func (r *reader) list(column int) []string {
	p := r.page(column)
	if p == nil {
		return nil
	}
	return p.list(r.row - p.firstRow)
}

// page returns the page of a column with the row in it, or nil where there is none.
func (r *reader) page(column int) *page {
	l := r.sh.columns[column].index
	if r.err != nil || l < 0 {
		return nil
	}
	extents, err := r.sh.pages(r.group, l)
	if err != nil {
		r.err = fmt.Errorf("column %s: %w", columnNames[column], err)
		return nil
	}
	n := sort.Search(len(extents), func(i int) bool { return int(extents[i].lastRow) > r.row })
	key := pageKey{int32(r.number), int32(r.group), int32(column), int32(n)}
	if p := r.s.cache.get(key); p != nil {
		return p
	}
	p, err := r.sh.readPage(r.group, column, extents[n])
	if err != nil {
		r.err = fmt.Errorf("column %s: %w", columnNames[column], err)
		return nil
	}
	r.s.cache.put(key, p)
	return p
}
