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

// said is a list of what devices say.
type said []Traffic

// say adds operations of one kind between so many devices, after which each has so many elements; none where there is nobody to speak with.
func (s *said) say(what, kind, axis string, devices int, count int64, elements float64) {
	if devices > 1 && elements > 0 {
		*s = append(*s, Traffic{What: what, Kind: kind, Axis: axis, Devices: devices, Count: count, Bytes: int64(f32Bytes * elements)})
	}
}

const f32Bytes = 4 // sums travel in f32, as XLA's CPU compiler has it; an accelerator halves those of bf16, which [Estimate] counts with

// traffic lists what devices say to each other. Numbers of operations are exact for meshes of data and model and for experts alone; where
// rows lie over data and expert both, XLA splits and joins a few of them in its own way.
func (c cost) traffic() []Traffic {
	var out said
	m, mesh := c.Model, c.Mesh
	D, L := float64(m.Width), int64(m.Layers)
	experts := c.expertLayers()
	dense := L - experts
	x := c.positions() * D
	out.say("embedding: rows found in parts of the vocabulary", "all-reduce", "model", mesh.Model, 1, c.rows()*float64(c.Masked+c.Text+c.Codes)*D)
	out.say("attention, forward: sum over heads", "all-reduce", "model", mesh.Model, L, float64(L)*x)
	out.say("attention, backward: sum over heads", "all-reduce", "model", mesh.Model, L, float64(L)*x)
	out.say("feed-forward networks, forward: sum over hidden units", "all-reduce", "model", mesh.Model, dense, float64(dense)*x)
	out.say("feed-forward networks, backward: sum over hidden units", "all-reduce", "model", mesh.Model, dense, float64(dense)*x)
	if experts > 0 {
		const passes = 2 // forward and backward
		seats := c.seats() * D
		out.say("experts: sum over hidden units", "all-reduce", "model", mesh.Model, passes*experts, passes*float64(experts)*seats)
		out.say("tokens to their experts and back", "all-to-all", "expert", mesh.Expert, 2*passes*experts, 2*passes*float64(experts)*seats)
	}
	out.say("head: peaks of the logits", "all-reduce", "model", mesh.Model, 1, c.targets())
	out.say("head: sums over the vocabulary", "all-reduce", "model", mesh.Model, 1, 2*c.targets())
	out.say("head, backward: sum over the vocabulary", "all-reduce", "model", mesh.Model, 1, c.targets()*D)
	return append(out, c.updateTraffic()...)
}

// updateTraffic is what devices say to each other for the gradients and the update.
func (c cost) updateTraffic() []Traffic {
	var out said
	mesh := c.Mesh
	all := mesh.Data * mesh.Expert
	var whole, split, experts, gathered, gathers int64 // elements of gradients; of new weights that were renewed in parts, and how many
	var kept, reads int64                              // elements of weights that lie in parts, and products that read them
	for _, p := range c.Model.trained() {
		a, stored := layout(p.Name, len(p.Dims)), c.weightLayout(p)
		n := mesh.share(p.Dims, a)
		if mesh.split(stored) > mesh.split(a) {
			kept += n
			if !strings.HasSuffix(p.Name, "key.kernel") && !strings.HasSuffix(p.Name, "value.kernel") { // they go with the queries'
				reads++
			}
		}
		if moments := momentLayout(stored, p.Dims, mesh.Data); mesh.split(moments) > mesh.split(stored) && c.Train.Optimizer == "adamw" {
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
	out.say("targets of the batch", "all-reduce", batchAxes, all, 1, 1)
	if c.Train.Remat == "block" {
		ties := int64(c.Model.Layers)
		out.say("blocks made again: an element of the gradient that comes first", "all-reduce", batchAxes, all, ties, float64(ties))
	}
	if kept > 0 {
		out.say("weights of the blocks, forward and backward", "all-gather", "data", mesh.Data, 2*reads, float64(2*kept))
		out.say("gradients of each block by itself, beside the first", "all-reduce", "data", mesh.Data, int64(c.Model.Layers)-1, 1)
	}
	out.say("gradients of weights that every device has", "all-reduce", batchAxes, all, 1, float64(whole))
	out.say("gradients of weights that are split over model", "all-reduce", batchAxes, all, 1, float64(split))
	out.say("gradients of experts", "all-reduce", "data", mesh.Data, 1, float64(experts))
	if mesh.spreadsColumns(c.Model.Width) {
		out.say("gradients of embeddings, by columns", "all-to-all", "data", mesh.Data, 1, c.positions()*float64(c.Model.Width))
	} else {
		out.say("gradients of embeddings", "all-reduce", batchAxes, all, 0, float64(mesh.share([]int{c.Model.Vocabulary, c.Model.Width}, tensorAxes["embed.text.weight"])))
	}
	sums := c.normSums()
	out.say("norm of the gradients", "all-reduce", "all", mesh.Devices(), sums, float64(sums))
	out.say("weights, renewed in parts", "all-gather", "data", mesh.Data, gathers, float64(gathered))
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
