package m6

import (
	"strings"

	"m6lab/layers"
)

// Traffic is one thing that devices say to each other in a step.
type Traffic struct {
	What    string `json:"what"`
	Kind    string `json:"kind"`    // all-reduce, all-gather, all-to-all
	Axis    string `json:"axis"`    // of the mesh: data, model, expert
	Devices int    `json:"devices"` // that speak with each other
	Count   int64  `json:"count"`   // operations; 0 where it goes with another one
	Bytes   int64  `json:"bytes"`   // that one device has when all are done
}

const f32Bytes = 4 // sums travel in f32, as XLA's CPU compiler has it; an accelerator halves those of bf16, which [Estimate] counts with

// traffic lists what devices say to each other. Numbers of operations are exact for meshes of data and model and for experts alone; where
// rows lie over data and expert both, XLA splits and joins a few of them in its own way.
func (c cost) traffic() []Traffic {
	var out []Traffic
	say := func(what, kind, axis string, devices int, count int64, elements float64) {
		if devices > 1 && count > 0 {
			out = append(out, Traffic{What: what, Kind: kind, Axis: axis, Devices: devices, Count: count, Bytes: int64(f32Bytes * elements)})
		}
	}
	m, mesh := c.Model, c.Mesh
	D, L := float64(m.Width), int64(m.Layers)
	experts := c.expertLayers()
	dense := L - experts
	x := c.positions() * D
	say("embedding: rows found in parts of the vocabulary", "all-reduce", "model", mesh.Model, 1, c.rows()*float64(c.Masked+c.Text+c.Codes)*D)
	say("attention, forward: sum over heads", "all-reduce", "model", mesh.Model, L, float64(L)*x)
	say("attention, backward: sum over heads", "all-reduce", "model", mesh.Model, L, float64(L)*x)
	say("feed-forward networks, forward: sum over hidden units", "all-reduce", "model", mesh.Model, dense, float64(dense)*x)
	say("feed-forward networks, backward: sum over hidden units", "all-reduce", "model", mesh.Model, dense, float64(dense)*x)
	if c.Train.Remat == "block" {
		say("attention, made again", "all-reduce", "model", mesh.Model, L, float64(L)*x)
	}
	if experts > 0 {
		passes := int64(2) // forward and backward
		if c.Train.Remat == "block" {
			passes = 3
		}
		seats := c.seats() * D
		say("experts: sum over hidden units", "all-reduce", "model", mesh.Model, passes*experts, float64(passes*experts)*seats)
		say("tokens to their experts and back", "all-to-all", "expert", mesh.Expert, 2*passes*experts, 2*float64(passes*experts)*seats)
	}
	say("head: peaks of the logits", "all-reduce", "model", mesh.Model, 1, c.targets())
	say("head: sums over the vocabulary", "all-reduce", "model", mesh.Model, 1, 2*c.targets())
	say("head, backward: sum over the vocabulary", "all-reduce", "model", mesh.Model, 1, c.targets()*D)
	return append(out, c.updateTraffic()...)
}

// updateTraffic is what devices say to each other for the gradients and the update.
func (c cost) updateTraffic() []Traffic {
	var out []Traffic
	mesh := c.Mesh
	all := mesh.Data * mesh.Expert
	say := func(what, kind, axis string, devices int, count, elements int64) {
		if devices > 1 && elements > 0 {
			out = append(out, Traffic{What: what, Kind: kind, Axis: axis, Devices: devices, Count: count, Bytes: f32Bytes * elements})
		}
	}
	var whole, split, experts, gathered, gathers int64 // elements of gradients; of new weights that were renewed in parts, and how many
	for _, p := range c.trained() {
		a := layout(p.Name, len(p.Dims))
		n := mesh.share(p.Dims, a)
		if moments := momentLayout(a, p.Dims, mesh.Data); mesh.split(moments) > mesh.split(a) && c.Train.Optimizer == "adamw" {
			gathered, gathers = gathered+n, gathers+1
		}
		if !c.isRead(p) {
			continue
		}
		switch {
		case isExperts(p.Name):
			experts += n
		case mesh.split(a) > 1:
			split += n
		default:
			whole += c.exchanged(p, n)
		}
	}
	say("targets of the batch", "all-reduce", batchAxes, all, 1, 1)
	if c.Train.Remat == "block" {
		ties := int64(c.Model.Layers) - c.expertLayers() // XLA joins those of layers of experts to others, but for one
		if c.expertLayers() > 1 {
			ties++
		}
		say("blocks made again: an element of the gradient that comes first", "all-reduce", batchAxes, all, ties, ties)
	}
	say("gradients of weights that every device has", "all-reduce", batchAxes, all, 1, whole)
	if split > 0 {
		say("gradients of weights that are split over model", "all-reduce", batchAxes, all, 1, split)
	}
	if mesh.Expert > 1 { // rows lie over experts too, so that a device does not have the rows of its columns
		say("gradients of embeddings", "all-reduce", batchAxes, all, 0, mesh.share([]int{c.Model.Vocabulary, c.Model.Width}, tensorAxes["embed.text.weight"]))
	}
	if experts > 0 {
		say("gradients of experts", "all-reduce", "data", mesh.Data, 1, experts)
	}
	if mesh.Expert == 1 {
		say("gradients of embeddings, by columns", "all-to-all", "data", mesh.Data, 1, int64(c.positions())*int64(c.Model.Width))
	}
	sums := c.normSums()
	say("norm of the gradients", "all-reduce", "all", mesh.Devices(), sums, sums)
	say("weights, renewed in parts", "all-gather", "data", mesh.Data, gathers, gathered)
	return out
}

// exchanged is how many of a parameter's n gradients are exchanged: of positions, those of the text.
func (c cost) exchanged(p layers.Param, n int64) int64 {
	if p.Name == "embed.position.weight" {
		return n / int64(c.Model.Positions) * int64(max(c.Masked, c.Text))
	}
	return n
}

func isExperts(name string) bool { return strings.Contains(name, ".moe.experts.") }

// normSums are the sums that devices make together for the norm of the gradients: along each axis of the mesh.
func (c cost) normSums() (n int64) {
	for _, size := range c.Mesh.sizes() {
		if size > 1 {
			n++
		}
	}
	return n
}
