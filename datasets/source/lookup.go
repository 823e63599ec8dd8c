package source

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"
)

// Lookup finds the bytes of a picture by its URL. ok is false where it is not there; an error is of this picture alone.
type Lookup interface {
	Get(url string) (data []byte, ok bool, err error)
}

// ImageIndex finds pictures in WARC files: for each URL of a picture response its place, 48 bytes in memory. It is for many goroutines.
type ImageIndex struct {
	archives
	entries []indexEntry // by key
	faults  map[string]int
}

// archives are WARC files of which single records are read.
type archives struct {
	o     Options
	ctx   context.Context
	files []string

	mu   sync.Mutex
	open map[int32]object
}

// indexEntry is the place of a picture.
type indexEntry struct {
	key    xxh3.Uint128 // of the URL
	member int64        // as in warcRecord
	offset int64
	file   int32
}

// OpenWARCImages makes one pass over a part of a WARC file and returns a Lookup of its pictures, an [ImageIndex] with the default options.
func OpenWARCImages(ctx context.Context, p Part) (Lookup, error) {
	return IndexWARC(ctx, []Part{p}, Options{})
}

// IndexWARC makes one pass over the parts and indexes their picture responses of status 200. Of several with one URL the first counts, in the order
// of the parts. More than o.MaxImages are an error. Damaged records are counted in [ImageIndex.Faults].
func IndexWARC(ctx context.Context, parts []Part, o Options) (*ImageIndex, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	x := newIndex(ctx, o)
	for _, p := range parts {
		if err := x.index(ctx, p); err != nil {
			return nil, errors.Join(fmt.Errorf("indexing the pictures of %s: %w", p.Address, oneLine(err)), x.Close())
		}
	}
	x.settle()
	return x, nil
}

// newIndex returns an empty index. The context that ends its making does not end its use.
func newIndex(ctx context.Context, o Options) *ImageIndex {
	return &ImageIndex{archives: archives{o: o.orDefault(), ctx: context.WithoutCancel(ctx), open: map[int32]object{}}, faults: map[string]int{}}
}

// index adds the pictures of one part.
func (x *ImageIndex) index(ctx context.Context, p Part) (err error) {
	file := x.fileNumber(p.Address)
	o, done, err := x.object(file)
	if err != nil {
		return err
	}
	defer done()
	in, err := inspect(o, p.Address, cmp.Or(p.Format, FormatWARC))
	if err != nil {
		return err
	}
	end := p.End
	if end <= 0 {
		end = o.Size()
	}
	w, err := newWARCReader(o, in.packing, p.Start, end, x.o.MaxDocument)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for {
		r, err := w.next()
		var bad *errRecord
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			x.faults[bad.reason]++
			err = nil
		case err == nil:
			err = x.add(r, file)
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// add indexes a record where it is a picture.
func (x *ImageIndex) add(r *warcRecord, file int32) error {
	if !r.holdsPicture() {
		return nil
	}
	if r.large {
		x.faults[FaultLarge]++
		return nil
	}
	if len(x.entries) == x.o.MaxImages {
		x.settle() // repeated URLs may make room
	}
	if len(x.entries) == x.o.MaxImages {
		return fmt.Errorf("there are more than %d pictures: index fewer parts at once, or raise max_images", x.o.MaxImages)
	}
	x.entries = append(x.entries, indexEntry{urlKey(r.uri), r.member, r.offset, file})
	return nil
}

// holdsPicture reports whether the record is the answer to a request for a picture. One that cannot be read is a fault of its page's reading.
func (r *warcRecord) holdsPicture() bool {
	if r.kind != "response" && r.kind != "resource" || r.uri == "" {
		return false
	}
	answer, err := parseResponse(r.block, r.media)
	return err == nil && answer.status == 200 && answer.page() == "" && answer.picture()
}

// settle sorts the entries; of those with one key the first stays.
func (x *ImageIndex) settle() {
	slices.SortStableFunc(x.entries, func(a, b indexEntry) int { return compareKeys(a.key, b.key) })
	x.entries = slices.CompactFunc(x.entries, func(a, b indexEntry) bool { return a.key == b.key })
}

func compareKeys(a, b xxh3.Uint128) int {
	return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo))
}

// urlKey is the hash of a URL, written in one way: without fragment, scheme and host in small letters, no default port, escaped.
func urlKey(s string) xxh3.Uint128 { return xxh3.HashString128(plainURL(s)) }

func plainURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Opaque != "" {
		return s
	}
	u.Scheme, u.Fragment, u.RawFragment, u.User = strings.ToLower(u.Scheme), "", "", nil
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "http" {
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawPath = "" // one way of escaping
	return u.String()
}

// fileNumber is the place of an address in the list of files.
func (x *archives) fileNumber(at string) int32 {
	i := slices.Index(x.files, at)
	if i < 0 {
		i = len(x.files)
		x.files = append(x.files, at)
	}
	return int32(i)
}

// object returns an open file of the index, and what is to be called when it is no more needed: the first files stay open.
func (x *archives) object(file int32) (o object, done func(), err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o, there := x.open[file]; there {
		return o, func() {}, nil
	}
	if o, err = openObject(x.ctx, x.files[file]); err != nil {
		return nil, nil, err
	}
	const most = 64
	if len(x.open) < most {
		x.open[file] = o
		return o, func() {}, nil
	}
	return o, func() { _ = o.Close() }, nil // read only: nothing can be lost
}

// Len returns the number of pictures.
func (x *ImageIndex) Len() int { return len(x.entries) }

// Faults returns the number of records that could not be indexed, by reason.
func (x *ImageIndex) Faults() map[string]int { return x.faults }

// Close closes the files, when no Get runs any more; a later one opens them again.
func (x *archives) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	for _, o := range x.open {
		errs = append(errs, o.Close())
	}
	x.open = map[int32]object{}
	return errors.Join(errs...)
}

// Get reads the record of a URL, that record alone. (In a file that is one gzip stream, all before it is decompressed too.)
func (x *ImageIndex) Get(address string) ([]byte, bool, error) {
	key := urlKey(address)
	i, found := slices.BinarySearchFunc(x.entries, key, func(e indexEntry, key xxh3.Uint128) int { return compareKeys(e.key, key) })
	if !found {
		return nil, false, nil
	}
	e := x.entries[i]
	data, err := x.read(e)
	if err != nil {
		return nil, false, fmt.Errorf("picture %s in %s%s: %w", address, x.files[e.file], (&warcRecord{member: e.member, offset: e.offset}).where(), err)
	}
	return data, true, nil
}

// read reads the picture at a place.
func (x *archives) read(e indexEntry) ([]byte, error) {
	o, done, err := x.object(e.file)
	if err != nil {
		return nil, err
	}
	defer done()
	w := &warcReader{o: o, end: o.Size(), limit: x.o.MaxDocument + maxHTTPHeaders, member: e.member}
	defer w.Close()
	if err := w.place(e.offset); err != nil {
		return nil, err
	}
	r, err := w.record()
	if err != nil {
		return nil, err
	}
	answer, err := parseResponse(r.block, r.media)
	if err == nil {
		err = answer.decode(x.o.MaxDocument, r.truncated)
	}
	return answer.body, err
}

// place goes to a record of the reader's member, or of a file that is one stream.
func (w *warcReader) place(offset int64) error {
	if w.member >= 0 {
		w.m = &members{o: w.o}
		err := w.m.seek(w.member)
		if err == nil {
			err = w.m.begin()
		}
		if err != nil {
			return err
		}
		w.enter()
	} else {
		head := make([]byte, 8)
		n, err := w.o.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if packing := packingOf(head[:n]); packing != "" {
			w.u, err = unpack(w.o, packing)
			w.s.reset(w.u, 0)
		} else {
			w.u, err = from(w.o, offset)
			w.s.reset(w.u, offset)
		}
		if err != nil {
			return err
		}
	}
	if skip := offset - w.s.pos; w.s.skip(skip) < skip {
		return errors.Join(io.ErrUnexpectedEOF, w.s.failed())
	}
	return nil
}

const indexMagic = "m6 picture index 1\n"

// WriteTo writes the index, so that other processes need no pass over the files: see [ReadImageIndex].
func (x *ImageIndex) WriteTo(w io.Writer) (int64, error) {
	b := []byte(indexMagic)
	b = binary.AppendUvarint(b, uint64(len(x.files)))
	for _, name := range x.files {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	b = binary.AppendUvarint(b, uint64(len(x.entries)))
	out := bufio.NewWriter(w)
	total := int64(len(b))
	_, err := out.Write(b)
	for _, e := range x.entries {
		key := e.key.Bytes()
		b = append(b[:0], key[:]...)
		b = binary.AppendVarint(b, e.member)
		b = binary.AppendVarint(b, e.offset)
		b = binary.AppendUvarint(b, uint64(e.file))
		total += int64(len(b))
		if _, err = out.Write(b); err != nil {
			break
		}
	}
	return total, errors.Join(err, out.Flush())
}

// ReadImageIndex reads what [ImageIndex.WriteTo] wrote, of one part each, and joins them in that order.
func ReadImageIndex(ctx context.Context, o Options, from ...io.Reader) (*ImageIndex, error) {
	x := newIndex(ctx, o)
	for _, r := range from {
		if err := x.join(bufio.NewReader(r)); err != nil {
			return nil, fmt.Errorf("index of pictures: %w", err)
		}
	}
	x.settle()
	return x, errors.Join(o.Validate(), ctx.Err())
}

var errIndex = errors.New("damaged: make it again")

// join adds one written index.
func (x *ImageIndex) join(in *bufio.Reader) error {
	head := make([]byte, len(indexMagic))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != indexMagic {
		return errIndex
	}
	files, err := binary.ReadUvarint(in)
	var numbers []int32
	for ; err == nil && files > 0; files-- {
		var size uint64
		if size, err = binary.ReadUvarint(in); err != nil || size > 1<<16 {
			return errIndex
		}
		name := make([]byte, size)
		_, err = io.ReadFull(in, name)
		numbers = append(numbers, x.fileNumber(string(name)))
	}
	if err != nil {
		return errIndex
	}
	entries, err := binary.ReadUvarint(in)
	for ; err == nil && entries > 0; entries-- {
		if len(x.entries) == x.o.MaxImages {
			return fmt.Errorf("there are more than %d pictures: join fewer, or raise max_images", x.o.MaxImages)
		}
		var key [16]byte
		var e indexEntry
		var file uint64
		_, err1 := io.ReadFull(in, key[:])
		member, err2 := binary.ReadVarint(in)
		offset, err3 := binary.ReadVarint(in)
		file, err = binary.ReadUvarint(in)
		if errors.Join(err1, err2, err3, err) != nil || file >= uint64(len(numbers)) || offset < 0 || member < -1 {
			return errIndex
		}
		e.key = xxh3.Uint128{Hi: binary.BigEndian.Uint64(key[:8]), Lo: binary.BigEndian.Uint64(key[8:])}
		e.member, e.offset, e.file = member, offset, numbers[file]
		x.entries = append(x.entries, e)
	}
	if err != nil {
		return errIndex
	}
	return nil
}
