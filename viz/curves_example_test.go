package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleCurves() {
	o := viz.CurvesOptions{
		Title: "损失 (loss)",
		Series: []viz.Series{
			{Name: "captioning", X: []float64{0, 100, 200, 300, 400, 500}, Y: []float64{8.1, 4.9, 3.3, 2.6, 2.4, 2.2}},
			{Name: "语言模型", X: []float64{0, 100, 200, 300, 400, 500}, Y: []float64{8.9, 7.2, 6.1, 5.5, 5.1, 4.9}},
		},
		HeldOut:   []viz.Series{{Name: "captioning", X: []float64{250, 500}, Y: []float64{3.1, 2.5}}},
		Baselines: []viz.Baseline{{Name: "3-gram", Value: 5.3}},
		Smooth:    0.4,
		Width:     420, Height: 300,
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("curves", format)
		if err := viz.Curves(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
