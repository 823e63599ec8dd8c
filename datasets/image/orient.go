package image

import (
	"encoding/binary"
	stdimage "image"
)

// orientation reads tag 0x0112 of the first directory of an EXIF block, a TIFF header: 1 to 8; 1 where there is none.
func orientation(tiff []byte) int {
	const tag, entrySize = 0x0112, 12
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	directory := uint64(order.Uint32(tiff[4:]))
	if directory+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[directory+2:]
	for range order.Uint16(tiff[directory:]) {
		if len(entries) < entrySize {
			break
		}
		if order.Uint16(entries) == tag {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[entrySize:]
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
	origin := place(0, 0, w, h, o)
	step := dst.PixOffset(place(1, 0, w, h, o).X, place(1, 0, w, h, o).Y) - dst.PixOffset(origin.X, origin.Y)
	for y := range h {
		start := place(0, y, w, h, o)
		to := dst.PixOffset(start.X, start.Y)
		for line := src.Pix[y*src.Stride:][:4*w]; len(line) > 0; line = line[4:] {
			copy(dst.Pix[to:to+4], line)
			to += step
		}
	}
	return dst
}

// place is where pixel (x,y) of a picture of w x h pixels goes under orientation o.
func place(x, y, w, h, o int) stdimage.Point {
	switch o {
	case 2:
		return stdimage.Pt(w-1-x, y)
	case 3:
		return stdimage.Pt(w-1-x, h-1-y)
	case 4:
		return stdimage.Pt(x, h-1-y)
	case 5:
		return stdimage.Pt(y, x)
	case 6:
		return stdimage.Pt(h-1-y, x)
	case 7:
		return stdimage.Pt(h-1-y, w-1-x)
	case 8:
		return stdimage.Pt(y, w-1-x)
	}
	return stdimage.Pt(x, y)
}
