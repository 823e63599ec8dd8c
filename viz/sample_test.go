package viz_test

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"

	"m6lab/viz"
)

// The sample values of the examples and tests. All of them are made up, and the same in every run.

// create opens a file in testdata for a figure of the examples.
func create(name string, format viz.Format) *os.File {
	file, err := os.Create("testdata/" + name + "." + string(format))
	if err != nil {
		panic(err)
	}
	return file
}

// losses is a noisy falling line of n points from high to low.
func losses(name string, seed uint64, n int, high, low float64) viz.Series {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := viz.Series{Name: name}
	for i := range n {
		x := float64(i * 10)
		s.X = append(s.X, x)
		s.Y = append(s.Y, low+(high-low)*math.Exp(-4*float64(i)/float64(n))*(1+0.08*rng.NormFloat64())+0.12*rng.NormFloat64())
	}
	return s
}

func curvesSample() viz.CurvesOptions {
	held := func(s viz.Series) viz.Series {
		out := viz.Series{Name: s.Name}
		for i := 30; i < len(s.X); i += 30 {
			out.X, out.Y = append(out.X, s.X[i]), append(out.Y, s.Y[i]+0.15)
		}
		return out
	}
	tasks := []viz.Series{
		losses("language modelling", 1, 241, 8.6, 4.1), losses("text denoising", 2, 241, 8.2, 3.2),
		losses("captioning", 3, 241, 7.4, 0.8), losses("image-based denoising", 4, 241, 7.1, 0.6),
	}
	return viz.CurvesOptions{
		Title: "Loss per task", XLabel: "step", YLabel: "cross entropy (nats per token)", Series: tasks,
		HeldOut:   []viz.Series{held(tasks[0]), held(tasks[2])},
		Baselines: []viz.Baseline{{Name: "character 3-gram", Value: 4.63}, {Name: "unigram", Value: 6.2}},
		Smooth:    0.9,
	}
}

// prefixMask is the mask of two bidirectional parts before a causal one.
func prefixMask(visual, masked, complete int) [][]bool {
	n := visual + masked + complete
	out := make([][]bool, n)
	for q := range n {
		out[q] = make([]bool, n)
		for k := range n {
			out[q][k] = k < visual+masked || q >= visual+masked && k <= q
		}
	}
	return out
}

func maskSample() viz.MaskOptions {
	labels := []string{"P1", "P2", "P3", "P4", "红", "色", "[MASK]", "上", "[CLS]", "红", "色", "背", "景", "上", "有", "一", "只", "猫", "。", "[SEP]"}
	return viz.MaskOptions{
		Title: "What each position may look at", Labels: labels, Allowed: prefixMask(4, 4, 12),
		Parts: []viz.Part{{Name: "visual", Length: 4}, {Name: "masked", Length: 4}, {Name: "complete", Length: 12}},
	}
}

// scene is a 64 x 64 picture of count discs or squares on a plain ground.
func scene(ground, shape color.NRGBA, count int, square bool) image.Image {
	const size = 64
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			img.SetNRGBA(x, y, ground)
			for i := range count {
				cx, cy := 14+36*(i%2), 16+32*(i/2)
				dx, dy := x-cx, y-cy
				if square && max(dx, -dx, dy, -dy) < 10 || !square && dx*dx+dy*dy < 121 {
					img.SetNRGBA(x, y, shape)
				}
			}
		}
	}
	return img
}

var (
	sampleRed    = color.NRGBA{208, 64, 56, 255}
	sampleBlue   = color.NRGBA{72, 120, 200, 255}
	sampleYellow = color.NRGBA{244, 208, 80, 255}
	sampleGreen  = color.NRGBA{88, 168, 96, 255}
	sampleWhite  = color.NRGBA{248, 248, 248, 255}
)

func gallerySample() viz.GalleryOptions {
	shot := func(ground, shape color.NRGBA, count int, square bool, caption string, v viz.Verdict, note string, truth ...string) viz.Shot {
		return viz.Shot{Picture: scene(ground, shape, count, square), Caption: caption, Truth: truth, Verdict: v, Note: note}
	}
	return viz.GalleryOptions{
		Title: "Captions of held-out scenes", Chosen: "8 of 1,200 pictures, at random with seed 7.",
		Shots: []viz.Shot{
			shot(sampleBlue, sampleRed, 3, false, "蓝色背景上有三个红色圆球。", viz.Right, "count", "蓝色背景上有三个红色圆球。"),
			shot(sampleRed, sampleYellow, 2, true, "红色背景上有两个黄色方块。", viz.Right, "count", "红色背景上有两个黄色方块。"),
			shot(sampleYellow, sampleGreen, 4, false, "黄色背景上有三个绿色圆球。", viz.Wrong, "count", "黄色背景上有四个绿色圆球。"),
			shot(sampleGreen, sampleWhite, 1, true, "绿色背景上，白色方块在左上角。", viz.Right, "relation", "绿色背景上，白色方块在左上角。", "绿色背景上有一个白色方块。"),
			shot(sampleWhite, sampleBlue, 2, false, "白色背景上，蓝色圆球在黄色圆球的右边。", viz.Wrong, "relation", "白色背景上有两个蓝色圆球。", "白色背景上，两个蓝色圆球并排。"),
			shot(sampleBlue, sampleWhite, 4, true, "蓝色背景上有四个白色方块。", viz.Right, "count", "蓝色背景上有四个白色方块。"),
			shot(sampleRed, sampleWhite, 1, false, "红色背景上有一轮明月。", viz.Wrong, "count", "红色背景上有一个白色圆球。"),
			shot(sampleGreen, sampleYellow, 3, true, "绿色背景上有三个黄色方块。", viz.Right, "count", "绿色背景上有三个黄色方块。"),
		},
	}
}

// spot is a 4 x 4 or larger grid with its weight around (cx, cy), adding up to 1.
func spot(rows, columns int, cx, cy, width float64) [][]float64 {
	out := make([][]float64, rows)
	sum := 0.0
	for y := range rows {
		out[y] = make([]float64, columns)
		for x := range columns {
			dx, dy := (float64(x)+0.5)/float64(columns)-cx, (float64(y)+0.5)/float64(rows)-cy
			out[y][x] = math.Exp(-(dx*dx + dy*dy) / (2 * width * width))
			sum += out[y][x]
		}
	}
	for y := range rows {
		for x := range columns {
			out[y][x] /= sum
		}
	}
	return out
}

func attentionSample() viz.AttentionOptions {
	o := viz.AttentionOptions{Title: "Where each word looks", Picture: scene(sampleBlue, sampleRed, 3, false)}
	places := []struct {
		text      string
		x, y, wid float64
	}{
		{"蓝", 0.8, 0.8, 0.2}, {"色", 0.8, 0.75, 0.3}, {"背景", 0.75, 0.8, 0.25}, {"上", 0.5, 0.5, 0.6}, {"有", 0.5, 0.5, 0.6}, {"三", 0.35, 0.5, 0.35},
		{"个", 0.4, 0.4, 0.4}, {"红", 0.22, 0.25, 0.14}, {"色", 0.25, 0.3, 0.2}, {"圆球", 0.22, 0.75, 0.14}, {"。", 0.5, 0.5, 0.7},
	}
	for _, p := range places {
		o.Words = append(o.Words, viz.Word{Text: p.text, Weights: spot(7, 7, p.x, p.y, p.wid)})
	}
	return o
}

func matrixSample() viz.MatrixOptions {
	tokens := []string{"[CLS]", "蓝", "色", "背", "景", "上", "有", "三", "个", "红", "色", "圆", "球", "。"}
	o := viz.MatrixOptions{Title: "Attention between the words", Rows: tokens, Columns: tokens}
	for h := range 4 {
		w := make([][]float64, len(tokens))
		for q := range w {
			w[q] = make([]float64, len(tokens))
			sum := 0.0
			for k := range q + 1 {
				w[q][k] = math.Exp(-float64(q-k)/(0.6+1.3*float64(h))) + 0.05*float64((q*k+h)%5)
				sum += w[q][k]
			}
			for k := range w[q] {
				w[q][k] /= sum
			}
		}
		o.Heads = append(o.Heads, viz.Head{Name: fmt.Sprintf("head %d", h), Weights: w})
	}
	return o
}

func heatSample() viz.HeatOptions {
	rng := rand.New(rand.NewPCG(5, 5))
	o := viz.HeatOptions{Title: "Load of the experts", RowTitle: "layer", ColumnTitle: "expert", Unit: "share of the tokens"}
	for layer := range 6 {
		o.Rows = append(o.Rows, fmt.Sprint(2*layer+1))
		row, sum := make([]float64, 16), 0.0
		for e := range row {
			row[e] = math.Exp(0.5 * rng.NormFloat64())
			sum += row[e]
		}
		for e := range row {
			row[e] /= sum
		}
		o.Values = append(o.Values, row)
	}
	return o
}

func loadsSample() viz.LoadsOptions {
	rng := rand.New(rand.NewPCG(7, 5))
	o := viz.LoadsOptions{Title: "Load of the experts"}
	for _, experts := range []int{8, 200} {
		l := viz.LayerLoad{Name: fmt.Sprintf("%d experts", experts)}
		for step := range 60 {
			l.Steps = append(l.Steps, float64(10*(step+1)))
			loads := make([]float64, experts)
			for e := range loads {
				loads[e] = math.Exp(rng.NormFloat64() / float64(1+step/10))
			}
			l.Values = append(l.Values, loads)
		}
		o.Layers = append(o.Layers, l)
	}
	return o
}

func histogramSample() viz.HistogramOptions {
	rng := rand.New(rand.NewPCG(9, 9))
	o := viz.HistogramOptions{Title: "Lengths of the texts", XLabel: "tokens", Bins: 40, Marks: []viz.Baseline{{Name: "limit", Value: 128}, {Name: "median", Value: 41}}}
	for range 3000 {
		o.Values = append(o.Values, math.Exp(3.7+0.5*rng.NormFloat64()))
	}
	return o
}

func barsSample() viz.BarsOptions {
	return viz.BarsOptions{Title: "Parameters of base by part", Share: true, Bars: []viz.Bar{
		{Name: "text embedding (tied)", Value: 21_635_072, Group: "embeddings"}, {Name: "positions and segments", Value: 729_088, Group: "embeddings"},
		{Name: "attention, 24 layers", Value: 100_761_600, Group: "blocks"}, {Name: "FFN, 24 layers", Value: 201_449_472, Group: "blocks"},
		{Name: "norms", Value: 100_352, Group: "blocks"}, {Name: "output bias", Value: 21_128, Group: "embeddings"},
	}}
}

func tableSample() viz.TableOptions {
	return viz.TableOptions{Title: "Held-out figures", Model: "debug, 480 s", Rows: []viz.ScoreRow{
		{Measure: "perplexity per character, Tang poems", N: 48213, LowerIsBetter: true, Model: viz.Score{Value: 71.4, Margin: 0.9},
			Baselines: []viz.Score{{Name: "Kneser-Ney 3-gram", Value: 102.7}, {Name: "unigram", Value: 612.3}}},
		{Measure: "captions of counts, exact match", Unit: "%", N: 600, Model: viz.Score{Value: 70.2, Margin: 3.7},
			Baselines: []viz.Score{{Name: "best constant caption", Value: 1.8}, {Name: "nearest neighbour", Value: 22.5}}},
		{Measure: "names of emoji never seen, CIDEr-D", N: 382, Model: viz.Score{Value: 0.61, Margin: 0.12},
			Baselines: []viz.Score{{Name: "best constant caption", Value: 0.10}, {Name: "nearest neighbour", Value: 0.87}}},
		{Measure: "masked span recovered", Unit: "%", N: 1000, Model: viz.Score{Value: 31.8, Margin: 2.9},
			Baselines: []viz.Score{{Name: "unigram guess", Value: 4.1}, {Name: "3-gram guess", Value: 30.2}, {Name: "model with a wrong picture", Value: 29.0}}},
	}}
}

// figures are all kinds of figures with realistic values.
func figures() map[string]viz.Figure {
	return map[string]viz.Figure{
		"curves": curvesSample(), "mask": maskSample(), "gallery": gallerySample(), "attention": attentionSample(), "matrix": matrixSample(),
		"heat": heatSample(), "histogram": histogramSample(), "bars": barsSample(), "table": tableSample(), "loads": loadsSample(),
	}
}
