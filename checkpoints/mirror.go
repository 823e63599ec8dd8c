package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// mirror copies the checkpoints of a manager to a bucket while the run goes on: always the newest, those that come meanwhile are passed over.
type mirror struct {
	bucket *Bucket
	dir    string
	o      Options
	cancel context.CancelFunc
	wake   chan struct{} // holds a token where there may be something to do; closed at the end
	done   chan struct{}

	mu   sync.Mutex // for what follows
	next int64      // the step to copy, or -1
	busy int64      // the step being copied, or -1
	err  error      // of the last copy
}

// openMirror opens the bucket, and fetches its newest checkpoint where the folder has none.
func openMirror(m *Manager) (*mirror, error) {
	ctx, cancel := context.WithCancel(context.Background())
	bucket, err := OpenBucket(ctx, m.options.Address)
	if err != nil {
		cancel()
		return nil, err
	}
	all, err := scan(m.dir)
	if err == nil && len(all) == 0 {
		err = m.fetchFrom(ctx, bucket)
	}
	if err != nil {
		cancel()
		return nil, errors.Join(err, bucket.Close())
	}
	r := &mirror{bucket: bucket, dir: m.dir, o: m.options, cancel: cancel, wake: make(chan struct{}, 1), done: make(chan struct{}), next: -1, busy: -1}
	go r.run(ctx)
	return r, nil
}

func (m *Manager) fetchFrom(ctx context.Context, bucket *Bucket) error {
	i, report, err := bucket.fetch(ctx, m.dir, m.disk)
	for _, p := range report.Problems {
		m.options.Log("checkpoints: skipped in " + bucket.address + ": " + p.String())
	}
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err == nil {
		m.options.Log(fmt.Sprintf("checkpoints: fetched step %d (%.1f MB) from %s", i.Step, float64(i.Bytes)/1e6, bucket.address))
	}
	return err
}

// copy asks for a copy of a step's checkpoint.
func (r *mirror) copy(step int64) {
	r.mu.Lock()
	r.next = step
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// holds tells whether a step's folder is still needed.
func (r *mirror) holds(step int64) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return step == r.next || step == r.busy
}

func (r *mirror) run(ctx context.Context) {
	defer close(r.done)
	for range r.wake {
		r.mu.Lock()
		step := r.next
		r.busy, r.next = step, -1
		r.mu.Unlock()
		if step < 0 {
			continue
		}
		err := r.bucket.Put(ctx, filepath.Join(r.dir, folderName(step)))
		if err == nil {
			err = r.bucket.Prune(ctx, r.o.Keep)
		}
		if err != nil {
			err = fmt.Errorf("checkpoint of step %d: %w", step, err)
			r.o.Log(err.Error() + "; the next checkpoint is tried again")
		}
		r.mu.Lock()
		r.busy, r.err = -1, err
		r.mu.Unlock()
	}
}

// close waits for the copy of the newest checkpoint, as long as the options' patience, and returns its error.
func (r *mirror) close() error {
	close(r.wake)
	select {
	case <-r.done:
	case <-time.After(r.o.Patience):
		r.cancel()
		<-r.done
	}
	r.cancel()
	return errors.Join(r.err, r.bucket.Close())
}
