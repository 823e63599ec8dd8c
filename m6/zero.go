package m6

import (
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// gathering gives weights that lie in parts over `data` whole to the layers that read them (ZeRO stage 3, arXiv 1910.02054): they are gathered for the
// forward pass, again for the backward one, and their gradients go back in parts. In the backward pass a block's weights come when the
// gradients of the block behind it have gone, so that never more than two blocks have either of them whole.
func (b *builder) gathering(w layers.Weights, r Run) layers.Weights {
	if r.Train.Zero != 3 || r.Mesh.Data == 1 {
		return w
	}
	stored := map[string]axes{}
	for _, spec := range r.weightSpecs() {
		stored[spec.name] = spec.axes
	}
	var last departed
	return w.Gather(func(name string, x, tie *Node) *Node {
		parts, whole := stored[name], layout(name, x.Rank())
		if r.Mesh.split(parts) == r.Mesh.split(whole) {
			return x
		}
		block := strings.Join(strings.SplitN(name, ".", 3)[:2], ".")
		if tie != nil {
			x = r.Mesh.waiting(x, parts, append(last.before(block, parts), r.Mesh.perDevice(tie))...)
		}
		spec := b.device.spec(parts)
		x = IdentityWithCustomGradient(x, func(_, v *Node) *Node {
			v = b.call(v, spec)
			if tie != nil { // else nobody reads it, see [layers.Weights.Selective]
				last.note(block, r.Mesh.part(v, parts))
			}
			return v
		})
		return b.call(b.call(x, spec), b.device.spec(whole))
	})
}

// departed are the gradients of one block that have gone back in parts: 0 times a number of each device's part, [1,data], and [expert,data] of experts.
type departed struct {
	block         string
	dense, expert *Node
}

func (d *departed) note(block string, zero *Node) {
	if d.block != block {
		*d = departed{block: block}
	}
	if zero.Shape().Dim(0) > 1 {
		d.expert = addOrFirst(d.expert, zero)
	} else {
		d.dense = addOrFirst(d.dense, zero)
	}
}

// before are the gradients of another block that a weight of this one waits for, where devices need not talk for it.
func (d *departed) before(block string, parts axes) (out []*Node) {
	if d.block == block {
		return nil
	}
	if d.dense != nil {
		out = append(out, d.dense)
	}
	if d.expert != nil && parts[0] == "expert" {
		out = append(out, d.expert)
	}
	return out
}

// perDevice takes one number for each device of what layers wait for: of [B], whose rows lie over data and expert, [1,data], of [E,G], as tokens
// lie at their experts, [expert,data].
func (m Mesh) perDevice(tie *Node) *Node {
	dims := tie.Shape().Dimensions
	if len(dims) == 1 {
		tie = Slice(Reshape(tie, m.Data, dims[0]/m.Data), AxisRange(), AxisElem(0))
		return Reshape(tie, 1, m.Data)
	}
	tie = Reshape(tie, m.Expert, dims[0]/m.Expert, m.Data, dims[1]/m.Data)
	return Reshape(Slice(tie, AxisRange(), AxisElem(0), AxisRange(), AxisElem(0)), m.Expert, m.Data)
}

// apart takes the dimensions of a weight apart that lie over experts and data, n of 1 where one does not.
func (m Mesh) apart(x *Node, parts axes) (dims []int) {
	for i, d := range x.Shape().Dimensions {
		n := 1
		if parts[i] == "expert" || parts[i] == "data" {
			n = m.sizes()[parts[i]]
		}
		dims = append(dims, n, d/n)
	}
	return dims
}

// part is 0 times a number of each part of a gradient, [1,data], and [expert,data] of experts.
func (m Mesh) part(x *Node, parts axes) *Node {
	dims := m.apart(x, parts)
	slice, experts := make([]SliceAxisSpec, len(dims)), 1
	for i := range dims {
		slice[i] = AxisElem(0)
		if axis := parts[i/2]; i%2 == 0 && (axis == "expert" || axis == "data") {
			slice[i] = AxisRange()
		}
	}
	if parts[0] == "expert" {
		experts = m.Expert
	}
	zero := Const(x.Graph(), float32(0))
	return StopGradient(Mul(Reshape(toF32(Slice(Reshape(x, dims...), slice...)), experts, m.Data), zero))
}

// waiting is x with zeros, [1,data] or [expert,data], added to its parts.
func (m Mesh) waiting(x *Node, parts axes, zeros ...*Node) *Node {
	dims := m.apart(x, parts)
	y := Reshape(x, dims...)
	for _, zero := range zeros {
		beside := make([]int, len(dims))
		for i := range beside {
			beside[i] = 1
			switch axis := parts[i/2]; {
			case i%2 == 0 && axis == "expert":
				beside[i] = zero.Shape().Dim(0)
			case i%2 == 0 && axis == "data":
				beside[i] = m.Data
			}
		}
		y = Add(y, ConvertDType(Reshape(zero, beside...), x.DType()))
	}
	return Reshape(y, x.Shape().Dimensions...)
}
