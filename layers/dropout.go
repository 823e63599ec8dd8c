package layers

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Dropout drops elements of a training step. Its masks are an integer hash of (seed, place, element's index), so they are the same on
// every mesh, need no state, and a resumed run repeats them. A nil *Dropout drops nothing.
type Dropout struct {
	Rate float64 // share of the elements that become zero, 0 <= Rate < 1
	Seed *Node   // uint32 [], a new one each step
	// FirstRow is the place of x's first row in a batch that several processes share, uint32 []; nil is 0.
	FirstRow *Node
}

// Apply returns x with elements dropped and the rest scaled by 1/(1-Rate). place tells one call of a step from another.
func (d *Dropout) Apply(x *Node, place int) *Node {
	if d == nil || d.Rate == 0 {
		return x
	}
	bits := hashBits(d.Seed, d.FirstRow, place, x.Shape().Dimensions...)
	keep := GreaterOrEqual(bits, Const(x.Graph(), uint32(d.Rate*(math.MaxUint32+1.0))))
	return Where(keep, MulScalar(x, 1/(1-d.Rate)), ZerosLike(x))
}

// hashBits is a hash of (seed, place, element's index), uint32 of the given dimensions, whose first row is firstRow of a larger whole; nil is 0.
func hashBits(seed, firstRow *Node, place int, dims ...int) *Node {
	g := seed.Graph()
	key := Hash(BitwiseXor(seed, Const(g, uint32(place+1)*0x9e3779b9)))
	index, stride := Zeros(g, shapes.Make(dtypes.Uint32, dims...)), 1
	for axis := len(dims) - 1; axis >= 0; axis-- {
		index = Add(index, MulScalar(Iota(g, shapes.Make(dtypes.Uint32, dims...), axis), uint32(stride)))
		stride *= dims[axis]
	}
	if firstRow != nil {
		index = Add(index, MulScalar(firstRow, uint32(stride/dims[0])))
	}
	return Hash(Add(index, key))
}

// Uniform draws f32 in [0,1) of the given dimensions, a hash of (seed, place, element's index): seed is a uint32 [], place tells one
// draw of a step from another.
func Uniform(seed *Node, place int, dims ...int) *Node {
	bits := BitwiseShiftRightLogicalScalar(hashBits(seed, nil, place, dims...), uint32(8))
	return MulScalar(ConvertDType(bits, dtypes.Float32), 1.0/(1<<24))
}

// Hash mixes the bits of x, uint32 of any shape (Wellons' lowbias32): neighbouring numbers give unrelated ones.
func Hash(x *Node) *Node {
	x = MulScalar(BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16))), uint32(0x7feb352d))
	x = MulScalar(BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(15))), uint32(0x846ca68b))
	return BitwiseXor(x, BitwiseShiftRightLogicalScalar(x, uint32(16)))
}
