package picture

import (
	"bytes"
	"image/jpeg"
	"strings"
	"syscall"
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

// processor is the processor time of this process, in seconds: what a busy machine does besides does not count.
func processor(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// BenchmarkCheck has a picture of 256 x 256 an operation, JPEG decoding included: every rule, the
// paper's, the recipe for text-to-image, and decoding alone. The figures of processor time are those that count.
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
			i, before := 0, processor(b)
			for b.Loop() {
				if _, reason := f.Check(all[i%len(all)]); reason != "" {
					b.Fatal(reason)
				}
				i++
			}
			b.ReportMetric(float64(b.N)/(processor(b)-before), "pictures/cpu-s")
		})
	}
	b.Run("decoding", func(b *testing.B) {
		b.ReportAllocs()
		i, before := 0, processor(b)
		for b.Loop() {
			if _, err := image.Decode(all[i%len(all)], image.Limits{}); err != nil {
				b.Fatal(err)
			}
			i++
		}
		b.ReportMetric(float64(b.N)/(processor(b)-before), "pictures/cpu-s")
	})
}
