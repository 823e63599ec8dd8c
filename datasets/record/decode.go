package record

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// page is a decoded page of one column.
type page struct {
	firstRow int
	all      []byte   // the values, one behind the other
	offsets  []uint32 // value i is all[offsets[i]:offsets[i+1]]; a null is empty
	starts   []uint32 // of a repeated column: row r has the values starts[r] to starts[r+1]; nil otherwise, then value i is row i
	levels   []byte   // definition level of each value; nil where none can be null
	maxLevel byte     // level of a value that is there
	size     int      // bytes in memory, about
}

// rows returns the number of rows of the page.
func (p *page) rows() int {
	if p.starts != nil {
		return len(p.starts) - 1
	}
	return len(p.offsets) - 1
}

// value returns the i-th value; it shares the page's memory.
func (p *page) value(i int) []byte { return p.all[p.offsets[i]:p.offsets[i+1]] }

// present reports whether the i-th value is there.
func (p *page) present(i int) bool { return p.levels == nil || p.levels[i] == p.maxLevel }

// list returns copies of the values of a row of a repeated column.
func (p *page) list(row int) []string {
	var values []string
	for i := int(p.starts[row]); i < int(p.starts[row+1]); i++ {
		values = append(values, string(p.value(i)))
	}
	return values
}

// pageDecoder turns pages of the Parquet library into one page of ours.
type pageDecoder struct {
	maxLevel byte
	repeated bool
	all      []byte
	offsets  []uint32
	starts   []uint32
	levels   []byte
}

var errLevels = errors.New("the values do not fit the levels: damaged")

// add appends one page.
func (d *pageDecoder) add(pq parquet.Page) error {
	data, ends, err := presentValues(pq)
	if err != nil {
		return err
	}
	levels, repetitions := pq.DefinitionLevels(), pq.RepetitionLevels()
	n := int(pq.NumValues())
	if levels != nil && len(levels) != n || d.repeated && len(repetitions) != n || len(d.all)+len(data) > maxPage {
		return errLevels
	}
	if d.offsets == nil {
		d.offsets = make([]uint32, 1, n+1)
	}
	base, end, next := uint32(len(d.all)), uint32(len(d.all)), 0
	for i := range n {
		there := levels == nil || levels[i] == d.maxLevel
		if d.repeated && repetitions[i] == 0 {
			d.starts = append(d.starts, uint32(len(d.offsets)-1))
		}
		if d.repeated && !there {
			continue // an empty list, or null in a list
		}
		if there {
			if next == len(ends) {
				return errLevels
			}
			end, next = base+ends[next], next+1
		}
		d.offsets = append(d.offsets, end)
	}
	if next != len(ends) {
		return errLevels
	}
	d.all = append(d.all, data...)
	if !d.repeated {
		d.levels = append(d.levels, levels...)
	}
	return nil
}

// presentValues returns the values of a page that are not null, one behind the other, and where each ends.
func presentValues(pq parquet.Page) (data []byte, ends []uint32, err error) {
	if raw := pq.Data(); pq.Dictionary() == nil && raw.Kind() == encoding.ByteArray {
		data, offsets := raw.ByteArray()
		if len(offsets) == 0 {
			return nil, nil, nil
		}
		if offsets[0] != 0 || int(offsets[len(offsets)-1]) > len(data) {
			return nil, nil, errLevels
		}
		return data[:offsets[len(offsets)-1]], offsets[1:], nil
	}
	var buf [64]parquet.Value
	for values := pq.Values(); ; {
		n, err := values.ReadValues(buf[:])
		for _, v := range buf[:n] {
			if !v.IsNull() {
				data = append(data, v.ByteArray()...)
				ends = append(ends, uint32(len(data)))
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return data, ends, nil
		case err != nil:
			return nil, nil, err
		case n == 0:
			return nil, nil, io.ErrNoProgress
		}
		if len(data) > maxPage {
			return nil, nil, fmt.Errorf("a page of more than %d bytes: damaged", maxPage)
		}
	}
}

// page returns what was decoded.
func (d *pageDecoder) page(at pageExtent) (*page, error) {
	p := &page{firstRow: int(at.firstRow), all: d.all, offsets: d.offsets, levels: d.levels, maxLevel: d.maxLevel}
	if d.repeated {
		p.starts = append(d.starts, uint32(len(d.offsets)-1))
	}
	if p.rows() != int(at.lastRow-at.firstRow) {
		return nil, fmt.Errorf("the page at %d holds %d rows where there should be %d: damaged", at.offset, p.rows(), at.lastRow-at.firstRow)
	}
	for i := 1; i < len(p.offsets); i++ {
		if p.offsets[i] < p.offsets[i-1] {
			return nil, errLevels
		}
	}
	p.size = len(p.all) + 4*len(p.offsets) + 4*len(p.starts) + len(p.levels) + 256
	return p, nil
}
