package image

import (
	stdimage "image"
	"math"
)

// Resize scales a picture to w x h pixels by antialiased bicubic interpolation (a = -0.5), in two passes with 8-bit fixed point
// between them: the method of Pillow's Image.resize(BICUBIC), which is what published encoders were trained with.
// A picture of that size already is returned as it is.
func Resize(src *stdimage.RGBA, w, h int) *stdimage.RGBA {
	if src.Rect.Dx() == w && src.Rect.Dy() == h {
		return src
	}
	wide := stdimage.NewRGBA(stdimage.Rect(0, 0, w, src.Rect.Dy()))
	for x, taps := range filter(src.Rect.Dx(), w) {
		for y := range src.Rect.Dy() {
			mix(wide.Pix[wide.PixOffset(x, y):], src.Pix[src.PixOffset(taps.from, y):], 4, taps.weights)
		}
	}
	out := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	for y, taps := range filter(src.Rect.Dy(), h) {
		for x := range w {
			mix(out.Pix[out.PixOffset(x, y):], wide.Pix[wide.PixOffset(x, taps.from):], wide.Stride, taps.weights)
		}
	}
	return out
}

// taps are the source pixels of one target pixel: the first one and their weights, in units of 1/2^precision.
type taps struct {
	from    int
	weights []int32
}

const precision = 32 - 8 - 2 // as Pillow: bits of a weight

// filter makes the taps of scaling a line of in pixels to out pixels.
func filter(in, out int) []taps {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1) // antialiasing: the kernel covers all that a target pixel stands for
	support := 2 * stretch
	lines := make([]taps, out)
	for i := range lines {
		centre := (float64(i) + 0.5) * scale
		from := max(0, int(centre-support+0.5))
		to := min(in, int(centre+support+0.5))
		weights, total := make([]float64, to-from), 0.0
		for j := range weights {
			weights[j] = cubic((float64(j+from) - centre + 0.5) / stretch)
			total += weights[j]
		}
		lines[i] = taps{from: from, weights: make([]int32, len(weights))}
		for j, weight := range weights {
			lines[i].weights[j] = int32(math.Floor(weight/total*(1<<precision) + 0.5))
		}
	}
	return lines
}

// cubic is Keys' kernel with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

// mix writes the weighted sum of pixels that lie stride bytes apart.
func mix(dst, src []byte, stride int, weights []int32) {
	for c := range 3 {
		sum := int64(1 << (precision - 1))
		for j, weight := range weights {
			sum += int64(src[j*stride+c]) * int64(weight)
		}
		dst[c] = uint8(min(255, max(0, sum>>precision)))
	}
	dst[3] = 255
}
