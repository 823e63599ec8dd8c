package record

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/zeebo/xxh3"

	"m6lab/datasets"
)

// WriterOptions says how rows are laid out. The zero value is a good choice.
type WriterOptions struct {
	RowsPerShard  int            // rows of one file; 0: as many as BytesPerShard allows
	BytesPerShard int64          // content of one file in bytes before compression; 0: 256 MiB
	RowGroup      int            // rows of a row group; 0: 5000. A row group ends sooner at 32 MiB, which bounds the writer's memory
	PageBytes     int            // bytes of a page, the unit of random access; 0: 16 KiB
	Made          map[string]any // how the data set was made, for the manifest: versions, seeds, rules, and no times
}

const (
	defaultBytesPerShard = 256 << 20
	defaultRowGroup      = 5000
	defaultPageBytes     = 16 << 10
	rowGroupBytes        = 32 << 20
)

// Writer makes one split of a data set. The shards are written aside and appear with Close, all or none. It is for one goroutine.
type Writer struct {
	dir, split, aside string
	o                 WriterOptions
	unlock            func()
	ids               map[xxh3.Uint128]struct{} // 128 bits of each id: no collision to be expected below 10^18 rows
	counted           Split
	shard             *shardWriter // nil between shards
	broken            error        // the first failure of a file: the split can only be discarded
	closed            bool
}

var splitName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// Create begins the split (train, valid, test) of the data set in dir, which is made where it is missing. A split that is there already is an error.
// The writer must be ended by Close or Discard.
func Create(dir, split string, o WriterOptions) (*Writer, error) {
	if !splitName.MatchString(split) {
		return nil, fmt.Errorf("split %q: a split's name is made of small letters, digits, - and _, like train, valid or test", split)
	}
	if o.RowsPerShard < 0 || o.BytesPerShard < 0 || o.RowGroup < 0 || o.PageBytes < 0 {
		return nil, fmt.Errorf("split %s: negative writer options %+v: use 0 for the default", split, o)
	}
	if err := mustBeFree(filepath.Join(dir, split)); err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, split: split, aside: filepath.Join(dir, "."+split+partial), o: o, ids: map[xxh3.Uint128]struct{}{}}
	w.o.BytesPerShard = orDefault(o.BytesPerShard, defaultBytesPerShard)
	w.o.RowGroup = orDefault(o.RowGroup, defaultRowGroup)
	w.o.PageBytes = orDefault(o.PageBytes, defaultPageBytes)
	unlock, err := freshFolder(w.aside)
	if err != nil {
		return nil, err
	}
	w.unlock = unlock
	return w, nil
}

// orDefault returns value, or def where value is zero.
func orDefault[T int | int64](value, def T) T {
	if value == 0 {
		return def
	}
	return value
}

// Write appends one example; it keeps nothing of ex. After an error that names the example (an id seen before, text that is not UTF-8) the writer
// goes on without it; after one that names a file it can only be discarded.
func (w *Writer) Write(ex datasets.Example) error {
	if w.broken != nil {
		return w.broken
	}
	if w.closed {
		return fmt.Errorf("split %s of %s: write after Close", w.split, w.dir)
	}
	if err := validate(&ex); err != nil {
		return fmt.Errorf("row %d of split %s, id %q: %w", w.counted.Rows, w.split, ex.ID, err)
	}
	key := xxh3.HashString128(ex.ID)
	if _, seen := w.ids[key]; seen {
		return fmt.Errorf("row %d of split %s: the id %q was written before: ids must be unique", w.counted.Rows, w.split, ex.ID)
	}
	if err := w.append(&ex); err != nil {
		w.broken = fmt.Errorf("writing split %s of %s: %w", w.split, w.dir, err)
		return w.broken
	}
	w.ids[key] = struct{}{}
	w.counted.add(&ex)
	return nil
}

// append puts ex into the open shard, and ends the shard when it is full.
func (w *Writer) append(ex *datasets.Example) error {
	if w.shard == nil {
		shard, err := newShardWriter(filepath.Join(w.aside, shardName(len(w.counted.Shards))), w.o)
		if err != nil {
			return err
		}
		w.shard = shard
	}
	if err := w.shard.write(ex); err != nil {
		return err
	}
	if w.shard.rows() == w.o.RowsPerShard || w.shard.bytes >= w.o.BytesPerShard {
		return w.endShard()
	}
	return nil
}

// shardName returns the name of the i-th file of a split.
func shardName(i int) string { return fmt.Sprintf("%05d.parquet", i) }

// endShard completes the open shard and notes it for the manifest.
func (w *Writer) endShard() error {
	s, err := w.shard.close()
	if err != nil {
		return err
	}
	s.File = path.Join(w.split, s.File)
	w.counted.Shards = append(w.counted.Shards, s)
	w.shard = nil
	return nil
}

// Close completes the split: its folder appears and the manifest names it. A split without rows is an error. After any error nothing is left behind.
func (w *Writer) Close() error {
	if w.closed {
		return fmt.Errorf("split %s of %s: closed twice", w.split, w.dir)
	}
	if w.broken == nil && w.shard != nil {
		w.broken = w.endShard()
	}
	if w.broken == nil && w.counted.Rows == 0 {
		w.broken = fmt.Errorf("split %s of %s: no rows were written", w.split, w.dir)
	}
	if w.broken != nil {
		return errors.Join(w.broken, w.Discard())
	}
	w.closed = true
	defer w.unlock()
	if err := moveFolder(w.aside, filepath.Join(w.dir, w.split)); err != nil {
		return fmt.Errorf("completing split %s of %s: %w", w.split, w.dir, err)
	}
	return addSplit(w.dir, w.split, &w.counted, w.o.Made)
}

// Discard ends the writer and removes what it wrote. After Close it does nothing, so that it can be deferred.
func (w *Writer) Discard() error {
	if w.closed {
		return nil
	}
	w.closed = true
	defer w.unlock()
	if w.shard != nil {
		_ = w.shard.file.Close()
	}
	return os.RemoveAll(w.aside)
}

// Counts returns what was written so far.
func (w *Writer) Counts() Counts { return w.counted.Counts }

// shardWriter writes one Parquet file.
type shardWriter struct {
	file       *os.File
	out        *bufio.Writer // into file and sum
	sum        hash.Hash
	pq         *parquet.GenericWriter[row]
	index      index
	o          WriterOptions
	bytes      int64 // content so far
	groupRows  int   // of the open row group
	groupBytes int64
	size       int64 // of the file so far
}

// codec compresses every column. On pages of Chinese text the fastest level is twice as fast as the default one, and 6 % larger.
var codec = &zstd.Codec{Level: zstd.SpeedFastest}

func newShardWriter(name string, o WriterOptions) (*shardWriter, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	s := &shardWriter{file: f, sum: sha256.New(), o: o}
	s.out = bufio.NewWriterSize(s, 1<<20)
	s.pq = parquet.NewGenericWriter[row](s.out,
		parquet.Compression(codec),
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain),
		parquet.PageBufferSize(o.PageBytes),
		parquet.CreatedBy(application, "1", "1"),
		parquet.KeyValueMetadata("huggingface", features),
		parquet.DataPageStatistics(false), // else a page's head holds its smallest and greatest value twice: whole texts, whole pictures
		parquet.SkipPageBounds("image", "bytes"),
		parquet.SkipPageBounds("text"),
		parquet.SkipPageBounds("question"),
		parquet.SkipPageBounds("answer"),
		parquet.SkipPageBounds("meta"),
	)
	return s, nil
}

// Write puts p into the file and the checksum.
func (s *shardWriter) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.sum.Write(p[:n])
	s.size += int64(n)
	return n, err
}

func (s *shardWriter) rows() int { return len(s.index.entries) }

func (s *shardWriter) write(ex *datasets.Example) error {
	if err := s.index.add(ex); err != nil {
		return err
	}
	if _, err := s.pq.Write([]row{newRow(ex)}); err != nil {
		return fmt.Errorf("%s: row %d: %w", filepath.Base(s.file.Name()), s.rows()-1, err)
	}
	n := int64(payload(ex))
	s.bytes, s.groupBytes, s.groupRows = s.bytes+n, s.groupBytes+n, s.groupRows+1
	if s.groupRows < s.o.RowGroup && s.groupBytes < rowGroupBytes {
		return nil
	}
	s.groupRows, s.groupBytes = 0, 0
	if err := s.pq.Flush(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(s.file.Name()), err)
	}
	return nil
}

// close completes the file and makes it durable.
func (s *shardWriter) close() (Shard, error) {
	text, err := s.index.encode()
	if err == nil {
		s.pq.SetKeyValueMetadata(indexKey, text)
		err = s.pq.Close()
	}
	if err == nil {
		err = s.out.Flush()
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err = errors.Join(err, s.file.Close()); err != nil {
		return Shard{}, fmt.Errorf("%s: %w", filepath.Base(s.file.Name()), err)
	}
	return Shard{File: filepath.Base(s.file.Name()), Rows: s.rows(), Bytes: s.size, SHA256: hex.EncodeToString(s.sum.Sum(nil))}, nil
}
