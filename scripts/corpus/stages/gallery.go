package stages

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"m6lab/datasets/fetch"
	"m6lab/datasets/source"
)

// gallery finds the pictures of pages: in the folder that the page came from, in the archives of the input, in the folder of pictures, or on
// the network.
type gallery struct {
	read   source.Options
	crawl  func() (source.Lookup, error) // nil without archives
	images source.Lookup                 // --images; nil without
	net    *fetch.Fetcher

	mu      sync.Mutex
	lookups map[string]func() (source.Lookup, error)
	recent  []string // keys of lookups, the last used at the end
}

// openLookups is how many folders stay open.
const openLookups = 32

func newGallery(j *Job) (*gallery, error) {
	g := &gallery{read: j.Recipe.Read, lookups: map[string]func() (source.Lookup, error){}}
	g.crawl = sync.OnceValues(j.openCrawl)
	var err error
	if j.Images != "" {
		if g.images, err = source.OpenFolderImages(context.Background(), j.Images, g.read); err != nil {
			return nil, err
		}
	}
	if f := j.Recipe.Fetch; f.On || f.Folder != "" {
		if g.net, err = fetch.New(f); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// look finds the bytes of a picture by its addresses, the best first, or says why there are none.
func (g *gallery) look(ctx context.Context, part source.Part, id string, addresses []string) (data []byte, why string) {
	why = "the page names no address"
	for _, address := range addresses {
		if address == "" {
			continue
		}
		if data, why = g.one(ctx, part, id, address); why == "" {
			return data, ""
		}
	}
	return nil, why
}

func (g *gallery) one(ctx context.Context, part source.Part, id, address string) ([]byte, string) {
	why := "not in the input"
	for _, lookup := range []func() (source.Lookup, error){
		func() (source.Lookup, error) { return g.own(part, id) },
		g.crawl,
		func() (source.Lookup, error) { return g.images, nil },
	} {
		l, err := lookup()
		if err != nil {
			return nil, fmt.Sprintf("the input cannot be searched for pictures: %v", err)
		}
		if l == nil {
			continue
		}
		data, ok, err := l.Get(address)
		if errors.Is(err, source.ErrRevisit) {
			why = "revisit of a picture that is not in the input"
		} else if err != nil {
			why = "unreadable in the input"
		} else if ok && len(data) > 0 {
			return data, ""
		}
	}
	if g.net == nil || !strings.HasPrefix(address, "http") {
		return nil, why
	}
	data, err := g.net.Get(ctx, address)
	var failure *fetch.Failure
	switch {
	case err == nil && len(data) > 0:
		return data, ""
	case errors.As(err, &failure):
		return nil, failure.Reason
	case err != nil:
		return nil, err.Error()
	}
	return nil, fetch.ReasonEmpty
}

// own is the folder that a document came from; nil where it holds no pictures.
func (g *gallery) own(part source.Part, id string) (source.Lookup, error) {
	file, _, record := strings.Cut(id, "#")
	if part.Format == source.FormatWARC || record && strings.Contains(path.Base(file), ".warc") {
		return nil, nil
	}
	folder := strings.TrimSuffix(part.Address, "/")
	if part.First == "" && part.Last == "" {
		folder = path.Dir(folder)
	}
	if strings.ContainsAny(folder, "*?[") {
		return nil, nil // a pattern: its files have their pictures nowhere in particular
	}
	return g.open("folder "+folder, func() (source.Lookup, error) { return source.OpenFolderImages(context.Background(), folder, g.read) })
}

// open opens a lookup once, and lets the one unused for longest go where there are many.
func (g *gallery) open(key string, open func() (source.Lookup, error)) (source.Lookup, error) {
	g.mu.Lock()
	once := g.lookups[key]
	if once == nil {
		once = sync.OnceValues(open)
		g.lookups[key] = once
	}
	for i, k := range g.recent {
		if k == key {
			g.recent = append(g.recent[:i], g.recent[i+1:]...)
			break
		}
	}
	g.recent = append(g.recent, key)
	if len(g.recent) > openLookups {
		delete(g.lookups, g.recent[0])
		g.recent = g.recent[1:]
	}
	g.mu.Unlock()
	return once()
}
