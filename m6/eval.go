package m6

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/m6/hosts"
)

// Evaluator computes losses without changing anything: one program for each shape of batch.
type Evaluator struct {
	run      Run
	model    *Model
	device   *Device
	hosts    hosts.Group
	programs map[Shape]*program
}

// NewEvaluator prepares evaluation of a run's model.
func NewEvaluator(d *Device, m *Model, r Run) *Evaluator {
	r.Model = m.Config
	return &Evaluator{run: r, model: m, device: d, hosts: hosts.Alone(), programs: map[Shape]*program{}}
}

// Loss is the negative log-likelihood of each row of a batch in nats, and its number of targets.
func (e *Evaluator) Loss(state *State, b *Batch) (nll, count []float32, err error) {
	p, err := e.program(b.Shape)
	if err != nil {
		return nil, nil, err
	}
	values := map[string]*Value{}
	if err := e.device.placeBatch(b, e.model.PatchFeatures, values); err != nil {
		return nil, nil, err
	}
	state.give(values, e.model.Config)
	out, err := p.run(values, nil)
	if err != nil {
		return nil, nil, err
	}
	if nll, err = tensors.CopyFlatData[float32](out["nll"].shards[0]); err != nil {
		return nil, nil, err
	}
	count, err = tensors.CopyFlatData[float32](out["count"].shards[0])
	return nll, count, err
}

// program compiles the evaluation of a shape, once.
func (e *Evaluator) program(shape Shape) (*program, error) {
	if p, ok := e.programs[shape]; ok {
		return p, nil
	}
	p, err := newProgram(e.device, "evaluate", func(b *builder) {
		in := b.declare(shape, e.model.PatchFeatures)
		w, _ := b.weights(e.run.weightSpecs(), e.run.Train.Precision)
		w = b.gathering(w, e.run)
		var pass Pass
		if e.device.mesh != nil {
			pass.Constrain, pass.Rows, pass.Devices = b.tokens, b.rows, e.run.Mesh.Data*e.run.Mesh.Expert
		}
		loss := e.model.Loss(w, in, pass)
		b.output("nll", loss.NLL, axes{""})
		b.output("count", loss.Count, axes{""})
	})
	if err != nil {
		return nil, err
	}
	e.programs[shape] = p
	return p, nil
}

// Mean is a mean loss over what was seen of something.
type Mean struct{ NLL, Count float64 }

// Value is the mean in nats for each target.
func (m Mean) Value() float64 { return m.NLL / max(1, m.Count) }

// Means are mean losses by task and by task and source: "caption", "caption_scenes".
type Means map[string]Mean

// Add counts the rows of a batch.
func (m Means) Add(rows []Row, nll, count []float64) {
	for i, row := range rows {
		for _, name := range []string{row.Task.String(), row.Task.String() + "_" + row.Source} {
			sum := m[name]
			sum.NLL += nll[i]
			sum.Count += count[i]
			m[name] = sum
		}
	}
}

// Batches evaluates n batches of a loader; with several ranks each its own rows of them.
func (e *Evaluator) Batches(ctx context.Context, state *State, l *Loader, n int) (Means, error) {
	var rows []Row
	var nll, count []float32
	for range n {
		b, err := l.Next(ctx)
		if err != nil {
			return nil, fmt.Errorf("evaluating: %w", err)
		}
		batchNLL, batchCount, err := e.Loss(state, b)
		if err != nil {
			return nil, err
		}
		rows, nll, count = append(rows, b.Rows...), append(nll, wholeRows(e.hosts, batchNLL)...), append(count, wholeRows(e.hosts, batchCount)...)
		e.device.clock.Alive()
	}
	if err := hosts.Agree(e.hosts, nil); err != nil {
		return nil, err
	}
	if err := errors.Join(e.hosts.AllReduce(nll, hosts.F32), e.hosts.AllReduce(count, hosts.F32)); err != nil {
		return nil, err
	}
	means := Means{}
	means.Add(rows, widen(nll), widen(count))
	return means, nil
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
