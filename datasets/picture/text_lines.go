package picture

import (
	"cmp"
	"math"
	"slices"

	"m6lab/datasets/picture/internal/parts"
)

// lettering is the share of a plane that lies in lines of text. Letters of up to 44 pixels are looked for in the plane, larger ones in its
// half and its quarter.
func lettering(g *grey) float64 {
	covered := make([]uint8, len(g.pix))
	for level, scale := g, 1; ; scale *= 2 {
		for _, line := range textLines(level) {
			x0, x1 := min(g.w, line.X0*scale), min(g.w, line.X1*scale)
			for y := line.Y0 * scale; y < min(g.h, line.Y1*scale); y++ {
				row := covered[y*g.w:]
				for x := x0; x < x1; x++ {
					row[x] = 1
				}
			}
		}
		if scale == 4 || min(level.w, level.h) < 48 {
			break
		}
		level = halved(level)
	}
	count := 0
	for _, c := range covered {
		count += int(c)
	}
	return float64(count) / float64(len(covered))
}

// halved means squares of four pixels; an odd last row or column is left out.
func halved(g *grey) *grey {
	half := &grey{w: g.w / 2, h: g.h / 2}
	half.pix = make([]uint8, half.w*half.h)
	for y := range half.h {
		upper, lower, out := g.row(2*y), g.row(2*y+1), half.row(y)
		for x := range out {
			out[x] = uint8((int(upper[2*x]) + int(upper[2*x+1]) + int(lower[2*x]) + int(lower[2*x+1]) + 2) >> 2)
		}
	}
	return half
}

// textLines finds lines of dark text on light and of light on dark, in rows and in columns.
func textLines(g *grey) (lines []parts.Box) {
	for _, c := range candidates(g) {
		if c.features.isText() {
			lines = append(lines, c.around)
		}
	}
	return lines
}

// candidates are the rows and columns of at least three letters that are twice as long as they are high.
func candidates(g *grey) (all []chain) {
	dark, light := inks(g)
	for _, mask := range [][]uint8{dark, light} {
		letters := letterlike(parts.Find(mask, g.w, g.h))
		for _, turned := range []bool{false, true} {
			for _, c := range chains(letters) {
				length, across := c.around.W(), c.around.H()
				if turned {
					c.around = c.around.Turned()
				}
				if len(c.letters) < 3 || across > 3*tallest {
					continue
				}
				c.features = featuresOf(g, mask, c)
				c.features.across = float64(across) / c.features.height
				if float64(length) >= 2*c.features.height {
					all = append(all, c)
				}
			}
			for i, b := range letters {
				letters[i] = b.Turned()
			}
		}
	}
	return all
}

// inks marks the pixels that are darker, and those that are lighter, than the mean of the square of 25 x 25 around them.
func inks(g *grey) (dark, light []uint8) {
	const radius, apart = 12, 60
	w, h := g.w, g.h
	dark, light = make([]uint8, w*h), make([]uint8, w*h)
	columns := make([]int32, w) // sums of the rows within the radius
	for y := range min(radius, h) {
		for x, v := range g.row(y) {
			columns[x] += int32(v)
		}
	}
	for y := range h {
		if y+radius < h {
			for x, v := range g.row(y + radius) {
				columns[x] += int32(v)
			}
		}
		if y-radius-1 >= 0 {
			for x, v := range g.row(y - radius - 1) {
				columns[x] -= int32(v)
			}
		}
		rows := int32(min(h, y+radius+1) - max(0, y-radius))
		sum := int32(0)
		for x := range min(radius, w) {
			sum += columns[x]
		}
		row, d, l := g.row(y), dark[y*w:][:w], light[y*w:][:w]
		for x, v := range row {
			if x+radius < w {
				sum += columns[x+radius]
			}
			if x-radius-1 >= 0 {
				sum -= columns[x-radius-1]
			}
			n := rows * int32(min(w, x+radius+1)-max(0, x-radius))
			switch here := int32(v) * n; {
			case here < sum-apart*n:
				d[x] = 1
			case here > sum+apart*n:
				l[x] = 1
			}
		}
	}
	return dark, light
}

// tallest is the longer side of a letter, in pixels; larger ones are found in the halves.
const tallest = 44

// letterlike keeps what may be a letter, a character or a part of one.
func letterlike(found []parts.Box) []parts.Box {
	return slices.DeleteFunc(found, func(b parts.Box) bool {
		w, h := b.W(), b.H()
		longer, shorter := max(w, h), min(w, h)
		return longer < 6 || longer > tallest || longer > 12*shorter || 8*b.N < w*h
	})
}

// chain is a row of letters. Those of a column are turned; around is as it lies in the plane.
type chain struct {
	letters  []parts.Box
	around   parts.Box
	features features
}

// chains joins letters that stand side by side at the same height.
func chains(letters []parts.Box) []chain {
	slices.SortFunc(letters, func(a, b parts.Box) int {
		return cmp.Or(cmp.Compare(a.X0, b.X0), cmp.Compare(a.Y0, b.Y0), cmp.Compare(a.X1, b.X1), cmp.Compare(a.Y1, b.Y1))
	})
	sets := make([]int32, len(letters))
	for i := range sets {
		sets[i] = int32(i)
	}
	for i, a := range letters {
		for j := i + 1; j < len(letters) && letters[j].X0 <= a.X1+tallest; j++ {
			if neighbours(a, letters[j]) {
				parts.Join(sets, int32(i), int32(j))
			}
		}
	}
	byRoot := make(map[int32]int)
	var out []chain
	for i, b := range letters {
		root := parts.Root(sets, int32(i))
		at, known := byRoot[root]
		if !known {
			at = len(out)
			byRoot[root] = at
			out = append(out, chain{around: b})
			out[at].around.N = 0
		}
		out[at].letters = append(out[at].letters, b)
		out[at].around = out[at].around.With(b)
	}
	return out
}

// neighbours tells whether b may follow a, which begins no further right, in a line.
func neighbours(a, b parts.Box) bool {
	taller, lower := max(a.H(), b.H()), min(a.H(), b.H())
	overlap := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	return 2*taller <= 5*lower && 10*overlap >= 6*lower && b.X0-a.X1 <= taller
}

// features tell lines of text from other rows of things.
type features struct {
	contrast float64 // levels between the mean of the ink and that of its ground
	stroke   float64 // width of the strokes over the height of the letters
	height   float64 // pixels, of the letter at the third quartile
	across   float64 // height of the line over that of the letters
	rough    float64 // standard deviation of the ground over the contrast
	uneven   float64 // standard deviation of the letters' heights over the height
	letters  float64
}

// isText weighs the features by a logistic regression on lines of the tuning part, at the point where 6 of 10 are text; see
// scripts/reference/picture_rules.py.
//
// Before that, what text never has: strokes half as wide as the letter is high, a line as high as three,
// a ground as uneven as ink and ground together, as what lies around thick things has.
func (f features) isText() bool {
	if f.stroke > 0.5 || f.across > 3 || f.rough > 0.8 {
		return false
	}
	return 7.28*math.Log(f.contrast)-6.02*math.Log(f.stroke)-6.78*math.Log(f.height)-6.65*f.uneven+3.07*math.Log(f.letters) > 31.08
}

func featuresOf(g *grey, mask []uint8, c chain) features {
	heights := make([]int, len(c.letters))
	for i, b := range c.letters {
		heights[i] = b.H()
	}
	f := features{uneven: deviation(heights), letters: float64(len(c.letters))}
	slices.Sort(heights)
	f.height = float64(heights[len(heights)*3/4])
	f.uneven /= f.height

	// Sums over the rectangle: of ground and ink, and the stretches of ink along rows and columns.
	var n, sum, squares [2]int64
	across, down := 0, 0
	for y := c.around.Y0; y < c.around.Y1; y++ {
		before := uint8(0)
		for x := c.around.X0; x < c.around.X1; x++ {
			at := y*g.w + x
			ink := mask[at]
			n[ink]++
			v := int64(g.pix[at])
			sum[ink] += v
			squares[ink] += v * v
			if ink == 1 && before == 0 {
				across++
			}
			if ink == 1 && (y == c.around.Y0 || mask[at-g.w] == 0) {
				down++
			}
			before = ink
		}
	}
	f.stroke = float64(n[1]) / float64(max(across, down)) / f.height
	f.contrast = 1
	if n[0] > 0 {
		f.contrast = max(1, math.Abs(float64(sum[1])/float64(n[1])-float64(sum[0])/float64(n[0])))
		f.rough = math.Sqrt(variance(sum[0], squares[0], n[0])) / f.contrast
	}
	return f
}

func deviation(values []int) float64 {
	sum, squares := int64(0), int64(0)
	for _, v := range values {
		sum += int64(v)
		squares += int64(v) * int64(v)
	}
	return math.Sqrt(variance(sum, squares, int64(len(values))))
}
