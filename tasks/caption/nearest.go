package caption

import (
	"fmt"
	"math"

	"m6lab/datasets"
	"m6lab/datasets/image"
	"m6lab/tasks"
)

// side is the side of the pictures that neighbours are looked for in.
const side = 16

// Nearest returns for each held-out picture the index of the training picture that is nearest: Euclidean distance of 16 x 16 RGB
// values. A picture that cannot be decoded is named in a note: a training one is no neighbour, a held-out one has the first picture as
// its neighbour.
func Nearest(train, held []datasets.Example) ([]int, []string) {
	given, notes := small(train)
	asked, more := small(held)
	out := make([]int, len(held))
	tasks.Each(len(held), func(i int) {
		if asked[i] != nil {
			out[i] = nearest(given, asked[i])
		}
	})
	return out, append(notes, more...)
}

// small decodes pictures to f32 [side,side,3]; nil where that fails.
func small(examples []datasets.Example) (out [][]float32, notes []string) {
	out = make([][]float32, len(examples))
	errs := make([]error, len(examples))
	tasks.Each(len(examples), func(i int) {
		pixels := make([]float32, side*side*3)
		if errs[i] = image.Pixels(examples[i].Image, side, pixels); errs[i] == nil {
			out[i] = pixels
		}
	})
	for i, err := range errs {
		if err != nil {
			notes = append(notes, fmt.Sprintf("nearest neighbour without %s: %v", examples[i].ID, err))
		}
	}
	return out, notes
}

// nearest is the index of the picture that is nearest to x, the first of equals.
func nearest(pictures [][]float32, x []float32) int {
	best, at := float32(math.Inf(1)), 0
	for i, y := range pictures {
		if y == nil {
			continue
		}
		if d := distance(x, y, best); d < best {
			best, at = d, i
		}
	}
	return at
}

// distance is the squared Euclidean distance; it stops where that is over the limit.
func distance(x, y []float32, limit float32) float32 {
	const run = 48
	var sum float32
	for from := 0; from < len(x) && sum < limit; from += run {
		a, b := x[from:from+run:from+run], y[from:from+run:from+run]
		var s0, s1 float32
		for i := 0; i < run; i += 2 {
			d0, d1 := a[i]-b[i], a[i+1]-b[i+1]
			s0 += d0 * d0
			s1 += d1 * d1
		}
		sum += s0 + s1
	}
	return sum
}
