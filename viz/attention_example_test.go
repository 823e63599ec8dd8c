package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleAttention() {
	o := viz.AttentionOptions{
		Picture: scene(sampleBlue, sampleRed, 1, false), Width: 360,
		Words: []viz.Word{
			{Text: "红色", Weights: [][]float64{{0.7, 0.1}, {0.1, 0.1}}},
			{Text: "蓝色", Weights: [][]float64{{0.1, 0.3}, {0.2, 0.4}}},
		},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("attention", format)
		if err := viz.Attention(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
