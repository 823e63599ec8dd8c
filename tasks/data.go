package tasks

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"m6lab/datasets"
	"m6lab/datasets/record"
)

// Options say how much is evaluated. The zero value is everything.
type Options struct {
	Limit   int      // held-out rows of each source, drawn by Seed; 0 is all
	Train   int      // training rows of each source that baselines see, drawn by Seed; 0 is all
	Sources []string // nil is all
	Seed    uint64
	Beams   int  // over 1: beam search instead of the most probable token, where captions are written
	Brief   bool // only measures that have a baseline
}

// wants tells whether a source is evaluated.
func (o Options) wants(source string) bool {
	return len(o.Sources) == 0 || slices.Contains(o.Sources, source)
}

// Data is a data set's training split, for baselines, and a held-out one.
type Data struct{ Train, Held *record.Set }

// OpenData opens a data set to evaluate on a split of it.
func OpenData(dir, split string) (*Data, error) {
	if split == "train" {
		return nil, errors.New("split train is what the model learned from: give valid or test")
	}
	held, err := record.Open(dir, split)
	if err != nil {
		return nil, err
	}
	train, err := record.Open(dir, "train")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the baselines learn from split train: %w", err), held.Close())
	}
	return &Data{Train: train, Held: held}, nil
}

// Close closes both splits.
func (d *Data) Close() error { return errors.Join(d.Train.Close(), d.Held.Close()) }

// Kind says which rows a task can use.
type Kind func(record.Entry) bool

// Text rows have no picture.
func Text(e record.Entry) bool { return !e.HasImage && (e.HasText || e.HasQA) }

// Pictured rows have a picture and a caption.
func Pictured(e record.Entry) bool { return e.HasImage && !e.HasQA && (e.HasText || e.HasRefs) }

// Asked rows have a picture, a question and an answer.
func Asked(e record.Entry) bool { return e.HasImage && e.HasQA }

// Sources are the sources of the held-out split that have rows of a kind and that the options want. None is an error.
func (d *Data) Sources(kind Kind, what string, o Options) ([]string, error) {
	var out []string
	for _, e := range d.Held.Index() {
		if kind(e) && o.wants(e.Source) && !slices.Contains(out, e.Source) {
			out = append(out, e.Source)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("split %s of %s has no %s to evaluate: its sources are %v", d.Held.Split(), d.Held.Dir(), what, d.Held.Sources())
	}
	return out, nil
}

// Pick reads the rows of one source and kind, at most limit of them (0: all), drawn by the seed and in the order of the set.
func Pick(set *record.Set, source string, kind Kind, limit int, seed uint64) ([]datasets.Example, error) {
	var rows []int
	for i, e := range set.Index() {
		if e.Source == source && kind(e) {
			rows = append(rows, i)
		}
	}
	if limit > 0 && limit < len(rows) {
		order, drawn := record.Permutation(len(rows), seed, 0), make([]int, limit)
		for i := range drawn {
			drawn[i] = rows[order(i)]
		}
		slices.Sort(drawn)
		rows = drawn
	}
	out, errs := make([]datasets.Example, len(rows)), make([]error, len(rows))
	Each(len(rows), func(i int) { out[i], errs[i] = set.Read(rows[i]) })
	return out, errors.Join(errs...)
}

// Each calls do(0) to do(n-1), in runs of neighbours on all processors.
func Each(n int, do func(i int)) {
	workers := max(1, min(runtime.GOMAXPROCS(0), n))
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				do(i)
			}
		})
	}
	wait.Wait()
}
