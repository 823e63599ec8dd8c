package viz_test

import (
	"fmt"

	"m6lab/viz"
)

func ExampleGallery() {
	o := viz.GalleryOptions{
		Chosen: "2 of 600, at random with seed 7.", Width: 360,
		Shots: []viz.Shot{
			{Picture: scene(sampleBlue, sampleRed, 3, false), Caption: "蓝色背景上有三个红球。", Truth: []string{"蓝色背景上有三个红球。"}, Verdict: viz.Right},
			{Picture: scene(sampleRed, sampleYellow, 2, true), Caption: "红色背景上有三块黄砖。", Truth: []string{"红色背景上有两块黄砖。"}, Verdict: viz.Wrong},
		},
	}
	for _, format := range []viz.Format{viz.SVG, viz.PNG} {
		file := create("gallery", format)
		if err := viz.Gallery(file, format, o); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}
	// Output:
}
