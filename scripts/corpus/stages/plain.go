package stages

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Plain runs all stages in this process, with as many workers as the job has: what a runner does, without one.
func (j *Job) Plain(ctx context.Context) error {
	if err := j.indexAll(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	buckets := map[int][]Place{}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(j.Workers)
	for _, u := range j.Units {
		g.Go(func() error {
			places, err := j.Clean(inner, u)
			mu.Lock()
			defer mu.Unlock()
			for _, p := range places {
				buckets[p.Group] = append(buckets[p.Group], p)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	drops := map[int][]Place{}
	g, inner = errgroup.WithContext(ctx)
	g.SetLimit(j.Workers)
	for _, bucket := range sorted(buckets) {
		g.Go(func() error {
			places, err := j.Decide(inner, bucket, buckets[bucket])
			mu.Lock()
			defer mu.Unlock()
			for _, p := range places {
				drops[p.Group] = append(drops[p.Group], p)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	g, inner = errgroup.WithContext(ctx)
	g.SetLimit(j.Workers)
	for _, u := range j.Units {
		g.Go(func() error { return j.Finish(inner, u.Number, u.Name(), drops[u.Number]) })
	}
	return g.Wait()
}

// indexAll makes the index of the crawl's pictures.
func (j *Job) indexAll(ctx context.Context) error {
	var mu sync.Mutex
	buckets := map[int][]Place{}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(j.Workers)
	for _, u := range j.Archives() {
		g.Go(func() error {
			places, err := j.Index(inner, u)
			mu.Lock()
			defer mu.Unlock()
			for _, p := range places {
				buckets[p.Group] = append(buckets[p.Group], p)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil || j.Indexed == 0 {
		return err
	}
	g, inner = errgroup.WithContext(ctx)
	g.SetLimit(j.Workers)
	for _, bucket := range sorted(buckets) {
		g.Go(func() error { return j.JoinIndex(inner, bucket, buckets[bucket]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return j.CloseIndex(sorted(buckets))
}
