package clean

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/zeebo/xxh3"
)

// The file of an [LM], all numbers little-endian:
//
//	magic    8 bytes "m6charlm"
//	version  uint32, 1
//	order    uint32
//	closed   uint32, 1 where the end of every n-gram is an n-gram
//	runes    uint32 count, then uint32 each, ascending
//	unigrams (prob, backoff float32) of <s>, </s>, <unk> and each rune
//	tables   for 2 to order characters: uint64 n-grams, uint64 places; keys uint64 (context place << 24 | symbol, all ones: free);
//	         then float32 pairs (prob, backoff) by place, in the last table prob alone
//	held     uint64 sentences, uint32 count, then float32 quantiles
//	checksum uint64, xxh3 of all before
const (
	lmMagic   = "m6charlm"
	lmVersion = 1
)

// errLMDamaged is at the end of every refusal of a file that is not as it was written.
var errLMDamaged = errors.New("the file is damaged: copy it again, or train the model again")

// lmWriter counts, sums and keeps the first error.
type lmWriter struct {
	w    *bufio.Writer
	hash *xxh3.Hasher
	n    int64
	err  error
	buf  [8]byte
}

func (w *lmWriter) bytes(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
		w.hash.Write(b)
		w.n += int64(len(b))
	}
}

func (w *lmWriter) u32(v uint32) {
	binary.LittleEndian.PutUint32(w.buf[:], v)
	w.bytes(w.buf[:4])
}

func (w *lmWriter) u64(v uint64) {
	binary.LittleEndian.PutUint64(w.buf[:], v)
	w.bytes(w.buf[:8])
}

func (w *lmWriter) f32(v float32) { w.u32(math.Float32bits(v)) }

// WriteTo writes the model; [ReadLM] reads it. The same model gives the same bytes.
func (m *LM) WriteTo(to io.Writer) (int64, error) {
	w := &lmWriter{w: bufio.NewWriterSize(to, 1<<20), hash: xxh3.New()}
	w.bytes([]byte(lmMagic))
	w.u32(lmVersion)
	w.u32(uint32(m.order))
	closed := uint32(0)
	if m.closed {
		closed = 1
	}
	w.u32(closed)
	w.u32(uint32(len(m.runes)))
	for _, r := range m.runes {
		w.u32(uint32(r))
	}
	for _, v := range m.unigrams {
		w.f32(v.prob)
		w.f32(v.backoff)
	}
	for _, t := range m.tables {
		w.u64(uint64(t.count))
		w.u64(uint64(len(t.keys)))
		for _, key := range t.keys {
			w.u64(key)
		}
		for _, v := range t.values {
			w.f32(v.prob)
			w.f32(v.backoff)
		}
		for _, p := range t.probs {
			w.f32(p)
		}
	}
	w.u64(uint64(m.heldOut))
	w.u32(uint32(len(m.held)))
	for _, p := range m.held {
		w.f32(p)
	}
	w.u64(w.hash.Sum64())
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err != nil {
		return w.n, fmt.Errorf("write a language model: %w", w.err)
	}
	return w.n, nil
}

// lmReader sums and keeps the first error. It never makes room for what has not arrived.
type lmReader struct {
	r    io.Reader
	hash *xxh3.Hasher
	err  error
	buf  []byte
}

// block returns the next n bytes, at most cap(buf).
func (r *lmReader) block(n int) []byte {
	b := r.buf[:n]
	if r.err == nil {
		if _, r.err = io.ReadFull(r.r, b); r.err == nil {
			r.hash.Write(b)
			return b
		}
		if r.err == io.EOF || r.err == io.ErrUnexpectedEOF {
			r.err = fmt.Errorf("it ends too early: %w", errLMDamaged)
		}
	}
	clear(b)
	return b
}

func (r *lmReader) u32() uint32 { return binary.LittleEndian.Uint32(r.block(4)) }
func (r *lmReader) u64() uint64 { return binary.LittleEndian.Uint64(r.block(8)) }

func (r *lmReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format+": %w", append(args, errLMDamaged)...)
	}
}

// lmNumbers reads n numbers of size bytes each.
func lmNumbers[T any](r *lmReader, n uint64, size int, number func(b []byte) T) []T {
	var out []T
	for n > 0 && r.err == nil {
		some := int(min(n, uint64(cap(r.buf)/size)))
		if b := r.block(some * size); r.err == nil {
			for ; len(b) > 0; b = b[size:] {
				out = append(out, number(b))
			}
		}
		n -= uint64(some)
	}
	return out
}

func lmFloat(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

func lmPair(b []byte) lmValue { return lmValue{lmFloat(b), lmFloat(b[4:])} }

// ok says whether the numbers can be log10 of a probability and a weight.
func (v lmValue) ok() bool {
	return v.prob <= 0 && !math.IsInf(float64(v.prob), 0) && !math.IsNaN(float64(v.backoff)) && !math.IsInf(float64(v.backoff), 0)
}

// ReadLM reads what [LM.WriteTo] wrote, and refuses everything else, and what is damaged, in one line. It reads to the end.
func ReadLM(from io.Reader) (*LM, error) {
	m, err := readLM(&lmReader{r: from, hash: xxh3.New(), buf: make([]byte, 1<<16)})
	if err != nil {
		return nil, fmt.Errorf("read a language model: %w", err)
	}
	return m, nil
}

func readLM(r *lmReader) (*LM, error) {
	if magic := string(r.block(len(lmMagic))); r.err != nil || magic != lmMagic {
		return nil, errors.New("it does not begin as one: give a model that was trained here, or an ARPA file")
	}
	if version := r.u32(); r.err == nil && version != lmVersion {
		return nil, fmt.Errorf("its version is %d, this program reads %d: train it again", version, lmVersion)
	}
	m := &LM{order: int(r.u32())}
	if m.order < 1 || m.order > maxARPAOrder {
		r.fail("order %d", m.order)
	}
	m.closed = r.u32() == 1
	n := r.u32()
	if n == 0 || n > '\U0010FFFF' {
		r.fail("%d characters", n)
	}
	m.runes = lmNumbers(r, uint64(n), 4, func(b []byte) rune { return rune(binary.LittleEndian.Uint32(b)) })
	for i, c := range m.runes {
		if c < 0 || c > '\U0010FFFF' || i > 0 && c <= m.runes[i-1] {
			r.fail("character %d is %#x", i, c)
		}
	}
	m.unigrams = lmNumbers(r, uint64(n)+uint64(firstSymbol), 8, lmPair)
	for i, v := range m.unigrams {
		if !v.ok() {
			r.fail("1-gram %d has %v", i, v)
		}
	}
	for k := 2; k <= m.order && r.err == nil; k++ {
		m.tables = append(m.tables, readLMTable(r, m, k))
	}
	m.heldOut = int64(r.u64())
	quantiles := r.u32()
	if quantiles != 0 && quantiles != lmQuantiles || m.heldOut < 0 {
		r.fail("%d quantiles of %d sentences", quantiles, m.heldOut)
	}
	m.held = lmNumbers(r, uint64(quantiles), 4, lmFloat)
	for i, p := range m.held {
		if !(p >= 1) || i > 0 && p < m.held[i-1] {
			r.fail("quantile %d is %v", i, p)
		}
	}
	sum := r.hash.Sum64()
	if stored := r.u64(); r.err == nil && stored != sum {
		r.fail("its checksum is %016x, its bytes give %016x", stored, sum)
	}
	if r.err != nil {
		return nil, r.err
	}
	if extra, err := io.ReadFull(r.r, r.buf[:1]); extra > 0 {
		return nil, fmt.Errorf("bytes follow its end: %w", errLMDamaged)
	} else if err != io.EOF {
		return nil, err
	}
	m.index()
	return m, nil
}

// readLMTable reads the n-grams of k characters and proves that every one can be found and has a context.
func readLMTable(r *lmReader, m *LM, k int) lmTable {
	var t lmTable
	count, places := r.u64(), r.u64()
	if places > lmMaxSlots || count >= places {
		r.fail("%d %d-grams in %d places", count, k, places)
		return t
	}
	t.keys = lmNumbers(r, places, 8, binary.LittleEndian.Uint64)
	if k == m.order {
		t.probs = lmNumbers(r, places, 4, lmFloat)
	} else {
		t.values = lmNumbers(r, places, 8, lmPair)
	}
	if r.err != nil {
		return t
	}
	for place, key := range t.keys {
		if key == lmEmpty {
			continue
		}
		t.count++
		context, symbol := key>>lmSymbolBits, key&(1<<lmSymbolBits-1)
		known := symbol < uint64(len(m.unigrams))
		if k == 2 {
			known = known && context < uint64(len(m.unigrams))
		} else {
			below := &m.tables[k-3]
			known = known && context < uint64(len(below.keys)) && below.keys[context] != lmEmpty
		}
		if !known || !t.value(uint64(place)).ok() {
			r.fail("%d-gram at place %d", k, place)
			return t
		}
	}
	if uint64(t.count) != count {
		r.fail("%d %d-grams, %d said", t.count, k, count)
		return t
	}
	for place, key := range t.keys { // a place is free, as count < places: the search ends
		if key == lmEmpty {
			continue
		}
		if found, ok := t.find(key); !ok || found != uint64(place) {
			r.fail("%d-gram at place %d is not where it is sought", k, place)
			return t
		}
	}
	return t
}

// OpenLM reads a model's file: one of [LM.WriteTo], or an ARPA file; either may be compressed with gzip. Errors name the file.
func OpenLM(file string) (*LM, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open a language model: %w", err)
	}
	defer f.Close()
	b := bufio.NewReaderSize(f, 1<<20)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		b = bufio.NewReaderSize(z, 1<<20)
	}
	read := ReadARPA
	if head, _ := b.Peek(len(lmMagic)); string(head) == lmMagic {
		read = ReadLM
	}
	m, err := read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}
