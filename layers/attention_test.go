package layers

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Attention by the device's own operation, in bf16, gives what two products and a softmax in f32 give, and so do its gradients, for a mask
// of any kind and for causal rows of different lengths.
func TestFusedAttention(t *testing.T) {
	const B, S, H, K = 3, 24, 2, 16
	if !device().Capabilities().Operations[compute.OpTypeFusedScaledDotProductAttention] {
		t.Skipf("%s has no operation for attention", device().Name())
	}
	lengths := []int32{S, 17, 5}
	for name, causal := range map[string]bool{"mask": false, "causal": true} {
		agreeWithin(t, 0.02, func(g *Graph) map[string][2]*Node {
			of := Const(g, lengths)
			place := Iota(g, intShape(B, S, S), 2)
			seen := LessThan(place, Reshape(of, B, 1, 1))
			past := LessOrEqual(place, Iota(g, intShape(B, S, S), 1))
			if !causal {
				past = Or(past, LessThan(place, Const(g, int32(7))))
			}
			bias := MaskBias(And(seen, past))
			valid := Reshape(ConvertDType(LessThan(Iota(g, intShape(B, S), 1), ExpandAxes(of, -1)), dtypes.Float32), B, S, 1, 1)
			x := []*Node{waves(g, 0.37, B, S, H, K), waves(g, 0.73, B, S, H, K), waves(g, 0.51, B, S, H, K)}
			run := func(dtype dtypes.DType, attend func(q, k, v *Node) *Node) []*Node {
				y := ConvertDType(attend(ConvertDType(x[0], dtype), ConvertDType(x[1], dtype), ConvertDType(x[2], dtype)), dtypes.Float32)
				y = Mul(y, valid)
				return append(Gradient(ReduceAllSum(Mul(y, waves(g, 0.91, B, S, H, K))), x...), y)
			}
			f := &fused{}
			if causal {
				f.lengths = of
			}
			got := run(dtypes.BFloat16, func(q, k, v *Node) *Node { y, _ := f.attend(q, k, v, bias); return y })
			want := run(dtypes.Float32, func(q, k, v *Node) *Node { y, _ := attend(q, k, v, bias, nil); return y })
			out := map[string][2]*Node{}
			for i, what := range []string{"queries", "keys", "values", "result"} {
				out[name+", "+what] = [2]*Node{got[i], want[i]}
			}
			return out
		})
	}
}
