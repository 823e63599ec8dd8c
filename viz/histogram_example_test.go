package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleHistogram() {
	o := viz.HistogramOptions{
		Title: "Length of the captions", XLabel: "characters", Bins: 7, Width: 420, Height: 240,
		Values: []float64{4, 6, 7, 7, 8, 9, 9, 9, 10, 10, 11, 12, 12, 14, 18},
		Marks:  []viz.Baseline{{Name: "limit", Value: 16}},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("histogram", format)
		if err := viz.Histogram(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
