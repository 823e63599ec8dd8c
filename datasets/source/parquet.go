package source

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// openParquet reads the footer of a Parquet file, after a look whether it can be decoded without harm.
func openParquet(o object) (f *parquet.File, err error) {
	defer recovered(&err)
	if err := checkFooter(o); err != nil {
		return nil, err
	}
	return parquet.OpenFile(o, o.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
}

// recovered turns a panic of the Parquet library, which trusts its input, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the file is damaged: %v", r)
	}
}

// groupCuts cuts a Parquet file between row groups. One that cannot be opened is one part.
func groupCuts(o object, target int64) []cut {
	f, err := openParquet(o)
	if err != nil {
		return nil
	}
	cuts := []cut{{0, 0}}
	sum, last := int64(0), int64(0)
	groups := f.Metadata().RowGroups
	for i := range groups {
		for k := range groups[i].Columns {
			sum += max(0, groups[i].Columns[k].MetaData.TotalCompressedSize)
		}
		if sum-last >= target && i+1 < len(groups) {
			cuts, last = append(cuts, cut{int64(i + 1), sum}), sum
		}
	}
	if len(cuts) == 1 {
		return nil
	}
	return append(cuts, cut{int64(len(groups)), sum})
}

// parquetColumn is a leaf column that is read.
type parquetColumn struct {
	leaf    int
	to      ranked
	part    string // "bytes" or "path" of a picture, "meta" of our records
	list    bool
	decode  func(v parquet.Value) string
	pages   parquet.Pages
	page    parquet.Page
	values  parquet.ValueReader
	buf     [64]parquet.Value
	at, n   int
	texts   []string // of the row
	present bool
}

// readParquet reads a document from each row.
func (s *sink) readParquet(o object) error {
	f, err := openParquet(o)
	if err != nil {
		return s.fault(FaultRow, "", err)
	}
	columns := findColumns(f.Schema())
	if columns == nil {
		return s.fault(FaultRow, "", errNoText)
	}
	groups := f.RowGroups()
	end := int64(len(groups))
	if s.part.End > 0 {
		end = min(end, s.part.End)
	}
	first := int64(0)
	for i, g := range groups {
		if int64(i) >= s.part.Start && int64(i) < end {
			if err := s.readGroup(o, f, i, columns, first); err != nil {
				return err
			}
		}
		first += g.NumRows()
	}
	if end == 0 {
		return s.fault(FaultEmpty, "", nil)
	}
	return nil
}

// findColumns returns the leaves that a document is made of; nil where there is no text among them.
func findColumns(schema *parquet.Schema) []*parquetColumn {
	var columns []*parquetColumn
	text := false
	for _, path := range schema.Columns() {
		leaf, ok := schema.Lookup(path...)
		if !ok {
			continue
		}
		c := &parquetColumn{leaf: leaf.ColumnIndex, to: slotOf([]byte(path[0])), decode: decoderOf(leaf.Node)}
		switch {
		case c.decode == nil || leaf.MaxRepetitionLevel > 1:
			continue
		case path[0] == "meta" && len(path) == 1:
			c.part = "meta"
		case c.to.slot == slotNone:
			continue
		case c.to.slot == slotImage && len(path) == 2 && leaf.MaxRepetitionLevel == 0:
			if c.part = path[1]; c.part != "bytes" && c.part != "path" {
				continue
			}
		case leaf.MaxRepetitionLevel == 1:
			c.list = true
		case len(path) > 1:
			continue
		}
		switch c.to.slot {
		case slotText, slotHTML, slotQuestion, slotReferences, slotTitle:
			text = true
		}
		columns = append(columns, c)
	}
	if !text {
		return nil
	}
	return columns
}

// decoderOf returns how values of a leaf become text, nil for kinds that have no use.
func decoderOf(node parquet.Node) func(parquet.Value) string {
	var logical any
	if l := node.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	stamp, isStamp := logical.(*format.TimestampType)
	_, isDate := logical.(*format.DateType)
	switch kind := node.Type().Kind(); {
	case kind == parquet.ByteArray || kind == parquet.FixedLenByteArray:
		return func(v parquet.Value) string { return string(v.ByteArray()) }
	case kind == parquet.Int64 && isStamp && stamp.Unit.Value != nil:
		unit := stamp.Unit.Value.Duration()
		perSecond := int64(time.Second / unit)
		return func(v parquet.Value) string {
			n := v.Int64()
			return inUTC(time.Unix(n/perSecond, n%perSecond*int64(unit)))
		}
	case kind == parquet.Int32 && isDate:
		return func(v parquet.Value) string { return inUTC(time.Unix(int64(v.Int32())*86400, 0)) }
	case kind == parquet.Int64:
		return func(v parquet.Value) string { return strconv.FormatInt(v.Int64(), 10) }
	case kind == parquet.Int32:
		return func(v parquet.Value) string { return strconv.FormatInt(int64(v.Int32()), 10) }
	}
	return nil
}

// readGroup reads the rows of one group. Damage ends it, not the file.
func (s *sink) readGroup(o object, f *parquet.File, group int, columns []*parquetColumn, first int64) error {
	rows := f.RowGroups()[group].NumRows()
	err := openColumns(o, f, group, columns, 4*s.o.MaxDocument)
	defer func() {
		for _, c := range columns {
			c.close()
		}
	}()
	for row := int64(0); row < rows; row++ {
		where := "#" + strconv.FormatInt(first+row, 10)
		if err == nil {
			err = nextRow(columns)
		}
		if err != nil {
			return s.fault(FaultRow, where, fmt.Errorf("%d rows of a group from here: %w", rows-row, err))
		}
		d, fault := s.parquetDocument(columns)
		var end error
		if fault != nil {
			end = s.fault(fault.reason, where, fault.err)
		} else {
			end = s.document(d, where)
		}
		if end != nil {
			return end
		}
	}
	return nil
}

// openColumns opens the pages of a group's columns.
func openColumns(o object, f *parquet.File, group int, columns []*parquetColumn, limit int) (err error) {
	defer recovered(&err)
	for _, c := range columns {
		if err := checkChunk(o, &f.Metadata().RowGroups[group].Columns[c.leaf], int64(limit)); err != nil {
			return err
		}
		c.pages = f.RowGroups()[group].ColumnChunks()[c.leaf].Pages()
		c.page, c.values, c.at, c.n = nil, nil, 0, 0
	}
	return nil
}

// close closes the pages.
func (c *parquetColumn) close() {
	if c.pages != nil {
		parquet.Release(c.page)
		_ = c.pages.Close() // read only: nothing can be lost
		c.pages, c.page = nil, nil
	}
}

// nextRow reads the next row of all columns.
func nextRow(columns []*parquetColumn) (err error) {
	defer recovered(&err)
	for _, c := range columns {
		if err := c.row(); err != nil {
			return err
		}
	}
	return nil
}

// row reads the column's values of the next row.
func (c *parquetColumn) row() error {
	c.texts, c.present = c.texts[:0], false
	for n := 0; ; n++ {
		more, err := c.fill()
		switch {
		case err != nil:
			return err
		case !more && n == 0:
			return io.ErrUnexpectedEOF
		case !more || n > 0 && c.buf[c.at].RepetitionLevel() == 0:
			return nil
		}
		v := c.buf[c.at]
		c.at++
		if !v.IsNull() {
			c.texts, c.present = append(c.texts, c.decode(v)), true
		}
		const most = 1 << 16
		if n > most {
			return errors.New("a list of more than 65536 values")
		}
	}
}

// fill makes sure that a value is in the buffer; false at the end of the column.
func (c *parquetColumn) fill() (bool, error) {
	for empty := 0; c.at == c.n; empty++ {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			parquet.Release(c.page)
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buf[:])
		c.at, c.n = 0, n
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return false, err
			}
			c.values = nil
		}
		if empty > 1<<16 {
			return false, io.ErrNoProgress
		}
	}
	return true, nil
}

// parquetDocument makes a document of what the columns hold.
func (s *sink) parquetDocument(columns []*parquetColumn) (*Document, *rowFault) {
	var r row
	var image Image
	meta := ""
	for _, c := range columns {
		if !c.present {
			continue
		}
		first := c.texts[0]
		isPicture := c.to.slot == slotImage && pictureBytes([]byte(first[:min(len(first), 16)]))
		switch {
		case c.part == "meta":
			meta = first
			continue
		case c.part == "bytes" || isPicture && c.part == "" && !c.list:
			if len(first) > s.o.MaxDocument {
				return nil, &rowFault{FaultLarge, errors.New("the picture")}
			}
			image.Bytes = []byte(first)
			continue
		case isPicture && c.list:
			for _, data := range c.texts {
				r.images = append(r.images, Image{Bytes: []byte(data)})
			}
			continue
		}
		if slices.ContainsFunc(c.texts, func(t string) bool { return !utf8.ValidString(t) }) {
			return nil, &rowFault{FaultUTF8, nil}
		}
		switch {
		case c.part == "path":
			image.Path = first
		case c.list:
			r.setList(c.to, slices.Clone(c.texts))
		default:
			r.set(c.to, first)
		}
	}
	switch {
	case image.Bytes != nil:
		r.images = append(r.images, image)
	case image.Path != "":
		r.set(ranked{slot: slotImage}, image.Path)
	}
	r.addMeta(meta)
	return s.rowDocument(&r)
}

// addMeta takes address, date and licence from the meta column of our records, where the row has none.
func (r *row) addMeta(meta string) {
	if meta == "" {
		return
	}
	var m row
	if m.object([]byte(meta)) != nil {
		return // other people's meta need not be JSON
	}
	for _, k := range []slot{slotAddress, slotDate, slotLicense} {
		if r.ranks[k] == 0 && m.ranks[k] > 0 {
			r.texts[k], r.ranks[k] = m.texts[k], m.ranks[k]
		}
	}
}
