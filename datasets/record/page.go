package record

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// page is a decoded page of one column.
type page struct {
	firstRow int
	values   []string // parts of one string
	present  []bool   // false for null, in step with values
	starts   []int32  // of a repeated column: row r has the values starts[r] to starts[r+1]; nil otherwise
	nulls    int      // rows without a value that still are inside a struct that is not null
	size     int      // bytes in memory, about
}

// rows returns the number of rows of the page.
func (p *page) rows() int {
	if p.starts != nil {
		return len(p.starts) - 1
	}
	return len(p.values)
}

// readPage reads and decodes one page of a column of ours.
func (s *shard) readPage(group, column int, at pageExtent) (p *page, err error) {
	defer recovered(&err)
	src, err := s.pageBytes(group, column, at)
	if err != nil {
		return nil, err
	}
	l := s.columns[column]
	chunk, ok := s.file.RowGroups()[group].ColumnChunks()[l.index].(*parquet.FileColumnChunk)
	if !ok {
		return nil, errors.New("the Parquet library gave an unknown kind of column")
	}
	pages := chunk.PagesFrom(src)
	defer func() { err = errors.Join(err, pages.Close()) }()
	d := pageDecoder{leaf: l, repeated: column == colReferences}
	for {
		pq, err := pages.ReadPage()
		if errors.Is(err, io.EOF) && d.some {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("decoding the page at %d: %w", at.offset, err)
		}
		err = d.add(pq)
		parquet.Release(pq)
		if err != nil {
			return nil, fmt.Errorf("decoding the page at %d: %w", at.offset, err)
		}
		if !at.wholeList {
			break
		}
	}
	return d.page(at)
}

// pageBytes reads the bytes of a page, behind those of the dictionary where the page needs it: to the Parquet library they are a column
// chunk of one page.
func (s *shard) pageBytes(group, column int, at pageExtent) (*window, error) {
	chunk := &s.file.Metadata().RowGroups[group].Columns[s.columns[column].index]
	start := chunkStart(chunk)
	data, err := s.bytes(at.offset, int64(at.size))
	if err != nil {
		return nil, err
	}
	if at.wholeList {
		return newWindow(data, start), checkPages(data, chunk.MetaData.Codec)
	}
	h, n, err := pageHeader(data)
	if err != nil {
		return nil, err
	}
	limit := int64(at.lastRow - at.firstRow)
	if column == colReferences {
		limit = maxListValues
	}
	if int64(n)+int64(h.CompressedPageSize) > int64(at.size) || numValues(h) > limit {
		return nil, fmt.Errorf("the page at %d claims %d bytes and %d values where there are %d and %d: damaged", at.offset, n+int(h.CompressedPageSize), numValues(h), at.size, limit)
	}
	if err := checkPages(data[:n+int(h.CompressedPageSize)], chunk.MetaData.Codec); err != nil {
		return nil, err
	}
	if !dictionaryCoded(h) {
		return newWindow(data, start), nil
	}
	first, err := s.pages(group, s.columns[column].index)
	if err != nil {
		return nil, err
	}
	dictionary, err := s.bytes(start, first[0].offset-start)
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	return newWindow(append(dictionary, data...), start), checkPages(dictionary, chunk.MetaData.Codec)
}

// newWindow returns data as what lies at base in the file.
func newWindow(data []byte, base int64) *window {
	w := &window{base: base}
	w.Reset(data)
	return w
}

// maxListValues bounds the values of a page of a repeated column, whose number of rows is not known before it is decoded.
const maxListValues = 1 << 24

// checkPages walks over the pages in data and refuses what would make the Parquet library allocate more than the file can hold.
func checkPages(data []byte, codec format.CompressionCodec) error {
	for len(data) > 0 {
		h, n, err := pageHeader(data)
		if err != nil {
			return err
		}
		limit := int64(maxListValues)
		if h.DictionaryPageHeader.Valid {
			limit = int64(h.UncompressedPageSize) / 4 // each begins with four bytes of length
		}
		size := n + int(h.CompressedPageSize)
		if size > len(data) || numValues(h) > limit {
			return fmt.Errorf("a page claims %d bytes and %d values where there are %d and %d: damaged", size, numValues(h), len(data), limit)
		}
		if codec == format.Zstd {
			if err := checkFrame(h, data[n:size]); err != nil {
				return err
			}
		}
		data = data[size:]
	}
	return nil
}

// checkFrame refuses a zstd frame that claims to hold more than its page.
func checkFrame(h *format.PageHeader, body []byte) error {
	if v2 := h.DataPageHeaderV2; v2.Valid {
		levels := int64(v2.V.RepetitionLevelsByteLength) + int64(v2.V.DefinitionLevelsByteLength)
		if levels < 0 || levels > int64(len(body)) {
			return fmt.Errorf("a page claims %d bytes of levels in %d: damaged", levels, len(body))
		}
		body = body[levels:]
	}
	var frame zstd.Header
	if err := frame.Decode(body); err != nil || !frame.HasFCS {
		return nil // not compressed, or for the decoder to refuse
	}
	if frame.FrameContentSize > uint64(h.UncompressedPageSize) {
		return fmt.Errorf("a page claims %d bytes and its content %d: damaged", h.UncompressedPageSize, frame.FrameContentSize)
	}
	return nil
}

// pageDecoder turns pages of the Parquet library into one page of ours.
type pageDecoder struct {
	leaf     leaf
	repeated bool
	some     bool
	blob     strings.Builder
	ends     []int // of each value in blob
	present  []bool
	starts   []int32
	nulls    int
}

// add decodes one page.
func (d *pageDecoder) add(pq parquet.Page) error {
	d.some = true
	n := int(pq.NumValues())
	d.ends, d.present = slices.Grow(d.ends, n), slices.Grow(d.present, n)
	var buf [64]parquet.Value
	values := pq.Values()
	for {
		n, err := values.ReadValues(buf[:])
		for i := range buf[:n] {
			d.value(&buf[i])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrNoProgress
		}
	}
}

// value appends one value.
func (d *pageDecoder) value(v *parquet.Value) {
	there := !v.IsNull()
	if d.repeated && v.RepetitionLevel() == 0 {
		d.starts = append(d.starts, int32(len(d.ends)))
	}
	if !there && d.leaf.maxLevel > 1 && v.DefinitionLevel() == d.leaf.maxLevel-1 {
		d.nulls++
	}
	if d.repeated && !there {
		return // an empty list, or null in a list
	}
	if there {
		d.blob.Write(v.ByteArray())
	}
	d.ends, d.present = append(d.ends, d.blob.Len()), append(d.present, there)
}

// page returns what was decoded.
func (d *pageDecoder) page(at pageExtent) (*page, error) {
	all := d.blob.String()
	p := &page{firstRow: int(at.firstRow), present: d.present, nulls: d.nulls, values: make([]string, len(d.ends))}
	begin := 0
	for i, end := range d.ends {
		p.values[i], begin = all[begin:end], end
	}
	if d.repeated {
		p.starts = append(d.starts, int32(len(d.ends)))
	}
	if p.rows() != int(at.lastRow-at.firstRow) {
		return nil, fmt.Errorf("the page at %d holds %d rows where there should be %d: damaged", at.offset, p.rows(), at.lastRow-at.firstRow)
	}
	p.size = len(all) + 17*len(p.values) + 4*len(p.starts) + 128
	return p, nil
}

// pageKey names a page in the cache.
type pageKey struct {
	shard, group, column, page int32
}

// pageCache keeps the decoded pages used last, up to a number of bytes.
type pageCache struct {
	mu     sync.Mutex
	limit  int
	size   int
	pages  map[pageKey]*list.Element
	recent list.List // of cached, the last used in front
}

type cached struct {
	key pageKey
	p   *page
}

// get returns a page, or nil where it is not kept.
func (c *pageCache) get(key pageKey) *page {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.pages[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).p
}

// put keeps a page and drops those unused for longest.
func (c *pageCache) put(key pageKey, p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages[key] != nil || p.size > c.limit {
		return
	}
	if c.pages == nil {
		c.pages = map[pageKey]*list.Element{}
	}
	c.pages[key] = c.recent.PushFront(&cached{key, p})
	c.size += p.size
	for c.size > c.limit {
		last := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.pages, last.key)
		c.size -= last.p.size
	}
}
