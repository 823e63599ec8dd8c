package source

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"
)

// Lookup finds the bytes of a picture by its URL. ok is false where it is not there; an error is of this picture alone.
type Lookup interface {
	Get(url string) (data []byte, ok bool, err error)
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
	member int64 // as in warcRecord
	offset int64
	file   int32 // its number in archives
}

// holdsPicture reports whether the record is the answer to a request for a picture. One that cannot be read is a fault of its page's reading.
func (r *warcRecord) holdsPicture() bool {
	if r.kind != "response" && r.kind != "resource" || r.uri == "" {
		return false
	}
	answer, err := parseResponse(r.block, r.media)
	return err == nil && answer.status == 200 && answer.page() == "" && answer.picture()
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

var errIndex = errors.New("damaged: make it again")
