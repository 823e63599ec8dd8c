package record

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

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
	d := pageDecoder{maxLevel: byte(l.maxLevel), repeated: column == colReferences}
	for {
		pq, err := pages.ReadPage()
		if errors.Is(err, io.EOF) && d.offsets != nil {
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
	if chunk.MetaData.Codec == format.Zstd {
		if err := checkFrame(h, data[n:n+int(h.CompressedPageSize)]); err != nil {
			return nil, err
		}
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
