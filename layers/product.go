package layers

import (
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// product is Einsum(equation, x, w), each letter of which stands in two of its three parts, or in all of them.
//
// The gradient that GoMLX derives of a bf16 product is an f32 one, of operands that are converted. XLA's CPU compiler goes by way of f32
// anyway; on GPUs it took twice as long as one of bf16, which sums in f32 as well (m6/LOG.md).
func product(equation string, x, w *Node) *Node {
	if x.DType() == dtypes.BFloat16 && onGPU(x.Graph()) {
		return narrowProduct(equation, x, w)
	}
	return Einsum(equation, x, w)
}

// narrowProduct is product, whose gradients are products in the type of x and w.
func narrowProduct(equation string, x, w *Node) *Node {
	operands, out, _ := strings.Cut(equation, "->")
	left, right, _ := strings.Cut(operands, ",")
	return withGradient([]*Node{x, w},
		func(in []*Node) *Node { return Einsum(equation, in[0], in[1]) },
		func(in []*Node, _ remade, dy *Node) []*Node {
			return []*Node{Einsum(out+","+right+"->"+left, dy, in[1]), Einsum(left+","+out+"->"+right, in[0], dy)}
		})
}

// IsGPU tells NVIDIA's GPUs from processors and from the Go backend.
func IsGPU(b compute.Backend) bool { return strings.Contains(strings.ToLower(b.Description()), "cuda") }

func onGPU(g *Graph) bool { return IsGPU(g.Backend()) }

// onCPU tells XLA's CPU from GPUs and from the Go backend.
func onCPU(g *Graph) bool {
	return strings.HasPrefix(strings.ToLower(g.Backend().Description()), "xla:") && !onGPU(g)
}
