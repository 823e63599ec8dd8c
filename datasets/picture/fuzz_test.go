package picture

import (
	"math"
	"testing"
)

// FuzzCheck: no bytes harm a filter, Check and Explain agree, every score is a number, and no picture is lost.
func FuzzCheck(f *testing.F) {
	for _, name := range []string{"420.jpg", "progressive.jpg", "cmyk.jpg", "alpha.png", "bits.png", "palette.png", "first.gif", "inset.gif", "lossy.webp", "lossless_alpha.webp", "turned6.jpg"} {
		data := foreign(f, name)
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte{})
	f.Add([]byte("GIF89a"))
	o := everything()
	o.Pixels.Min = 0
	o.Decodable.MaxPixels = 1 << 18
	filter := must(f, o)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, reason := filter.Check(data)
		q, why := filter.Explain(data, func(s Score) {
			if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
				t.Errorf("%s is %g", s.Rule, s.Value)
			}
		})
		if reason != why || p.Width != q.Width {
			t.Errorf("Check says %q, Explain %q", reason, why)
		}
		counts := filter.NewCounts()
		counts.Add(p, reason)
		if err := counts.Check(); err != nil {
			t.Error(err)
		}
	})
}
