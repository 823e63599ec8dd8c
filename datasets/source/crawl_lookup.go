package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"sort"

	"github.com/zeebo/xxh3"
)

// ErrRevisit is the error of a picture of which the crawl has no capture but revisits, of a picture that is not in the input.
var ErrRevisit = errors.New("a revisit of a picture that is not in the input")

// Crawl is a [Lookup] of the pictures of all WARC files of a crawl, by an index on the disk: in memory it has the names of the files alone.
// It is for many goroutines.
type Crawl struct {
	archives
	buckets []*crawlBucket // nil: an empty one
}

// crawlBucket is a sorted file of entries.
type crawlBucket struct {
	file    *os.File
	at      int64 // of the first entry
	entries int
	files   []int32 // their numbers in the crawl's list
}

// OpenCrawl opens the index of which each bucket is in a local file that [CrawlJoin.WriteTo] has written, "" where the bucket is empty.
func OpenCrawl(ctx context.Context, o Options, buckets []string) (*Crawl, error) {
	if n := len(buckets); n > MaxCrawlBuckets || bits.OnesCount(uint(n)) != 1 {
		return nil, fmt.Errorf("index of pictures: %d buckets: %w", n, errIndex)
	}
	c := &Crawl{archives: archives{o: o.orDefault(), ctx: context.WithoutCancel(ctx), open: map[int32]object{}}, buckets: make([]*crawlBucket, len(buckets))}
	numbers := map[string]int32{}
	for i, name := range buckets {
		if name == "" {
			continue
		}
		b, err := c.bucket(name, numbers)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("index of pictures: %s: %w", name, err), c.Close())
		}
		c.buckets[i] = b
	}
	return c, o.Validate()
}

// bucket opens the file of one bucket.
func (c *Crawl) bucket(name string, numbers map[string]int32) (b *crawlBucket, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // read only
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(f)
	magic := make([]byte, len(crawlMagic))
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != crawlMagic {
		return nil, errIndex
	}
	files, size, err := readCrawlFiles(in)
	if err != nil {
		return nil, err
	}
	b = &crawlBucket{file: f, at: int64(len(crawlMagic)) + size, files: make([]int32, len(files))}
	rest := info.Size() - b.at
	if rest < 0 || rest%crawlEntrySize != 0 {
		return nil, errIndex
	}
	b.entries = int(rest / crawlEntrySize)
	for i, x := range files {
		n, there := numbers[x.name]
		if !there {
			n = int32(len(c.files))
			c.files, numbers[x.name] = append(c.files, x.name), n
		}
		b.files[i] = n
	}
	return b, nil
}

// Len returns the number of entries: of URLs of pictures, and of what revisits refer to.
func (c *Crawl) Len() int {
	n := 0
	for _, b := range c.buckets {
		if b != nil {
			n += b.entries
		}
	}
	return n
}

// Close closes all files, when no Get runs any more.
func (c *Crawl) Close() error {
	errs := []error{c.archives.Close()}
	for _, b := range c.buckets {
		if b != nil {
			errs = append(errs, b.file.Close())
		}
	}
	return errors.Join(errs...)
}

// Get reads the record of a URL, that record alone. (In a file that is one gzip stream, all before it is decompressed too.) A picture that was fetched
// goes before a revisit. A revisit is the picture of the same digest, or of the record or the URL that it refers to where one of both
// has no digest; one that leads to no picture is [ErrRevisit].
func (c *Crawl) Get(address string) ([]byte, bool, error) {
	found, err := c.find(urlKey(address))
	for i := 0; err == nil && i < len(found); i++ {
		e := found[i]
		if e.kind == crawlRevisit {
			var target []crawlEntry
			if target, err = c.find(e.target); err != nil {
				break
			}
			if len(target) == 0 || target[0].kind == crawlRevisit || e.rank != byDigest && e.digest == 1 && target[0].digest == 1 {
				continue
			}
			e = target[0]
		}
		data, err := c.read(indexEntry{member: e.member, offset: e.offset, file: int32(e.file)})
		if err != nil {
			return nil, false, fmt.Errorf("picture %s in %s%s: %w", address, c.files[e.file], (&warcRecord{member: e.member, offset: e.offset}).where(), err)
		}
		return data, true, nil
	}
	if err == nil && len(found) > 0 {
		err = ErrRevisit
	}
	if err != nil {
		err = fmt.Errorf("picture %s: %w", address, err)
	}
	return nil, false, err
}

// find returns the entries of a key; their file is a number in the crawl's list.
func (c *Crawl) find(key xxh3.Uint128) ([]crawlEntry, error) {
	b := c.buckets[bucketOf(key, len(c.buckets))]
	if b == nil {
		return nil, nil
	}
	var failed error
	read := func(i, n int) []byte {
		block := make([]byte, n*crawlEntrySize)
		if _, err := b.file.ReadAt(block, b.at+int64(i)*crawlEntrySize); err != nil {
			failed = errors.Join(errIndex, err)
			return nil
		}
		return block
	}
	first := sort.Search(b.entries, func(i int) bool {
		block := read(i, 1)
		if block == nil {
			return true
		}
		e := readCrawlEntry(block)
		return compareKeys(e.key, key) >= 0
	})
	var found []crawlEntry
	for block := read(first, min(crawlRevisits, b.entries-first)); failed == nil && len(block) > 0; block = block[crawlEntrySize:] {
		e := readCrawlEntry(block)
		if e.key != key {
			break
		}
		if int(e.file) >= len(b.files) {
			return nil, errIndex
		}
		e.file = uint32(b.files[e.file])
		found = append(found, e)
	}
	return found, failed
}
