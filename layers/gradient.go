package layers

import . "github.com/gomlx/gomlx/core/graph"

// withGradient is forward(inputs), whose gradient with respect to each input is what backward says, given the result's gradient dy;
// a nil gradient leaves the one that GoMLX derives. GoMLX walks the graph from the loss back, so it asks for the result's gradient first:
// there backward is called once, and the inputs find their gradients made. What GoMLX derives beside them is unused, and XLA drops it.
//
// Under activation checkpointing the forward pass is made again for the backward one, which is given the new inputs; again gives the new value
// of whatever forward made of them. What it reads in another way is kept from the forward pass.
func withGradient(inputs []*Node, forward func(in []*Node) *Node, backward func(in []*Node, again remade, dy *Node) []*Node) *Node {
	var gradients []*Node
	wrapped := make([]*Node, len(inputs))
	for i, x := range inputs {
		wrapped[i] = IdentityWithCustomGradient(x, func(_, derived *Node) *Node {
			if gradients[i] == nil {
				return derived
			}
			return gradients[i]
		})
	}
	y := forward(wrapped)
	return IdentityWithCustomGradient(y, func(now, dy *Node) *Node {
		made := map[*Node]*Node{}
		for _, x := range wrapped {
			made[x] = nil // where the walk ends
		}
		pair(y, now.Inputs()[0], made)
		again := func(n *Node) *Node {
			if now := made[n]; now != nil {
				return now
			}
			return n
		}
		in := make([]*Node, len(wrapped))
		for i, x := range wrapped {
			in[i] = again(x)
		}
		gradients = backward(in, again, dy)
		return dy
	})
}

// remade gives the value of a node of the forward pass in the backward one.
type remade func(*Node) *Node

// pair walks a node and its copy, and notes the copy of each node that it was made of, back to those that made has already or to where
// copying began.
func pair(node, again *Node, made map[*Node]*Node) {
	old, seen := made[node]
	if node == again || node.Type() != again.Type() || seen && old != nil {
		return
	}
	made[node] = again
	if seen {
		return
	}
	for i, input := range node.Inputs() {
		pair(input, again.Inputs()[i], made)
	}
}

// givenGradient is value, made without a gradient, with the gradient with respect to each input that backward says. To GoMLX it seems to
// depend on an element of each input, which XLA drops.
func givenGradient(value *Node, inputs []*Node, backward func(dy *Node) []*Node) *Node {
	forward := func(in []*Node) *Node {
		var elements *Node
		for _, x := range in {
			first := make([]SliceAxisSpec, x.Rank())
			for i := range first {
				first[i] = AxisElem(0)
			}
			element := ConvertDType(Reshape(Slice(x, first...)), value.DType())
			if elements != nil {
				element = Add(elements, element)
			}
			elements = element
		}
		return Where(Const(value.Graph(), false), elements, value)
	}
	return withGradient(inputs, forward, func(_ []*Node, _ remade, dy *Node) []*Node { return backward(dy) })
}
