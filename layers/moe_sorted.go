package layers

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// sorted runs every made choice's expert, however many choose it, x [G,N,D] to [G,N,D]: the choices are sorted by expert, and a loop
// takes blocks of them, each of one expert, whose weights it cuts from the stack. It runs over Σ ceil(choices of e / block) blocks, so the
// work follows the choices and the experts that are chosen, never experts times tokens. It has no gradient.
func sorted(w Weights, x *Node, c choices, o MoEOptions) *Node {
	g := x.Graph()
	G, N, D := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	k := c.expert.Shape().Dim(1)
	Q := k * G * N
	one := func(x *Node) *Node { return Reshape(TransposeAllAxes(x, 1, 0, 2), 1, k, G*N) } // all groups are one here
	expert, choice, _ := byExpert(choices{expert: one(c.expert), made: one(c.made)}, o.Experts)
	block := min(Q, max(8, min(256, (Q+o.Experts-1)/o.Experts)))
	xs := take(Reshape(x, 1, G*N, D), ModScalar(choice, int32(G*N)))
	tail := Zeros(g, shapes.Make(x.DType(), block, D)) // the last block may reach over the end
	xs = Concatenate([]*Node{Reshape(xs, Q, D), tail}, 0)
	ends := Concatenate([]*Node{Reshape(expert, Q), FillScalar(g, intShape(block), float64(o.Experts))}, 0)
	ys := blocks(w.In("experts"), xs, ends, block, o) // [Q+block,D], sorted by expert

	place := Scatter(ExpandAxes(Reshape(choice, Q), -1), Iota(g, intShape(Q), 0), intShape(Q), false, true)
	y := Reshape(Gather(ys, ExpandAxes(place, -1)), k, G*N, D)
	gate := Reshape(one(Where(c.made, c.gate, ZerosLike(c.gate))), k, G*N, 1)
	return Reshape(ReduceSum(Mul(y, ConvertDType(gate, x.DType())), 0), G, N, D)
}

// blocks is the loop: xs [Q+block,D] sorted by expert int32 [Q+block], to what their experts give. Each turn goes on behind the places of
// its own expert; what it writes there of others is overwritten by the next one.
func blocks(w Weights, xs, expert *Node, block int, o MoEOptions) *Node {
	g := xs.Graph()
	D := xs.Shape().Dim(1)
	carried := []*Node{
		Const(g, int32(0)), ZerosLike(xs), xs, expert, w.At("in.kernel", o.Experts, D, o.Hidden), w.At("in.bias", o.Experts, o.Hidden),
		w.At("out.kernel", o.Experts, o.Hidden, D), w.At("out.bias", o.Experts, D),
	}
	at := func(c []*Node) (zero, first *Node) {
		zero = Const(c[0].Graph(), int32(0))
		return zero, Reshape(DynamicSlice(c[3], []*Node{c[0]}, []int{1}))
	}
	more := NewClosure(g, func(gr *Graph) []*Node {
		c := Carried(gr, carried)
		_, first := at(c)
		return []*Node{LessThan(first, Const(gr, int32(o.Experts)))}
	})
	body := NewClosure(g, func(gr *Graph) []*Node {
		c := Carried(gr, carried)
		zero, e := at(c)
		kernel := func(stack *Node) *Node {
			dims := append([]int{1}, stack.Shape().Dimensions[1:]...)
			starts := []*Node{e, zero, zero}
			return Reshape(DynamicSlice(stack, starts[:len(dims)], dims), dims[1:]...)
		}
		h := DynamicSlice(c[2], []*Node{c[0], zero}, []int{block, D})
		y := Dense(GELU(Dense(h, kernel(c[4]), kernel(c[5]))), kernel(c[6]), kernel(c[7]))
		c[1] = DynamicUpdateSlice(c[1], y, []*Node{c[0], zero})
		same := ConvertDType(Equal(DynamicSlice(c[3], []*Node{c[0]}, []int{block}), e), dtypes.Float32)
		// A product, since a kind of reduction that the program uses outside of a loop cannot be used inside.
		c[0] = Add(c[0], ConvertDType(Dot(same, same).Product(), dtypes.Int32))
		return c
	})
	return While(more, body, carried...)[1]
}
