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
