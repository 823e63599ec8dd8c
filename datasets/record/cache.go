package record

import (
	"container/list"
	"sync"
)

// pageKey names a page in the cache.
type pageKey struct {
	shard, group, column, page int32
}

// pageCache keeps the decoded pages used last, up to a number of bytes.
type pageCache struct {
	mu     sync.Mutex
	limit  int
	size   int
	pages  map[pageKey]*list.Element
	recent list.List // of cached, the last used in front
}

type cached struct {
	key pageKey
	p   *page
}

// get returns a page, or nil where it is not kept.
func (c *pageCache) get(key pageKey) *page {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.pages[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).p
}

// put keeps a page and drops those unused for longest.
func (c *pageCache) put(key pageKey, p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages[key] != nil || p.size > c.limit {
		return
	}
	if c.pages == nil {
		c.pages = map[pageKey]*list.Element{}
	}
	c.pages[key] = c.recent.PushFront(&cached{key, p})
	c.size += p.size
	for c.size > c.limit {
		last := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.pages, last.key)
		c.size -= last.p.size
	}
}
