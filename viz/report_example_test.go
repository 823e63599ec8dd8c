package viz_test

import (
	"bytes"
	"fmt"

	"m6lab/viz"
)

func reportSample() viz.ReportOptions {
	return viz.ReportOptions{
		Title: "M6 on the built-in sample", Lead: "What the debug preset learned in eight minutes on two CPU cores, judged on data it never saw.",
		Facts: []viz.Fact{{Name: "preset", Value: "debug"}, {Name: "parameters", Value: "1.42M"}, {Name: "steps", Value: "2,400"}, {Name: "seed", Value: "7"},
			{Name: "device", Value: "CPU, 2 cores"}, {Name: "time", Value: "7 min 41 s"}},
		Sections: []viz.Section{
			{Title: "Held-out figures", Blocks: []viz.Block{
				viz.Prose("Every figure stands beside its baseline, whichever wins. Intervals are 95 % over examples.\n\n- counts and relations use only combinations that training never showed\n- `nearest neighbour` copies the caption of the closest training picture"),
				tableSample(),
			}},
			{Title: "Training", Blocks: []viz.Block{viz.Captioned{Block: curvesSample(), Text: "Thin lines are single steps, thick ones a running mean; dots are held-out batches."}, histogramSample()}},
			{Title: "The model", Blocks: []viz.Block{viz.Captioned{Block: maskSample(), Text: "Each row is a position that looks; the complete part sees itself only backwards."}, barsSample(), heatSample()}},
			{Title: "Pictures and captions", Blocks: []viz.Block{gallerySample(), attentionSample(), matrixSample()}},
			{Title: "Writing", Blocks: []viz.Block{
				viz.Poem{Prompt: "春夜 作者: 唐 杜甫 正文:", Title: "春夜", Author: "模型", Lines: []string{"江上春风起，", "山中夜雨来。", "孤舟何处宿，", "一醉不知回。"}, Verdict: viz.Right, Note: "4 lines of 5 characters."},
				viz.Fill{Masked: "要更改行高，请将[MASK]置于该行的一个单元格中。", Filled: "要更改行高，请将光标放在该行的一个单元格中。", Truth: "要更改行高，请将光标置于该行的一个单元格中。"},
				viz.Fill{Masked: "蓝色背景上有[MASK]红色圆球。", Filled: "蓝色背景上有三个红色圆球。", Truth: "蓝色背景上有三个红色圆球。", Picture: scene(sampleBlue, sampleRed, 3, false)},
			}},
			{Title: "Next steps", Blocks: []viz.Block{
				viz.Commands{{Text: "Caption your own picture", Line: "m6 caption --dir runs/demo picture.png"}, {Text: "Write a poem", Line: "m6 poem --dir runs/demo --title 春夜 --author 杜甫 --seed 7"},
					{Text: "Train longer", Line: "m6 pretrain --preset debug --data data/sample --dir runs/long \\\n  --set train.steps=20000"}},
				viz.Cells{Title: "Files of the run", Head: []string{"file", "bytes"}, Numeric: []bool{false, true}, Rows: [][]string{{"runs/demo/metrics.jsonl", "412,118"}, {"runs/demo/checkpoints/2400", "17,204,224"}}},
			}},
		},
		Foot: "Made by m6lab.",
	}
}

// A report is one HTML page that needs nothing from outside.
func ExampleReport() {
	var page bytes.Buffer
	if err := viz.Report(&page, reportSample()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("scripts:", bytes.Count(page.Bytes(), []byte("<script")))
	fmt.Println("under 1 MB:", page.Len() < 1<<20)
	// Output:
	// scripts: 0
	// under 1 MB: true
}
