package m6

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/checkpoints"
)

// shard is a part of a tensor, and the first device that holds it: [start, start+size) along every dimension.
type shard struct {
	device      int
	start, size []int
}

func (s shard) elements() int { return shapes.Make(dtypes.Float32, s.size...).Size() }

// shards lists the parts of a tensor, each once however many devices hold it, and says which part each device holds.
func (d *Device) shards(dims []int, a axes) (parts []shard, of []int, err error) {
	for dev := range d.count() {
		start, size, err := d.shardBounds(dims, a, dev)
		if err != nil {
			return nil, nil, err
		}
		at := slices.IndexFunc(parts, func(p shard) bool { return slices.Equal(p.start, start) })
		if at < 0 {
			at = len(parts)
			parts = append(parts, shard{dev, start, size})
		}
		of = append(of, at)
	}
	return parts, of, nil
}

// build makes a value on the devices: values gives the elements of one part after the other, in memory that it may use again.
func (d *Device) build(spec stateSpec, values func(shard) ([]float32, error)) (*Value, error) {
	parts, of, err := d.shards(spec.dims, spec.axes)
	if err != nil {
		return nil, err
	}
	v := &Value{shape: shapes.Make(dtypes.Float32, spec.dims...), axes: spec.axes, shards: make([]*tensors.Tensor, d.count())}
	for i, part := range parts {
		flat, err := values(part)
		if err != nil {
			return nil, err
		}
		for dev := range of {
			if of[dev] != i {
				continue
			}
			buffer, err := d.backend.BufferFromFlatData(compute.DeviceNum(dev), flat, shapes.Make(dtypes.Float32, part.size...))
			if err != nil {
				return nil, mended(fmt.Errorf("%d elements to device %d: %w", len(flat), dev, err))
			}
			if v.shards[dev], err = tensors.FromBuffer(buffer); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// shardBounds is the part of a tensor that lies on one device: where it starts and how large it is, by dimension.
func (d *Device) shardBounds(dims []int, a axes, dev int) (start, size []int, err error) {
	sizes := d.shape.sizes()
	at := map[string]int{
		"expert": dev % d.shape.Expert, "model": dev / d.shape.Expert % d.shape.Model, "data": dev / d.shape.Expert / d.shape.Model,
	}
	start, size = make([]int, len(dims)), make([]int, len(dims))
	for i, dim := range dims {
		parts, index := 1, 0
		if a[i] != "" {
			for _, axis := range strings.Split(a[i], "+") {
				parts, index = parts*sizes[axis], index*sizes[axis]+at[axis]
			}
		}
		if dim%parts != 0 {
			return nil, nil, fmt.Errorf("dimension %d of %v does not divide by %d devices of mesh axis %s", i, dims, parts, a[i])
		}
		size[i], start[i] = dim/parts, index*(dim/parts)
	}
	return start, size, nil
}

// eachRun calls f for every run of elements that lies in one piece both in a tensor and in a part of it: from in the whole, at in the part.
func eachRun(dims, start, size []int, f func(from, at, n int)) {
	run, axis := 1, len(dims)-1 // the run covers all axes behind `axis` whole, and the part's share of `axis`
	for ; axis >= 0; axis-- {
		run *= size[axis]
		if size[axis] != dims[axis] {
			break
		}
	}
	index := make([]int, len(dims))
	for at := 0; ; at += run {
		from := 0
		for i, d := range dims {
			from = from*d + start[i] + index[i]
		}
		f(from, at, run)
		i := axis - 1
		for ; i >= 0; i-- {
			if index[i]++; index[i] < size[i] {
				break
			}
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// fill puts the given tensors in place of the state's own, as [State.Load] says; read gives the elements of one part of one tensor. No
// host memory holds more than the largest part.
func (s *State) fill(have []checkpoints.Spec, read func(into []float32, name string, p shard) error) error {
	resumes := slices.ContainsFunc(have, func(h checkpoints.Spec) bool { return h.Name == updatesName })
	var want []checkpoints.Spec
	for _, spec := range s.specs {
		if resumes || !onlyTraining(spec.name) {
			want = append(want, checkpoints.Spec{Name: spec.name, DType: checkpoints.F32, Dims: spec.dims})
		}
	}
	if err := checkpoints.Match(have, want); err != nil {
		return err
	}
	var flat []float32
	for i, spec := range s.specs[:len(want)] {
		value, err := s.device.build(spec, func(p shard) ([]float32, error) {
			flat = slices.Grow(flat[:0], p.elements())[:p.elements()]
			return flat, read(flat, want[i].Name, p)
		})
		if err != nil {
			return fmt.Errorf("placing %s: %w", spec.name, err)
		}
		s.values[spec.name] = value
	}
	return nil
}

// RestoreState reads the state of a run from an open checkpoint, whatever mesh it was saved on: each device's part by itself, so that the
// host holds one part and one block of the file beside it, never a whole tensor that is split. Moments that are not there start anew.
func RestoreState(d *Device, r Run, c *checkpoints.Checkpoint) (*State, error) {
	s := &State{Step: c.Info().Step, device: d, specs: r.stateSpecs(), values: map[string]*Value{}}
	if err := s.read(c, c.Specs()); err != nil {
		return nil, err
	}
	for _, spec := range s.specs {
		if s.values[spec.name] != nil {
			continue
		}
		value, err := d.create(spec, r.Train.Seed)
		if err != nil {
			return nil, fmt.Errorf("creating %s: %w", spec.name, err)
		}
		s.values[spec.name] = value
	}
	return s, nil
}

// read fills the state from an open checkpoint's tensors.
func (s *State) read(c *checkpoints.Checkpoint, have []checkpoints.Spec) error {
	return s.fill(have, func(into []float32, name string, p shard) error {
		return c.ReadSliceInto(dtypes.UnsafeByteSlice(into), name, p.start, p.size)
	})
}

// held is a part of a tensor as a checkpoint names it, and the shard that holds it.
type held struct {
	part   checkpoints.Part
	shard  *tensors.Tensor
	device compute.DeviceNum
}

// held lists what one of several processes saves that all hold the whole state: each part of a tensor once, however many devices hold
// it, the parts shared out as [checkpoints.Owners] does.
func (s *State) held(rank, ranks int) ([]held, error) {
	var all []held
	var parts []checkpoints.Part
	for _, spec := range s.specs {
		shards, _, err := s.device.shards(spec.dims, spec.axes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", spec.name, err)
		}
		for _, p := range shards {
			whole := checkpoints.Spec{Name: spec.name, DType: checkpoints.F32, Dims: spec.dims}
			part := checkpoints.Part{Spec: whole, Start: p.start, Size: p.size}
			parts = append(parts, part)
			all = append(all, held{part, s.values[spec.name].shards[p.device], compute.DeviceNum(p.device)})
		}
	}
	owners, err := checkpoints.Owners(parts, max(1, ranks))
	if err != nil {
		return nil, err
	}
	var mine []held
	for i, h := range all {
		if owners[i] == rank {
			mine = append(mine, h)
		}
	}
	return mine, nil
}

// toHost copies a part's elements from its device; none of them stay anywhere else on the host.
func (d *Device) toHost(into []float32, h held) error {
	buffer, err := h.shard.Buffer(d.backend, h.device)
	if err == nil {
		err = buffer.ToFlatData(into)
	}
	if err != nil {
		return fmt.Errorf("reading %s from device %d: %w", h.part.Name, h.device, err)
	}
	return nil
}

// Source is the state as a checkpoint takes it, shard by shard, of which one of several processes gives its share. The host holds one
// shard at a time, while the checkpoint is written: the state must not change before that. A [Snapshot] is for a state that does.
func (s *State) Source(rank, ranks int) (checkpoints.Source, error) {
	mine, err := s.held(rank, ranks)
	if err != nil {
		return checkpoints.Source{}, err
	}
	var flat []float32
	return s.sourceFrom(mine, &flat), nil
}

// sourceFrom reads shards one after the other into flat, which it makes as large as the largest of them.
func (s *State) sourceFrom(mine []held, flat *[]float32) checkpoints.Source {
	source := sourceOf(s.Step, mine)
	largest := 0
	for _, h := range mine {
		largest = max(largest, h.shard.Size())
	}
	*flat = slices.Grow((*flat)[:0], largest)
	source.Data = func(i int) ([]byte, error) {
		now := (*flat)[:mine[i].shard.Size()]
		return dtypes.UnsafeByteSlice(now), s.device.toHost(now, mine[i])
	}
	return source
}

// sourceOf has no data yet.
func sourceOf(step int64, mine []held) checkpoints.Source {
	source := checkpoints.Source{Step: step}
	for _, h := range mine {
		source.Parts = append(source.Parts, h.part)
	}
	return source
}

// Snapshot is what a save in the background reads while training goes on: a copy of the state's shards in the host's memory, which the
// next one uses again. Where the device's memory is the host's, nothing is copied at once: the step after leaves the shards as they are, and
// they take the memory that a copy would.
type Snapshot struct {
	flat []float32
	kept []*tensors.Tensor
}

// Take is [State.Source] for a state that changes before the save has ended. The snapshot of before must not be in use any more.
func (c *Snapshot) Take(s *State, rank, ranks int) (checkpoints.Source, error) {
	if s.device.backend.HasSharedBuffers() {
		return c.keep(s, rank, ranks)
	}
	mine, err := s.held(rank, ranks)
	if err != nil {
		return checkpoints.Source{}, err
	}
	source := sourceOf(s.Step, mine)
	at := make([]int, len(mine)+1)
	for i, h := range mine {
		at[i+1] = at[i] + h.shard.Size()
	}
	if n := at[len(mine)]; cap(c.flat) < n {
		c.flat = make([]float32, n)
	}
	for i, h := range mine {
		if err := s.device.toHost(c.flat[at[i]:at[i+1]], h); err != nil {
			return source, err
		}
	}
	source.Data = func(i int) ([]byte, error) { return dtypes.UnsafeByteSlice(c.flat[at[i]:at[i+1]]), nil }
	return source, nil
}

// keep takes the shards out of the next step's reach, and frees those that it took before.
func (c *Snapshot) keep(s *State, rank, ranks int) (checkpoints.Source, error) {
	mine, err := s.held(rank, ranks)
	if err != nil {
		return checkpoints.Source{}, err
	}
	var now []*tensors.Tensor
	for _, h := range mine {
		value := s.values[h.part.Name]
		if value.kept == nil {
			value.kept = map[int]bool{}
		}
		value.kept[int(h.device)] = true
		now = append(now, h.shard)
	}
	for _, old := range c.kept {
		if !slices.Contains(now, old) {
			if err := old.FinalizeAll(); err != nil {
				return checkpoints.Source{}, err
			}
		}
	}
	c.kept = now
	return s.sourceFrom(mine, &c.flat), nil
}
