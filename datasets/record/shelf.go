package record

import (
	"container/list"
	"errors"
	"sync"
)

// maxOpen is how many shards of a Set are open at a time.
const maxOpen = 256

// shelf holds the open shards of a set, at most maxOpen of them besides those in use.
type shelf struct {
	mu     sync.Mutex
	shards []*shelved // by number; nil where closed
	recent list.List  // numbers, the last used in front
}

type shelved struct {
	s       *shard
	users   int
	dropped bool // to be closed by its last user
	place   *list.Element
}

// offer puts an open shard on the shelf where there is room.
func (sf *shelf) offer(i int, s *shard) bool {
	sf.mu.Lock()
	defer sf.mu.Unlock()
	if sf.recent.Len() >= maxOpen {
		return false
	}
	sf.shards[i] = &shelved{s: s, place: sf.recent.PushFront(i)}
	return true
}

// take returns the shard with number i, opening it where it is not open. It stays open until release is called.
func (sf *shelf) take(i int, open func(int) (*shard, error)) (s *shard, release func(), err error) {
	sf.mu.Lock()
	defer sf.mu.Unlock()
	h := sf.shards[i]
	if h == nil {
		s, err := open(i)
		if err != nil {
			return nil, nil, err
		}
		h = &shelved{s: s, place: sf.recent.PushFront(i)}
		sf.shards[i] = h
		sf.trim()
	}
	sf.recent.MoveToFront(h.place)
	h.users++
	return h.s, func() { sf.release(h) }, nil
}

// trim drops the shards unused for longest until maxOpen are left.
func (sf *shelf) trim() {
	for sf.recent.Len() > maxOpen {
		i := sf.recent.Remove(sf.recent.Back()).(int)
		h := sf.shards[i]
		sf.shards[i], h.dropped = nil, true
		if h.users == 0 {
			_ = h.s.close() // opened for reading only: nothing can be lost
		}
	}
}

// release ends one use of a shard.
func (sf *shelf) release(h *shelved) {
	sf.mu.Lock()
	defer sf.mu.Unlock()
	h.users--
	if h.dropped && h.users == 0 {
		_ = h.s.close() // opened for reading only: nothing can be lost
	}
}

// close closes all shards.
func (sf *shelf) close() error {
	sf.mu.Lock()
	defer sf.mu.Unlock()
	var err error
	for i, h := range sf.shards {
		if h != nil {
			err = errors.Join(err, h.s.close())
			sf.shards[i] = nil
		}
	}
	sf.recent.Init()
	return err
}
