package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleTable() {
	o := viz.TableOptions{Width: 560, Rows: []viz.ScoreRow{
		{Measure: "perplexity, 唐诗", N: 48213, LowerIsBetter: true, Model: viz.Score{Value: 71.4, Margin: 0.9}, Baselines: []viz.Score{{Name: "3-gram", Value: 102.7}}},
		{Measure: "captions right", Unit: "%", N: 600, Model: viz.Score{Value: 20.3, Margin: 3.2}, Baselines: []viz.Score{{Name: "nearest neighbour", Value: 22.5}}},
	}}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("table", format)
		if err := viz.Table(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}

func ExampleTableOptions_Markdown() {
	text, err := viz.TableOptions{Model: "debug", Rows: []viz.ScoreRow{
		{Measure: "captions right", Unit: "%", N: 600, Model: viz.Score{Value: 70.2, Margin: 3.7}, Baselines: []viz.Score{{Name: "nearest neighbour", Value: 22.5}}},
	}}.Markdown()
	fmt.Print(text, err)
	// Output:
	// | measure | n | debug | baselines | result |
	// |---|---:|---:|---|---|
	// | captions right (higher is better) | 600 | 70.2 ± 3.7 % | nearest neighbour 22.5 % | the model wins |
	// <nil>
}
