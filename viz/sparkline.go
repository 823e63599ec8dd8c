package viz

import "strings"

// Sparkline draws values as a line of block characters, at most width of them, for a progress bar: "▇▅▃▂▁". Each is the mean of its
// share of the values; a share without a finite value is a space.
func Sparkline(values []float64, width int) string {
	if len(values) == 0 || width <= 0 {
		return ""
	}
	width = min(width, len(values))
	const levels = "▁▂▃▄▅▆▇█"
	means, ok := make([]float64, width), make([]bool, width)
	lo, hi := 0.0, 0.0
	none := true
	for i := range means {
		means[i], ok[i] = finiteMean(values[i*len(values)/width : (i+1)*len(values)/width])
		if ok[i] {
			if none {
				lo, hi, none = means[i], means[i], false
			}
			lo, hi = min(lo, means[i]), max(hi, means[i])
		}
	}
	blocks := []rune(levels)
	var b strings.Builder
	for i, v := range means {
		switch {
		case !ok[i]:
			b.WriteByte(' ')
		case hi == lo:
			b.WriteRune(blocks[0])
		default:
			b.WriteRune(blocks[int((v-lo)/(hi-lo)*float64(len(blocks)-1)+0.5)])
		}
	}
	return b.String()
}

func finiteMean(values []float64) (mean float64, ok bool) {
	sum, n := 0.0, 0
	for _, v := range values {
		if finite(v) {
			sum += v
			n++
		}
	}
	return sum / float64(max(n, 1)), n > 0
}
