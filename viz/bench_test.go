package viz_test

import (
	"bytes"
	"testing"

	"m6lab/viz"
)

func BenchmarkReport(b *testing.B) {
	o := reportSample()
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if err := viz.Report(&out, o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len()), "bytes")
}
