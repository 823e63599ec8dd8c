package picture

import "slices"

// blurRule measures how much detail there is at the size of judgement.
func blurRule(o AtLeast) *rule {
	return &rule{
		Rule: Rule{
			Name: "blur", Version: 1, Level: section2, On: o.On, Keeps: atLeast, Threshold: o.Min, Unit: "variance of the Laplacian / variance of grey",
			Doc: "Stands, with uniform and entropy, for the paper's image-quality scorer, which it does not describe. The variance of the Laplacian of grey, made " +
				"independent of size and of contrast: at 256 pixels of the longer side whatever the picture's size, and over the variance of grey, in cells of " +
				"32 x 32 pixels; the score is the ninth decile of the cells with some contrast, so that a sharp thing before a soft ground is sharp. " +
				"A picture without contrast is not judged. Weak where noise passes for detail, and where a shaken picture of a texture has enough left.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			g := v.grey()
			if g.w < 3 || g.h < 3 {
				return 0, false, "fewer than 3 pixels wide or high"
			}
			cells := sharpness(g)
			if len(cells) == 0 {
				return 0, false, "no contrast"
			}
			return cells[9*len(cells)/10], true, ""
		},
	}
}

// moments are sums over a cell: of the Laplacian and its squares, of grey and its squares.
type moments struct {
	n                int64
	d, dd, level, ll int64
}

// sharpness is the variance of the Laplacian over that of grey in cells of the plane, in ascending order, without cells of next to no
// contrast. A last cell of less than half a cell's width or height is left out.
//
// The Laplacian is the sum of the four neighbours less four times the pixel; beyond the edge the plane is mirrored about its last pixel, as
// OpenCV does.
func sharpness(g *grey) []float64 {
	const cell, least, contrast = 32, 16, 25.0
	across := make([]moments, (g.w+cell-1)/cell)
	var out []float64
	for y := range g.h {
		up, down := y-1, y+1
		if y == 0 {
			up = 1
		}
		if y == g.h-1 {
			down = g.h - 2
		}
		above, row, below := g.row(up), g.row(y), g.row(down)
		for i := range across {
			from, to := i*cell, min(g.w, (i+1)*cell)
			m := &across[i]
			m.n += int64(to - from)
			d, dd, level, ll := int32(0), int32(0), int32(0), int32(0) // of at most 32 pixels
			for x := from; x < to; x++ {
				left, right := x-1, x+1
				if x == 0 {
					left = 1
				}
				if x == g.w-1 {
					right = g.w - 2
				}
				v := int32(row[x])
				l := int32(above[x]) + int32(below[x]) + int32(row[left]) + int32(row[right]) - 4*v
				d += l
				dd += l * l
				level += v
				ll += v * v
			}
			m.d += int64(d)
			m.dd += int64(dd)
			m.level += int64(level)
			m.ll += int64(ll)
		}
		if y != g.h-1 && (y+1)%cell != 0 {
			continue
		}
		for i := range across {
			m := across[i]
			across[i] = moments{}
			wide := i == 0 || min(g.w, (i+1)*cell)-i*cell >= least
			high := y < cell || y%cell+1 >= least
			if v := variance(m.level, m.ll, m.n); wide && high && v >= contrast {
				out = append(out, variance(m.d, m.dd, m.n)/v)
			}
		}
	}
	slices.Sort(out)
	return out
}

func variance(sum, squares, n int64) float64 {
	return float64(squares*n-sum*sum) / float64(n*n)
}
