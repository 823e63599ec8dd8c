package near

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// The file of an [Index], all numbers little-endian:
//
//	magic    8 bytes "m6evalix"
//	version  uint32, 1
//	options  string, JSON (a string is its length as uint32, then its bytes)
//	left     uint64
//	sets     uint32 count, then strings
//	passages uint32 count, then (uint32 set, string id, string text)
//	grams, short, pictures: uint32 count, then (uint64 hash, uint32 passage), ascending by hash
//	checksum uint64, xxh3 of all before
const (
	indexMagic   = "m6evalix"
	indexVersion = 1
)

var errIndexDamaged = errors.New("the file is damaged: build the index again")

// WriteTo writes the index; [ReadIndex] reads it. The same index gives the same bytes.
func (x *Index) WriteTo(w io.Writer) (int64, error) {
	options, err := json.Marshal(x.o)
	if err != nil {
		return 0, err
	}
	e := binary.LittleEndian
	text := func(b []byte, s string) []byte { return append(e.AppendUint32(b, uint32(len(s))), s...) }
	b := e.AppendUint32([]byte(indexMagic), indexVersion)
	b = text(b, string(options))
	b = e.AppendUint64(b, uint64(x.left))
	b = e.AppendUint32(b, uint32(len(x.sets)))
	for _, set := range x.sets {
		b = text(b, set)
	}
	b = e.AppendUint32(b, uint32(len(x.passages)))
	for _, p := range x.passages {
		b = text(text(e.AppendUint32(b, p.set), p.id), p.text)
	}
	for _, grams := range [][]gram{x.grams.sorted, x.short.sorted, x.pictures} {
		b = e.AppendUint32(b, uint32(len(grams)))
		for _, g := range grams {
			b = e.AppendUint32(e.AppendUint64(b, g.hash), g.of)
		}
	}
	b = e.AppendUint64(b, xxh3.Hash(b))
	n, err := w.Write(b)
	if err != nil {
		return int64(n), fmt.Errorf("write an index of evaluation sets: %w", err)
	}
	return int64(n), nil
}

// indexBytes takes numbers and strings from the front; after the first that is not there all are zero.
type indexBytes struct {
	b   []byte
	bad bool
}

func (r *indexBytes) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return make([]byte, min(n, 8))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *indexBytes) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *indexBytes) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *indexBytes) text() string {
	s := string(r.take(uint64(r.u32())))
	if r.bad {
		return ""
	}
	return s
}

// ReadIndex reads what [Index.WriteTo] wrote, and refuses everything else, and what is damaged, in one line. It reads to the end.
func ReadIndex(from io.Reader) (*Index, error) {
	b, err := io.ReadAll(from)
	if err == nil {
		var x *Index
		if x, err = readIndex(b); err == nil {
			return x, nil
		}
	}
	return nil, fmt.Errorf("read an index of evaluation sets: %w", err)
}

func readIndex(b []byte) (*Index, error) {
	const head, tail = len(indexMagic) + 4, 8
	if len(b) < head+tail || string(b[:len(indexMagic)]) != indexMagic {
		return nil, errors.New("it does not begin as one: give a file that was made as an index")
	}
	if version := binary.LittleEndian.Uint32(b[len(indexMagic):]); version != indexVersion {
		return nil, fmt.Errorf("its version is %d, this program reads %d: build it again", version, indexVersion)
	}
	body, sum := b[:len(b)-tail], binary.LittleEndian.Uint64(b[len(b)-tail:])
	if got := xxh3.Hash(body); got != sum {
		return nil, fmt.Errorf("its checksum is %016x, its bytes give %016x: %w", sum, got, errIndexDamaged)
	}
	return parseIndex(body[head:])
}

// parseIndex reads what stands between the version and the checksum. Nothing is taken for granted: a checksum can be forged.
func parseIndex(body []byte) (*Index, error) {
	r := &indexBytes{b: body}
	x := new(Index)
	d := json.NewDecoder(strings.NewReader(r.text()))
	d.DisallowUnknownFields()
	if err := d.Decode(&x.o); err != nil {
		return nil, fmt.Errorf("its options: %w: %w", err, errIndexDamaged)
	}
	if err := x.o.Validate(); err != nil {
		return nil, fmt.Errorf("its options: %w: %w", err, errIndexDamaged)
	}
	x.left = int(r.u64())
	for range r.u32() {
		if x.sets = append(x.sets, r.text()); r.bad {
			return nil, errIndexDamaged
		}
	}
	for range r.u32() {
		p := passage{r.u32(), r.text(), r.text()}
		if r.bad || int(p.set) >= len(x.sets) || !utf8.ValidString(p.id) || !utf8.ValidString(p.text) {
			return nil, fmt.Errorf("passage %d: %w", len(x.passages), errIndexDamaged)
		}
		x.passages = append(x.passages, p)
	}
	var all [3][]gram
	for i := range all {
		for range r.u32() {
			g := gram{r.u64(), r.u32()}
			n := len(all[i])
			if r.bad || int(g.of) >= len(x.passages) || n > 0 && g.hash <= all[i][n-1].hash {
				return nil, fmt.Errorf("n-gram %d of list %d: %w", n, i, errIndexDamaged)
			}
			all[i] = append(all[i], g)
		}
	}
	if r.bad || len(r.b) > 0 || x.left < 0 {
		return nil, fmt.Errorf("%d bytes follow its end: %w", len(r.b), errIndexDamaged)
	}
	x.fill(all[0], all[1], all[2])
	return x, nil
}
