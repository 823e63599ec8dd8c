package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleBars() {
	o := viz.BarsOptions{
		Title: "Parameters of base", Share: true, Width: 420,
		Bars: []viz.Bar{
			{Name: "词嵌入 (text embedding)", Value: 21_635_072}, {Name: "attention", Value: 100_761_600}, {Name: "FFN", Value: 201_449_472},
		},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("bars", format)
		if err := viz.Bars(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
