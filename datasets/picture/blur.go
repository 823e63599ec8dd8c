package picture

// blurRule measures how much detail there is at the size of judgement.
func blurRule(o AtLeast) *rule {
	return &rule{
		Rule: Rule{
			Name: "blur", Version: 1, Level: section2, On: o.On, Keeps: atLeast, Threshold: o.Min, Unit: "levels squared",
			Doc: "Stands, with uniform and entropy, for the paper's image-quality scorer, which it does not describe. The variance of the Laplacian of grey, " +
				"at 256 pixels of the longer side whatever the picture's size: a photograph that is soft only at full size is sharp where a model looks. " +
				"Weak where a picture has little detail (sky, smooth things) and where noise or JPEG's blocks pass for detail.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			g := v.grey()
			if g.w < 3 || g.h < 3 {
				return 0, false, "fewer than 3 pixels wide or high"
			}
			return laplacian(g), true, ""
		},
	}
}

// laplacian is the variance of the sum of the four neighbours less four times the pixel; beyond the edge the picture is mirrored about its
// last pixel, as OpenCV does.
func laplacian(g *grey) float64 {
	sum, squares := int64(0), int64(0)
	for y := range g.h {
		up, down := y-1, y+1
		if y == 0 {
			up = 1
		}
		if y == g.h-1 {
			down = g.h - 2
		}
		above, row, below := g.row(up), g.row(y), g.row(down)
		rowSum, rowSquares := int32(0), int64(0)
		add := func(x, left, right int) {
			d := int32(above[x]) + int32(below[x]) + int32(row[left]) + int32(row[right]) - 4*int32(row[x])
			rowSum += d
			rowSquares += int64(d * d)
		}
		add(0, 1, 1)
		for x := 1; x < len(row)-1; x++ {
			d := int32(above[x]) + int32(below[x]) + int32(row[x-1]) + int32(row[x+1]) - 4*int32(row[x])
			rowSum += d
			rowSquares += int64(d * d)
		}
		add(g.w-1, g.w-2, g.w-2)
		sum += int64(rowSum)
		squares += rowSquares
	}
	n := float64(len(g.pix))
	mean := float64(sum) / n
	return float64(squares)/n - mean*mean
}
