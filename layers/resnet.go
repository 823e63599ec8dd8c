package layers

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// ResNet is a residual network (He et al., arXiv 1512.03385) with torchvision's tensor names and mathematics, without its classifier: a
// stem, then stages of residual blocks, each stage coarser than the one before. Weights lie as in PyTorch, [out,in,k,k].
// The zero value is no network: start from [ResNet50] or [ResNetSmall].
type ResNet struct {
	Stem       Stem
	Blocks     []int // residual blocks of each stage
	Widths     []int // channels of the 3x3 convolutions of each stage
	Strides    []int // stride of each stage's first block
	Bottleneck bool  // blocks of 1x1, 3x3 and 1x1 convolutions, the last four times as wide; else of two 3x3 convolutions
}

// Stem is the first convolution, of stride 2, and what follows it.
type Stem struct {
	Width, Kernel int
	Pool          bool // a 3x3 maximum of stride 2
}

// ResNet50 is torchvision's resnet50, with the stride in the 3x3 convolution ("v1.5"): 23.5M parameters, 2048 features at grid 7x7 for
// pictures of 224 pixels.
func ResNet50() ResNet {
	return ResNet{
		Stem:   Stem{Width: 64, Kernel: 7, Pool: true},
		Blocks: []int{3, 4, 6, 3}, Widths: []int{64, 128, 256, 512}, Strides: []int{1, 2, 2, 2}, Bottleneck: true,
	}
}

// ResNetSmall is a network for lessons on a CPU: 0.33M parameters, 96 features at grid 8x8 for pictures of 64 pixels.
func ResNetSmall() ResNet {
	return ResNet{
		Stem:   Stem{Width: 32, Kernel: 5},
		Blocks: []int{1, 1, 1}, Widths: []int{48, 96, 96}, Strides: []int{2, 2, 1},
	}
}

// FeatureSize is the number of channels that a stage gives. Stages count from 1; 0 is the last.
func (r ResNet) FeatureSize(stage int) int {
	if stage == 0 {
		stage = len(r.Blocks)
	}
	return r.Widths[stage-1] * r.expansion()
}

// StageGrid is the side of the grid that a stage gives for pictures of size pixels.
func (r ResNet) StageGrid(stage, size int) int {
	if stage == 0 {
		stage = len(r.Blocks)
	}
	side := half(size)
	if r.Stem.Pool {
		side = half(side)
	}
	for _, stride := range r.Strides[:stage] {
		side = (side-1)/stride + 1
	}
	return side
}

func half(side int) int { return (side + 1) / 2 }

// StageFor is the last stage whose own grid, for pictures of size pixels, is no coarser than grid; stage 1 where none is.
func (r ResNet) StageFor(grid, size int) int {
	for stage := len(r.Blocks); stage > 1; stage-- {
		if r.StageGrid(stage, size) >= grid {
			return stage
		}
	}
	return 1
}

func (r ResNet) expansion() int {
	if r.Bottleneck {
		return 4
	}
	return 1
}

// block is one residual block: its name, and its channels.
type block struct {
	name                    string // "layer1.0."
	in, width, out, stride  int
	bottleneck, hasShortcut bool
}

// blocks lists the residual blocks of stages 1 to last.
func (r ResNet) blocks(last int) []block {
	var all []block
	in := r.Stem.Width
	for s := range last {
		out := r.Widths[s] * r.expansion()
		for i := range r.Blocks[s] {
			b := block{name: fmt.Sprintf("layer%d.%d.", s+1, i), in: in, width: r.Widths[s], out: out, stride: 1, bottleneck: r.Bottleneck}
			if i == 0 {
				b.stride = r.Strides[s]
			}
			b.hasShortcut = b.stride != 1 || in != out
			all, in = append(all, b), out
		}
	}
	return all
}

// Params declares every tensor, with prefix before torchvision's names. Convolutions start as torchvision's do (Kaiming normal, fan out).
func (r ResNet) Params(prefix string) []Param {
	params := convParams(prefix, "conv1", "bn1", [3]int{r.Stem.Width, 3, r.Stem.Kernel})
	for _, b := range r.blocks(len(r.Blocks)) {
		name := prefix + b.name
		if b.bottleneck {
			params = append(params, convParams(name, "conv1", "bn1", [3]int{b.width, b.in, 1})...)
			params = append(params, convParams(name, "conv2", "bn2", [3]int{b.width, b.width, 3})...)
			params = append(params, convParams(name, "conv3", "bn3", [3]int{b.out, b.width, 1})...)
		} else {
			params = append(params, convParams(name, "conv1", "bn1", [3]int{b.width, b.in, 3})...)
			params = append(params, convParams(name, "conv2", "bn2", [3]int{b.out, b.width, 3})...)
		}
		if b.hasShortcut {
			params = append(params, convParams(name, "downsample.0", "downsample.1", [3]int{b.out, b.in, 1})...)
		}
	}
	return params
}

// convParams declares a convolution of shape (out, in, kernel) and its batch norm.
func convParams(prefix, conv, norm string, shape [3]int) []Param {
	out, in, k := shape[0], shape[1], shape[2]
	weight := Param{
		Name: prefix + conv + ".weight", Dims: []int{out, in, k, k},
		Init: Init{InitNormal, math.Sqrt(2 / float64(out*k*k))},
	}
	return append([]Param{weight}, BatchNormParams(prefix+norm+".", out)...)
}

// ResNetOptions says which features are wanted.
type ResNetOptions struct {
	Grid     int  // side of the grid of features; 0 is the stage's own
	Stage    int  // the stage they are taken from, from 1; 0 is [ResNet.StageFor] the grid
	Training bool // batch norm by the batch's statistics, and new running statistics
}

// Features is the grid of features of pixels [B,H,W,3], normalised by ImageNet's mean and deviation: [B,grid*grid,X], row by row. A grid
// other than the stage's own is pooled as PyTorch's AdaptiveAvgPool2d pools. In training, updated holds the new running statistics by name,
// below w's prefix; else it is nil.
func (r ResNet) Features(w Weights, pixels *Node, o ResNetOptions) (features *Node, updated map[string]*Node) {
	pixels.AssertDims(-1, -1, -1, 3)
	stage := r.stage(pixels, o)
	n := network{w: w, training: o.Training}
	if o.Training {
		n.updated = map[string]*Node{}
	}
	x := n.convNorm("", "conv1", "bn1", convShape{pixels, r.Stem.Width, r.Stem.Kernel, 2})
	x = relu(x)
	if r.Stem.Pool {
		x = MaxPool(x).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
	}
	for _, b := range r.blocks(stage) {
		x = n.block(b, x)
	}
	return gridMean(x, o.Grid), n.updated
}

func (r ResNet) stage(pixels *Node, o ResNetOptions) int {
	if o.Stage < 0 || o.Stage > len(r.Blocks) {
		exceptions.Panicf("layers: residual network has no stage %d: want 1 to %d, or 0 for the grid's", o.Stage, len(r.Blocks))
	}
	if o.Stage > 0 {
		return o.Stage
	}
	return r.StageFor(o.Grid, min(pixels.Shape().Dim(1), pixels.Shape().Dim(2)))
}

// network builds one forward pass.
type network struct {
	w        Weights
	training bool
	updated  map[string]*Node
}

// block is one residual block, x [B,H,W,in] to [B,H/stride,W/stride,out].
func (n network) block(b block, x *Node) *Node {
	y := x
	if b.bottleneck {
		y = relu(n.convNorm(b.name, "conv1", "bn1", convShape{y, b.width, 1, 1}))
		y = relu(n.convNorm(b.name, "conv2", "bn2", convShape{y, b.width, 3, b.stride}))
		y = n.convNorm(b.name, "conv3", "bn3", convShape{y, b.out, 1, 1})
	} else {
		y = relu(n.convNorm(b.name, "conv1", "bn1", convShape{y, b.width, 3, b.stride}))
		y = n.convNorm(b.name, "conv2", "bn2", convShape{y, b.out, 3, 1})
	}
	if b.hasShortcut {
		x = n.convNorm(b.name, "downsample.0", "downsample.1", convShape{x, b.out, 1, b.stride})
	}
	return relu(Add(x, y))
}

// convShape is a convolution's input [B,H,W,in], and its output channels, kernel and stride.
type convShape struct {
	x                   *Node
	out, kernel, stride int
}

// convNorm is a convolution and its batch norm.
func (n network) convNorm(prefix, conv, norm string, s convShape) *Node {
	weight := n.w.At(prefix+conv+".weight", s.out, s.x.Shape().Dim(3), s.kernel, s.kernel)
	name := prefix + norm
	y, statistics := BatchNorm(n.w.In("%s", name), convolution(s.x, weight, s.stride), n.training)
	if n.training {
		n.updated[name+".running_mean"], n.updated[name+".running_var"] = statistics.Mean, statistics.Variance
	}
	return y
}

func relu(x *Node) *Node { return MaxScalar(x, 0.0) }

// gridMean averages x [B,H,W,X] over a grid of cells, [B,grid*grid,X]. Cell i of an axis of n covers ⌊i·n/grid⌋ to ⌈(i+1)·n/grid⌉, so cells
// may overlap, as PyTorch's do. Grid 0 keeps every position.
func gridMean(x *Node, grid int) *Node {
	dims := x.Shape().Dimensions
	batch, height, width, channels := dims[0], dims[1], dims[2], dims[3]
	x = Reshape(x, batch, height*width, channels)
	if grid == 0 || grid == height && grid == width {
		return x
	}
	cells := make([][]float32, grid*grid)
	for i := range cells {
		cells[i] = make([]float32, height*width)
		top, bottom := cell(i/grid, height, grid)
		left, right := cell(i%grid, width, grid)
		for y := top; y < bottom; y++ {
			row := cells[i][y*width : (y+1)*width]
			copy(row[left:right], slices.Repeat([]float32{1 / float32((bottom-top)*(right-left))}, right-left))
		}
	}
	mean := ConvertDType(Const(x.Graph(), cells), x.DType())
	return TransposeAllAxes(EinsumAxes(mean, x, [][2]int{{1, 1}}, nil), 1, 0, 2) // [cells,B,X] -> [B,cells,X]
}

// cell is the range of an axis of n that cell i covers.
func cell(i, n, grid int) (from, to int) { return i * n / grid, ((i+1)*n + grid - 1) / grid }
