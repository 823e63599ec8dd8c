package layers

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// InitKind says how a parameter starts.
type InitKind int

// The ways in which a parameter can start.
const (
	InitZero   InitKind = iota // all zeros
	InitOne                    // all ones
	InitNormal                 // normal with mean 0 and deviation Init.Scale
)

// Init is a parameter's starting value. Scale is the standard deviation of [InitNormal]; the other kinds ignore it.
type Init struct {
	Kind  InitKind
	Scale float64
}

// fanIn is the start of a kernel that sums n inputs: deviation gain/sqrt(n), so that its outputs have gain times the deviation of its
// inputs whatever the width (LeCun et al., Efficient BackProp, 1998).
func fanIn(n int, gain float64) Init { return Init{InitNormal, gain / math.Sqrt(float64(n))} }

// KernelParam declares the kernel of a linear map of x [..,in] to [..,out], started by its fan-in.
func KernelParam(name string, in, out int) Param {
	return Param{Name: name, Dims: []int{in, out}, Init: fanIn(in, 1)}
}

// Param declares one tensor: its name, dimensions, how it starts, whether it is trained.
type Param struct {
	Name   string
	Dims   []int
	Init   Init
	Buffer bool // carried and updated, but not trained by gradients (running statistics)
}

// Size is the number of elements.
func (p Param) Size() int {
	size := 1
	for _, d := range p.Dims {
		size *= d
	}
	return size
}

// Weights gives a layer its parameters by name.
type Weights struct {
	nodes     map[string]*Node
	prefix    string
	compute   dtypes.DType
	selective *selective // nil: all is kept for the backward pass
	fused     *fused     // nil: attention is never the device's own operation
	gather    func(name string, x, tie *Node) *Node
	tie       *Node
}

// NewWeights makes a root over nodes, keyed by full name. [Weights.At] converts what it returns to the type compute.
func NewWeights(nodes map[string]*Node, compute dtypes.DType) Weights {
	return Weights{nodes: nodes, compute: compute}
}

// In returns the weights below a prefix: w.In("layer1.%d", 0).At("conv1.weight") is "layer1.0.conv1.weight".
func (w Weights) In(format string, args ...any) Weights {
	w.prefix += fmt.Sprintf(format, args...) + "."
	return w
}

// At returns the named tensor in the compute type. It panics where there is none, or its dimensions are not dims.
func (w Weights) At(name string, dims ...int) *Node {
	x := ConvertDType(w.F32(name, dims...), w.compute)
	if w.gather != nil {
		return w.gather(w.prefix+name, x, w.tie)
	}
	return x
}

// Gather are the same weights, each of which [Weights.At] gives by way of gather, which fixes where it lies while a layer reads it. Where the
// layers are [Weights.Selective], what they read is gathered again for the backward pass; then tie, along the axes of a batch [B] or of
// experts and groups [E,G], is 0 as soon as the gradient is there, and nil else.
func (w Weights) Gather(gather func(name string, x, tie *Node) *Node) Weights {
	w.gather = gather
	return w
}

// F32 is [Weights.At] without the conversion: the tensor as it is stored.
func (w Weights) F32(name string, dims ...int) *Node {
	full := w.prefix + name
	node, ok := w.nodes[full]
	if !ok {
		exceptions.Panicf("layers: no tensor %q, wanted with shape %v", full, dims)
	}
	if got := node.Shape().Dimensions; !slices.Equal(got, dims) {
		exceptions.Panicf("layers: tensor %q has shape %v, wanted %v", full, got, dims)
	}
	return node
}

// Compute is the type in which layers calculate.
func (w Weights) Compute() dtypes.DType { return w.compute }

// Has tells whether the named tensor exists.
func (w Weights) Has(name string) bool {
	_, ok := w.nodes[w.prefix+name]
	return ok
}
