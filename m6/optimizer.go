package m6

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// moment is a tensor that an optimizer keeps for a parameter.
type moment struct {
	suffix string // after the optimizer's name: "adamw.m:" + parameter
	dims   []int
	axes   axes
}

// optimizer is an update rule as graph code.
type optimizer interface {
	// moments lists what is kept for a parameter that lies over the mesh by a.
	moments(p layers.Param, a axes, data int) []moment
	// renew returns the new moments, given the old ones.
	renew(u update) []*Node
	// apply returns the new parameter, given the new moments.
	apply(u update) *Node
}

// update is what an optimizer works on for one parameter. count is the number of this update, from 1; rate the learning rate; both f32 [].
type update struct {
	name                     string
	param, grad, count, rate *Node
	moments                  []*Node
}

func (t Train) optimizer() optimizer {
	if t.Optimizer == "adafactor" {
		return adafactor{t}
	}
	return adamW{t}
}

// decays tells whether a parameter decays: kernels and embeddings do, biases and norms do not (DECISIONS.md#8).
func decays(name string) bool {
	return !strings.HasSuffix(name, "bias") && !strings.HasSuffix(name, "scale") && !strings.Contains(name, "bn") && !strings.Contains(name, "downsample.1.")
}

// decayed is param scaled down by rate*weightDecay, where it decays.
func (t Train) decayed(u update) *Node {
	if t.WeightDecay == 0 || !decays(u.name) {
		return u.param
	}
	return Mul(u.param, OneMinus(MulScalar(u.rate, t.WeightDecay)))
}

// adamW is Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).
type adamW struct{ Train }

func (o adamW) moments(p layers.Param, a axes, data int) []moment {
	a = momentLayout(a, p.Dims, data)
	return []moment{{"adamw.m:", p.Dims, a}, {"adamw.v:", p.Dims, a}}
}

func (o adamW) renew(u update) []*Node {
	m := Add(MulScalar(u.moments[0], o.Beta1), MulScalar(u.grad, 1-o.Beta1))
	v := Add(MulScalar(u.moments[1], o.Beta2), MulScalar(Square(u.grad), 1-o.Beta2))
	return []*Node{m, v}
}

func (o adamW) apply(u update) *Node {
	g, m, v := u.count.Graph(), u.moments[0], u.moments[1]
	bias1 := OneMinus(Pow(Scalar(g, dtypes.Float32, o.Beta1), u.count))
	bias2 := OneMinus(Pow(Scalar(g, dtypes.Float32, o.Beta2), u.count))
	step := Div(Div(m, bias1), AddScalar(Sqrt(Div(v, bias2)), o.Epsilon))
	return Sub(o.decayed(u), Mul(step, u.rate))
}

// adafactor keeps a row and a column of second moments for a matrix (Shazeer and Stern, arXiv 1804.04235): no first moment, decay
// 1-t^-0.8, update clipped at 1, steps scaled by the parameter's own size. The last two dimensions are the matrix.
type adafactor struct{ Train }

const (
	adafactorDecay = 0.8
	adafactorClip  = 1.0
	adafactorEps1  = 1e-30
	adafactorEps2  = 1e-3
)

func (o adafactor) moments(p layers.Param, a axes, data int) []moment {
	n := len(p.Dims)
	if n < 2 {
		return []moment{{"adafactor.v:", p.Dims, a}}
	}
	column := append(append([]int{}, p.Dims[:n-2]...), p.Dims[n-1])
	columnAxes := append(append(axes{}, a[:n-2]...), a[n-1])
	return []moment{{"adafactor.row:", p.Dims[:n-1], a[:n-1]}, {"adafactor.column:", column, columnAxes}}
}

func (o adafactor) renew(u update) []*Node {
	decay := OneMinus(Pow(u.count, Scalar(u.count.Graph(), dtypes.Float32, -adafactorDecay)))
	average := func(old, now *Node) *Node { return Add(Mul(old, decay), Mul(now, OneMinus(decay))) }
	square := AddScalar(Square(u.grad), adafactorEps1)
	if u.param.Rank() < 2 {
		return []*Node{average(u.moments[0], square)}
	}
	return []*Node{average(u.moments[0], ReduceMean(square, -1)), average(u.moments[1], ReduceMean(square, -2))}
}

func (o adafactor) apply(u update) *Node {
	second := u.moments[0]
	if u.param.Rank() >= 2 {
		row, column := u.moments[0], u.moments[1]
		second = Mul(ExpandAxes(Div(row, ReduceAndKeep(row, ReduceMean, -1)), -1), ExpandAxes(column, -2))
	}
	step := Div(u.grad, Sqrt(second))
	step = Div(step, MaxScalar(DivScalar(rms(step), adafactorClip), 1.0))
	scale := MaxScalar(rms(u.param), adafactorEps2)
	return Sub(o.decayed(u), Mul(step, Mul(scale, u.rate)))
}

func rms(x *Node) *Node { return Sqrt(ReduceAllMean(Square(x))) }

// globalNorm is the norm of all gradients together, f32 [].
func globalNorm(grads []*Node, lies []axes, mesh Mesh) *Node {
	sums := map[string][]*Node{} // by the axes that a gradient is split over
	for i, g := range grads {
		key, sum := partialSums(Square(g), lies[i], mesh)
		sums[key] = append(sums[key], sum)
	}
	var all *Node
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		// Side by side: a chain of additions costs XLA's compiler a round of simplifications for each link.
		all = addOrFirst(all, ReduceAllSum(Stack(sums[key], 0)))
	}
	return Sqrt(all)
}

// partialSums sums x on each device by itself: one number for each device that holds a part of it, along the axes that it is split over, which
// key names in order. So devices sum up together once for all gradients, where each gradient would have them do it for itself.
func partialSums(x *Node, a axes, mesh Mesh) (key string, sums *Node) {
	devices := mesh.sizes()
	var dims, over []int // of x with its split dimensions taken apart, and those of them to sum
	split := map[string]int{}
	for i, d := range x.Shape().Dimensions {
		if parts := devices[a[i]]; parts > 1 {
			split[a[i]] = len(split)
			dims = append(dims, parts)
			d /= parts
		}
		over = append(over, len(dims))
		dims = append(dims, d)
	}
	if len(dims) > 0 {
		x = ReduceSum(Reshape(x, dims...), over...)
	}
	names := slices.Sorted(maps.Keys(split))
	order := make([]int, len(names))
	for i, name := range names {
		order[i] = split[name]
	}
	if len(order) > 1 {
		x = TransposeAllAxes(x, order...)
	}
	return strings.Join(names, "+"), x
}

// clipped scales a gradient so that the norm of all together is at most limit; 0 is no limit.
func clipped(grad, norm *Node, limit float64) *Node {
	if limit <= 0 || math.IsInf(limit, 1) {
		return grad
	}
	return Mul(grad, MinScalar(Div(Scalar(norm.Graph(), dtypes.Float32, limit), MaxScalar(norm, 1e-30)), 1.0))
}
