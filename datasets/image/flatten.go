package image

import (
	stdimage "image"
	"image/color"
	"image/draw"
)

// onWhite lays a decoded picture on a white canvas, in 8 bits a channel. Of 16 bits the upper 8 count, as in Pillow. The first frame of a
// GIF may be smaller than its canvas.
func onWhite(src stdimage.Image, videoRange bool, canvas stdimage.Rectangle) *stdimage.RGBA {
	if whole, ok := src.(*stdimage.RGBA); ok && whole.Rect == canvas && whole.Opaque() {
		return whole
	}
	dst := stdimage.NewRGBA(canvas)
	at := src.Bounds()
	if at != canvas {
		draw.Draw(dst, canvas, stdimage.NewUniform(color.White), stdimage.Point{}, draw.Src)
	}
	line := func(y int) []byte { return dst.Pix[dst.PixOffset(at.Min.X, y):][:4*at.Dx()] }
	switch src := src.(type) {
	case *stdimage.YCbCr:
		fromYCbCr(dst, src, videoRange)
	case *stdimage.NYCbCrA:
		fromYCbCr(dst, &src.YCbCr, videoRange)
		for y := at.Min.Y; y < at.Max.Y; y++ {
			whiten(line(y), src.A[src.AOffset(at.Min.X, y):])
		}
	case *stdimage.Gray:
		for y := at.Min.Y; y < at.Max.Y; y++ {
			grey(line(y), src.Pix[src.PixOffset(at.Min.X, y):], 1)
		}
	case *stdimage.Gray16:
		for y := at.Min.Y; y < at.Max.Y; y++ {
			grey(line(y), src.Pix[src.PixOffset(at.Min.X, y):], 2)
		}
	case *stdimage.NRGBA:
		for y := at.Min.Y; y < at.Max.Y; y++ {
			compose(line(y), src.Pix[src.PixOffset(at.Min.X, y):], 4)
		}
	case *stdimage.NRGBA64:
		for y := at.Min.Y; y < at.Max.Y; y++ {
			compose(line(y), src.Pix[src.PixOffset(at.Min.X, y):], 8)
		}
	case *stdimage.RGBA64: // PNG without transparency
		for y := at.Min.Y; y < at.Max.Y; y++ {
			compose(line(y), src.Pix[src.PixOffset(at.Min.X, y):], 8)
		}
	case *stdimage.Paletted:
		palette := flatPalette(src.Palette)
		for y := at.Min.Y; y < at.Max.Y; y++ {
			lookUp(line(y), src.Pix[src.PixOffset(at.Min.X, y):], palette)
		}
	default: // CMYK, which the standard library converts as Pillow does
		draw.Draw(dst, at, stdimage.NewUniform(color.White), stdimage.Point{}, draw.Src)
		draw.Draw(dst, at, src, at.Min, draw.Over)
	}
	return dst
}

// grey spreads the first byte of every stride bytes over three channels.
func grey(dst, src []byte, stride int) {
	for i := 0; i < len(dst); i += 4 {
		v := src[i/4*stride]
		dst[i], dst[i+1], dst[i+2], dst[i+3] = v, v, v, 255
	}
}

// compose lays pixels of four channels on white; a pixel has stride bytes, 4, or 8 of which the upper ones count.
func compose(dst, src []byte, stride int) {
	step := stride / 4
	for i, j := 0, 0; i < len(dst); i, j = i+4, j+stride {
		alpha := src[j+3*step]
		dst[i] = over(src[j], alpha)
		dst[i+1] = over(src[j+step], alpha)
		dst[i+2] = over(src[j+2*step], alpha)
		dst[i+3] = 255
	}
}

// whiten lays what is in dst on white by alpha.
func whiten(dst, alpha []byte) {
	for i := 0; i < len(dst); i += 4 {
		for c := range 3 {
			dst[i+c] = over(dst[i+c], alpha[i/4])
		}
	}
}

// over is v on white by alpha, rounded to the nearest.
func over(v, alpha byte) byte {
	t := uint32(v)*uint32(alpha) + 255*uint32(255-alpha) + 128
	return byte((t>>8 + t) >> 8)
}

// flatPalette lays the colours of a palette on white. Indices beyond it are black, as in the standard library's decoders' padding.
func flatPalette(p color.Palette) (flat [256][4]byte) {
	for i := range flat {
		flat[i][3] = 255
	}
	for i, c := range p[:min(len(p), 256)] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		flat[i] = [4]byte{over(n.R, n.A), over(n.G, n.A), over(n.B, n.A), 255}
	}
	return flat
}

func lookUp(dst, src []byte, palette [256][4]byte) {
	for i := 0; i < len(dst); i += 4 {
		*(*[4]byte)(dst[i:]) = palette[src[i/4]]
	}
}
