package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"

	"m6lab/datasets/record/compact"
)

// checkFooter returns an error where a file does not end in a footer that can be decoded without harm.
func checkFooter(o object) error {
	size := o.Size()
	var tail [8]byte
	if size < 12 {
		return fmt.Errorf("%d bytes are no Parquet file: truncated?", size)
	}
	if _, err := o.ReadAt(tail[:], size-8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if string(tail[4:]) != "PAR1" || n > size-12 {
		return errors.New("no Parquet footer at the end of the file: truncated, or not Parquet")
	}
	const most = 256 << 20
	if n > most {
		return fmt.Errorf("a footer of %d bytes", n)
	}
	footer := make([]byte, n)
	if _, err := o.ReadAt(footer, size-8-n); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err := compact.Length(footer)
	return err
}

// checkChunk walks over the page headers of a column chunk and refuses what claims more than limit bytes, or more than the chunk has.
func checkChunk(o object, chunk *format.ColumnChunk, limit int64) error {
	at := chunk.MetaData.DataPageOffset
	if d := chunk.MetaData.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	end := at + chunk.MetaData.TotalCompressedSize
	if at < 4 || end < at || end > o.Size() || chunk.FilePath != "" {
		return errors.New("a column lies outside the file")
	}
	const maxHeader, maxValues = 64 << 10, 1 << 24
	buf := make([]byte, maxHeader)
	for at < end {
		data := buf[:min(maxHeader, end-at)]
		if len(data) > 512 { // mostly enough
			data = data[:512]
		}
		if _, err := o.ReadAt(data, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var h format.PageHeader
		n, err := compact.Decode(data, &h)
		if err != nil && int64(len(data)) < end-at {
			data = buf[:min(maxHeader, end-at)]
			if _, err := o.ReadAt(data, at); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			n, err = compact.Decode(data, &h)
		}
		if err != nil {
			return err
		}
		size, plain := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
		if size < 0 || plain < 0 || size > end-at-int64(n) {
			return compact.ErrDamaged
		}
		if plain > limit {
			return fmt.Errorf("a page of %d bytes: write the file with smaller pages, or raise max_document", plain)
		}
		if h.DataPageHeader.V.NumValues > maxValues || h.DataPageHeaderV2.V.NumValues > maxValues || int64(h.DictionaryPageHeader.V.NumValues) > plain {
			return compact.ErrDamaged
		}
		at += int64(n) + size
	}
	return nil
}
