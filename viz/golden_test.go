package viz_test

import (
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

// The examples are compared with golden files, byte by byte (SVG) and pixel by pixel (PNG); -regen writes them anew.
func TestGolden(t *testing.T) {
	for name, example := range map[string]func(){
		"curves": ExampleCurves, "mask": ExampleMask, "attention": ExampleAttention, "matrix": ExampleMatrix, "gallery": ExampleGallery,
		"heat": ExampleHeat, "histogram": ExampleHistogram, "bars": ExampleBars, "table": ExampleTable,
	} {
		t.Run(name, func(t *testing.T) { cmpimg.CheckPlot(example, t, name+".svg", name+".png") })
	}
}
