package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleMask() {
	o := viz.MaskOptions{
		Title:  "A caption with two patches",
		Parts:  []viz.Part{{Name: "visual", Length: 2}, {Name: "masked", Length: 3}, {Name: "complete", Length: 5}},
		Labels: []string{"P1", "P2", "一", "[MASK]", "猫", "[CLS]", "一", "只", "猫", "[SEP]"},
	}
	for query := range 10 {
		row := make([]bool, 10)
		for key := range row {
			row[key] = key < 5 || query >= 5 && key <= query
		}
		o.Allowed = append(o.Allowed, row)
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("mask", format)
		if err := viz.Mask(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
