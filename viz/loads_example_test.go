package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleLoads() {
	o := viz.LoadsOptions{Title: "Load of the experts", Width: 420, Layers: []viz.LayerLoad{
		{Name: "block 1", Steps: []float64{10, 20, 30}, Values: [][]float64{{2.2, 0.4, 0.9, 0.5}, {1.6, 0.7, 1.1, 0.6}, {1.1, 0.9, 1.0, 1.0}}},
		{Name: "block 3", Steps: []float64{10, 20, 30}, Values: [][]float64{{0.1, 1.9, 1.9, 0.1}, {0.4, 1.6, 1.7, 0.3}, {0.8, 1.2, 1.2, 0.8}}},
	}}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("loads", format)
		if err := viz.Loads(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
