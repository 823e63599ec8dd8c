package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
)

// folderImages is a Lookup over a folder.
type folderImages struct {
	ctx   context.Context
	store store
	dir   string
	limit int
}

// OpenFolderImages returns a Lookup over a folder that holds pictures as mirrors of sites do: by HOST/PATH, with "?" and the query behind it where
// there is one, or by PATH alone. file:///NAME is NAME counted from the folder, as in the addresses of documents of a folder.
func OpenFolderImages(ctx context.Context, folder string, o Options) (Lookup, error) {
	a, err := parseAddress(folder)
	if err == nil {
		err = o.Validate()
	}
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, a)
	if err != nil {
		return nil, err
	}
	e, err := s.stat(ctx, a.name)
	if err == nil && !e.dir {
		err = errors.New("not a folder")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("folder of pictures %s: %w", folder, oneLine(err)), s.Close())
	}
	return &folderImages{ctx, s, a.name, o.orDefault().MaxDocument}, nil
}

// Close closes the store.
func (f *folderImages) Close() error { return f.store.Close() }

func (f *folderImages) Get(address string) ([]byte, bool, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" {
		return nil, false, nil
	}
	name := strings.TrimPrefix(path.Clean("/"+u.Path), "/")
	var names []string
	for _, host := range []string{u.Host, u.Hostname()} {
		if host != "" {
			names = append(names, join(host, name))
		}
	}
	names = append(names, name)
	if u.RawQuery != "" {
		for i := len(names) - 1; i >= 0; i-- {
			names = slices.Insert(names, i, names[i]+"?"+u.RawQuery)
		}
	}
	for _, name := range slices.Compact(names) {
		data, err := readInside(f.ctx, f.store, f.dir, name, f.limit)
		switch {
		case err == nil:
			return data, true, nil
		case !isMissing(err):
			return nil, false, fmt.Errorf("picture %s: %w", address, oneLine(err))
		}
	}
	return nil, false, nil
}

// readInside reads a file below a folder by a name that is not trusted.
func readInside(ctx context.Context, s store, dir, name string, limit int) ([]byte, error) {
	o, err := s.inside(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.Size() > int64(limit) {
		return nil, errTooLarge
	}
	r, err := o.From(0)
	if err != nil {
		return nil, err
	}
	data, err := readUpTo(r, limit)
	return data, errors.Join(err, r.Close())
}

// isMissing reports whether a name is that of no file: it is not there, is a folder, or cannot be a name.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOutside) || errors.Is(err, errIrregular) || errors.Is(err, fs.ErrInvalid) ||
		strings.Contains(err.Error(), "not a directory") || strings.Contains(err.Error(), "name too long")
}
