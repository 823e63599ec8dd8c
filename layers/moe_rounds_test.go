package layers

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// TestRounds: tokens that travel to their experts in rounds get what a loop over blocks of sorted ones gives them, however uneven the loads: all
// on one expert, many experts without a token, padding.
func TestRounds(t *testing.T) {
	const rows, length, width, hidden = 4, 11, 6, 5
	for _, c := range []struct {
		experts, k, group int
		router            Router
		skew              float64
	}{
		{4, 2, 0, RouterTop2, 0}, {4, 1, 22, RouterTop1, 30}, {64, 2, 44, RouterTop2, 1}, {6, 2, 5, RouterPrototypes, 3},
	} {
		r := rand.New(rand.NewPCG(7, uint64(c.experts)))
		inputs := map[string]value{}
		random := func(name string, scale float64, dims ...int) {
			v := value{dims: dims}
			for range (Param{Dims: dims}).Size() {
				v.data = append(v.data, float32(r.NormFloat64()*scale))
			}
			inputs[name] = v
		}
		random("x", 1, rows, length, width)
		for _, p := range MoEParams("", width, hidden, c.experts, 1) {
			random(p.Name, max(p.Init.Scale, 0.1), p.Dims...)
		}
		router := inputs["router.kernel"]
		for i := range router.data { // a token whose first feature is positive wants expert 0
			if i%c.experts == 0 && i < c.experts {
				router.data[i] += float32(c.skew)
			}
		}
		got := evaluate(t, inputs, func(nodes map[string]*Node) map[string]*Node {
			g := nodes["x"].Graph()
			valid := LessThan(Iota(g, intShape(rows, length), 1), Add(Iota(g, intShape(rows, length), 0), Const(g, int32(7))))
			o := MoEOptions{Experts: c.experts, Hidden: hidden, Router: c.router, TopK: c.k, Group: c.group}
			w := NewWeights(nodes, dtypes.Float32)
			want, _ := MoE(w, nodes["x"], valid, o)
			o.Constrain = func(x *Node, _ bool) *Node { return x }
			y, _ := MoE(w, nodes["x"], valid, o)
			return map[string]*Node{"want": want, "y": y}
		})
		near(t, string(c.router), got["y"], got["want"], 1e-5)
	}
}
