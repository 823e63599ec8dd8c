package picture

import (
	"bytes"
	"image/jpeg"
	"strings"
	"testing"

	"m6lab/datasets/image"
)

// squares are JPEGs of 256 x 256 pixels, made of photographs of the labelled set.
func squares(t testing.TB) (all [][]byte) {
	t.Helper()
	for _, l := range labelledSet(t) {
		if !strings.Contains(l.Made, "sharp") && !strings.Contains(l.Made, "text_p") {
			continue
		}
		pixels, err := image.Decode(l.data, image.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.Resize(pixels, 256, 256, image.Bicubic), &jpeg.Options{Quality: 85}); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Bytes())
	}
	return all
}

// BenchmarkCheck has a picture of 256 x 256 an operation, JPEG decoding included: every rule, the paper's, and decoding alone.
func BenchmarkCheck(b *testing.B) {
	all := squares(b)
	for _, c := range []struct {
		name string
		o    Options
	}{{"every", everything()}, {"paper", Paper()}, {"imagine", Imagine()}} {
		// Thresholds that drop nothing, so that every rule is asked.
		c.o.Uniform.Max, c.o.Entropy.Min, c.o.Blur.Min, c.o.Border.Max, c.o.White.Min, c.o.Text.Max, c.o.Objects.Max = 1, 0, 0, 1, 0, 1, 1e6
		f, err := New(c.o)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, reason := f.Check(all[i%len(all)]); reason != "" {
					b.Fatal(reason)
				}
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
		})
	}
	b.Run("decoding", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, err := image.Decode(all[i%len(all)], image.Limits{}); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}
