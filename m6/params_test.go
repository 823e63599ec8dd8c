package m6

import (
	"math"
	"strings"
	"testing"
)

// Embeddings start with deviation 0.02, kernels with 1/sqrt(inputs), those that write into the residual stream with 1/sqrt(2·layers) of that.
func TestStart(t *testing.T) {
	c := Debug()
	c.Experts, c.ExpertEvery, c.Codes = 3, 2, 37
	residual := 1 / math.Sqrt(2*float64(c.Layers))
	want := map[string]float64{
		"embed.text.weight":               0.02,
		"embed.code.weight":               0.02,
		"embed.visual.kernel":             1 / math.Sqrt(float64(c.PatchFeatures)),
		"blocks.0.attn.query.kernel":      1 / math.Sqrt(float64(c.Width)),
		"blocks.0.attn.output.kernel":     residual / math.Sqrt(float64(c.Width)),
		"blocks.0.ffn.in.kernel":          1 / math.Sqrt(float64(c.Width)),
		"blocks.0.ffn.out.kernel":         residual / math.Sqrt(float64(c.FFN)),
		"blocks.1.moe.experts.out.kernel": residual / math.Sqrt(float64(c.FFN)),
		"output.code.kernel":              1 / math.Sqrt(float64(c.Width)),
	}
	for _, p := range c.Params() {
		values := make([]float32, p.Size())
		InitValue(p, 5, 0, values)
		if strings.HasSuffix(p.Name, "bias") && largest(values) > 0 {
			t.Errorf("%s starts at up to %g, want 0", p.Name, largest(values))
		}
		deviation, ok := want[p.Name]
		if !ok {
			continue
		}
		delete(want, p.Name)
		var sum float64
		for _, v := range values {
			sum += float64(v) * float64(v)
		}
		if got := math.Sqrt(sum / float64(len(values))); math.Abs(got/deviation-1) > 0.05 {
			t.Errorf("%s starts with deviation %.4f, want %.4f", p.Name, got, deviation)
		}
	}
	for name := range want {
		t.Errorf("%s is not declared", name)
	}
}
