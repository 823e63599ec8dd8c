package viz_test

import (
	"os"
	"regexp"
	"testing"

	"gonum.org/v1/plot/cmpimg"
)

var payload = regexp.MustCompile(`base64,[A-Za-z0-9+/=]*`)

// The examples are compared with golden files, byte by byte (SVG) and pixel by pixel (PNG); -regen writes them anew. The golden SVGs are
// without fonts and pictures, whose packed form may differ between versions of Go.
func TestGolden(t *testing.T) {
	for name, example := range map[string]func(){
		"curves": ExampleCurves, "mask": ExampleMask, "attention": ExampleAttention, "matrix": ExampleMatrix, "gallery": ExampleGallery,
		"heat": ExampleHeat, "histogram": ExampleHistogram, "bars": ExampleBars, "table": ExampleTable, "loads": ExampleLoads,
	} {
		t.Run(name, func(t *testing.T) {
			bare := func() {
				example()
				svg, err := os.ReadFile("testdata/" + name + ".svg")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile("testdata/"+name+".svg", payload.ReplaceAll(svg, nil), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmpimg.CheckPlot(bare, t, name+".svg", name+".png")
		})
	}
}
