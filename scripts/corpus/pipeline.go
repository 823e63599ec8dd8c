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
	register.DoFn4x1[context.Context, string, func(int, string), func(int, string), error](&cleanFn{})
	register.DoFn4x1[context.Context, int, func(*string) bool, func(int, string), error](&decideFn{})
	register.DoFn5x1[context.Context, int, func(*string) bool, func(*string) bool, func(string), error](&finishFn{})
	register.DoFn3x0[int, string, func(int, string)](&laneFn{})
	register.Function1x0(end)
	register.Emitter1[string]()
	register.Emitter2[int, string]()
	register.Iter1[string]()
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
// Runners give a stage as many cores as it has bundles, and a stage begins as one bundle. So the units are cut into lanes, each a stage of
// its own. Every branch ends behind a Reshuffle: a stage without an output would keep a core busy waiting.
func pipeline(s beam.Scope, job *stages.Job) {
	lanes := min(max(job.Workers, 1), maxLanes, max(len(job.Units), 1))
	inside := (max(job.Workers, 1) + lanes - 1) / lanes
	names := make([]beam.PCollection, lanes)
	places := make([]beam.PCollection, lanes)
	for i, shares := range cut(job.Units, lanes, inside) {
		lane := s.Scope(fmt.Sprintf("clean_%d", i))
		units := beam.Reshuffle(lane, beam.CreateList(lane, shares))
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
	var units []stages.Unit
	if err := json.Unmarshal([]byte(share), &units); err != nil {
		return job.Fail(err)
	}
	places := make([][]stages.Place, len(units))
	var g errgroup.Group
	for i, u := range units {
		g.Go(func() (err error) {
			places[i], err = job.Clean(ctx, u)
			return err
		})
	}
	if err := g.Wait(); err != nil {
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
