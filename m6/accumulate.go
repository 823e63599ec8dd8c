package m6

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
	"m6lab/m6/hosts"
	"m6lab/m6/watch"
)

// Gradient accumulation: the parts of a batch add up gradients of summed losses, weighted by their targets, and a program of its own
// divides by the number of targets and updates. So a batch in parts has the gradient of the whole batch. The ranks of several hosts take
// their steps in the same way: between the two programs they add up their sums.

// gradName is the summed gradient of a parameter in the values of an accumulating step.
func gradName(name string) string { return "grad:" + name }

const targetsName = "targets" // f32 []: targets of the parts so far

// accumulate takes a step in parts.
func (s *Step) accumulate(state *State, batches []*Batch, rate float64) (*Pending, error) {
	sums, pending, err := s.parts(state, batches)
	if err := hosts.Agree(s.hosts, err); err != nil {
		return nil, err
	}
	if s.hosts.Size() > 1 {
		done := s.device.clock.In(watch.AllReduce)
		err := s.sumOverRanks(state, sums, pending)
		if done(); err != nil {
			return nil, err
		}
	}
	out, err := s.applySums(state, sums, rate)
	if err != nil {
		return nil, err
	}
	last := pending.parts[len(pending.parts)-1]
	last["metrics.fine"], last["metrics.grad_norm"] = out["metrics.fine"], out["metrics.grad_norm"]
	state.Step++
	return pending, nil
}

// parts adds up the gradients of a step's parts.
func (s *Step) parts(state *State, batches []*Batch) (map[string]*Value, *Pending, error) {
	sums := map[string]*Value{}
	for _, spec := range s.sumSpecs() {
		zero, err := s.device.create(spec, 0)
		if err != nil {
			return nil, nil, err
		}
		sums[spec.name] = zero
	}
	pending := &Pending{device: s.device, model: s.model.Config}
	for i, batch := range batches {
		out, err := s.part(state, sums, batch, i)
		if err != nil {
			return nil, nil, err
		}
		pending.parts = append(pending.parts, out)
	}
	return sums, pending, nil
}

// sumSpecs lists the sums: one for each trained parameter, and the number of targets.
func (s *Step) sumSpecs() []stateSpec {
	var specs []stateSpec
	for _, p := range s.model.trained() {
		specs = append(specs, stateSpec{name: gradName(p.Name), dims: p.Dims, axes: s.run.weightLayout(p), init: layers.Param{Dims: p.Dims}})
	}
	return append(specs, stateSpec{name: targetsName, init: layers.Param{}})
}

// part adds one part's gradients to the sums, and updates running statistics.
func (s *Step) part(state *State, sums map[string]*Value, batch *Batch, index int) (map[string]*Value, error) {
	p, ok := s.programs[batch.Shape]
	if !ok {
		var err error
		if p, err = newProgram(s.device, "gradients", func(b *builder) { s.buildPart(b, batch.Shape) }); err != nil {
			return nil, err
		}
		s.programs[batch.Shape] = p
	}
	values, donate, err := s.inputs(state, batch, index)
	if err != nil {
		return nil, err
	}
	state.give(values, s.model.Config)
	for name, value := range sums {
		values[name], donate[name] = value, true
	}
	out, err := p.run(values, donate)
	if err != nil {
		return nil, err
	}
	for name := range sums {
		sums[name] = out[name]
	}
	for _, spec := range s.run.weightSpecs() {
		if value, ok := out[spec.name]; ok {
			state.values[spec.name] = value
		}
	}
	return out, nil
}

func (s *Step) buildPart(b *builder, shape Shape) {
	loss, nodes := s.forward(b, shape)
	targets := ReduceAllSum(loss.Count)
	grads := Gradient(Mul(loss.Total, StopGradient(targets)), nodesOf(nodes, s.model.trained())...)
	b.report(loss)
	for i, spec := range s.sumSpecs() {
		old := b.input(spec.name, shapes.Make(dtypes.Float32, spec.dims...), spec.axes)
		if spec.name == targetsName {
			b.output(spec.name, Add(old, targets), spec.axes)
		} else {
			b.output(spec.name, Add(old, grads[i]), spec.axes)
		}
	}
	for _, spec := range s.run.weightSpecs() {
		if now, ok := loss.Aux.Updated[spec.name]; ok {
			b.output(spec.name, now, spec.axes)
		}
	}
}

// applySums updates the state by the summed gradients.
func (s *Step) applySums(state *State, sums map[string]*Value, rate float64) (map[string]*Value, error) {
	if s.apply == nil {
		p, err := newProgram(s.device, "apply_gradients", s.buildApply)
		if err != nil {
			return nil, err
		}
		s.apply = p
	}
	values, donate := map[string]*Value{"rate": scalar(s.device, float32(rate))}, map[string]bool{}
	for name, value := range sums {
		values[name], donate[name] = value, true
	}
	for _, spec := range state.specs {
		values[spec.name], donate[spec.name] = state.values[spec.name], true
	}
	out, err := s.apply.run(values, donate)
	if err != nil {
		return nil, err
	}
	for _, spec := range state.specs {
		state.values[spec.name] = out[spec.name]
	}
	return out, nil
}

func (s *Step) buildApply(b *builder) {
	_, nodes := b.weights(s.run.weightSpecs(), "f32")
	var grads []*Node
	var targets *Node
	for _, spec := range s.sumSpecs() {
		node := b.input(spec.name, shapes.Make(dtypes.Float32, spec.dims...), spec.axes)
		if spec.name == targetsName {
			targets = MaxScalar(node, 1.0)
		} else {
			grads = append(grads, node)
		}
	}
	for i := range grads {
		grads[i] = Div(grads[i], targets)
	}
	s.update(b, nodes, grads, targets)
}
