package picture

import "bytes"

// box is a connected part of a mask: the rectangle around it, exclusive at the right and below, and the number of its pixels.
type box struct {
	x0, y0, x1, y1 int
	n              int
}

func (b box) w() int { return b.x1 - b.x0 }
func (b box) h() int { return b.y1 - b.y0 }

// turned swaps the axes.
func (b box) turned() box { return box{b.y0, b.x0, b.y1, b.x1, b.n} }

// with is the rectangle around both.
func (b box) with(o box) box {
	return box{min(b.x0, o.x0), min(b.y0, o.y0), max(b.x1, o.x1), max(b.y1, o.y1), b.n + o.n}
}

// run is a stretch of set pixels in one row.
type run struct {
	x0, x1 int32
	part   int32
}

// components finds the parts of a mask of w x h bytes, 0 or 1, that touch at a side or a corner, in the order of their first pixel.
func components(mask []uint8, w, h int) []box {
	var before, here []run
	var boxes []box     // by provisional part
	var parents []int32 // of provisional parts; the root is the smallest
	for y := range h {
		row := mask[y*w:][:w]
		here = here[:0]
		i := 0
		for x := 0; x < w; {
			skip := bytes.IndexByte(row[x:], 1)
			if skip < 0 {
				break
			}
			x0 := x + skip
			if x = bytes.IndexByte(row[x0:], 0) + x0; x < x0 {
				x = w
			}
			r := run{int32(x0), int32(x), -1}
			for i < len(before) && before[i].x1 < r.x0 {
				i++
			}
			for j := i; j < len(before) && before[j].x0 <= r.x1; j++ {
				other := find(parents, before[j].part)
				switch {
				case r.part < 0:
					r.part = other
				case r.part != other:
					r.part = join(parents, r.part, other)
				}
			}
			if r.part < 0 {
				r.part = int32(len(boxes))
				boxes = append(boxes, box{x0, y, x, y + 1, 0})
				parents = append(parents, r.part)
			}
			b := &boxes[r.part]
			b.x0, b.x1, b.y1 = min(b.x0, x0), max(b.x1, x), y+1
			b.n += x - x0
			here = append(here, r)
		}
		before, here = here, before
	}
	return merged(boxes, parents)
}

// merged gathers boxes under their roots.
func merged(boxes []box, parents []int32) []box {
	for i := range boxes {
		if root := find(parents, int32(i)); root != int32(i) {
			boxes[root] = boxes[root].with(boxes[i])
		}
	}
	out := boxes[:0]
	for i, b := range boxes {
		if parents[i] == int32(i) {
			out = append(out, b)
		}
	}
	return out
}

func find(parents []int32, i int32) int32 {
	for parents[i] != i {
		parents[i] = parents[parents[i]]
		i = parents[i]
	}
	return i
}

func join(parents []int32, a, b int32) int32 {
	a, b = find(parents, a), find(parents, b)
	if a > b {
		a, b = b, a
	}
	parents[b] = a
	return a
}
