package m6

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/zeebo/xxh3"

	"m6lab/m6/hosts"
	"m6lab/m6/watch"
)

// Several hosts: every rank draws the same examples and forms the same batches, but reads the pictures and computes the gradients of its
// own rows alone; [Step] adds the ranks' sums up. All that a run writes, rank 0 writes.

// ValidateRanks refuses a number of ranks that does not divide the batch, in one line that names the numbers.
func (r Run) ValidateRanks(ranks int) error {
	devices, rows := r.Mesh.Data*r.Mesh.Expert, r.Train.Batch/r.Train.Accumulate
	if rows%(ranks*devices) != 0 {
		return fmt.Errorf("%d ranks of mesh.data * mesh.expert = %d do not divide train.batch / train.accumulate %d", ranks, devices, rows)
	}
	if ranks > 1 && r.Train.Minutes > 0 {
		return fmt.Errorf("train.minutes measures the pace of one process: with %d ranks give train.steps and train.minutes=0", ranks)
	}
	if ranks > 1 && r.Train.Rollback.Times > 0 {
		return fmt.Errorf("train.rollback.times is %d: with %d ranks a run does not go back by itself; set it to 0", r.Train.Rollback.Times, ranks)
	}
	return nil
}

// gather brings a few bytes of every rank to all; nil where there is one.
func (t *Training) gather() watch.Gather {
	if t.hosts.Size() == 1 {
		return nil
	}
	return func(mine []byte) ([][]byte, error) {
		all := make([][]byte, t.hosts.Size())
		for rank := range all {
			var err error
			if all[rank], err = t.hosts.Broadcast(mine, rank); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
}

// checkRun is what can be wrong with a run before its folder is looked at: in itself, or beside the other ranks' run and program.
func (t *Training) checkRun() error {
	err := t.Run.Validate()
	if err == nil {
		err = t.Run.ValidateRanks(t.hosts.Size())
	}
	if err := hosts.Agree(t.hosts, err); err != nil {
		return err
	}
	err = hosts.Same(t.hosts, t.Run.JSON(), func(first []byte) error {
		var other Run
		if err := json.Unmarshal(first, &other); err != nil {
			return fmt.Errorf("rank 0 runs another version of this program: give every rank the same one: %w", err)
		}
		key, theirs, mine := firstDifference(reflect.ValueOf(other), reflect.ValueOf(t.Run), "", nil)
		return fmt.Errorf("%s is %v, but %v on rank 0: give every rank the same config", key, mine, theirs)
	})
	if err != nil || t.hosts.Size() == 1 {
		return err
	}
	program, err := programHash()
	if err := hosts.Agree(t.hosts, err); err != nil {
		return err
	}
	return t.same("the program", program, "copy one build to every host")
}

// checkRanksData compares the ranks' data and vocabulary.
func (t *Training) checkRanksData() error {
	if t.hosts.Size() == 1 {
		return nil
	}
	data := t.fingerprint()
	if t.valid != nil {
		data += fmt.Sprintf(", %d rows of validation", t.valid.Len())
	}
	if err := t.same("the data", data, "give every rank the same --data"); err != nil {
		return err
	}
	return t.same("the vocabulary", fmt.Sprintf("%x", xxh3.Hash(t.Vocab.Bytes())), "give every rank the same vocab.txt")
}

// checkRanksStep compares the step of the checkpoint that each rank has read.
func (t *Training) checkRanksStep() error {
	return t.same("the newest checkpoint", fmt.Sprintf("that of step %d", t.State.Step), "give every rank the same --dir, on a file system that all hosts share")
}

// same fails on every rank where one has another value of something than rank 0.
func (t *Training) same(what, mine, mend string) error {
	return hosts.Same(t.hosts, []byte(mine), func(first []byte) error {
		return fmt.Errorf("%s is %s, but %s on rank 0: %s", what, mine, first, mend)
	})
}

// programHash tells one build of this program from another.
func programHash() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := xxh3.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("xxh3 %016x", h.Sum64()), nil
}

// rankSum collects values to be summed over the ranks.
type rankSum struct {
	hosts.Sum
	read  []func() ([]float32, error)
	write []func(sum []float32) error
}

// add joins a value of n elements to the sum.
func (r *rankSum) add(n int, read func() ([]float32, error), write func(sum []float32) error) {
	r.Sizes, r.read, r.write = append(r.Sizes, n), append(r.read, read), append(r.write, write)
}

func (r *rankSum) run(g hosts.Group) error {
	r.Read = func(i int) ([]float32, error) { return r.read[i]() }
	r.Write = func(i int, sum []float32) error { return r.write[i](sum) }
	return r.Run(g)
}

// sumOverRanks adds up what the ranks' parts have given: gradients, on the wire that the config names, and in f32 the number of targets
// and the metrics. Running statistics of batch norm, which each rank moves by its own rows, become the mean of the ranks'.
func (s *Step) sumOverRanks(state *State, sums map[string]*Value, pending *Pending) error {
	var exact, gradients rankSum
	if s.run.Train.ReduceBF16 {
		gradients.Wire = hosts.BF16
	}
	for _, spec := range s.sumSpecs() {
		to := &gradients
		if spec.name == targetsName {
			to = &exact
		}
		s.addValue(to, sums, spec, 1)
	}
	last := pending.parts[len(pending.parts)-1]
	for _, spec := range s.run.weightSpecs() {
		if _, updated := last[spec.name]; updated {
			s.addValue(&exact, state.values, spec, 1/float32(s.hosts.Size()))
		}
	}
	for _, part := range pending.parts {
		s.addMetrics(&exact, part)
	}
	return errors.Join(exact.run(s.hosts), gradients.run(s.hosts))
}

// addValue puts scale times the sum over ranks in place of a value.
func (s *Step) addValue(to *rankSum, values map[string]*Value, spec stateSpec, scale float32) {
	mine := values[spec.name]
	read := func() ([]float32, error) { return s.device.fetch(mine) }
	to.add(mine.shape.Size(), read, func(sum []float32) error {
		if scale != 1 {
			for i := range sum {
				sum[i] *= scale
			}
		}
		value, err := s.device.place(tensors.FromFlatDataAndDimensions(sum, spec.dims...), spec.axes)
		values[spec.name] = value
		return err
	})
}

// addMetrics makes a part's metrics those of all ranks: numbers of rows stand behind one another by rank, counts are summed, losses are
// the mean of the ranks' (the run's own loss comes from the rows).
func (s *Step) addMetrics(to *rankSum, part map[string]*Value) {
	ranks := s.hosts.Size()
	for _, name := range slices.Sorted(maps.Keys(part)) {
		metric, found := strings.CutPrefix(name, "metrics.")
		if !found {
			continue
		}
		mine, scale, places := part[name], float32(1), 1
		switch metric {
		case "nll", "count":
			places = ranks
		case "loss", "total", "balance":
			scale = 1 / float32(ranks)
		}
		n := mine.shape.Size()
		read := func() ([]float32, error) {
			flat, err := s.device.fetch(mine)
			if places > 1 && err == nil {
				flat = wholeRows(s.hosts, flat)
			}
			return flat, err
		}
		to.add(n*places, read, func(sum []float32) error {
			for i := range sum {
				sum[i] *= scale
			}
			part[name] = &Value{shards: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(sum, len(sum))}}
			return nil
		})
	}
}

// wholeRows puts this rank's numbers of rows into their place in the whole batch, with zeros at the others'.
func wholeRows(g hosts.Group, mine []float32) []float32 {
	whole := make([]float32, len(mine)*g.Size())
	copy(whole[g.Rank()*len(mine):], mine)
	return whole
}

// sumWindow makes the work of a window, and the pictures that were lost, those of all ranks.
func (t *Training) sumWindow(skipped *Skips) error {
	if t.hosts.Size() == 1 {
		return nil
	}
	work := []float32{float32(t.window.tokens), float32(t.window.flops), float32(skipped.Pictures)}
	err := t.hosts.AllReduce(work, hosts.F32)
	t.window.tokens, t.window.flops, skipped.Pictures = float64(work[0]), float64(work[1]), int64(work[2])
	return err
}
