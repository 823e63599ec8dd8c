package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleMatrix() {
	o := viz.MatrixOptions{
		Title: "Attention of the words", Rows: []string{"一", "只", "猫"}, Columns: []string{"[CLS]", "一", "只", "小猫"},
		Heads: []viz.Head{
			{Name: "head 0", Weights: [][]float64{{0.6, 0.4, 0, 0}, {0.1, 0.6, 0.3, 0}, {0, 0.1, 0.2, 0.7}}},
			{Name: "head 1", Weights: [][]float64{{1, 0, 0, 0}, {0.5, 0.5, 0, 0}, {0.3, 0.3, 0.4, 0}}},
		},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("matrix", format)
		if err := viz.Matrix(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
