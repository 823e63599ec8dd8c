package picture

import (
	stdimage "image"

	"m6lab/datasets/image"
)

// view is one picture on its way through the rules. What several rules need is made once, when the first one asks.
type view struct {
	data          []byte
	options       Decodable
	width, height int    // as in the header
	format        string // "" where there is no readable header
	fault         string // why it cannot be decoded; "" until decoding was tried

	tried  bool           // whether decoding was tried
	pixels *stdimage.RGBA // nil until decoded
	small  *stdimage.RGBA // at most side pixels a side
	greys  *grey          // of small
}

// side is the size, in pixels of the longer side, at which pictures are judged. Smaller ones are not enlarged.
const side = 256

// decoded makes pixels, or fault, and tells whether there are pixels.
func (v *view) decoded() bool {
	if !v.tried {
		v.tried = true
		if v.fault == "" {
			v.pixels, v.fault = decode(v.data, v.format, v.options)
		}
	}
	return v.pixels != nil
}

// seen is the picture at the size of judgement. It wants decoded() to be true.
func (v *view) seen() *stdimage.RGBA {
	if v.small == nil {
		v.small = reduced(v.pixels, side)
	}
	return v.small
}

// grey is the luma of seen.
func (v *view) grey() *grey {
	if v.greys == nil {
		v.greys = toGrey(v.seen())
	}
	return v.greys
}

// reduced scales a picture down so that its longer side has at most limit pixels.
func reduced(src *stdimage.RGBA, limit int) *stdimage.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	longer := max(w, h)
	if longer <= limit {
		return src
	}
	scale := func(n int) int { return max(1, (n*limit+longer/2)/longer) }
	return image.Resize(src, scale(w), scale(h), image.Bilinear)
}

// grey is a plane of luma, row by row without gaps.
type grey struct {
	w, h int
	pix  []uint8
}

func (g *grey) row(y int) []uint8 { return g.pix[y*g.w:][:g.w] }

// toGrey takes BT.601's luma in OpenCV's fixed point.
func toGrey(src *stdimage.RGBA) *grey {
	g := &grey{w: src.Rect.Dx(), h: src.Rect.Dy()}
	g.pix = make([]uint8, g.w*g.h)
	for y := range g.h {
		in, out := src.Pix[y*src.Stride:][:4*g.w], g.row(y)
		for x := range out {
			p := in[4*x:][:3]
			out[x] = uint8((9798*uint32(p[0]) + 19235*uint32(p[1]) + 3735*uint32(p[2]) + 1<<14) >> 15)
		}
	}
	return g
}
