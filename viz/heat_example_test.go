package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleHeat() {
	o := viz.HeatOptions{
		Title: "Load of the experts", RowTitle: "layer", ColumnTitle: "expert", Rows: []string{"1", "3"}, Unit: "share of the tokens", Width: 420,
		Values: [][]float64{{0.3, 0.2, 0.4, 0.1}, {0.25, 0.25, 0.25, 0.25}},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("heat", format)
		if err := viz.Heat(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
