package near

import (
	"image"
	"math"
	"math/bits"
	"slices"
)

// Distance returns in how many bits two hashes of pictures differ.
func Distance(a, b uint64) int { return bits.OnesCount64(a ^ b) }

// PictureHash is the hash of a picture that the options ask for, 0 for a picture without structure.
func (o PictureOptions) PictureHash(pixels *image.RGBA) uint64 {
	if o.Hash == "dhash" {
		return DifferenceHash(pixels)
	}
	return PictureHash(pixels)
}

// Of the perceptual hash: the picture is averaged over side x side areas, and freqs x freqs of its frequencies make the bits.
const (
	side  = 32
	freqs = 8
)

// cosines are those of the cosine transform (DCT-II) of side values.
var cosines = func() (c [freqs][side]float32) {
	for u := range c {
		for x := range c[u] {
			c[u][x] = float32(math.Cos(math.Pi * (float64(x) + 0.5) * float64(u) / side))
		}
	}
	return c
}()

// PictureHash is a perceptual hash of an opaque picture: of the 8x8 lowest frequencies of the cosine transform of its luminance, averaged
// over 32x32 areas, whether each is above the median; the first bit, that of the mean, is always set. It changes little when a picture
// is scaled, compressed, or made brighter. 0 is the hash of pictures without structure: no frequency has an amplitude of half a grey level.
func PictureHash(pixels *image.RGBA) uint64 {
	var grey [side * side]float32
	if !areas(pixels, side, side, grey[:]) {
		return 0
	}
	var rows [side][freqs]float32
	for y := range side {
		line := (*[side]float32)(grey[y*side:])
		for u := range freqs {
			var sum float32
			for x, c := range &cosines[u] {
				sum += c * line[x]
			}
			rows[y][u] = sum
		}
	}
	var all [freqs * freqs]float32
	largest := float32(0)
	for v := range freqs {
		for u := range freqs {
			var sum float32
			for y, c := range &cosines[v] {
				sum += c * rows[y][u]
			}
			all[v*freqs+u] = sum
			if u+v > 0 {
				largest = max(largest, sum, -sum)
			}
		}
	}
	if largest < side*side/8 { // a frequency of amplitude 1 sums to side*side/4 or, along an axis, twice that
		return 0
	}
	var sorted [freqs*freqs - 1]float32
	copy(sorted[:], all[1:])
	slices.Sort(sorted[:])
	median := sorted[len(sorted)/2]
	hash := uint64(1) << 63
	for i, v := range all[1:] {
		if v > median {
			hash |= 1 << (62 - i)
		}
	}
	return hash
}

// DifferenceHash is a simpler hash of an opaque picture: of the luminance averaged over 9x8 areas, whether each is darker than its right
// neighbour. 0 is the hash of pictures without structure: no two areas differ by a grey level, or none is darker than its right neighbour.
func DifferenceHash(pixels *image.RGBA) uint64 {
	const w, h = 9, 8
	var grey [w * h]float32
	if !areas(pixels, w, h, grey[:]) || slices.Max(grey[:])-slices.Min(grey[:]) < 1 {
		return 0
	}
	var hash uint64
	for y := range h {
		for x := range w - 1 {
			hash <<= 1
			if grey[y*w+x] < grey[y*w+x+1] {
				hash |= 1
			}
		}
	}
	return hash
}

// share is how a pixel is shared by areas: weights[i] is the part of area first+i that it fills.
type share struct {
	first   int
	weights []float32
}

// areas averages the luminance of a picture over w x h areas of equal size, pixels at their borders shared by area. false: no pixels.
func areas(pixels *image.RGBA, w, h int, grey []float32) bool {
	if pixels == nil || pixels.Rect.Dx() < 1 || pixels.Rect.Dy() < 1 {
		return false
	}
	width, height := pixels.Rect.Dx(), pixels.Rect.Dy()
	across, down := shares(width, w), shares(height, h)
	clear(grey)
	line := make([]float32, w)
	for y := range height {
		in := pixels.Pix[y*pixels.Stride:][:4*width]
		clear(line)
		for x := range across {
			s := &across[x]
			luminance := float32(299*int(in[4*x]) + 587*int(in[4*x+1]) + 114*int(in[4*x+2]))
			for i, weight := range s.weights {
				line[s.first+i] += weight * luminance
			}
		}
		s := &down[y]
		for i, weight := range s.weights {
			out := grey[(s.first+i)*w:][:w]
			for x, v := range line {
				out[x] += weight * v
			}
		}
	}
	for i := range grey {
		grey[i] /= 1000
	}
	return true
}

// shares returns how each of n pixels is shared by m areas.
func shares(n, m int) []share {
	out := make([]share, n)
	weights := make([]float32, 0, n+m)
	for i := range out { // pixel i covers [i*m, (i+1)*m) where area a covers [a*n, (a+1)*n)
		first, last := i*m/n, ((i+1)*m-1)/n
		begin := len(weights)
		for a := first; a <= last; a++ {
			weights = append(weights, float32(min((i+1)*m, (a+1)*n)-max(i*m, a*n))/float32(n))
		}
		out[i] = share{first, weights[begin:]}
	}
	return out
}
