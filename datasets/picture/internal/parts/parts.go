// Package parts finds the connected parts of a mask.
package parts

import "bytes"

// Box is a connected part of a mask: the rectangle around it, exclusive at the right and below, and the number of its pixels.
type Box struct {
	X0, Y0, X1, Y1 int
	N              int
}

// W is the width.
func (b Box) W() int { return b.X1 - b.X0 }

// H is the height.
func (b Box) H() int { return b.Y1 - b.Y0 }

// Turned swaps the axes.
func (b Box) Turned() Box { return Box{b.Y0, b.X0, b.Y1, b.X1, b.N} }

// With is the rectangle around both, with the pixels of both.
func (b Box) With(o Box) Box {
	return Box{min(b.X0, o.X0), min(b.Y0, o.Y0), max(b.X1, o.X1), max(b.Y1, o.Y1), b.N + o.N}
}

// run is a stretch of set pixels in one row.
type run struct {
	x0, x1 int32
	part   int32
}

// Find returns the parts of a mask of w x h bytes, 0 or 1, that touch at a side or a corner, in the order of their first pixel.
func Find(mask []uint8, w, h int) []Box {
	var before, here []run
	var boxes []Box     // by provisional part
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
				other := Root(parents, before[j].part)
				switch {
				case r.part < 0:
					r.part = other
				case r.part != other:
					r.part = Join(parents, r.part, other)
				}
			}
			if r.part < 0 {
				r.part = int32(len(boxes))
				boxes = append(boxes, Box{x0, y, x, y + 1, 0})
				parents = append(parents, r.part)
			}
			b := &boxes[r.part]
			b.X0, b.X1, b.Y1 = min(b.X0, x0), max(b.X1, x), y+1
			b.N += x - x0
			here = append(here, r)
		}
		before, here = here, before
	}
	return merged(boxes, parents)
}

// merged gathers boxes under their roots.
func merged(boxes []Box, parents []int32) []Box {
	for i := range boxes {
		if root := Root(parents, int32(i)); root != int32(i) {
			boxes[root] = boxes[root].With(boxes[i])
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

// Root is the smallest member of i's set; parents[i] is a smaller member or i itself.
func Root(parents []int32, i int32) int32 {
	for parents[i] != i {
		parents[i] = parents[parents[i]]
		i = parents[i]
	}
	return i
}

// Join unites two sets and returns the new root.
func Join(parents []int32, a, b int32) int32 {
	a, b = Root(parents, a), Root(parents, b)
	if a > b {
		a, b = b, a
	}
	parents[b] = a
	return a
}
