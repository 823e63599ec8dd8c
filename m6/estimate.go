package m6

import (
	"cmp"
	"slices"

	"m6lab/m6/plugin"
)

// PaperTokens are the tokens of M6-Corpus (section 2 of the paper): what an epoch is.
const PaperTokens = 111.8e9

// The estimate counts with these numbers, which are not the paper's. A step's products reached 0.6 of the data sheet on an H200 (a single
// one of 8192 560 to 620 of 989 TFLOP/s, with its launch), and a block's activations were read or written six times by norms, GELU,
// residuals and their gradients, beside which no product runs. What devices say over `data` goes on beside the backward pass, two thirds
// of the products.
const (
	productShare  = 0.6
	blockPasses   = 6
	backwardShare = 2.0 / 3
)

// Estimate is what a planned step would take on a kind of device: a roofline, not a measurement.
type Estimate struct {
	Device  string  `json:"device"`
	Mesh    Mesh    `json:"mesh"`
	Peak    int64   `json:"peak"` // bytes of a device
	Fits    bool    `json:"fits"`
	Parts   []Part  `json:"memory"`
	Compute float64 `json:"compute_seconds"` // of the matrix products
	Memory  float64 `json:"memory_seconds"`  // of reading and writing the device's memory
	Network float64 `json:"network_seconds"` // of all that devices say
	Exposed float64 `json:"exposed_seconds"` // of that, what nothing goes on beside
	Step    float64 `json:"step_seconds"`    // compute and memory on accelerators in bf16, else the longer of them, and what of the network is exposed
	MFU     float64 `json:"mfu"`             // of the model's own products, none made again, over the data sheet
	Tokens  float64 `json:"tokens_per_second"`
	Hours   float64 `json:"epoch_device_hours"` // of all devices together, for the paper's 111.8B tokens
	Cost    float64 `json:"epoch_cost"`         // 0 where the device has no price
}

// On estimates a run's step on a kind of device.
func On(r Run, shape Shape, h Hardware) (Estimate, error) {
	if err := r.validatePlan(shape); err != nil {
		return Estimate{}, err
	}
	c := cost{Run: r, Shape: shape, half: h.isAccelerator() && r.Train.Precision == "bf16"}
	e := Estimate{Device: h.Name, Mesh: r.Mesh, Parts: c.memory()}
	for _, part := range e.Parts {
		e.Peak += part.Bytes
		e.Memory += float64(int64(part.passes)*part.Bytes) / h.Bandwidth
	}
	e.Memory += c.blockTraffic() / h.Bandwidth
	e.Fits = float64(e.Peak) <= plugin.UsableMemory*h.Memory
	devices, peak := float64(r.Mesh.Devices()), h.peak(r.Train.Precision)
	e.Compute = c.flops() / (productShare * peak)
	var beside float64
	for _, t := range c.traffic() {
		seconds := c.wireBytes(t) / h.speed(r.Mesh, t)
		e.Network += seconds
		if t.Axis == "model" || t.Kind == "all-to-all" {
			e.Exposed += seconds
		} else {
			beside += seconds
		}
	}
	e.Exposed += max(0, beside-backwardShare*e.Compute)
	if e.Step = max(e.Compute, e.Memory); c.half {
		e.Step = e.Compute + e.Memory
	}
	e.Step += e.Exposed
	steps := float64(r.Train.Accumulate)
	e.Step *= steps
	e.MFU = steps * r.Model.FLOPs(shape) / (e.Step * devices * peak)
	e.Tokens = steps * float64(shape.Batch*shape.Length()) / e.Step
	e.Hours = PaperTokens / e.Tokens * devices / 3600
	e.Cost = e.Hours * h.HourPrice
	return e, nil
}

// blockTraffic is what accelerators read and write of the blocks' activations, in bytes; nothing elsewhere, where it is within the products' time.
func (c cost) blockTraffic() (bytes float64) {
	if !c.half {
		return 0
	}
	for i := range c.Model.Layers {
		bytes += blockPasses * c.blockBytes(i, c.keeps(), c.kept())
	}
	if c.Train.Remat == "block" {
		bytes *= 4.0 / 3
	}
	return bytes
}

// wireBytes are the bytes that one device sends: a ring's all-reduce goes round twice.
func (c cost) wireBytes(t Traffic) float64 {
	bytes := float64(t.Bytes) * float64(t.Devices-1) / float64(t.Devices)
	if t.Kind == "all-reduce" {
		bytes *= 2
	}
	if c.half && (t.Axis == "model" || t.Kind == "all-to-all") {
		bytes /= 2 // activations travel in bf16; gradients and weights are f32
	}
	return bytes
}

// speed is what a device sends per second along an axis: within a node where all that speak stand in one.
func (h Hardware) speed(m Mesh, t Traffic) float64 {
	reach := map[string]int{"expert": m.Expert, "model": m.Expert * m.Model}[t.Axis] // devices from the first to the last of a group
	if reach == 0 {
		reach = m.Devices()
	}
	if reach <= h.Node {
		return h.Link
	}
	return h.Network
}

// Meshes estimates a run on every mesh of n devices that it can be laid over: those that fit first, the quickest before others.
func Meshes(r Run, shape Shape, h Hardware, n int) []Estimate {
	var out []Estimate
	for _, mesh := range meshes(r, n) {
		r.Mesh = mesh
		if e, err := On(r, shape, h); err == nil {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Estimate) int {
		if a.Fits != b.Fits {
			return map[bool]int{true: -1, false: 1}[a.Fits]
		}
		if a.Fits {
			return cmp.Compare(a.Step, b.Step)
		}
		return cmp.Compare(a.Peak, b.Peak)
	})
	return out
}
