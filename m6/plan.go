package m6

import (
	"strings"

	"m6lab/layers"
)

// Plan is what a training step of a run takes from each device of its mesh, by formula: nothing is compiled or allocated. Its tests hold
// every number beside what XLA says of the compiled step ([Lower]).
type Plan struct {
	Arguments   int64                 `json:"arguments"`   // bytes: weights, optimizer state, the batch
	Temporaries int64                 `json:"temporaries"` // bytes that the step needs while it runs
	Peak        int64                 `json:"peak"`        // bytes: their sum
	FLOPs       float64               `json:"flops"`       // of the matrix products
	Collectives map[string]Collective `json:"collectives"` // by kind

	Parts   []Part    `json:"memory"`  // what the bytes are
	Traffic []Traffic `json:"traffic"` // what the collectives are
}

// Part is a share of a device's memory.
type Part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`

	given  bool // to the step, which needs the others while it runs
	passes int  // how often a step reads or writes it
}

// NewPlan plans a training step on a batch of a shape. Pictures count as features: a frozen encoder gives them beforehand.
func NewPlan(r Run, shape Shape) (Plan, error) {
	if err := r.validatePlan(shape); err != nil {
		return Plan{}, err
	}
	c := cost{Run: r, Shape: shape}
	p := Plan{Parts: c.memory(), FLOPs: c.flops(), Traffic: c.traffic(), Collectives: map[string]Collective{}}
	for _, part := range p.Parts {
		p.Peak += part.Bytes
		if part.given {
			p.Arguments += part.Bytes
		}
	}
	p.Temporaries = p.Peak - p.Arguments
	for _, t := range p.Traffic {
		sum := p.Collectives[t.Kind]
		p.Collectives[t.Kind] = Collective{sum.Count + t.Count, sum.Bytes + t.Bytes}
	}
	return p, nil
}

// cost are the formulas of a run's training step on a batch, for one device.
type cost struct {
	Run
	Shape
	half bool // bf16 on accelerators, which keep it as it is; XLA's CPU compiler goes by way of f32
}

// rows are the rows of the batch on one device, positions their positions, targets those of their text that have a next token.
func (c cost) rows() float64      { return float64(c.Batch) / float64(c.Mesh.Data*c.Mesh.Expert) }
func (c cost) positions() float64 { return c.rows() * float64(c.Length()) }
func (c cost) targets() float64   { return c.rows() * float64(max(0, c.Text-1)) }

// split is the number of devices that a tensor of this layout is split over.
func (m Mesh) split(a axes) int {
	n, sizes := 1, m.sizes()
	for _, axis := range a {
		for _, name := range strings.Split(axis, "+") {
			n *= max(1, sizes[name])
		}
	}
	return n
}

// share is the number of elements of a tensor on one device.
func (m Mesh) share(dims []int, a axes) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= int64(d)
	}
	return n / int64(m.split(a))
}

// isRead tells whether a batch of this shape reads a parameter; what is not read has no gradient to exchange.
func (c cost) isRead(p layers.Param) bool {
	switch {
	case isEncoder(p.Name):
		return c.Pixels > 0
	case strings.HasPrefix(p.Name, "embed.visual"):
		return c.Patches > 0
	case strings.Contains(p.Name, ".code."):
		return c.Codes > 0
	}
	return true
}
