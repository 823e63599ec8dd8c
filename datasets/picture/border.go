package picture

import stdimage "image"

// borderRule measures plain bars around a picture.
func borderRule(o AtMost) *rule {
	return &rule{
		Rule: Rule{
			Name: "border", Version: 1, Level: addition, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "share of the area",
			Doc: "Not in the paper. Bars above and below a film still, frames and mats waste the pixels of 224 x 224. A side is part of a frame where its lines are of " +
				"one colour and the picture behind them differs from it along most of its length, and so does the opposite side, with or without a bar: so the room " +
				"around a thing on a plain ground is no frame, unless the thing is a large rectangle itself. Misses frames with rounded corners, shadows or " +
				"patterns, and dark stills in black bars.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			return frame(v.seen()), true, ""
		},
	}
}

// frame is the share of the area that lies in plain bars, on one side or more. What a bar of more than three quarters leaves is
// a thing on a ground.
func frame(src *stdimage.RGBA) float64 {
	const thing = 0.75
	whole := src.Rect
	inner := whole
	sides := []int{top, bottom, left, right}
	var colours [4][3]int32
	for _, s := range sides {
		colours[s] = sideLine(src, whole, s, 0).mean()
	}
	// The bars are as wide as they are plain between the other bars; two rounds settle frames, where each side bounds the others.
	for range 2 {
		for _, s := range sides {
			inner = without(inner, s, plainLines(src, inner, s, colours[s]))
		}
	}
	kept := whole
	if abrupt(src, inner, top, colours[top]) && abrupt(src, inner, bottom, colours[bottom]) {
		kept.Min.Y, kept.Max.Y = inner.Min.Y, inner.Max.Y
	}
	if abrupt(src, inner, left, colours[left]) && abrupt(src, inner, right, colours[right]) {
		kept.Min.X, kept.Max.X = inner.Min.X, inner.Max.X
	}
	share := 1 - float64(kept.Dx()*kept.Dy())/float64(whole.Dx()*whole.Dy())
	if share > thing {
		return 0
	}
	return share
}

// The sides of a rectangle.
const (
	top = iota
	bottom
	left
	right
)

// depth is how many lines a rectangle has from a side to the opposite one.
func depth(r stdimage.Rectangle, s int) int {
	if s == top || s == bottom {
		return r.Dy()
	}
	return r.Dx()
}

// without takes n lines off a side.
func without(r stdimage.Rectangle, s, n int) stdimage.Rectangle {
	switch s {
	case top:
		r.Min.Y += n
	case bottom:
		r.Max.Y -= n
	case left:
		r.Min.X += n
	default:
		r.Max.X -= n
	}
	return r
}

// sideLine is the i-th line of pixels of a rectangle, counted from a side.
func sideLine(src *stdimage.RGBA, r stdimage.Rectangle, s, i int) line {
	switch s {
	case top:
		return line{src.Pix[src.PixOffset(r.Min.X, r.Min.Y+i):], 4, r.Dx()}
	case bottom:
		return line{src.Pix[src.PixOffset(r.Min.X, r.Max.Y-1-i):], 4, r.Dx()}
	case left:
		return line{src.Pix[src.PixOffset(r.Min.X+i, r.Min.Y):], src.Stride, r.Dy()}
	default:
		return line{src.Pix[src.PixOffset(r.Max.X-1-i, r.Min.Y):], src.Stride, r.Dy()}
	}
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

// plainLines is how many lines from a side have one colour, but for a fiftieth of their pixels. One line at least is left.
func plainLines(src *stdimage.RGBA, r stdimage.Rectangle, s int, colour [3]int32) int {
	n := 0
	for n < depth(r, s)-1 {
		l := sideLine(src, r, s, n)
		if 50*l.differs(colour) > l.n {
			break
		}
		n++
	}
	return n
}

// abrupt tells whether one of the first six lines of a rectangle differs from a colour in at least 17 twentieths of its pixels. Six, as JPEG
// carries a colour over an edge.
func abrupt(src *stdimage.RGBA, r stdimage.Rectangle, s int, colour [3]int32) bool {
	for i := range min(6, depth(r, s)) {
		if l := sideLine(src, r, s, i); 20*l.differs(colour) >= 17*l.n {
			return true
		}
	}
	return false
}
