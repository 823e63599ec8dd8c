package m6

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// constrainer fixes the layout of activations inside a program. GoMLX has no such op, but Shardy takes a call of an identity function
// whose parameter and result carry a layout for one. The gradient is laid out alike.
type constrainer struct {
	device *Device
	calls  int
}

func (c *constrainer) constrain(x *Node, a axes) *Node {
	if c.device.mesh == nil {
		return x
	}
	spec := c.device.spec(a)
	x = IdentityWithCustomGradient(x, func(_, v *Node) *Node { return c.call(v, spec) })
	return c.call(x, spec)
}

func (c *constrainer) call(x *Node, spec *distributed.ShardingSpec) *Node {
	c.calls++
	f := NewFunctionWithSharding(x.Graph(), fmt.Sprintf("constrain_%d", c.calls), func(g *Graph) ([]*Node, []*distributed.ShardingSpec) {
		return []*Node{ShardedParameter(g, "x", x.Shape(), spec)}, []*distributed.ShardingSpec{spec}
	})
	return f.Call(x)[0]
}

// tokens lays out tokens on their way to experts, x [E,G,C,D]: by the groups of the batch, or by expert. The change from one to the
// other is an all-to-all, GShard's (arXiv 2006.16668), where without it every device would gather the experts' weights.
func (c *constrainer) tokens(x *Node, atExperts bool) *Node {
	if groups, n := x.Shape().Dim(1), c.device.shape.Data*c.device.shape.Expert; groups%n != 0 {
		exceptions.Panicf("a batch of %d routing groups does not divide over %d devices of mesh.data and mesh.expert: give a smaller model.group", groups, n)
	}
	if atExperts {
		return c.constrain(x, axes{"expert", "data", "", ""})
	}
	return c.constrain(x, axes{"", batchAxes, "", ""})
}

// Every function that is called here is an identity, so the gradient passes. GoMLX defines none for calls.
func init() {
	VJPRegistration[NodeTypeCall] = func(_ *Node, v []*Node, _ shapes.Shape) []*Node { return slices.Clone(v) }
}
