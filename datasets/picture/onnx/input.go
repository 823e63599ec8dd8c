package onnx

import (
	stdimage "image"

	"m6lab/datasets/image"
	"m6lab/datasets/picture"
)

// input is a picture as a model reads it, [1,3,height,width].
type input struct {
	values        []float32
	height, width int
	high, wide    int // the part that the picture fills, the rest is padding
}

// inputOf scales a picture for a resolved file. height and width are the model's own, 0 where it takes any.
func inputOf(pixels *stdimage.RGBA, file picture.ModelFile, height, width int) input {
	w, h := pixels.Rect.Dx(), pixels.Rect.Dy()
	longer := max(w, h)
	scaled := func(n, side int) int { return max(1, (n*side+longer/2)/longer) }
	in := input{height: orElse(height, file.Side), width: orElse(width, file.Side)}
	in.high, in.wide = in.height, in.width
	switch {
	case file.Fit == "pad":
		side := min(in.height, in.width)
		in.high, in.wide = scaled(h, side), scaled(w, side)
	case file.Fit == "keep" && height == 0 && width == 0:
		multiple := func(n int) int { return max(32, (scaled(n, file.Side)+16)/32*32) }
		in.height, in.width = multiple(h), multiple(w)
		in.high, in.wide = in.height, in.width
	}
	pixels = image.Resize(pixels, in.wide, in.high, image.Bilinear)

	plane := in.height * in.width
	in.values = make([]float32, 3*plane)
	for c := range 3 {
		from := c
		if file.Order == "bgr" {
			from = 2 - c
		}
		mean, scale := file.Mean[from], 1/file.Deviation[from]
		var table [256]float32
		for v := range table {
			table[v] = float32((float64(v)/255 - mean) * scale)
		}
		out := in.values[c*plane:][:plane]
		for i := range out {
			out[i] = table[0]
		}
		for y := range in.high {
			row := pixels.Pix[y*pixels.Stride:]
			for x := range in.wide {
				out[y*in.width+x] = table[row[4*x+from]]
			}
		}
	}
	return in
}

func orElse(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}
