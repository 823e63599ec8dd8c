package m6

import (
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// FLOPs counts the floating-point operations of the matrix products of a training step on a batch of this shape, without the picture
// encoder: two for each multiply-add, forward once and backward twice.
func (c Config) FLOPs(s Shape) float64 {
	B, S, D := float64(s.Batch), float64(s.Length()), float64(c.Width)
	perLayer := 4*D*D + 2*S*D // projections, scores and mix
	forward := 0.0
	for i := range c.Layers {
		hidden := 2 * D * float64(c.FFN)
		if c.IsMoE(i) {
			hidden *= float64(c.TopK)
		}
		forward += B * S * (perLayer + hidden)
	}
	forward += B * float64(max(0, s.Text-1)) * D * float64(c.Vocabulary)
	forward += B * float64(s.Patches) * D * float64(c.PatchFeatures)
	return 3 * 2 * forward
}

// Peak measures what the device reaches in a plain matrix product of the type of a run's products, FLOP/s of one device: the best of
// five of 1024 x 1024 x 1024, or of 8192 where it is fast.
func (d *Device) Peak(precision string) (float64, error) {
	dtype := dtypes.Float32
	if precision == "bf16" {
		dtype = dtypes.BFloat16
	}
	flops, err := d.product(dtype, 1024)
	if err == nil && flops > 5e12 {
		flops, err = d.product(dtype, 8192)
	}
	return flops, err
}

func (d *Device) product(dtype dtypes.DType, n int) (flops float64, err error) {
	defer catch("measuring a matrix product", &err)
	values := MustNewExec(d.backend, func(g *Graph) *Node { // all over the place: products of zeros are quicker on GPUs
		place := Iota(g, shapes.Make(dtypes.Float32, n, n), 1)
		return ConvertDType(Sin(Mul(place, Add(place, OnePlus(Iota(g, place.Shape(), 0))))), dtype)
	})
	exec := MustNewExec(d.backend, func(x *Node) *Node { return ReduceAllMax(Dot(x, x).Product()) })
	x := values.MustCall()[0]
	best := time.Duration(1 << 62)
	for range 5 {
		start := time.Now()
		exec.MustCall(x)[0].MaterializeLocal()
		best = min(best, time.Since(start))
	}
	return 2 * float64(n) * float64(n) * float64(n) / best.Seconds(), nil
}
