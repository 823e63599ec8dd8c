package image

import (
	"bytes"
	"fmt"
	stdimage "image"
	"image/color"
	"image/draw"
	_ "image/gif"  // the first frame
	_ "image/jpeg" // grey, YCbCr, CMYK
	_ "image/png"  // all depths

	_ "golang.org/x/image/webp"
)

// Limits bound what is decoded. A zero field takes the default.
type Limits struct {
	Pixels int // of the picture, width times height; 50 million by default
	Bytes  int // of the encoded picture; 64 MiB by default
}

func (l Limits) orDefault() Limits {
	if l.Pixels == 0 {
		l.Pixels = 50_000_000
	}
	if l.Bytes == 0 {
		l.Bytes = 64 << 20
	}
	return l
}

// Decode decodes a PNG, JPEG, GIF (first frame) or WebP picture, turns it upright by its EXIF orientation and lays it on white.
// The result has no transparency. An error names the format, the sizes and the limit.
func Decode(data []byte, l Limits) (*stdimage.RGBA, error) {
	l = l.orDefault()
	if len(data) > l.Bytes {
		return nil, fmt.Errorf("picture of %d bytes, over the limit of %d", len(data), l.Bytes)
	}
	config, format, err := stdimage.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("no PNG, JPEG, GIF or WebP picture (%d bytes): %w", len(data), err)
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > l.Pixels/config.Height {
		return nil, fmt.Errorf("%s picture of %d x %d pixels, over the limit of %d", format, config.Width, config.Height, l.Pixels)
	}
	decoded, _, err := stdimage.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s picture of %d x %d pixels: %w", format, config.Width, config.Height, err)
	}
	upright := onWhite(decoded)
	if format == "jpeg" {
		upright = oriented(upright, orientation(data))
	}
	return upright, nil
}

// onWhite composes a picture on white, in a picture that begins at (0,0).
func onWhite(src stdimage.Image) *stdimage.RGBA {
	bounds := src.Bounds()
	dst := stdimage.NewRGBA(stdimage.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	if opaque, ok := src.(interface{ Opaque() bool }); !ok || !opaque.Opaque() {
		draw.Draw(dst, dst.Bounds(), stdimage.NewUniform(color.White), stdimage.Point{}, draw.Src)
	}
	draw.Draw(dst, dst.Bounds(), src, bounds.Min, draw.Over)
	return dst
}

// orientation is the EXIF orientation of a JPEG, 1 to 8; 1 where there is none.
func orientation(data []byte) int {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, size := data[at+1], int(data[at+2])<<8|int(data[at+3])
		if marker == 0xda || size < 2 || at+2+size > len(data) {
			break
		}
		if segment := data[at+4 : at+2+size]; marker == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return exifOrientation(segment[6:])
		}
		at += 2 + size
	}
	return 1
}

// exifOrientation reads tag 0x0112 of the first directory of a TIFF header.
func exifOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	little := tiff[0] == 'I'
	number := func(at, n int) (value int) {
		if at < 0 || at+n > len(tiff) {
			return 0
		}
		for i := range n {
			shift := 8 * i
			if !little {
				shift = 8 * (n - 1 - i)
			}
			value |= int(tiff[at+i]) << shift
		}
		return value
	}
	directory := number(4, 4)
	for i := range number(directory, 2) {
		entry := directory + 2 + 12*i
		if number(entry, 2) == 0x0112 {
			if o := number(entry+8, 2); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		if entry+12 > len(tiff) {
			break
		}
	}
	return 1
}

// oriented turns and mirrors a picture so that orientation o stands upright.
func oriented(src *stdimage.RGBA, o int) *stdimage.RGBA {
	if o == 1 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dw, dh := w, h
	if o >= 5 {
		dw, dh = h, w
	}
	dst := stdimage.NewRGBA(stdimage.Rect(0, 0, dw, dh))
	for y := range h {
		for x := range w {
			dx, dy := turned(x, y, w, h, o)
			copy(dst.Pix[dst.PixOffset(dx, dy):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}

// turned is where pixel (x,y) of a picture of w x h pixels goes under orientation o.
func turned(x, y, w, h, o int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}
