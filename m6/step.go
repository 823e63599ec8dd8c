package m6

import (
	"fmt"
	"strings"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/layers"
	"m6lab/m6/hosts"
)

// Step runs training steps: one compiled program for each shape of batch, over one state.
type Step struct {
	run      Run
	model    *Model
	device   *Device
	hosts    hosts.Group
	programs map[Shape]*program
	apply    *program // with accumulation or several ranks: what turns summed gradients into an update
}

// NewStep prepares the training step of a run; programs are compiled when a shape is first seen.
func NewStep(d *Device, m *Model, r Run) *Step {
	r.Model = m.Config
	return &Step{run: r, model: m, device: d, hosts: hosts.Alone(), programs: map[Shape]*program{}}
}

// Metrics is what a step tells.
type Metrics struct {
	Loss     float64      // mean cross entropy of the batch, nats per target
	Total    float64      // Loss and the routers' losses
	GradNorm float64      // before clipping
	Skipped  bool         // loss or gradients were not finite, so nothing changed
	NLL      []float64    // of each row, summed over its targets
	Count    []float64    // targets of each row
	Balance  float64      // routers' load-balance loss
	Dropped  float64      // choices that found no seat at an expert
	Experts  []ExpertLoad // one for each layer of experts
}

// Compiled is the time that compiling took so far, and for how many programs.
func (s *Step) Compiled() (time.Duration, int) {
	var total time.Duration
	for _, p := range s.programs {
		total += p.compile
	}
	return total, len(s.programs)
}

// Pending is a step that was given to the device; [Pending.Wait] reads what it told.
type Pending struct {
	device *Device
	model  Config
	parts  []map[string]*Value
}

// Run takes a step with the batches of its parts (train.accumulate of them, one by default) at a learning rate. The state is changed
// at once; the numbers come with Wait, so that the device need not stand still for them.
func (s *Step) Run(state *State, batches []*Batch, rate float64) (*Pending, error) {
	if len(batches) != s.run.Train.Accumulate {
		return nil, fmt.Errorf("a step takes %d batches, one for each of train.accumulate, not %d", s.run.Train.Accumulate, len(batches))
	}
	if len(batches) > 1 || s.hosts.Size() > 1 {
		return s.accumulate(state, batches, rate)
	}
	p, err := s.program(batches[0].Shape)
	if err != nil {
		return nil, err
	}
	values, donate, err := s.inputs(state, batches[0], 0)
	if err != nil {
		return nil, err
	}
	values["rate"] = scalar(s.device, float32(rate))
	for _, spec := range state.specs {
		values[spec.name], donate[spec.name] = state.values[spec.name], true
	}
	out, err := p.run(values, donate)
	if err != nil {
		return nil, err
	}
	for _, spec := range state.specs {
		state.values[spec.name] = out[spec.name]
	}
	state.Step++
	return &Pending{device: s.device, model: s.model.Config, parts: []map[string]*Value{out}}, nil
}

// inputs are the batch's tensors on the device, and the seed of this step's dropout.
func (s *Step) inputs(state *State, b *Batch, part int) (map[string]*Value, map[string]bool, error) {
	values, donate := map[string]*Value{}, map[string]bool{}
	if err := s.device.placeBatch(b, s.run.Model.PatchFeatures, values); err != nil {
		return nil, nil, err
	}
	for name := range values {
		donate[name] = true
	}
	seed := mix(mix(mix(s.run.Train.Seed)^uint64(state.Step)) ^ uint64(part))
	values["seed"] = scalar(s.device, uint32(seed))
	values["first_row"] = scalar(s.device, uint32(s.hosts.Rank()*b.Batch))
	return values, donate, nil
}

// placeBatch puts the tensors of a batch onto the device.
func (d *Device) placeBatch(b *Batch, patchFeatures int, values map[string]*Value) error {
	for _, in := range b.inputs(patchFeatures) {
		var whole *tensors.Tensor
		switch data := in.data(b).(type) {
		case []int32:
			whole = tensors.FromFlatDataAndDimensions(data, in.shape.Dimensions...)
		case []float32:
			whole = tensors.FromFlatDataAndDimensions(data, in.shape.Dimensions...)
		}
		value, err := d.place(whole, in.axes())
		if err != nil {
			return mended(fmt.Errorf("placing %s: %w", in.name, err))
		}
		values[in.name] = value
	}
	return nil
}

// axes splits the rows over the devices that share a batch. Ids are whole everywhere: the gradient of an embedding wants all of them, and they
// are small.
func (in input) axes() axes {
	a := make(axes, in.shape.Rank())
	if !strings.HasSuffix(in.name, "_ids") {
		a[0] = batchAxes
	}
	return a
}

// declare declares a batch's tensors as inputs of a program.
func (b *builder) declare(shape Shape, patchFeatures int) Inputs {
	in := Inputs{Shape: shape}
	b.pictures = b.pictures || shape.Pixels > 0
	for _, input := range shape.inputs(patchFeatures) {
		*input.node(&in) = b.input(input.name, input.shape, input.axes())
	}
	return in
}

// weights declares the model's tensors as inputs of a program.
func (b *builder) weights(specs []stateSpec, precision string) (layers.Weights, map[string]*Node) {
	nodes := map[string]*Node{}
	for _, spec := range specs {
		nodes[spec.name] = b.input(spec.name, shapes.Make(dtypes.Float32, spec.dims...), spec.axes)
	}
	compute := dtypes.Float32
	if precision == "bf16" {
		compute = dtypes.BFloat16
	}
	return layers.NewWeights(nodes, compute), nodes
}

// program compiles the step for a shape, once.
func (s *Step) program(shape Shape) (*program, error) {
	if p, ok := s.programs[shape]; ok {
		return p, nil
	}
	p, err := newProgram(s.device, "train_step", func(b *builder) { s.build(b, shape) })
	if err != nil {
		return nil, err
	}
	s.programs[shape] = p
	return p, nil
}

// build is the whole step: forward pass, loss, gradients, clipping, update, and the choice of old values where something is not finite.
func (s *Step) build(b *builder, shape Shape) {
	loss, nodes := s.forward(b, shape)
	trained := s.model.trained()
	grads := Gradient(loss.Total, nodesOf(nodes, trained)...)
	for i, p := range trained {
		grads[i] = b.constrain(grads[i], s.run.weightLayout(p))
	}
	b.report(loss)
	for name, value := range loss.Aux.Updated {
		nodes["updated:"+name] = value
	}
	s.update(b, nodes, grads, loss.Total)
}

// forward declares the inputs of a step and builds its loss.
func (s *Step) forward(b *builder, shape Shape) (Loss, map[string]*Node) {
	in := b.declare(shape, s.model.PatchFeatures)
	w, nodes := b.weights(s.run.weightSpecs(), s.run.Train.Precision)
	w = b.gathering(w, s.run)
	pass := Pass{Training: true, Remat: s.run.Train.Remat, HeadRows: s.device.headRows(s.model.Vocabulary)}
	pass.Fused = s.run.fusesAttention()
	seed := b.input("seed", shapes.Make(dtypes.Uint32), nil)
	pass.Seed = seed
	if s.model.Dropout > 0 {
		pass.Dropout = &layers.Dropout{Rate: s.model.Dropout, Seed: seed}
		if s.hosts.Size() > 1 {
			pass.Dropout.FirstRow = b.input("first_row", shapes.Make(dtypes.Uint32), nil)
		}
	}
	if s.device.mesh != nil {
		pass.Constrain, pass.Rows, pass.Columns = b.tokens, b.rows, b.columns
		pass.Received = s.run.received
	}
	return s.model.Loss(w, in, pass), nodes
}

// received is x, which activation checkpointing keeps if it came over an axis of the mesh: made again, it would be said again.
func (r Run) received(x *Node, axis string) *Node {
	if !r.keepsReceived(axis) {
		return x
	}
	return x.Checkpoint()
}

func (r Run) keepsReceived(axis string) bool {
	return r.Train.Remat == "block" && r.Mesh.split(axes{axis}) > 1
}

// fusesAttention tells whether attention may be one operation of the device. A mesh would gather what such an operation reads.
func (r Run) fusesAttention() bool { return r.Train.Attention == "auto" && r.Mesh.Devices() == 1 }

// report declares what [Metrics] reads of a loss.
func (b *builder) report(loss Loss) {
	b.output("metrics.loss", loss.Mean, nil)
	b.output("metrics.total", loss.Total, nil)
	b.output("metrics.nll", loss.NLL, axes{batchAxes})
	b.output("metrics.count", loss.Count, axes{batchAxes})
	if len(loss.Aux.Routing) == 0 {
		return
	}
	var load, dropped, choices []*Node
	for _, r := range loss.Aux.Routing {
		load, dropped, choices = append(load, r.Load), append(dropped, r.Dropped), append(choices, r.Choices)
	}
	b.output("metrics.balance", loss.Aux.Balance, nil)
	b.output("metrics.dropped", Stack(dropped, 0), axes{""})
	b.output("metrics.choices", Stack(choices, 0), axes{""})
	b.output("metrics.load", Stack(load, 0), axes{"", ""}) // [layers,E]
}

func nodesOf(nodes map[string]*Node, params []layers.Param) []*Node {
	out := make([]*Node, len(params))
	for i, p := range params {
		out[i] = nodes[p.Name]
	}
	return out
}

// update turns gradients into new weights and moments, and declares them as outputs under the names of the state. loss is watched:
// where it or the gradients are not finite, everything stays as it was.
func (s *Step) update(b *builder, nodes map[string]*Node, grads []*Node, loss *Node) {
	norm := s.gradNorm(grads)
	fine := And(IsFinite(norm), IsFinite(loss))
	b.output("metrics.grad_norm", norm, nil)
	b.output("metrics.fine", ConvertDType(fine, dtypes.Float32), nil)
	count := b.input(updatesName, shapes.Make(dtypes.Float32), nil)
	rate := b.input("rate", shapes.Make(dtypes.Float32), nil)
	keep := func(name string, now, old *Node, a axes) *Node {
		kept := Where(fine, now, old)
		b.output(name, kept, a)
		return kept
	}

	rule := s.run.Train.optimizer()
	fresh := map[string]*Node{}
	for i, p := range s.model.trained() {
		a := s.run.weightLayout(p)
		u := update{name: p.Name, param: nodes[p.Name], grad: clipped(grads[i], norm, s.run.Train.Clip), count: OnePlus(count), rate: rate}
		moments := rule.moments(p, a, s.run.Mesh.Data)
		for _, m := range moments {
			u.moments = append(u.moments, b.input(m.suffix+p.Name, shapes.Make(dtypes.Float32, m.dims...), m.axes))
		}
		for j, now := range rule.renew(u) {
			u.moments[j] = keep(moments[j].suffix+p.Name, now, u.moments[j], moments[j].axes)
		}
		u.moments = OptimizationBarriers(u.moments...) // else XLA makes them again for the weight, from a copy of the old ones
		fresh[p.Name] = rule.apply(u)
	}
	for _, spec := range s.run.weightSpecs() {
		now, old := fresh[spec.name], nodes[spec.name]
		if now == nil {
			now = nodes["updated:"+spec.name] // running statistics
		}
		if now == nil {
			now = old
		}
		keep(spec.name, now, old, spec.axes)
	}
	b.output(updatesName, Where(fine, OnePlus(count), count), nil)
}

// gradNorm is the norm of the gradients of all trained parameters, each where its moments lie.
func (s *Step) gradNorm(grads []*Node) *Node {
	var lies []axes
	for _, p := range s.model.trained() {
		lies = append(lies, momentLayout(s.run.weightLayout(p), p.Dims, s.run.Mesh.Data))
	}
	return globalNorm(grads, lies, s.run.Mesh)
}

// Wait reads what the step told.
func (p *Pending) Wait() (Metrics, error) {
	var m Metrics
	var nll, count float64
	var err error
	for _, part := range p.parts {
		read := func(name string) []float64 {
			value, ok := part["metrics."+name]
			if !ok {
				return []float64{0}
			}
			flat, failed := p.device.fetch(value)
			if failed != nil {
				err = failed
				return []float64{0}
			}
			return widen(flat)
		}
		rowNLL, rowCount := read("nll"), read("count")
		m.NLL, m.Count = append(m.NLL, rowNLL...), append(m.Count, rowCount...)
		nll, count = nll+sum(rowNLL), count+sum(rowCount)
		m.Balance += read("balance")[0] / float64(len(p.parts))
		m.Total += read("total")[0] / float64(len(p.parts))
		if p.model.Experts > 0 {
			loads := p.model.expertLoads(read("load"), read("choices"), read("dropped"))
			m.Experts = addLoads(m.Experts, loads)
			m.Dropped += sum(read("dropped"))
		}
		if _, last := part["metrics.fine"]; last {
			m.GradNorm, m.Skipped = read("grad_norm")[0], read("fine")[0] == 0
		}
	}
	m.Loss = nll / max(1, count)
	return m, err
}

func sum(x []float64) (total float64) {
	for _, v := range x {
		total += v
	}
	return total
}

func addEach(a, b []float64) []float64 {
	if a == nil {
		return b
	}
	for i := range a {
		a[i] += b[i]
	}
	return a
}

// mix spreads the bits of x (splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
