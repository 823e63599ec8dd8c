package layers

import (
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Selective activation checkpointing (Korthikanti et al., arXiv 2205.05198, who make attention's core again; here all that is cheap):
// what the large products give is kept for the backward pass; norms, GELU and attention's scores are made again.
//
// What is made again must wait for the gradient, else the compiler finds that it was made already. XLA's CPU compiler drops barriers, so
// the kept array gets 0 times a slice of a gradient added, which no compiler may leave out. The slice keeps the axes along which a batch is
// split, of a gradient that no other axis splits: then devices need not talk for it.
type selective struct {
	norms map[*Node]recipe // how norms were made, so that a product that reads one makes it again from what the norm read
	tie   *Node            // while gradients are made: 0 times the slice
}

type recipe struct {
	w Weights
	x *Node
	f func(w Weights, x *Node) *Node
}

// Selective are the same weights, whose layers keep for the backward pass what their products give, and make again what lies between.
func (w Weights) Selective() Weights {
	w.selective = &selective{norms: map[*Node]recipe{}}
	return w
}

// norm is f(w, x), x [B,S,D], which the product that reads it makes again.
func (w Weights) norm(x *Node, f func(w Weights, x *Node) *Node) *Node {
	y := w.again(x, 1, f, "")
	if w.selective != nil {
		w.selective.norms[y] = recipe{w, x, f}
	}
	return y
}

// again is f(w, x), where f reads the weights whose names below w begin with one of parts. Of selective weights x alone is kept, or what x
// was normed from: the rest of f is made again when its gradient is wanted. waits is the number of leading axes that the batch is split along
// if nothing else splits f's gradient; 0 waits for the gradient that was waited for last.
func (w Weights) again(x *Node, waits int, f func(w Weights, x *Node) *Node, parts ...string) *Node {
	if w.selective == nil {
		return f(w, x)
	}
	names := w.names(parts)
	made := func(of map[string]*Node, x, tie *Node) *Node { return f(w.over(of, tie), x) }
	if r, ok := w.selective.norms[x]; ok {
		names = append(names, r.w.names([]string{""})...)
		x = r.x
		made = func(of map[string]*Node, x, tie *Node) *Node { return f(w.over(of, tie), r.f(r.w.over(of, tie), x)) }
	}
	inputs := []*Node{x}
	for _, name := range names {
		inputs = append(inputs, w.nodes[name])
	}
	build := func(in []*Node, tie *Node) *Node {
		of := map[string]*Node{}
		for i, name := range names {
			of[name] = in[i+1]
		}
		return made(of, in[0], tie)
	}
	forward := func(in []*Node) *Node { return build(in, nil) }
	return withGradient(inputs, forward, func(in []*Node, _ remade, dy *Node) []*Node {
		if waits > 0 {
			w.selective.waitFor(dy, waits)
		}
		in = append([]*Node{w.selective.tied(in[0])}, in[1:]...)
		return Gradient(ReduceAllSum(Mul(build(in, w.selective.tie), StopGradient(dy))), in...)
	})
}

// arrives is y, whose gradient is what is waited for from then on, as again says.
func (w Weights) arrives(y *Node, waits int) *Node {
	if w.selective == nil {
		return y
	}
	return IdentityWithCustomGradient(y, func(_, dy *Node) *Node {
		w.selective.waitFor(dy, waits)
		return dy
	})
}

func (s *selective) waitFor(dy *Node, axes int) {
	slice := make([]SliceAxisSpec, dy.Rank())
	for i := range slice {
		slice[i] = AxisRange()
		if i >= axes {
			slice[i] = AxisElem(0)
		}
	}
	zero := Const(dy.Graph(), shapes.CastAsDType(0, dy.DType()))
	s.tie = StopGradient(Mul(Reshape(Slice(dy, slice...), dy.Shape().Dimensions[:axes]...), zero))
}

// tied is x as soon as the gradient is there.
func (s *selective) tied(x *Node) *Node {
	dims := slices.Clone(s.tie.Shape().Dimensions)
	for len(dims) < x.Rank() {
		dims = append(dims, 1)
	}
	return Add(x, ConvertDType(Reshape(s.tie, dims...), x.DType()))
}

// over are the weights with other nodes, whose layers keep all.
func (w Weights) over(nodes map[string]*Node, tie *Node) Weights {
	w.nodes, w.selective, w.tie = nodes, nil, tie
	return w
}

// names are the full names of the weights that begin with one of parts below w, in order.
func (w Weights) names(parts []string) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		below, ok := strings.CutPrefix(name, w.prefix)
		if ok && slices.ContainsFunc(parts, func(part string) bool { return strings.HasPrefix(below, part) }) {
			out = append(out, name)
		}
	}
	return out
}
