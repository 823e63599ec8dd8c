package m6

import (
	"fmt"
	"math"
	"slices"
	"strings"

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

// onlyTraining tells whether a tensor of a state is no weight: a moment, or the number of updates.
func onlyTraining(name string) bool { return strings.Contains(name, ":") || name == updatesName }

// stateSpec is one tensor of a state.
type stateSpec struct {
	name string
	dims []int
	axes axes
	init layers.Param // moments start at zero
}

// weightSpecs lists the model's tensors with their layout.
func (c Config) weightSpecs() []stateSpec {
	var specs []stateSpec
	for _, p := range c.Params() {
		specs = append(specs, stateSpec{name: p.Name, dims: p.Dims, axes: layout(p.Name, len(p.Dims)), init: p})
	}
	return specs
}

// weightSpecs lists the tensors of a run's model with their layout on its mesh.
func (r Run) weightSpecs() []stateSpec {
	specs := r.Model.weightSpecs()
	for i := range specs {
		specs[i].axes = r.weightLayout(specs[i].init)
	}
	return specs
}

// stateSpecs lists weights, the moments of those that are trained, and the update count.
func (r Run) stateSpecs() []stateSpec {
	specs := r.weightSpecs()
	for _, p := range r.Model.trained() {
		for _, m := range r.Train.optimizer().moments(p, r.weightLayout(p), r.Mesh.Data) {
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

// trained lists the parameters that gradients change.
func (c Config) trained() (out []layers.Param) {
	for _, p := range c.Params() {
		if c.trains(p) {
			out = append(out, p)
		}
	}
	return out
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
	var flat []float32
	return d.build(spec, func(s shard) ([]float32, error) {
		flat = slices.Grow(flat[:0], s.elements())[:s.elements()]
		eachRun(spec.dims, s.start, s.size, func(from, at, n int) { InitValue(spec.init, seed, from, flat[at:at+n]) })
		return flat, nil
	})
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
		if onlyTraining(spec.name) {
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
	var have []checkpoints.Spec
	for _, t := range given {
		whole, err := t.Convert(checkpoints.F32)
		if err != nil {
			return err
		}
		byName[t.Name] = whole
		have = append(have, whole.Spec())
	}
	return s.fill(have, func(into []float32, name string, p shard) error {
		part, err := byName[name].Slice(p.start, p.size)
		if err != nil {
			return err
		}
		values, err := part.Float32s()
		copy(into, values)
		return err
	})
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
