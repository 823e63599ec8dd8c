package picture

import stdimage "image"

// borderRule measures plain bars around a picture.
func borderRule(o AtMost) *rule {
	return &rule{
		Rule: Rule{
			Name: "border", Version: 1, Level: addition, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "share of the area",
			Doc: "Not in the paper. Bars above and below a film still, frames and mats waste the pixels of 224 x 224. A side is part of a frame where its lines are of " +
				"one colour and the first other line differs from it along most of its length: so the room around a thing on a plain ground is no frame. " +
				"Misses frames with rounded corners, shadows or patterns, and dark stills in black bars.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			return frame(v.seen()), true, ""
		},
	}
}

// frame is the share of the area that lies in plain bars.
func frame(src *stdimage.RGBA) float64 {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	inner := stdimage.Rect(0, 0, w, h)
	// Bars above and below first; the sides are looked at between them.
	row := func(y int) line { return line{src.Pix[y*src.Stride+4*inner.Min.X:], 4, inner.Dx()} }
	inner.Min.Y += bar(h/2, func(i int) line { return row(i) })
	inner.Max.Y -= bar(h/2, func(i int) line { return row(h - 1 - i) })
	column := func(x int) line { return line{src.Pix[inner.Min.Y*src.Stride+4*x:], src.Stride, inner.Dy()} }
	left := bar(w/2, func(i int) line { return column(i) })
	right := bar(w/2, func(i int) line { return column(w - 1 - i) })
	inner.Min.X += left
	inner.Max.X -= right
	return 1 - float64(inner.Dx()*inner.Dy())/float64(w*h)
}

// line is a row or a column of pixels.
type line struct {
	pix    []uint8
	stride int // bytes from one pixel to the next
	n      int
}

// differs is how many pixels of the line are not near a colour.
func (l line) differs(colour [3]int32) (count int) {
	for i := range l.n {
		if !isNear(l.pix[i*l.stride:][:3], colour) {
			count++
		}
	}
	return count
}

func (l line) mean() [3]int32 {
	var sum [3]int32
	for i := range l.n {
		p := l.pix[i*l.stride:][:3]
		sum[0] += int32(p[0])
		sum[1] += int32(p[1])
		sum[2] += int32(p[2])
	}
	n := int32(l.n)
	return [3]int32{(sum[0] + n/2) / n, (sum[1] + n/2) / n, (sum[2] + n/2) / n}
}

// bar is how many of the first lines, at most limit, are a plain bar: of one colour, but for a fiftieth of their pixels, and followed within
// three lines by one that differs in at least seven tenths of its pixels.
func bar(limit int, at func(i int) line) int {
	if limit == 0 {
		return 0
	}
	first := at(0)
	colour := first.mean()
	n := 0
	for n < limit && 50*at(n).differs(colour) <= first.n {
		n++
	}
	if n == 0 || n == limit {
		return 0 // no bar, or a plain half: nothing is framed by it
	}
	for i := n; i < min(n+3, limit); i++ {
		if 10*at(i).differs(colour) >= 7*first.n {
			return n
		}
	}
	return 0
}
