package record

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"m6lab/datasets"
	"m6lab/datasets/record/packed"
	"m6lab/datasets/runes"
)

// Entry is what is known of a row without reading it.
type Entry struct {
	Source   string
	Text     int  // characters (code points) of the text
	HasText  bool // the text is not empty
	HasImage bool
	HasQA    bool // there are a question and an answer
	HasRefs  bool // there are references
}

// The light index holds one entry for each row: what the row holds, in the lower bits of what, above them the number of its source.
const (
	hasText uint32 = 1 << iota
	hasImage
	hasPath
	hasReferences
	hasQuestion
	hasAnswer
	hasMeta
	sourceShift = iota
	maxSources  = 1<<(32-sourceShift) - 1
)

// entry is the light index of one row, 8 bytes.
type entry struct {
	characters uint32
	what       uint32
}

// source returns the number of the row's source.
func (e entry) source() int { return int(e.what >> sourceShift) }

// has reports whether the row holds any of the given kinds.
func (e entry) has(kinds uint32) bool { return e.what&kinds != 0 }

// index is the light index of one shard: entries in row order and the names that their source numbers stand for.
type index struct {
	sources []string
	numbers map[string]uint32
	entries []entry
}

// sourceNumber returns the number of a source's name, a new one where the name is new.
func (x *index) sourceNumber(name string) (uint32, error) {
	if n, ok := x.numbers[name]; ok {
		return n, nil
	}
	if len(x.sources) > maxSources {
		return 0, fmt.Errorf("more than %d different sources: put what differs from row to row into meta", maxSources)
	}
	if x.numbers == nil {
		x.numbers = map[string]uint32{}
	}
	n := uint32(len(x.sources))
	x.sources, x.numbers[name] = append(x.sources, name), n
	return n, nil
}

// add appends the entry of ex.
func (x *index) add(ex *datasets.Example) error {
	source, err := x.sourceNumber(ex.Source)
	if err != nil {
		return err
	}
	e := entry{characters: uint32(runes.Count(ex.Text)), what: source << sourceShift}
	for _, k := range [...]struct {
		kind    uint32
		present bool
	}{
		{hasText, ex.Text != ""}, {hasImage, len(ex.Image) > 0}, {hasPath, ex.ImagePath != ""}, {hasReferences, len(ex.References) > 0},
		{hasQuestion, ex.Question != ""}, {hasAnswer, ex.Answer != ""}, {hasMeta, ex.Meta != "" && ex.Meta != noMeta},
	} {
		if k.present {
			e.what |= k.kind
		}
	}
	x.entries = append(x.entries, e)
	return nil
}

// indexKey is the key of the light index in a shard's footer. It is believed only in files that name createdBy as their writer: other
// programs copy unknown keys into tables whose rows they have changed.
const (
	indexKey    = "m6lab.index"
	application = "m6lab-records"
	createdBy   = application + " version 1(build 1)"
)

// encode returns the index as text: base64 of a checksum and a zstd frame of varints.
func (x *index) encode() (string, error) {
	b := binary.AppendUvarint(nil, uint64(len(x.sources)))
	for _, s := range x.sources {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(len(x.entries)))
	for _, e := range x.entries {
		b = binary.AppendUvarint(b, uint64(e.what))
		b = binary.AppendUvarint(b, uint64(e.characters))
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return "", fmt.Errorf("compressing the index: %w", err)
	}
	frame := z.EncodeAll(b, nil)
	out := binary.LittleEndian.AppendUint64(nil, xxh3.Hash(frame))
	return base64.StdEncoding.EncodeToString(append(out, frame...)), z.Close()
}

var errIndex = errors.New("the index in the footer is damaged")

// maxIndex bounds the decoded index of one shard, in bytes.
const maxIndex = 1 << 30

// decodeIndex is the inverse of encode for a shard of the given number of rows.
func decodeIndex(text string, rows int) (*index, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) < 8 || xxh3.Hash(raw[8:]) != binary.LittleEndian.Uint64(raw) {
		return nil, errIndex
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxIndex))
	if err != nil {
		return nil, fmt.Errorf("decompressing the index: %w", err)
	}
	defer z.Close()
	b, err := z.DecodeAll(raw[8:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIndex, err)
	}
	return parseIndex(&packed.Reader{Rest: b}, rows)
}

// parseIndex reads the decompressed index.
func parseIndex(v *packed.Reader, rows int) (*index, error) {
	x := &index{}
	for n := v.Uvarint(); n > 0 && !v.Failed; n-- {
		if _, err := x.sourceNumber(string(v.Bytes())); err != nil {
			return nil, err
		}
	}
	if n := v.Uvarint(); v.Failed || n != uint64(rows) {
		return nil, errIndex
	}
	x.entries = make([]entry, 0, min(rows, len(v.Rest)))
	for range rows {
		e := entry{what: uint32(v.Uvarint()), characters: uint32(v.Uvarint())}
		if v.Failed || e.source() >= len(x.sources) {
			return nil, errIndex
		}
		x.entries = append(x.entries, e)
	}
	return x, nil
}
