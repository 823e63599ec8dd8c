package layers

import . "github.com/gomlx/gomlx/core/graph"

// withGradient is forward(inputs), whose gradient with respect to each input is what backward says, given the result's gradient dy;
// a nil gradient leaves the one that GoMLX derives. GoMLX walks the graph from the loss back, so it asks for the result's gradient first:
// there backward is called once, and the inputs find their gradients made. What GoMLX derives beside them is unused, and XLA drops it.
func withGradient(inputs []*Node, forward func(inputs []*Node) *Node, backward func(inputs []*Node, dy *Node) []*Node) *Node {
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
	return IdentityWithCustomGradient(forward(wrapped), func(_, dy *Node) *Node {
		gradients = backward(inputs, dy)
		return dy
	})
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
	return withGradient(inputs, forward, func(_ []*Node, dy *Node) []*Node { return backward(dy) })
}
