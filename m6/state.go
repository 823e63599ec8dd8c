package m6

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/checkpoints"
	"m6lab/layers"
)

// State is what training changes: weights by their names, the optimizer's moments as "optimizer.moment:weight", the number of
// applied updates, and the number of finished steps. They are plain values on a device.
type State struct {
	Step   int64
	device *Device
	specs  []stateSpec
	values map[string]*Value
}

// updatesName is the number of updates that were applied, f32 []: steps less those that were skipped.
const updatesName = "updates"

// stateSpec is one tensor of a state.
type stateSpec struct {
	name string
	dims []int
	axes axes
	init layers.Param // moments start at zero
}

// isMoment tells what only training needs, moments and the number of updates, from weights.
func isMoment(name string) bool { return strings.Contains(name, ":") || name == updatesName }

// weightSpecs lists the model's tensors with their layout.
func (c Config) weightSpecs() []stateSpec {
	var specs []stateSpec
	for _, p := range c.Params() {
		specs = append(specs, stateSpec{name: p.Name, dims: p.Dims, axes: layout(p.Name, len(p.Dims)), init: p})
	}
	return specs
}

// stateSpecs lists weights, the moments of those that are trained, and the update count.
func (r Run) stateSpecs() []stateSpec {
	specs := r.Model.weightSpecs()
	for _, p := range r.Model.Params() {
		if !r.Model.trains(p) {
			continue
		}
		for _, m := range r.Train.optimizer().moments(p, layout(p.Name, len(p.Dims)), r.Mesh.Data) {
			name := m.suffix + p.Name
			specs = append(specs, stateSpec{name: name, dims: m.dims, axes: m.axes, init: layers.Param{Name: name, Dims: m.dims}})
		}
	}
	return append(specs, stateSpec{name: updatesName, init: layers.Param{Name: updatesName}})
}

// trains tells whether gradients change a parameter.
func (c Config) trains(p layers.Param) bool {
	return !p.Buffer && !(c.Encoder.Frozen && isEncoder(p.Name))
}

// NewState makes the starting state of a run, each tensor by itself and each shard by itself.
func NewState(d *Device, r Run) (*State, error) {
	s := &State{device: d, specs: r.stateSpecs(), values: map[string]*Value{}}
	for _, spec := range s.specs {
		value, err := d.create(spec, r.Train.Seed)
		if err != nil {
			return nil, fmt.Errorf("creating %s: %w", spec.name, err)
		}
		s.values[spec.name] = value
	}
	return s, nil
}

// create makes the starting value of one tensor, shard by shard: no host memory ever holds more than one shard of it.
func (d *Device) create(spec stateSpec, seed uint64) (*Value, error) {
	whole := shapes.Make(dtypes.Float32, spec.dims...)
	v := &Value{shape: whole, axes: spec.axes}
	if d.mesh == nil {
		flat := make([]float32, whole.Size())
		InitValue(spec.init, seed, 0, flat)
		v.shards = []*tensors.Tensor{tensors.FromFlatDataAndDimensions(flat, spec.dims...)}
		return v, nil
	}
	for dev := range d.count() {
		start, size, err := d.shardBounds(spec.dims, spec.axes, dev)
		if err != nil {
			return nil, err
		}
		flat := make([]float32, shapes.Make(dtypes.Float32, size...).Size())
		eachRun(spec.dims, start, size, func(from, at, n int) { InitValue(spec.init, seed, from, flat[at:at+n]) })
		v.shards = append(v.shards, tensors.FromFlatDataAndDimensions(flat, size...))
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

// Tensors brings the state to the host, in the order of its declaration.
func (s *State) Tensors() ([]checkpoints.Tensor, error) {
	var out []checkpoints.Tensor
	for _, spec := range s.specs {
		flat, err := s.device.fetch(s.values[spec.name])
		if err != nil {
			return nil, fmt.Errorf("reading %s from the device: %w", spec.name, err)
		}
		out = append(out, checkpoints.FromFloat32s(spec.name, spec.dims, flat))
	}
	return out, nil
}

// Weights is [State.Tensors] without what only training needs: what an exported file holds.
func (s *State) Weights() ([]checkpoints.Tensor, error) {
	all := s.specs
	defer func() { s.specs = all }()
	for i, spec := range all {
		if isMoment(spec.name) {
			s.specs = all[:i]
			break
		}
	}
	return s.Tensors()
}

// Load puts tensors in place of the state's own. Each must be there with its dimensions, and no other may be, unless moments are
// missing altogether: then they start anew, as after an import.
func (s *State) Load(given []checkpoints.Tensor) error {
	byName := map[string]checkpoints.Tensor{}
	var have, want []checkpoints.Spec
	for _, t := range given {
		byName[t.Name] = t
		have = append(have, checkpoints.Spec{Name: t.Name, DType: checkpoints.F32, Dims: t.Dims})
	}
	_, resumes := byName[updatesName]
	for _, spec := range s.specs {
		if resumes || !isMoment(spec.name) {
			want = append(want, checkpoints.Spec{Name: spec.name, DType: checkpoints.F32, Dims: spec.dims})
		}
	}
	if err := checkpoints.Match(have, want); err != nil {
		return err
	}
	for _, spec := range s.specs {
		t, ok := byName[spec.name]
		if !ok {
			continue
		}
		flat, err := t.Float32s()
		if err != nil {
			return err
		}
		value, err := s.device.place(tensors.FromFlatDataAndDimensions(flat, spec.dims...), spec.axes)
		if err != nil {
			return fmt.Errorf("placing %s: %w", spec.name, err)
		}
		s.values[spec.name] = value
	}
	return nil
}

// give names the state's weights as inputs of a program.
func (s *State) give(values map[string]*Value, c Config) {
	for _, spec := range c.weightSpecs() {
		values[spec.name] = s.values[spec.name]
	}
}

// Updates is the number of updates that were applied.
func (s *State) Updates() (int64, error) {
	flat, err := s.device.fetch(s.values[updatesName])
	if err != nil {
		return 0, err
	}
	return int64(math.Round(float64(flat[0]))), nil
}
