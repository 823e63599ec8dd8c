package origin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"slices"
)

const (
	pictureSize = 64
	emojiShades = 64 // colours of one emoji's palette
)

type rgb [3]uint8

func (c rgb) color() color.RGBA { return color.RGBA{c[0], c[1], c[2], 255} }

// weighted is a colour and how often it occurs.
type weighted struct {
	rgb
	count int
}

// paletteOf chooses at most n colours for a histogram by median cut and three rounds of k-means. The colours of keep are always among them.
func paletteOf(histogram map[rgb]int, n int, keep ...rgb) color.Palette {
	all := make([]weighted, 0, len(histogram))
	for c, count := range histogram {
		if !slices.Contains(keep, c) {
			all = append(all, weighted{c, count})
		}
	}
	slices.SortFunc(all, func(a, b weighted) int { return slices.Compare(a.rgb[:], b.rgb[:]) })
	centers := slices.Clone(keep)
	if len(all) > n-len(keep) {
		centers = append(centers, refine(all, medianCut(all, n-len(keep)))...)
	} else {
		for _, w := range all {
			centers = append(centers, w.rgb)
		}
	}
	p := make(color.Palette, len(centers))
	for i, c := range centers {
		p[i] = c.color()
	}
	return p
}

func medianCut(all []weighted, n int) []rgb {
	boxes := [][]weighted{slices.Clone(all)}
	for len(boxes) < n {
		best, axis, score := -1, 0, -1.0
		for i, b := range boxes {
			if a, s := spread(b); len(b) > 1 && s > score {
				best, axis, score = i, a, s
			}
		}
		if best < 0 {
			break
		}
		low, high := cut(boxes[best], axis)
		boxes[best] = low
		boxes = append(boxes, high)
	}
	centers := make([]rgb, len(boxes))
	for i, b := range boxes {
		centers[i] = mean(b)
	}
	return centers
}

// spread returns the axis of the largest weighted variance, and that variance times the weight.
func spread(b []weighted) (axis int, score float64) {
	for a := range 3 {
		var n, sum, squares float64
		for _, w := range b {
			x, k := float64(w.rgb[a]), float64(w.count)
			n, sum, squares = n+k, sum+k*x, squares+k*x*x
		}
		if s := squares - sum*sum/n; s > score {
			axis, score = a, s
		}
	}
	return axis, score
}

func cut(b []weighted, axis int) (low, high []weighted) {
	slices.SortStableFunc(b, func(x, y weighted) int { return cmp.Compare(x.rgb[axis], y.rgb[axis]) })
	total := 0
	for _, w := range b {
		total += w.count
	}
	half, sum := 1, b[0].count
	for half < len(b)-1 && sum*2 < total {
		sum += b[half].count
		half++
	}
	return b[:half:half], b[half:]
}

func mean(b []weighted) rgb {
	var sum [3]int
	n := 0
	for _, w := range b {
		n += w.count
		for a := range sum {
			sum[a] += int(w.rgb[a]) * w.count
		}
	}
	return rgb{uint8((sum[0] + n/2) / n), uint8((sum[1] + n/2) / n), uint8((sum[2] + n/2) / n)}
}

// refine moves the centres by k-means.
func refine(all []weighted, centers []rgb) []rgb {
	for range 3 {
		groups := make([][]weighted, len(centers))
		for _, w := range all {
			i := nearest(w.rgb, centers)
			groups[i] = append(groups[i], w)
		}
		for i, g := range groups {
			if len(g) > 0 {
				centers[i] = mean(g)
			}
		}
	}
	return centers
}

func nearest(c rgb, centers []rgb) int {
	best, distance := 0, 1<<30
	for i, p := range centers {
		d := 0
		for a := range 3 {
			x := int(c[a]) - int(p[a])
			d += x * x
		}
		if d < distance {
			best, distance = i, d
		}
	}
	return best
}

func histogramOf(img *image.RGBA, into map[rgb]int) {
	for i := 0; i < len(img.Pix); i += 4 {
		into[rgb(img.Pix[i:i+3])]++
	}
}

// emojiColors is the palette of one drawing on white.
func emojiColors(img *image.RGBA) color.Palette {
	h := map[rgb]int{}
	histogramOf(img, h)
	return paletteOf(h, emojiShades, rgb{255, 255, 255})
}

// encodePalette writes img as a palette PNG whose pixels are stored, not deflated: the archive around the pictures is compressed as a whole, and finds a
// drawing again in another picture only where its bytes are plain.
func encodePalette(img *image.RGBA, p color.Palette) ([]byte, error) {
	centers := make([]rgb, len(p))
	for i, c := range p {
		r, g, b, _ := c.RGBA()
		centers[i] = rgb{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
	}
	out, known := image.NewPaletted(img.Rect, p), map[rgb]uint8{}
	for i := range out.Pix {
		c := rgb(img.Pix[4*i : 4*i+3])
		at, ok := known[c]
		if !ok {
			at = uint8(nearest(c, centers))
			known[c] = at
		}
		out.Pix[i] = at
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, out)
	return b.Bytes(), err
}

// Shares of the pixels, in percent, that must differ clearly from the ground for a drawing to be seen at all, and to be clear in a scene.
const (
	seen  = 2
	clear = 10
)

// visible tells whether at least percent of the pixels differ clearly from the ground.
func visible(img *image.RGBA, ground color.RGBA, percent int) bool {
	n := 0
	for i := 0; i < len(img.Pix); i += 4 {
		if contrast(img.Pix[i:i+3], ground) > 40 {
			n++
		}
	}
	return n*100 >= percent*len(img.Pix)/4
}

// contrast is the largest difference of a channel.
func contrast(pix []uint8, ground color.RGBA) int {
	d := 0
	for a, g := range []uint8{ground.R, ground.G, ground.B} {
		d = max(d, int(pix[a])-int(g), int(g)-int(pix[a]))
	}
	return d
}

// mustJSON encodes plain structs of strings and numbers, which cannot fail.
func mustJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
