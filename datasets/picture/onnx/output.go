package onnx

import (
	"fmt"
	"math"

	"m6lab/datasets/picture"
	"m6lab/datasets/picture/internal/parts"
)

// scoreOf reads a model's first output, of the given shape, as the file's kind says.
func scoreOf(file picture.ModelFile, in input, values []float32, shape []int64) (float64, error) {
	product := int64(1)
	for _, n := range shape {
		product *= n
	}
	if len(values) == 0 || product != int64(len(values)) {
		return 0, fmt.Errorf("model %s: its output has the shape %v and %d numbers", file.Path, shape, len(values))
	}
	unfit := fmt.Errorf("model %s: its output has the shape %v, which kind %s does not: see picture.ModelFile", file.Path, shape, file.Kind)
	var score float64
	switch file.Kind {
	case "number":
		if len(values) != 1 {
			return 0, unfit
		}
		score = float64(values[0])
	case "classes":
		if len(shape) != 2 || shape[0] != 1 {
			return 0, unfit
		}
		var err error
		if score, err = probability(file, values); err != nil {
			return 0, err
		}
	case "detector":
		if len(shape) != 3 || shape[0] != 1 || shape[1] < 5 {
			return 0, unfit
		}
		var err error
		if score, err = detection(file, values, int(shape[1])-4, int(shape[2])); err != nil {
			return 0, err
		}
	case "map":
		if len(shape) != 4 || shape[0] != 1 || shape[1] != 1 {
			return 0, unfit
		}
		score = covered(file, in, values, int(shape[2]), int(shape[3]))
	default:
		return 0, fmt.Errorf("model %s: unknown kind %q", file.Path, file.Kind)
	}
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return 0, fmt.Errorf("model %s: its output is %g", file.Path, score)
	}
	return score, nil
}

// probability sums those of the file's classes.
func probability(file picture.ModelFile, values []float32) (float64, error) {
	largest, total := 0.0, 1.0
	if file.Softmax {
		largest, total = math.Inf(-1), 0
		for _, v := range values {
			largest = max(largest, float64(v))
		}
		for _, v := range values {
			total += math.Exp(float64(v) - largest)
		}
	}
	sum := 0.0
	for _, c := range file.Classes {
		if c >= len(values) {
			return 0, fmt.Errorf("model %s: it has %d classes, and classes names %d", file.Path, len(values), c)
		}
		v := float64(values[c])
		if file.Softmax {
			v = math.Exp(v-largest) / total
		}
		sum += v
	}
	return sum, nil
}

// detection is the largest score of the file's classes over all boxes; values are [4+classes, boxes], of which the first four rows are places.
func detection(file picture.ModelFile, values []float32, classes, boxes int) (float64, error) {
	wanted := file.Classes
	if len(wanted) == 0 {
		for c := range classes {
			wanted = append(wanted, c)
		}
	}
	largest := 0.0
	for _, c := range wanted {
		if c >= classes {
			return 0, fmt.Errorf("model %s: it has %d classes, and classes names %d", file.Path, classes, c)
		}
		for _, v := range values[(4+c)*boxes:][:boxes] {
			if math.IsNaN(float64(v)) {
				return math.NaN(), nil
			}
			largest = max(largest, float64(v))
		}
	}
	return largest, nil
}

// covered is the share of a map that is above a level, where the picture is, in parts as long as the file wants.
func covered(file picture.ModelFile, in input, values []float32, height, width int) float64 {
	high := max(1, min(height, (in.high*height+in.height-1)/in.height))
	wide := max(1, min(width, (in.wide*width+in.width-1)/in.width))
	mask := make([]uint8, high*wide)
	for y := range high {
		for x, v := range values[y*width:][:wide] {
			if math.IsNaN(float64(v)) {
				return math.NaN()
			}
			if float64(v) > file.Above {
				mask[y*wide+x] = 1
			}
		}
	}
	count := 0
	for _, b := range parts.Find(mask, wide, high) {
		if longer, shorter := max(b.W(), b.H()), min(b.W(), b.H()); float64(longer) >= file.Elongated*float64(shorter) {
			count += b.N
		}
	}
	return float64(count) / float64(high*wide)
}
