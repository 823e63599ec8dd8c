package m6

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// constrain fixes the layout of an activation inside a program. GoMLX has no such op, but Shardy takes a call of an identity function
// whose parameter and result carry a layout for one. The gradient is laid out alike.
func (b *builder) constrain(x *Node, a axes) *Node {
	if b.device.mesh == nil {
		return x
	}
	spec := b.device.spec(a)
	x = IdentityWithCustomGradient(x, func(_, v *Node) *Node { return b.call(v, spec) })
	return b.call(x, spec)
}

func (b *builder) call(x *Node, spec *distributed.ShardingSpec) *Node {
	b.constraints++
	f := NewFunctionWithSharding(x.Graph(), fmt.Sprintf("constrain_%d", b.constraints), func(g *Graph) ([]*Node, []*distributed.ShardingSpec) {
		return []*Node{ShardedParameter(g, "x", x.Shape(), spec)}, []*distributed.ShardingSpec{spec}
	})
	return f.Call(x)[0]
}

// rows lays out x [B,S,D] by the rows of the batch: without it the layout of a weight's moments may spread to activations.
func (b *builder) rows(x *Node) *Node { return b.constrain(x, axes{batchAxes, "", ""}) }

// columns lays out ids [B,L] and the gradient dy [B,L,D] of what they found as an embedding's moments lie, by columns: devices exchange those
// of their rows, where else each would make a whole table of gradients and all sum them up.
func (b *builder) columns(ids, dy *Node) (*Node, *Node) {
	if !b.device.shape.spreadsColumns(dy.Shape().Dim(-1)) {
		return ids, dy
	}
	return b.constrain(ids, axes{"", ""}), b.constrain(dy, axes{"", "", "data"})
}

// tokens lays out tokens on their way to experts, x [E,G,C,D]: by the groups of the batch, or by expert. The change from one to the
// other is an all-to-all, GShard's (arXiv 2006.16668), where without it every device would gather the experts' weights.
func (b *builder) tokens(x *Node, atExperts bool) *Node {
	if groups, n := x.Shape().Dim(1), b.device.shape.Data*b.device.shape.Expert; groups%n != 0 {
		exceptions.Panicf("a batch of %d routing groups does not divide over %d devices of mesh.data and mesh.expert: give a smaller model.group", groups, n)
	}
	if atExperts {
		return b.constrain(x, axes{"expert", "data", "", ""})
	}
	return b.constrain(x, axes{"", batchAxes, "", ""})
}

// Every function that is called here is an identity, so the gradient passes. GoMLX defines none for calls.
func init() {
	VJPRegistration[NodeTypeCall] = func(_ *Node, v []*Node, _ shapes.Shape) []*Node { return slices.Clone(v) }
}
