package layers

import . "github.com/gomlx/gomlx/core/graph"

// winograd is a 3x3 convolution of stride 1 and padding 1 by Winograd's algorithm F(4x4,3x3) (Lavin and Gray, arXiv 1509.09308): tiles of
// 4x4 results take 36 multiplications for a pair of channels, where direct takes 144. x [B,H,W,C] and weight [O,C,3,3] to [B,H,W,O].
//
// The transforms of all tiles of an axis are one matrix, borders and overlaps included, so forward and backward are matrix products alone.
// Dimensions: p, q index the 6x6 products of a tile, t, s the tiles of both axes.
func winograd(x, weight *Node) *Node {
	dims := x.Shape().Dimensions
	batch, height, width, in, out := dims[0], dims[1], dims[2], dims[3], weight.Shape().Dim(0)
	rows, columns := tile(height), tile(width)

	x = TransposeAllAxes(x, 1, 2, 0, 3) // [B,H,W,C] -> [H,W,B,C]
	x = leading(rows.input, x)
	x = second(columns.input, x) // [pt,qs,B,C]
	x = Reshape(x, tileProducts, rows.tiles, tileProducts, columns.tiles, batch, in)
	x = TransposeAllAxes(x, 0, 2, 1, 3, 4, 5)                                              // [p,t,q,s,B,C] -> [p,q,t,s,B,C]
	y := EinsumAxes(x, kernelProducts(weight), [][2]int{{5, 2}}, [][2]int{{0, 0}, {1, 1}}) // [p,q,t,s,B,O]
	y = TransposeAllAxes(y, 0, 2, 1, 3, 4, 5)                                              // -> [p,t,q,s,B,O]
	y = Reshape(y, tileProducts*rows.tiles, tileProducts*columns.tiles, batch, out)
	y = second(columns.output, y)
	y = leading(rows.output, y)
	return TransposeAllAxes(y, 2, 0, 1, 3) // [H,W,B,O] -> [B,H,W,O]
}

// leading is matrix [M][N] times the first axis of x [N,...]. Its gradient has the same form with the matrix transposed, where the derived one
// would turn x around.
func leading(matrix [][]float32, x *Node) *Node {
	product := func(matrix [][]float32, x *Node) *Node {
		return EinsumAxes(Const(x.Graph(), matrix), x, [][2]int{{1, 0}}, nil)
	}
	return withGradient([]*Node{x},
		func(in []*Node) *Node { return product(matrix, in[0]) },
		func(_ []*Node, _ remade, dy *Node) []*Node { return []*Node{product(transposed(matrix), dy)} })
}

// second is matrix [M][N] times the second axis of x [L,N,...].
func second(matrix [][]float32, x *Node) *Node {
	product := func(matrix [][]float32, x *Node) *Node {
		m := BroadcastToDims(ExpandAxes(Const(x.Graph(), matrix), 0), x.Shape().Dim(0), len(matrix), len(matrix[0]))
		return EinsumAxes(m, x, [][2]int{{2, 1}}, [][2]int{{0, 0}})
	}
	return withGradient([]*Node{x},
		func(in []*Node) *Node { return product(matrix, in[0]) },
		func(_ []*Node, _ remade, dy *Node) []*Node { return []*Node{product(transposed(matrix), dy)} })
}

func transposed(m [][]float32) [][]float32 {
	t := zeros(len(m[0]), len(m))
	for i, row := range m {
		for j, v := range row {
			t[j][i] = v
		}
	}
	return t
}

// kernelProducts transforms weight [O,C,3,3] to its factors [p,q,C,O] of the tile's products.
func kernelProducts(weight *Node) *Node {
	u := TransposeAllAxes(weight, 2, 3, 1, 0) // [O,C,3,3] -> [3,3,C,O]
	return second(winogradKernel, leading(winogradKernel, u))
}

const (
	tileProducts = 6 // of a tile along one axis
	tileResults  = 4
)

// The transforms of one tile along one axis for the points 0, 1, -1, 1/2, -2 and infinity, which round several times less than the usual
// 0, ±1, ±2 (Barabasz and others, arXiv 1803.10986): y = output·(kernel·g ⊙ input·x) for six values x, three taps g and four results y.
var (
	winogradInput = [][]float32{
		{1, -1.5, -2, 1.5, 1, 0}, {0, -1, 0.5, 2.5, 1, 0}, {0, 1, -2.5, 0.5, 1, 0},
		{0, -2, -1, 2, 1, 0}, {0, 0.5, -1, -0.5, 1, 0}, {0, 1, -1.5, -2, 1.5, 1},
	}
	winogradKernel = [][]float32{
		{1, 0, 0}, {1. / 3, 1. / 3, 1. / 3}, {-1. / 3, 1. / 3, -1. / 3},
		{-16. / 15, -8. / 15, -4. / 15}, {1. / 15, -2. / 15, 4. / 15}, {0, 0, 1},
	}
	winogradOutput = [][]float32{
		{1, 1, 1, 1, 1, 0}, {0, 1, -1, 0.5, -2, 0}, {0, 1, 1, 0.25, 4, 0}, {0, 1, -1, 0.125, -8, 1},
	}
)

// tiling is the transform of all tiles of an axis of n values: input [pt,n] and output [n,pt].
type tiling struct {
	tiles         int
	input, output [][]float32
}

func tile(n int) tiling {
	tiles := (n + tileResults - 1) / tileResults
	a := tiling{tiles: tiles, input: zeros(tileProducts*tiles, n), output: zeros(n, tileProducts*tiles)}
	for p := range tileProducts {
		for t := range tiles {
			row := p*tiles + t
			first := t*tileResults - 1 // padding 1
			for i := max(0, -first); i < tileProducts && first+i < n; i++ {
				a.input[row][first+i] = winogradInput[p][i]
			}
			for i := 0; i < tileResults && t*tileResults+i < n; i++ {
				a.output[t*tileResults+i][row] = winogradOutput[i][p]
			}
		}
	}
	return a
}

func zeros(rows, columns int) [][]float32 {
	m := make([][]float32, rows)
	for i := range m {
		m[i] = make([]float32, columns)
	}
	return m
}
