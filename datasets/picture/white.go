package picture

import stdimage "image"

// whiteRule measures how white the edge of a picture is.
func whiteRule(o AtLeast) *rule {
	return &rule{
		Rule: Rule{
			Name: "white", Version: 1, Level: section41, On: o.On, Keeps: atLeast, Threshold: o.Min, Unit: "share of the edge",
			Doc: "For text-to-image the paper keeps pictures with a white background and does not say how it finds them. The share of the outermost twentieth of the " +
				"picture in which every channel is at least 235. A thing that touches the edge leaves less; snow, paper and overexposed sky pass for a background; " +
				"a light grey one does not.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			return whites(edgeOf(v.seen())), true, ""
		},
	}
}

// whites is the share of white pixels.
func whites(src *stdimage.RGBA) float64 {
	const white = 235
	count := 0
	for i := 0; i+4 <= len(src.Pix); i += 4 {
		if p := src.Pix[i : i+3 : i+3]; p[0] >= white && p[1] >= white && p[2] >= white {
			count++
		}
	}
	return float64(4*count) / float64(len(src.Pix))
}

// edgeOf gathers the pixels within a twentieth of the shorter side of the edge, in one row.
func edgeOf(src *stdimage.RGBA) *stdimage.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	edge := max(1, min(w, h)/20)
	var pix []uint8
	for y := range h {
		row := src.Pix[y*src.Stride:][:4*w]
		if y < edge || y >= h-edge || 2*edge >= w {
			pix = append(pix, row...)
		} else {
			pix = append(pix, row[:4*edge]...)
			pix = append(pix, row[4*(w-edge):]...)
		}
	}
	return &stdimage.RGBA{Pix: pix, Stride: len(pix), Rect: stdimage.Rect(0, 0, len(pix)/4, 1)}
}
