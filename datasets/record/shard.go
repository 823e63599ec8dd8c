package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"m6lab/datasets/record/compact"
)

// shard is one open Parquet file.
type shard struct {
	path    string
	size    int64
	src     io.ReaderAt
	closer  io.Closer
	file    *parquet.File
	columns [numColumns]leaf
	groups  []int                          // first row of each row group, and the number of rows
	located []atomic.Pointer[[]pageExtent] // pages of each row group and leaf column, found when first asked for
	leaves  int
}

// leaf is where a column of ours lies in a file.
type leaf struct {
	index    int // among the leaf columns of the file; -1 where the file lacks it
	maxLevel int // definition level of a value that is there
}

// openShard opens the file at path and reads its footer. Its errors are for the caller to name the file.
func openShard(path string) (*shard, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s, err := newShard(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.path, s.closer = path, f
	return s, nil
}

// newShard reads the footer of the Parquet file of the given size in src.
func newShard(src io.ReaderAt, size int64) (s *shard, err error) {
	defer recovered(&err)
	if err := checkFooter(src, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(src, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("not a readable Parquet file: %w", err)
	}
	s = &shard{size: size, src: src, file: file, leaves: len(file.Schema().Columns())}
	if err := s.findColumns(); err != nil {
		return nil, err
	}
	if err := s.countRows(); err != nil {
		return nil, err
	}
	s.located = make([]atomic.Pointer[[]pageExtent], (len(s.groups)-1)*s.leaves)
	return s, nil
}

// recovered turns a panic of the Parquet library, which trusts its input, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the file is damaged: %v", r)
	}
}

const magic = "PAR1"

// checkFooter returns an error where the file does not end in a footer that can be decoded without harm.
func checkFooter(src io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return fmt.Errorf("%d bytes are no Parquet file: truncated?", size)
	}
	if _, err := src.ReadAt(tail[:], size-8); err != nil {
		return fmt.Errorf("reading the end of the file: %w", err)
	}
	if string(tail[4:]) != magic {
		return errors.New("no Parquet footer at the end of the file: truncated, or not Parquet")
	}
	n := int64(tail[0]) | int64(tail[1])<<8 | int64(tail[2])<<16 | int64(tail[3])<<24
	if n > size-12 {
		return fmt.Errorf("the footer claims %d bytes in a file of %d: damaged", n, size)
	}
	footer := make([]byte, n)
	if _, err := src.ReadAt(footer, size-8-n); err != nil {
		return fmt.Errorf("reading the footer: %w", err)
	}
	if _, err := compact.Length(footer); err != nil {
		return fmt.Errorf("the footer: %w", err)
	}
	return nil
}

// findColumns finds the columns of ours in the file's schema.
func (s *shard) findColumns() error {
	paths := s.file.Schema().Columns()
	for c := range s.columns {
		s.columns[c].index = -1
	}
	for _, path := range paths {
		c := columnOf(path)
		if c < 0 {
			continue
		}
		found, _ := s.file.Schema().Lookup(path...)
		wantRepeat := 0
		if c == colReferences {
			wantRepeat = 1
		}
		if found.Node.Type().Kind() != parquet.ByteArray || found.MaxRepetitionLevel != wantRepeat || s.columns[c].index >= 0 {
			return fmt.Errorf("column %s is %s, want %s", columnNames[c], strings.Join(path, ".")+" "+found.Node.Type().String(), wanted(c))
		}
		s.columns[c] = leaf{index: found.ColumnIndex, maxLevel: found.MaxDefinitionLevel}
	}
	return s.checkSchema()
}

// columnOf returns which column of ours the path of a leaf belongs to, or -1.
func columnOf(path []string) int {
	name := path[0]
	switch {
	case name == "references":
		return colReferences
	case name == "image" && len(path) == 2 && path[1] == "bytes":
		return colBytes
	case name == "image" && len(path) == 2 && path[1] == "path":
		return colPath
	}
	return slices.Index(columnNames[:], name)
}

// wanted says what a column should be.
func wanted(c int) string {
	switch c {
	case colReferences:
		return "a list of strings"
	case colBytes:
		return "binary"
	}
	return "a string"
}

// checkSchema names required columns that the file lacks and pictures in a layout that it does not share with us.
func (s *shard) checkSchema() error {
	var missing []string
	for _, c := range requiredColumns {
		if s.columns[c].index < 0 {
			missing = append(missing, columnNames[c])
		}
	}
	if len(missing) > 0 {
		var names []string
		for _, f := range s.file.Schema().Fields() {
			names = append(names, f.Name())
		}
		return fmt.Errorf("the required columns %s are missing (it has %s)", strings.Join(missing, ", "), strings.Join(names, ", "))
	}
	for _, f := range s.file.Schema().Fields() {
		if f.Name() == "image" && s.columns[colBytes].index < 0 {
			return errors.New("column image has no binary field bytes, want struct{bytes binary, path string}")
		}
	}
	return nil
}

// missing returns the optional columns that the file lacks.
func (s *shard) missing() []string {
	var names []string
	for c, l := range s.columns {
		if l.index < 0 {
			names = append(names, columnNames[c])
		}
	}
	return names
}

// codecs are the compressions that are read. LZ4 is not: the library's decoder does not end on damaged data.
var codecs = []format.CompressionCodec{format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Zstd}

// countRows fills groups.
func (s *shard) countRows() error {
	total := 0
	for i, g := range s.file.Metadata().RowGroups {
		if g.NumRows < 0 || g.NumRows > 1<<31-1 || len(g.Columns) != s.leaves {
			return fmt.Errorf("row group %d claims %d rows in %d columns: the footer is damaged", i, g.NumRows, len(g.Columns))
		}
		for _, c := range g.Columns {
			if !slices.Contains(codecs, c.MetaData.Codec) {
				return fmt.Errorf("compression %s is not read: write the file with zstd", c.MetaData.Codec)
			}
		}
		s.groups = append(s.groups, total)
		total += int(g.NumRows)
	}
	s.groups = append(s.groups, total)
	if int64(total) != s.file.NumRows() {
		return fmt.Errorf("the row groups hold %d rows, the footer says %d: damaged", total, s.file.NumRows())
	}
	return nil
}

// rows returns the number of rows.
func (s *shard) rows() int { return s.groups[len(s.groups)-1] }

// group returns the row group of a row and the row's number in it.
func (s *shard) group(row int) (group, inGroup int) {
	g, found := slices.BinarySearch(s.groups, row)
	if !found {
		g--
	}
	for s.groups[g+1] == s.groups[g] { // row groups without rows
		g++
	}
	return g, row - s.groups[g]
}

// pageExtent is where a page lies: in the file, header included, and among the rows of its row group.
type pageExtent struct {
	offset    int64
	size      int32
	firstRow  int32
	lastRow   int32 // exclusive; some writers end with a page without rows
	wholeList bool  // not a page but all pages of a repeated column of which no row boundaries are known
}

// pages returns the pages of a leaf column in a row group, in the order of rows.
func (s *shard) pages(group, leafIndex int) ([]pageExtent, error) {
	known := &s.located[group*s.leaves+leafIndex]
	if p := known.Load(); p != nil {
		return *p, nil
	}
	chunk := &s.file.Metadata().RowGroups[group].Columns[leafIndex]
	extents, err := s.indexedPages(group, chunk)
	if err == nil && extents == nil {
		extents, err = s.scannedPages(group, leafIndex, chunk)
	}
	if err != nil {
		return nil, err
	}
	known.Store(&extents)
	return extents, nil
}

// indexedPages reads the page locations that the writer stored; nil where it stored none.
func (s *shard) indexedPages(group int, chunk *format.ColumnChunk) ([]pageExtent, error) {
	at, n := chunk.OffsetIndexOffset, int64(chunk.OffsetIndexLength)
	if at == 0 && n == 0 {
		return nil, nil
	}
	data, err := s.bytes(at, n)
	if err != nil {
		return nil, fmt.Errorf("page index: %w", err)
	}
	var index format.OffsetIndex
	if _, err := compact.Decode(data, &index); err != nil {
		return nil, fmt.Errorf("page index: %w", err)
	}
	rows := int64(s.groups[group+1] - s.groups[group])
	extents := make([]pageExtent, len(index.PageLocations))
	for i, l := range index.PageLocations {
		last := rows
		if i+1 < len(extents) {
			last = index.PageLocations[i+1].FirstRowIndex
		}
		if l.FirstRowIndex < 0 || l.FirstRowIndex > last || last > rows || i == 0 && l.FirstRowIndex != 0 {
			return nil, fmt.Errorf("page index: page %d begins at row %d of %d: damaged", i, l.FirstRowIndex, rows)
		}
		extents[i] = pageExtent{offset: l.Offset, size: l.CompressedPageSize, firstRow: int32(l.FirstRowIndex), lastRow: int32(last)}
	}
	if len(extents) == 0 {
		return nil, nil
	}
	return extents, nil
}

// scannedPages finds the pages of a column chunk by their headers, for files without a page index.
func (s *shard) scannedPages(group, leafIndex int, chunk *format.ColumnChunk) ([]pageExtent, error) {
	rows := int32(s.groups[group+1] - s.groups[group])
	start := chunkStart(chunk)
	end := start + chunk.MetaData.TotalCompressedSize
	if start < 0 || end < start || end > s.size {
		return nil, fmt.Errorf("the column lies at %d to %d in a file of %d bytes: damaged", start, end, s.size)
	}
	if s.columns[colReferences].index == leafIndex {
		return []pageExtent{{offset: start, size: int32(min(end-start, 1<<31-1)), lastRow: rows, wholeList: true}}, nil
	}
	var extents []pageExtent
	next := int32(0)
	for at := start; at < end && next < rows; {
		h, n, err := s.header(at, end)
		if err != nil {
			return nil, fmt.Errorf("page header at %d: %w", at, err)
		}
		size := int64(n) + int64(h.CompressedPageSize)
		if h.Type != format.DictionaryPage {
			values := numValues(h)
			if values > int64(rows-next) {
				return nil, fmt.Errorf("page header at %d: %d rows too many: damaged", at, values-int64(rows-next))
			}
			extents = append(extents, pageExtent{offset: at, size: int32(size), firstRow: next, lastRow: next + int32(values)})
			next += int32(values)
		}
		at += size
	}
	if next != rows {
		return nil, fmt.Errorf("the pages hold %d rows of %d: damaged", next, rows)
	}
	return extents, nil
}

// chunkStart is where the first page of a column chunk lies, which the Parquet library takes for the chunk's beginning too.
func chunkStart(chunk *format.ColumnChunk) int64 {
	if chunk.MetaData.DictionaryPageOffset != 0 {
		return chunk.MetaData.DictionaryPageOffset
	}
	return chunk.MetaData.DataPageOffset
}

// maxHeader is more than a page header needs, statistics with a long value included.
const maxHeader = 64 << 10

// header reads the page header at an offset before end; n is its length.
func (s *shard) header(at, end int64) (h *format.PageHeader, n int, err error) {
	for window := int64(256); ; window *= 16 {
		data, err := s.bytes(at, min(window, end-at))
		if err != nil {
			return nil, 0, err
		}
		h, n, err = pageHeader(data)
		if err == nil || window >= maxHeader || window >= end-at {
			return h, n, err
		}
	}
}

// maxPage bounds a page, in bytes before and after decompression.
const maxPage = 1 << 30

// pageHeader decodes the header at the start of data and refuses what cannot be.
func pageHeader(data []byte) (*format.PageHeader, int, error) {
	h := &format.PageHeader{}
	n, err := compact.Decode(data, h)
	if err != nil {
		return nil, 0, err
	}
	sized := h.CompressedPageSize >= 0 && h.CompressedPageSize <= maxPage-maxHeader && h.UncompressedPageSize >= 0 && h.UncompressedPageSize <= maxPage
	if !sized || numValues(h) < 0 {
		return nil, 0, fmt.Errorf("a page claims %d bytes, %d decompressed, and %d values: damaged", h.CompressedPageSize, h.UncompressedPageSize, numValues(h))
	}
	return h, n, nil
}

// numValues returns how many values, nulls included, a page holds.
func numValues(h *format.PageHeader) int64 {
	switch {
	case h.DataPageHeaderV2.Valid:
		return int64(h.DataPageHeaderV2.V.NumValues)
	case h.DataPageHeader.Valid:
		return int64(h.DataPageHeader.V.NumValues)
	case h.DictionaryPageHeader.Valid:
		return int64(h.DictionaryPageHeader.V.NumValues)
	}
	return -1
}

// dictionaryCoded reports whether a page refers to the dictionary of its column chunk.
func dictionaryCoded(h *format.PageHeader) bool {
	e := h.DataPageHeader.V.Encoding
	if h.DataPageHeaderV2.Valid {
		e = h.DataPageHeaderV2.V.Encoding
	}
	//lint:ignore SA1019 older writers still use the old name
	return e == format.PlainDictionary || e == format.RLEDictionary
}

// bytes reads n bytes at an offset of the file.
func (s *shard) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n <= 0 || n > s.size || at > s.size-n {
		return nil, fmt.Errorf("%d bytes at %d in a file of %d: damaged", n, at, s.size)
	}
	b := make([]byte, n)
	if _, err := s.src.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("reading %d bytes at %d: %w", n, at, err)
	}
	return b, nil
}

// close closes the file.
func (s *shard) close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// window is a ReaderAt over a piece of memory that lies at an offset of the file.
type window struct {
	bytes.Reader
	base int64
}

// ReadAt reads from the memory at the file's offset.
func (w *window) ReadAt(p []byte, off int64) (int, error) { return w.Reader.ReadAt(p, off-w.base) }
