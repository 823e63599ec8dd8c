package image

import stdimage "image"

// fromYCbCr fills dst, of the same bounds, from luma and chroma. Chroma that has half the columns or rows is interpolated as libjpeg and
// libwebp do, three quarters from the near sample and one from the next; the standard library repeats it, which shows at edges of colour.
func fromYCbCr(dst *stdimage.RGBA, src *stdimage.YCbCr, videoRange bool) {
	convert, row := fullRange, (*plane).row
	if videoRange {
		convert, row = reducedRange, (*plane).rowWebP
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	cb, cr := newPlane(src, src.Cb), newPlane(src, src.Cr)
	for y := range h {
		luma := src.Y[src.YOffset(src.Rect.Min.X, src.Rect.Min.Y+y):][:w]
		convert(dst.Pix[dst.PixOffset(src.Rect.Min.X, src.Rect.Min.Y+y):][:4*w], luma, row(cb, y), row(cr, y))
	}
}

// fullRange is JFIF's conversion, in libjpeg's fixed point.
func fullRange(dst, luma, cb, cr []byte) {
	for x, l := range luma {
		y, b, r := int32(l)<<16+1<<15, int32(cb[x])-128, int32(cr[x])-128
		pixel := (*[4]byte)(dst[4*x:])
		pixel[0] = clip((y + 91881*r) >> 16)
		pixel[1] = clip((y - 22554*b - 46802*r) >> 16)
		pixel[2] = clip((y + 116130*b) >> 16)
		pixel[3] = 255
	}
}

// reducedRange is WebP's conversion, BT.601 with luma from 16 to 235, in libwebp's fixed point.
func reducedRange(dst, luma, cb, cr []byte) {
	for x, l := range luma {
		y, b, r := int32(l)*19077>>8, int32(cb[x]), int32(cr[x])
		pixel := (*[4]byte)(dst[4*x:])
		pixel[0] = clip((y + r*26149>>8 - 14234) >> 6)
		pixel[1] = clip((y - b*6419>>8 - r*13320>>8 + 8708) >> 6)
		pixel[2] = clip((y + b*33050>>8 - 17685) >> 6)
		pixel[3] = 255
	}
}

func clip(v int32) byte { return byte(min(255, max(0, v))) }

// plane gives the rows of a chroma plane at full resolution.
type plane struct {
	samples       []byte
	stride        int
	width, height int     // in samples
	fullWidth     int     // in pixels
	across, down  int     // pixels of a sample
	sum           []int32 // of the rows that a row of pixels lies between
	out           []byte
}

func newPlane(src *stdimage.YCbCr, samples []byte) *plane {
	p := &plane{stride: src.CStride, fullWidth: src.Rect.Dx(), across: 1, down: 1}
	switch src.SubsampleRatio {
	case stdimage.YCbCrSubsampleRatio422:
		p.across = 2
	case stdimage.YCbCrSubsampleRatio420:
		p.across, p.down = 2, 2
	case stdimage.YCbCrSubsampleRatio440:
		p.down = 2
	case stdimage.YCbCrSubsampleRatio411:
		p.across = 4
	case stdimage.YCbCrSubsampleRatio410:
		p.across, p.down = 4, 2
	}
	p.samples = samples[src.COffset(src.Rect.Min.X, src.Rect.Min.Y):]
	p.width, p.height = (p.fullWidth+p.across-1)/p.across, (src.Rect.Dy()+p.down-1)/p.down
	p.sum, p.out = make([]int32, p.width), make([]byte, p.fullWidth)
	return p
}

func (p *plane) line(y int) []byte { return p.samples[max(0, min(p.height-1, y))*p.stride:][:p.width] }

// row is row y at full resolution, valid until the next call. Rounding is libjpeg's.
func (p *plane) row(y int) []byte {
	near := p.line(y / p.down)
	if p.across == 1 && p.down == 1 {
		return near
	}
	if p.across == 4 || p.across == 2 && p.width < 3 {
		return p.repeated(near)
	}
	if p.down == 1 {
		for x, v := range near {
			p.sum[x] = int32(v)
		}
		return p.spread(2, 1)
	}
	far := p.line(y/2 - 1 + y%2*2)
	if p.across == 1 {
		for x := range p.out {
			p.out[x] = byte((3*int32(near[x]) + int32(far[x]) + 1 + int32(y%2)) >> 2)
		}
		return p.out
	}
	for x := range p.sum {
		p.sum[x] = 3*int32(near[x]) + int32(far[x])
	}
	return p.spread(4, 4)
}

// rowWebP is row with libwebp's rounding; its chroma always has half the columns and half the rows.
func (p *plane) rowWebP(y int) []byte {
	near, far := p.line(y/2), p.line(y/2-1+y%2*2)
	last := len(near) - 1
	for x := range p.out {
		i := x / 2
		side := max(0, min(last, i-1+x%2*2))
		n := int32(near[i])
		p.out[x] = byte(((n+3*int32(near[side])+3*int32(far[i])+int32(far[side])+8)>>3 + n) >> 1)
	}
	return p.out
}

// repeated gives every pixel its sample.
func (p *plane) repeated(near []byte) []byte {
	for x := range p.out {
		p.out[x] = near[x/p.across]
	}
	return p.out
}

// spread interpolates the sums over twice as many pixels and divides by 2^shift. A bias of 1 for the left and 2 for the right pixel, or
// of 8 and 7 for sums of two rows, keeps rounding from drifting.
func (p *plane) spread(shift, scale int32) []byte {
	left, right := int32(1), int32(2)
	if scale == 4 {
		left, right = 8, 7
	}
	last := len(p.sum) - 1
	for x := range p.out {
		i := x / 2
		if x%2 == 0 {
			p.out[x] = byte((3*p.sum[i] + p.sum[max(0, i-1)] + left) >> shift)
		} else {
			p.out[x] = byte((3*p.sum[i] + p.sum[min(last, i+1)] + right) >> shift)
		}
	}
	return p.out
}
