package m6

import (
	"context"
	"time"
)

// feed runs a loader ahead of training in a goroutine of its own.
type feed struct {
	items  chan fed
	cancel context.CancelFunc
	done   chan struct{}
	waited time.Duration // that training stood still for data
}

// fed is the batches of one step and the position behind them.
type fed struct {
	batches  []*Batch
	position Position
	skipped  Skips
	err      error
}

// feedAhead is how many steps the loader may be ahead.
const feedAhead = 3

func startFeed(l *Loader, accumulate int) *feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed{items: make(chan fed, feedAhead), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		for {
			item := l.step(ctx, accumulate)
			select {
			case f.items <- item:
			case <-ctx.Done():
				return
			}
			if item.err != nil {
				return
			}
		}
	}()
	return f
}

// step forms the batches of one step; they may differ in shape.
func (l *Loader) step(ctx context.Context, accumulate int) (item fed) {
	for range accumulate {
		b, err := l.Next(ctx)
		if err != nil {
			return fed{err: err}
		}
		item.batches = append(item.batches, b)
	}
	item.position, item.skipped = l.Position(), l.Skipped
	return item
}

// next is the batches of the next step.
func (f *feed) next() fed {
	start := time.Now()
	item := <-f.items
	f.waited += time.Since(start)
	return item
}

// stop ends the loader's goroutine and waits for it.
func (f *feed) stop() {
	f.cancel()
	<-f.done
}
