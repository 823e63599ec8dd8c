package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	"m6lab/scripts/corpus/stages"
)

func init() {
	register.DoFn4x1[context.Context, string, func(int, string), func(int, int), error](&indexFn{})
	register.DoFn4x1[context.Context, int, func(*string) bool, func(int, int), error](&joinFn{})
	register.DoFn3x1[int, func(*int) bool, func(bool), error](&closeFn{})
	register.DoFn2x0[bool, func(string)](&dealFn{})
	register.DoFn4x1[context.Context, string, func(int, string), func(int, string), error](&cleanFn{})
	register.DoFn4x1[context.Context, int, func(*string) bool, func(int, string), error](&decideFn{})
	register.DoFn5x1[context.Context, int, func(*string) bool, func(*string) bool, func(string), error](&finishFn{})
	register.DoFn3x0[int, string, func(int, string)](&laneFn{})
	register.Function1x0(end)
	register.Emitter1[string]()
	register.Emitter1[bool]()
	register.Emitter2[int, string]()
	register.Emitter2[int, int]()
	register.Iter1[string]()
	register.Iter1[int]()
}

// maxLanes is how many bundles Prism runs at once; more workers than that share lanes.
const maxLanes = 8

// pipeline moves names through the two passes. No text is ever an element: what Beam groups are the names of units, the places of packed keys
// in files, and the places of lists of what to drop.
//
//	units -> Reshuffle -> cleanFn -> (bucket, place of keys) -> GroupByKey -> decideFn -> (unit, place of drops)
//	                          |                                                                      |
//	                          +----> (unit, name) -------------------------------------------> CoGroupByKey -> finishFn -> name
//
// Where pages want pictures of archives, an index of these is made before, and the units are dealt when it is whole:
//
//	units with archives -> Reshuffle -> indexFn -> (bucket, place of notes) -> GroupByKey -> joinFn -> (0, bucket) -> GroupByKey -> closeFn -> dealFn
//
// Runners give a stage as many cores as it has bundles, and a stage begins as one bundle. So the units are cut into lanes, each a stage of
// its own. Every branch ends behind a Reshuffle: a stage without an output would keep a core busy waiting.
func pipeline(s beam.Scope, job *stages.Job) {
	lanes := min(max(job.Workers, 1), maxLanes, max(len(job.Units), 1))
	inside := (max(job.Workers, 1) + lanes - 1) / lanes
	names := make([]beam.PCollection, lanes)
	places := make([]beam.PCollection, lanes)
	var ready beam.PCollection // the index is
	archives := job.Archives()
	if len(archives) > 0 {
		ready = index(s, job, cut(archives, min(lanes, len(archives)), inside))
	}
	for i, shares := range cut(job.Units, lanes, inside) {
		lane := s.Scope(fmt.Sprintf("clean_%d", i))
		var dealt beam.PCollection
		if len(archives) > 0 {
			dealt = beam.ParDo(lane, &dealFn{Shares: shares}, ready)
		} else {
			dealt = beam.CreateList(lane, shares)
		}
		units := beam.Reshuffle(lane, dealt)
		places[i], names[i] = beam.ParDo2(lane, &cleanFn{Job: job.File()}, units)
	}
	grouped := beam.GroupByKey(s, beam.Flatten(s, places...))
	drops := beam.ParDo(s, &decideFn{Job: job.File()}, grouped)
	for i := range lanes {
		lane := s.Scope(fmt.Sprintf("finish_%d", i))
		own := beam.ParDo(lane, &laneFn{Lane: i, Lanes: lanes}, drops)
		done := beam.ParDo(lane, &finishFn{Job: job.File()}, beam.CoGroupByKey(lane, names[i], own))
		beam.ParDo0(lane, end, beam.Reshuffle(lane, done))
	}
}

// index makes the index of the crawl's pictures; the result has one element, when it is whole.
func index(s beam.Scope, job *stages.Job, lanes [][]string) beam.PCollection {
	notes := make([]beam.PCollection, len(lanes))
	done := make([]beam.PCollection, len(lanes), len(lanes)+1)
	for i, shares := range lanes {
		lane := s.Scope(fmt.Sprintf("index_%d", i))
		notes[i], done[i] = beam.ParDo2(lane, &indexFn{Job: job.File()}, beam.Reshuffle(lane, beam.CreateList(lane, shares)))
	}
	joined := beam.ParDo(s, &joinFn{Job: job.File()}, beam.GroupByKey(s, beam.Flatten(s, notes...)))
	return beam.ParDo(s, &closeFn{Job: job.File()}, beam.GroupByKey(s, beam.Flatten(s, append(done, joined)...)))
}

// cut deals the units to lanes in turn; an element is a list of units, as JSON, that are worked on at the same time.
func cut(units []stages.Unit, lanes, inside int) [][]string {
	dealt := make([][]stages.Unit, lanes)
	for i, u := range units {
		dealt[i%lanes] = append(dealt[i%lanes], u)
	}
	out := make([][]string, lanes)
	for i, list := range dealt {
		for share := range slices.Chunk(list, inside) {
			data, err := json.Marshal(share)
			if err != nil {
				panic(err) // a unit is plain data
			}
			out[i] = append(out[i], string(data))
		}
	}
	return out
}

// noBucket is what indexFn emits beside notes, so that closeFn is called where there is no picture either.
const noBucket = -1

// indexFn notes the pictures of a share of units.
type indexFn struct{ Job string }

// ProcessElement emits where the notes of each bucket lie.
func (f *indexFn) ProcessElement(ctx context.Context, share string, emit func(int, string), emitDone func(int, int)) error {
	job, err := stages.Open(f.Job)
	if err != nil {
		return err
	}
	_, places, err := each(share, func(u stages.Unit) ([]stages.Place, error) { return job.Index(ctx, u) })
	if err != nil {
		return job.Fail(err)
	}
	for _, p := range slices.Concat(places...) {
		emit(p.Group, p.String())
	}
	emitDone(0, noBucket)
	return nil
}

// joinFn sorts a bucket of the index.
type joinFn struct{ Job string }

// ProcessElement emits the bucket, when it is sorted.
func (f *joinFn) ProcessElement(ctx context.Context, bucket int, notes func(*string) bool, emit func(int, int)) error {
	job, err := stages.Open(f.Job)
	if err != nil {
		return err
	}
	places, err := readPlaces(notes)
	if err == nil {
		err = job.JoinIndex(ctx, bucket, places)
	}
	if err != nil {
		return job.Fail(err)
	}
	emit(0, bucket)
	return nil
}

// closeFn ends the index.
type closeFn struct{ Job string }

// ProcessElement emits that the index is whole.
func (f *closeFn) ProcessElement(_ int, buckets func(*int) bool, emit func(bool)) error {
	job, err := stages.Open(f.Job)
	if err != nil {
		return err
	}
	var all []int
	for b := 0; buckets(&b); {
		if b != noBucket {
			all = append(all, b)
		}
	}
	if err := job.CloseIndex(all); err != nil {
		return job.Fail(err)
	}
	emit(true)
	return nil
}

// dealFn gives a lane its shares when the index is whole.
type dealFn struct{ Shares []string }

// ProcessElement emits the shares.
func (f *dealFn) ProcessElement(_ bool, emit func(string)) {
	for _, share := range f.Shares {
		emit(share)
	}
}

// each calls do for the units of a share at the same time, and returns the units and what it has returned for them.
func each(share string, do func(u stages.Unit) ([]stages.Place, error)) ([]stages.Unit, [][]stages.Place, error) {
	var units []stages.Unit
	if err := json.Unmarshal([]byte(share), &units); err != nil {
		return nil, nil, err
	}
	places := make([][]stages.Place, len(units))
	var g errgroup.Group
	for i, u := range units {
		g.Go(func() (err error) {
			places[i], err = do(u)
			return err
		})
	}
	return units, places, g.Wait()
}

// cleanFn is the first pass over a share of units.
type cleanFn struct {
	Job string // the job's file, which every worker sees
}

// ProcessElement cleans the units, and emits where the packed keys of each bucket lie and the names of the units.
func (f *cleanFn) ProcessElement(ctx context.Context, share string, emitKeys func(int, string), emitName func(int, string)) error {
	job, err := stages.Open(f.Job)
	if err != nil {
		return err
	}
	units, places, err := each(share, func(u stages.Unit) ([]stages.Place, error) { return job.Clean(ctx, u) })
	if err != nil {
		return job.Fail(err)
	}
	for i, u := range units {
		for _, p := range places[i] {
			emitKeys(p.Group, p.String())
		}
		emitName(u.Number, u.Name())
	}
	return nil
}

// decideFn finds the repetitions of a bucket.
type decideFn struct{ Job string }

// ProcessElement emits, for each unit with records that must go, where the list of them lies.
func (f *decideFn) ProcessElement(ctx context.Context, bucket int, keys func(*string) bool, emit func(int, string)) error {
	job, err := stages.Open(f.Job)
	if err != nil {
		return err
	}
	places, err := readPlaces(keys)
	if err != nil {
		return job.Fail(err)
	}
	drops, err := job.Decide(ctx, bucket, places)
	if err != nil {
		return job.Fail(err)
	}
	for _, p := range drops {
		emit(p.Group, p.String())
	}
	return nil
}

func readPlaces(next func(*string) bool) ([]stages.Place, error) {
	var places []stages.Place
	for s := ""; next(&s); {
		p, err := stages.ParsePlace(s)
		if err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	return places, nil
}

// laneFn keeps what belongs to the units of a lane.
type laneFn struct{ Lane, Lanes int }

// ProcessElement passes on the units of the lane.
func (f *laneFn) ProcessElement(unit int, place string, emit func(int, string)) {
	if unit%f.Lanes == f.Lane {
		emit(unit, place)
	}
}

// finishFn is the last pass over a unit.
type finishFn struct{ Job string }

// ProcessElement drops repetitions and writes the unit's final shards.
func (f *finishFn) ProcessElement(ctx context.Context, unit int, names, drops func(*string) bool, emit func(string)) error {
	job, err := stages.Open(f.Job)
	if err != nil {
		return err
	}
	var name string
	if !names(&name) {
		return job.Fail(fmt.Errorf("unit %d has drops and no name", unit))
	}
	places, err := readPlaces(drops)
	if err != nil {
		return job.Fail(err)
	}
	if err := job.Finish(ctx, unit, name, places); err != nil {
		return job.Fail(err)
	}
	emit(name)
	return nil
}

// end takes the names of what is done.
func end(string) {}
