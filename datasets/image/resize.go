package image

import (
	stdimage "image"
	"math"
)

// Filter is the interpolation of [Resize].
type Filter int

// Filters, both widened to the area of a pixel where a picture shrinks, so that nothing aliases. Bicubic is the default everywhere.
const (
	Bicubic  Filter = iota // Keys' cubic with a = -1/2
	Bilinear               // a triangle
)

// kernel is the filter's weight at distance x from its centre, and the distance where it ends.
func (f Filter) kernel() (weight func(x float64) float64, support float64) {
	if f == Bilinear {
		return triangle, 1
	}
	return cubic, 2
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

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

// Resize scales an opaque picture to w x h pixels in two passes with 8 bits a channel between them: the method, and to the last bit the
// result, of Image.resize in Pillow 13. A picture that has the size already is returned as it is.
func Resize(src *stdimage.RGBA, w, h int, f Filter) *stdimage.RGBA {
	if shorter := src.Rect.Dy() - h; shorter > 0 && shorter > 2*(src.Rect.Dx()-w) { // then Pillow begins with the rows
		src = resizeDown(src, h, f)
	}
	if src.Rect.Dx() != w {
		src = resizeAcross(src, w, f)
	}
	if src.Rect.Dy() != h {
		src = resizeDown(src, h, f)
	}
	return src
}

func resizeAcross(src *stdimage.RGBA, w int, f Filter) *stdimage.RGBA {
	dst := stdimage.NewRGBA(stdimage.Rect(0, 0, w, src.Rect.Dy()))
	all := spans(src.Rect.Dx(), w, f)
	for y := range src.Rect.Dy() {
		in, out := src.Pix[y*src.Stride:][:4*src.Rect.Dx()], dst.Pix[y*dst.Stride:][:4*w]
		for x, s := range all {
			r, g, b := int32(half), int32(half), int32(half)
			for i, weight := range s.weights {
				pixel := in[4*(s.from+i):][:4]
				r += int32(pixel[0]) * weight
				g += int32(pixel[1]) * weight
				b += int32(pixel[2]) * weight
			}
			*(*[4]byte)(out[4*x:]) = [4]byte{clip(r >> precision), clip(g >> precision), clip(b >> precision), 255}
		}
	}
	return dst
}

func resizeDown(src *stdimage.RGBA, h int, f Filter) *stdimage.RGBA {
	w := src.Rect.Dx()
	dst := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	sums := make([]int32, 4*w)
	for y, s := range spans(src.Rect.Dy(), h, f) {
		for i := range sums {
			sums[i] = half
		}
		for i, weight := range s.weights {
			for x, v := range src.Pix[(s.from+i)*src.Stride:][:4*w] {
				sums[x] += int32(v) * weight
			}
		}
		out := dst.Pix[y*dst.Stride:][:4*w]
		for x, sum := range sums {
			out[x] = clip(sum >> precision)
		}
	}
	return dst
}

// precision is the number of fractional bits of a weight: 32 bits hold a sum of 8-bit values with two bits to spare.
const (
	precision = 32 - 8 - 2
	half      = 1 << (precision - 1)
)

// span is what one result is made of: the first input and the weights of it and those after it.
type span struct {
	from    int
	weights []int32
}

// spans are those of a line of in values that becomes one of out values.
func spans(in, out int, f Filter) []span {
	weight, support := f.kernel()
	scale := float64(in) / float64(out)
	wide := max(scale, 1)
	support *= wide
	all := make([]span, out)
	floats := make([]float64, 0, int(2*support)+3)
	for i := range all {
		centre := (float64(i) + 0.5) * scale
		from, to := max(0, int(centre-support+0.5)), min(in, int(centre+support+0.5))
		floats = floats[:0]
		total := 0.0
		for j := from; j < to; j++ {
			v := weight((float64(j) - centre + 0.5) * (1 / wide))
			floats = append(floats, v)
			total += v
		}
		all[i] = span{from, make([]int32, len(floats))}
		for j, v := range floats {
			all[i].weights[j] = int32(math.Round(v / total * (1 << precision))) // away from zero at a half, as Pillow
		}
	}
	return all
}
