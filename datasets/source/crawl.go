package source

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
)

// A crawl's index is made in two steps, so that neither has to hold all of it: [CrawlKeys] packs what a few parts hold, by bucket, and [CrawlJoin]
// sorts one bucket of all of them. An entry is
//
//	key      16 bytes: hash of a URL, of a record's id, or of the digest of a payload
//	file      4 bytes
//	kind      1 byte
//	rank      1 byte: which of a revisit's keys it is
//	digest    1 byte: 1 where the record has a digest
//	          1 byte: zero
//	member    8 bytes, offset 8 bytes: as in warcRecord
//	target   16 bytes: the key that a revisit refers to
const crawlEntrySize = 56

// MaxCrawlBuckets is the largest number of buckets of an index.
const MaxCrawlBuckets = 256

// crawlBatch is after how many entries the packed ones are handed on: 11 MB.
const crawlBatch = 3 << 16

// crawlRevisits is how many references are kept of a URL that was never anything but revisited.
const crawlRevisits = 12

// The kinds of entries.
const (
	crawlPicture = iota // by its URL
	crawlRevisit        // by its URL: the picture is the target's
	crawlNamed          // a picture by its id or digest
	crawlWanted         // an id or digest that a revisit refers to; others are left out
)

// The ranks of a revisit's references, the safest first.
const (
	byDigest = iota
	byID
	byURL
)

type crawlEntry struct {
	key, target        xxh3.Uint128
	file               uint32
	kind, rank, digest byte
	member, offset     int64
}

func (e *crawlEntry) append(b []byte) []byte {
	key, target := e.key.Bytes(), e.target.Bytes()
	b = append(b, key[:]...)
	b = binary.BigEndian.AppendUint32(b, e.file)
	b = append(b, e.kind, e.rank, e.digest, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(e.member))
	b = binary.BigEndian.AppendUint64(b, uint64(e.offset))
	return append(b, target[:]...)
}

func readCrawlEntry(b []byte) crawlEntry {
	n := binary.BigEndian
	return crawlEntry{
		key:  xxh3.Uint128{Hi: n.Uint64(b), Lo: n.Uint64(b[8:])},
		file: n.Uint32(b[16:]), kind: b[20], rank: b[21], digest: b[22],
		member: int64(n.Uint64(b[24:])), offset: int64(n.Uint64(b[32:])),
		target: xxh3.Uint128{Hi: n.Uint64(b[40:]), Lo: n.Uint64(b[48:])},
	}
}

// digestKey is the key of a payload by the digest that the crawler has noted, as "sha1:..."
func digestKey(digest string) xxh3.Uint128 {
	name, value, _ := strings.Cut(digest, ":")
	return xxh3.HashString128("digest " + strings.ToLower(strings.ReplaceAll(name, "-", "")) + ":" + strings.ToUpper(value))
}

func idKey(id string) xxh3.Uint128 { return xxh3.HashString128("id " + id) }

// crawlFile is a WARC file and the number of the input that named it.
type crawlFile struct {
	input int
	name  string
}

func (a crawlFile) compare(b crawlFile) int {
	return cmp.Or(cmp.Compare(a.input, b.input), strings.Compare(a.name, b.name))
}

// CrawlKeys collects where the pictures of WARC files lie and what revisit records refer to, in packed form for [CrawlJoin]. It holds at most 11 MB
// until full is called, and the names of the files. It is for one goroutine.
type CrawlKeys struct {
	o       Options
	files   []crawlFile
	numbers map[crawlFile]uint32
	packed  [][]byte // entries, by bucket
	entries int
	full    func() error
}

// NewCrawlKeys returns an empty collection for an index of so many buckets, a power of two up to [MaxCrawlBuckets]. full is called whenever there
// is much to be written: it takes what Bucket returns and calls Reset.
func NewCrawlKeys(o Options, buckets int, full func() error) (*CrawlKeys, error) {
	if buckets < 1 || buckets > MaxCrawlBuckets || bits.OnesCount(uint(buckets)) != 1 {
		return nil, fmt.Errorf("an index of %d buckets: want a power of two up to %d", buckets, MaxCrawlBuckets)
	}
	return &CrawlKeys{o: o.orDefault(), packed: make([][]byte, buckets), numbers: map[crawlFile]uint32{}, full: full}, o.Validate()
}

// Add makes one pass over the WARC files of a part; a part without any adds nothing. input is the number of the input that the part is of: of
// captures in several inputs those of the first count. Damaged records are passed over, as [Read] names them.
func (k *CrawlKeys) Add(ctx context.Context, p Part, input int) error {
	s := &sink{ctx: ctx, part: p, o: k.o, keys: k, input: input}
	if err := s.read(); err != nil {
		return fmt.Errorf("indexing the pictures of %s: %w", p.Address, oneLine(err))
	}
	return nil
}

// HoldsArchives reports whether a part has WARC files, by their names where it is a folder or a pattern.
func HoldsArchives(ctx context.Context, p Part) (found bool, err error) {
	if p.Format != "" && p.Format != FormatFolder {
		return p.Format == FormatWARC, nil
	}
	if p.First == "" && p.Last == "" {
		return formatOfName(p.Address) == FormatWARC, nil
	}
	a, err := parseAddress(p.Address)
	if err != nil {
		return false, err
	}
	store, err := openStore(ctx, a)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	first, last := rawName(p.First), rawName(p.Last)
	if hasPattern(a.name) {
		all, err := glob(ctx, store, a.name)
		for _, e := range all {
			found = found || !e.dir && e.size <= small && e.name >= first && e.name <= last && formatOfName(e.name) == FormatWARC
		}
		return found, err
	}
	err = walk(ctx, store, a.name, first, last, func(in *listing, _ string, e entry) error {
		if format, own := in.role(e, p.Format); format == FormatWARC && !own {
			found = true
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		err = nil
	}
	return found, oneLine(err)
}

func (k *CrawlKeys) file(input int, name string) uint32 {
	f := crawlFile{input, name}
	n, there := k.numbers[f]
	if !there {
		n = uint32(len(k.files))
		k.files, k.numbers[f] = append(k.files, f), n
	}
	return n
}

// record adds a record where it is a picture, or a revisit that may be one of a picture.
func (k *CrawlKeys) record(r *warcRecord, file uint32) error {
	e := crawlEntry{key: urlKey(r.uri), file: file, member: r.member, offset: r.offset}
	if r.digest != "" {
		e.digest = 1
	}
	switch {
	case r.kind == "revisit":
		k.revisit(r, e)
	case r.large || !r.holdsPicture():
		return nil
	default:
		k.add(e)
		e.kind = crawlNamed
		if r.digest != "" {
			e.key = digestKey(r.digest)
			k.add(e)
		}
		if r.id != "" {
			e.key = idKey(r.id)
			k.add(e)
		}
	}
	if k.entries < crawlBatch {
		return nil
	}
	return k.full()
}

// revisit adds a revisit with all that it refers to. Its HTTP header, where it is there, tells whether it is one of a picture.
func (k *CrawlKeys) revisit(r *warcRecord, e crawlEntry) {
	if answer, err := parseResponse(r.block, ""); r.uri == "" || err == nil && answer.media != "" && !answer.picture() && !strings.HasSuffix(answer.media, "/octet-stream") {
		return
	}
	refer := func(rank byte, target xxh3.Uint128) {
		e.kind, e.rank, e.target = crawlRevisit, rank, target
		k.add(e)
		if rank != byURL {
			k.add(crawlEntry{key: target, kind: crawlWanted, file: e.file})
		}
	}
	if r.digest != "" {
		refer(byDigest, digestKey(r.digest))
	}
	if r.refers != "" {
		refer(byID, idKey(r.refers))
	}
	if target := urlKey(r.refersURI); r.refersURI != "" && target != e.key {
		refer(byURL, target)
	}
}

// bucketOf is the bucket of a key.
func bucketOf(key xxh3.Uint128, buckets int) int { return int(key.Lo & uint64(buckets-1)) }

func (k *CrawlKeys) add(e crawlEntry) {
	b := bucketOf(e.key, len(k.packed))
	k.packed[b] = e.append(k.packed[b])
	k.entries++
}

// Bucket returns the packed entries of a bucket with the names of their files; nil where there are none.
func (k *CrawlKeys) Bucket(i int) []byte {
	entries := k.packed[i]
	if len(entries) == 0 {
		return nil
	}
	used := map[uint32]uint32{}
	var names, out []byte
	for b := range slices.Chunk(entries, crawlEntrySize) {
		e := readCrawlEntry(b)
		n, there := used[e.file]
		if !there {
			n = uint32(len(used))
			used[e.file] = n
			names = k.files[e.file].append(names)
		}
		e.file = n
		out = e.append(out)
	}
	return slices.Concat(binary.AppendUvarint(nil, uint64(len(used))), names, out)
}

// Reset empties the collection.
func (k *CrawlKeys) Reset() {
	for i := range k.packed {
		k.packed[i] = nil
	}
	k.entries = 0
}

func (f crawlFile) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(f.input))
	b = binary.AppendUvarint(b, uint64(len(f.name)))
	return append(b, f.name...)
}

// readCrawlFiles reads a list of files.
func readCrawlFiles(in *bufio.Reader) (files []crawlFile, size int64, err error) {
	number := func() (n uint64) {
		if err == nil {
			n, err = binary.ReadUvarint(in)
			size += int64(len(binary.AppendUvarint(nil, n)))
		}
		return n
	}
	for n := number(); n > 0 && err == nil; n-- {
		f := crawlFile{input: int(number())}
		length := number()
		if err != nil || length > 1<<16 {
			return nil, 0, errIndex
		}
		name := make([]byte, length)
		_, err = io.ReadFull(in, name)
		f.name, size = string(name), size+int64(length)
		files = append(files, f)
	}
	if err != nil {
		return nil, 0, errIndex
	}
	return files, size, nil
}

// CrawlJoin makes one bucket of an index of what [CrawlKeys.Bucket] has returned for it, in whatever order. It holds 56 bytes for each entry, which
// are 168 for each picture of the bucket, and up to as much again while it grows.
type CrawlJoin struct {
	o       Options
	files   []crawlFile
	numbers map[crawlFile]uint32
	entries []crawlEntry
}

// NewCrawlJoin returns an empty bucket.
func NewCrawlJoin(o Options) *CrawlJoin {
	return &CrawlJoin{o: o.orDefault(), numbers: map[crawlFile]uint32{}}
}

// Add adds packed entries. More than o.MaxImages pictures are an error.
func (j *CrawlJoin) Add(packed []byte) error {
	in := bytes.NewReader(packed)
	files, size, err := readCrawlFiles(bufio.NewReader(in))
	if err != nil || (int64(len(packed))-size)%crawlEntrySize != 0 {
		return errIndex
	}
	numbers := make([]uint32, len(files))
	for i, f := range files {
		n, there := j.numbers[f]
		if !there {
			n = uint32(len(j.files))
			j.files, j.numbers[f] = append(j.files, f), n
		}
		numbers[i] = n
	}
	entries := packed[size:]
	if len(j.entries)+len(entries)/crawlEntrySize > 3*j.o.MaxImages {
		return fmt.Errorf("there are more than %d pictures in one bucket of the index: raise read.max_images", j.o.MaxImages)
	}
	j.entries = slices.Grow(j.entries, len(entries)/crawlEntrySize)
	for b := range slices.Chunk(entries, crawlEntrySize) {
		e := readCrawlEntry(b)
		if int(e.file) >= len(numbers) {
			return errIndex
		}
		e.file = numbers[e.file]
		j.entries = append(j.entries, e)
	}
	return nil
}

const crawlMagic = "m6 crawl index 1\n"

// WriteTo writes the bucket for [OpenCrawl]: of each URL the picture that is the first by input, name of the file and offset, or else what its
// revisits refer to.
func (j *CrawlJoin) WriteTo(w io.Writer) (int64, error) {
	j.settle()
	head := binary.AppendUvarint([]byte(crawlMagic), uint64(len(j.files)))
	for _, f := range j.files {
		head = f.append(head)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	_, err := out.Write(head)
	b := make([]byte, 0, crawlEntrySize)
	for i := range j.entries {
		if err != nil {
			break
		}
		_, err = out.Write(j.entries[i].append(b))
	}
	return int64(len(head) + len(j.entries)*crawlEntrySize), errors.Join(err, out.Flush())
}

// settle sorts the files and the entries, and leaves out what is not needed.
func (j *CrawlJoin) settle() {
	sorted := slices.SortedFunc(slices.Values(j.files), crawlFile.compare)
	ranks := make([]uint32, len(sorted))
	for i, f := range sorted {
		ranks[j.numbers[f]] = uint32(i)
		j.numbers[f] = uint32(i)
	}
	j.files = sorted
	for i := range j.entries {
		j.entries[i].file = ranks[j.entries[i].file]
	}
	slices.SortFunc(j.entries, func(a, b crawlEntry) int {
		return cmp.Or(compareKeys(a.key, b.key), cmp.Compare(a.kind, b.kind), cmp.Compare(a.file, b.file), cmp.Compare(a.member, b.member),
			cmp.Compare(a.offset, b.offset), cmp.Compare(a.rank, b.rank))
	})
	out := j.entries[:0]
	for at := 0; at < len(j.entries); {
		end := at + 1
		for end < len(j.entries) && j.entries[end].key == j.entries[at].key {
			end++
		}
		out = needed(out, j.entries[at:end])
		at = end
	}
	j.entries = out
}

// needed appends what is needed of the sorted entries of one key.
func needed(out, same []crawlEntry) []crawlEntry {
	switch first := same[0]; first.kind {
	case crawlPicture:
		return append(out, first)
	case crawlNamed:
		if same[len(same)-1].kind == crawlWanted {
			out = append(out, first)
		}
	case crawlRevisit:
		begin := len(out)
		for _, e := range same {
			repeated := slices.ContainsFunc(out[begin:], func(x crawlEntry) bool { return x.target == e.target })
			if e.kind == crawlRevisit && !repeated && len(out)-begin < crawlRevisits {
				out = append(out, e)
			}
		}
	}
	return out
}
