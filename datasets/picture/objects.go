package picture

import (
	stdimage "image"

	"m6lab/datasets/picture/internal/parts"
)

// objectsRule counts things on a plain ground.
func objectsRule(o AtMost) *rule {
	return &rule{
		Rule: Rule{
			Name: "objects", Version: 1, Level: section41, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "things",
			Doc: "For text-to-image the paper keeps pictures with at most 3 objects and does not say how it counts them. Here, where at least 7 tenths of the edge " +
				"have one colour, what differs from that colour is gathered into connected parts; parts closer than about a fiftieth of the picture are one thing, " +
				"crumbs are none. Things that touch or overlap, or stand in one shadow, count as one, a thing of parts far apart as several; " +
				"what has the colour of the ground is not seen; where the ground is not plain nothing is judged.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			n, ok := things(v.seen())
			if !ok {
				return 0, false, "the ground is not plain"
			}
			return float64(n), true, ""
		},
	}
}

// things counts what stands on the ground; ok is false where that is not plain.
func things(src *stdimage.RGBA) (count int, ok bool) {
	const plain = 0.7      // share of the edge in the ground's colour
	const apart = 30       // levels from the ground's colour
	const crumb = 0.002    // of the picture's area
	const relative = 0.06  // of the largest thing
	const cells = side / 4 // along the longer side
	edge := edgeOf(src)
	ground := commonest(edge)
	if share(edge, ground) < plain {
		return 0, false
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	cell := max(1, (max(w, h)+cells-1)/cells)
	gw, gh := (w+cell-1)/cell, (h+cell-1)/cell
	filled := make([]uint16, gw*gh)
	for y := range h {
		row := src.Pix[y*src.Stride:][:4*w]
		line := filled[y/cell*gw:][:gw]
		for x := range w {
			p := row[4*x:][:3]
			r, g, b := int32(p[0])-ground[0], int32(p[1])-ground[1], int32(p[2])-ground[2]
			if max(r, -r, g, -g, b, -b) > apart {
				line[x/cell]++
			}
		}
	}
	mask := make([]uint8, len(filled))
	for i, n := range filled {
		if 5*int(n) >= cell*cell {
			mask[i] = 1
		}
	}
	found := parts.Find(mask, gw, gh)
	largest := 0
	for _, b := range found {
		largest = max(largest, b.N)
	}
	least := max(crumb*float64(gw*gh), relative*float64(largest))
	for _, b := range found {
		if float64(b.N) >= least {
			count++
		}
	}
	return count, true
}
