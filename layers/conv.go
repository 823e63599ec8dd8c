package layers

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// convolution is PyTorch's Conv2d without bias and with padding k/2: x [B,H,W,C] and weight [O,C,k,k], k odd, to [B,⌈H/stride⌉,⌈W/stride⌉,O].
// How it is computed is chosen for XLA's CPU, whose own convolution gradients run on one core: 1x1 kernels are matrix products, 3x3 kernels
// of stride 1 Winograd's algorithm where that pays, and the rest XLA's convolution with a weight gradient of matrix products.
func convolution(x, weight *Node, stride int) *Node {
	kernel := weight.Shape().Dim(2)
	switch {
	case kernel == 1:
		return pointwise(x, weight, stride)
	case kernel == 3 && stride == 1 && winogradPays(x, weight):
		return winograd(x, weight)
	case onCPU(x.Graph()):
		return withGradient([]*Node{x, weight},
			func(in []*Node) *Node { return direct(in[0], in[1], stride) },
			func(in []*Node, _ remade, dy *Node) []*Node {
				return []*Node{nil, weightGradient(in[0], in[1], dy, stride)}
			})
	}
	return direct(x, weight, stride)
}

// pointwise is a 1x1 convolution as a matrix product.
func pointwise(x, weight *Node, stride int) *Node {
	if stride > 1 {
		x = Slice(x, AxisRange(), AxisRange().Stride(stride), AxisRange().Stride(stride))
	}
	out, in := weight.Shape().Dim(0), weight.Shape().Dim(1)
	return EinsumAxes(x, Reshape(weight, out, in), [][2]int{{3, 1}}, nil)
}

// direct is XLA's convolution.
func direct(x, weight *Node, stride int) *Node {
	pad := weight.Shape().Dim(2) / 2
	hwio := TransposeAllAxes(weight, 2, 3, 1, 0) // [O,C,k,k] -> [k,k,C,O]
	return Convolve(x, hwio).Strides(stride).PaddingPerDim([][2]int{{pad, pad}, {pad, pad}}).Done()
}

// weightGradient is the gradient [O,C,k,k] of direct with respect to its weight, for dy [B,H',W',O]: one matrix product for each of the
// kernel's positions, or, for a few channels such as a picture's three, one product for all.
func weightGradient(x, weight, dy *Node, stride int) *Node {
	channels, kernel := weight.Shape().Dim(1), weight.Shape().Dim(2)
	if channels <= 4 {
		return stemGradient(x, weight, dy, stride)
	}
	pad := kernel / 2
	x = padAxes(x, 1, pad)
	var positions []*Node
	for i := range kernel {
		for j := range kernel {
			part := Slice(x, AxisRange(), window(i, dy.Shape().Dim(1), stride), window(j, dy.Shape().Dim(2), stride))
			positions = append(positions, EinsumAxes(dy, part, [][2]int{{0, 0}, {1, 1}, {2, 2}}, nil)) // [O,C]
		}
	}
	return Reshape(Stack(positions, 2), weight.Shape().Dimensions...) // k*k of [O,C] -> [O,C,k,k]
}

// stemGradient is weightGradient for few channels. They lie outermost, so that runs of pixels are copied and not single ones.
func stemGradient(x, weight, dy *Node, stride int) *Node {
	kernel := weight.Shape().Dim(2)
	x = padAxes(TransposeAllAxes(x, 3, 1, 2, 0), 1, kernel/2) // [B,H,W,C] -> [C,H,W,B]
	dy = TransposeAllAxes(dy, 1, 2, 0, 3)                     // [B,H',W',O] -> [H',W',B,O]
	var positions []*Node
	for i := range kernel {
		for j := range kernel {
			positions = append(positions, Slice(x, AxisRange(), window(i, dy.Shape().Dim(0), stride), window(j, dy.Shape().Dim(1), stride)))
		}
	}
	gradient := EinsumAxes(Stack(positions, 0), dy, [][2]int{{2, 0}, {3, 1}, {4, 2}}, nil) // [k*k,C,O]
	return Reshape(TransposeAllAxes(gradient, 2, 1, 0), weight.Shape().Dimensions...)      // [k*k,C,O] -> [O,C,k,k]
}

// padAxes puts n zeros on both sides of axis and of the next one.
func padAxes(x *Node, axis, n int) *Node {
	config := make([]PadAxis, x.Rank())
	config[axis], config[axis+1] = PadAxis{Start: n, End: n}, PadAxis{Start: n, End: n}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), config...)
}

// window is the padded input of one kernel position i at size output positions.
func window(i, size, stride int) SliceAxisSpec {
	return AxisRange(i, i+(size-1)*stride+1).Stride(stride)
}

// winogradPays tells whether winograd is less work than direct: its transforms are dense in the picture's side, so it wants many channels
// for that side. In less than single precision it would lose too much.
func winogradPays(x, weight *Node) bool {
	side := max(x.Shape().Dim(1), x.Shape().Dim(2))
	channels := min(weight.Shape().Dim(0), weight.Shape().Dim(1))
	return x.DType() == dtypes.Float32 && onCPU(x.Graph()) && 2*side <= channels
}
