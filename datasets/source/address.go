package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// address is where an input lies: a local path, or a key in a bucket.
type address struct {
	bucket string // "s3://name", "" for local files
	query  string // the driver's, with its "?"
	name   string // path or key, with slashes
}

// parseAddress reads a local path, file:///path or SCHEME://bucket/key?query.
func parseAddress(s string) (address, error) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return address{name: filepath.ToSlash(s)}, nil
	}
	if scheme == "file" {
		u, err := url.Parse(strings.ReplaceAll(s, "?", "%3F"))
		if err != nil || u.Host != "" || u.Path == "" {
			return address{}, fmt.Errorf("address %s: want file:///path", s)
		}
		return address{name: u.Path}, nil
	}
	rest, query, asked := strings.Cut(rest, "?")
	if asked {
		query = "?" + query
	}
	host, key, _ := strings.Cut(rest, "/")
	if host == "" || scheme == "" {
		return address{}, fmt.Errorf("address %s: want SCHEME://bucket/key, as s3://bucket/crawl/", s)
	}
	return address{bucket: scheme + "://" + host, query: query, name: key}, nil
}

// String returns the address as it can be parsed again.
func (a address) String() string {
	if a.bucket == "" {
		return a.name
	}
	return a.bucket + "/" + a.name + a.query
}

// with returns the address of another name in the same place.
func (a address) with(name string) address {
	a.name = name
	return a
}

// entry is a file or folder.
type entry struct {
	name string // path or key; in a listing the last element alone
	dir  bool
	size int64
}

// object is an open file of which any piece can be read.
type object interface {
	io.ReaderAt
	io.Closer
	Size() int64
	// From reads from an offset to the end.
	From(offset int64) (io.ReadCloser, error)
}

// store is a file system or a bucket.
type store interface {
	// list returns what a folder holds, by name; a link to a folder counts as a file that cannot be read, so that there are no loops.
	list(ctx context.Context, dir string) ([]entry, error)
	stat(ctx context.Context, name string) (entry, error)
	open(ctx context.Context, name string) (object, error)
	// inside opens a file below a folder by a name that is not trusted.
	inside(ctx context.Context, dir, name string) (object, error)
	Close() error
}

// openStore returns the place where an address lies.
func openStore(ctx context.Context, a address) (store, error) {
	if a.bucket == "" {
		return disk{}, nil
	}
	b, err := blob.OpenBucket(ctx, a.bucket+a.query)
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", a.bucket, err)
	}
	return &bucket{b}, nil
}

// openObject opens one file; closing it closes its store too.
func openObject(ctx context.Context, at string) (object, error) {
	a, err := parseAddress(at)
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, a)
	if err != nil {
		return nil, err
	}
	o, err := s.open(ctx, a.name)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return owned{o, s}, nil
}

// owned is an object that closes its store.
type owned struct {
	object
	store store
}

func (o owned) Close() error { return errors.Join(o.object.Close(), o.store.Close()) }

// disk is the local file system.
type disk struct{}

func (disk) Close() error { return nil }

func (disk) list(_ context.Context, dir string) ([]entry, error) {
	if dir == "" {
		dir = "."
	}
	found, err := os.ReadDir(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	out := make([]entry, 0, len(found))
	for _, d := range found {
		e := entry{name: d.Name(), dir: d.IsDir(), size: -1}
		if !e.dir {
			if info, err := os.Stat(filepath.Join(dir, d.Name())); err == nil && info.Mode().IsRegular() { // of what a link names
				e.size = info.Size()
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func (disk) stat(_ context.Context, name string) (entry, error) {
	info, err := os.Stat(filepath.FromSlash(name))
	if err != nil {
		return entry{}, err
	}
	return entry{name, info.IsDir(), info.Size()}, nil
}

func (disk) open(_ context.Context, name string) (object, error) {
	info, err := os.Stat(filepath.FromSlash(name)) // first: a pipe would wait for its writer
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errIrregular}
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	return &localFile{f, info.Size()}, nil
}

func (disk) inside(_ context.Context, dir, name string) (object, error) {
	if !fs.ValidPath(name) {
		return nil, errOutside
	}
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(filepath.FromSlash(name))
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errIrregular}
	}
	if err != nil {
		return nil, err
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	return &localFile{f, info.Size()}, nil
}

var (
	errOutside   = errors.New("the name leaves its folder")
	errIrregular = errors.New("not a regular file")
)

type localFile struct {
	*os.File
	size int64
}

func (f *localFile) Size() int64 { return f.size }

func (f *localFile) From(offset int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(f.File, offset, max(0, f.size-offset))), nil
}

// bucket is an object store.
type bucket struct{ b *blob.Bucket }

func (b *bucket) Close() error { return b.b.Close() }

func (b *bucket) list(ctx context.Context, dir string) ([]entry, error) {
	prefix := strings.Trim(dir, "/")
	if prefix != "" {
		prefix += "/"
	}
	var out []entry
	for pages := b.b.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"}); ; {
		o, err := pages.Next(ctx)
		if errors.Is(err, io.EOF) {
			slices.SortFunc(out, func(x, y entry) int { return strings.Compare(x.name, y.name) })
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if name := strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), "/"); name != "" {
			out = append(out, entry{name, o.IsDir, o.Size})
		}
	}
}

func (b *bucket) stat(ctx context.Context, name string) (entry, error) {
	if name != "" && !strings.HasSuffix(name, "/") {
		there, err := b.b.Exists(ctx, name)
		if err != nil {
			return entry{}, err
		}
		if there {
			about, err := b.b.Attributes(ctx, name)
			if err != nil {
				return entry{}, err
			}
			return entry{name, false, about.Size}, nil
		}
	}
	found, err := b.list(ctx, name)
	if err == nil && len(found) == 0 {
		err = &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return entry{strings.TrimSuffix(name, "/"), true, -1}, err
}

func (b *bucket) open(ctx context.Context, name string) (object, error) {
	about, err := b.b.Attributes(ctx, name)
	if gcerrors.Code(err) == gcerrors.NotFound {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, err
	}
	return &bucketObject{ctx: ctx, b: b.b, key: name, size: about.Size}, nil
}

func (b *bucket) inside(ctx context.Context, dir, name string) (object, error) {
	if !fs.ValidPath(name) {
		return nil, errOutside
	}
	return b.open(ctx, path.Join(strings.Trim(dir, "/"), name))
}

// bucketObject is an object of a bucket. Small reads at places come out of the last few blocks that were read.
type bucketObject struct {
	ctx  context.Context
	b    *blob.Bucket
	key  string
	size int64

	mu     sync.Mutex
	blocks [4]block
	turn   int
}

// block is a piece of an object.
type block struct {
	at   int64
	data []byte
}

const blockSize = 1 << 20

func (o *bucketObject) Size() int64  { return o.size }
func (o *bucketObject) Close() error { return nil }

func (o *bucketObject) From(offset int64) (io.ReadCloser, error) {
	if offset >= o.size {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return o.b.NewRangeReader(o.ctx, o.key, offset, -1, nil)
}

func (o *bucketObject) ReadAt(p []byte, offset int64) (int, error) {
	n := 0
	for n < len(p) {
		at := offset + int64(n)
		if at >= o.size {
			return n, io.EOF
		}
		data, err := o.block(at / blockSize * blockSize)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], data[at%blockSize:])
	}
	return n, nil
}

// block returns the piece that begins at an offset.
func (o *bucketObject) block(at int64) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range o.blocks {
		if b.data != nil && b.at == at {
			return b.data, nil
		}
	}
	data := make([]byte, min(blockSize, o.size-at))
	r, err := o.b.NewRangeReader(o.ctx, o.key, at, int64(len(data)), nil)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(r, data)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	o.blocks[o.turn] = block{at, data}
	o.turn = (o.turn + 1) % len(o.blocks)
	return data, nil
}
