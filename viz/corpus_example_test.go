package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleFunnel() {
	o := viz.FunnelOptions{
		Title: "网页 (web): documents", Width: 460,
		Steps: []viz.FunnelStep{{"read", 12_340}, {"markup", 12_340}, {"characters", 11_702}, {"length", 7_981}, {"words", 7_980}, {"near-duplicates", 6_120}},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("funnel", format)
		if err := viz.Funnel(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}

func ExampleBins() {
	o := viz.BinsOptions{
		Title: "Lengths", XLabel: "tokens of a passage", Width: 460,
		Edges: []float64{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512}, Counts: []float64{0, 0, 3, 17, 160, 420, 390, 201, 44, 5},
		Marks: []viz.Baseline{{Name: "mean", Value: 48.5}},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("bins", format)
		if err := viz.Bins(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
