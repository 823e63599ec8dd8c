package picture

import "math"

// entropyRule measures how much the histogram of grey tells.
func entropyRule(o AtLeast) *rule {
	return &rule{
		Rule: Rule{
			Name: "entropy", Version: 1, Level: section2, On: o.On, Keeps: atLeast, Threshold: o.Min, Unit: "bits",
			Doc: "Stands, with uniform and blur, for the paper's image-quality scorer, which it does not describe. The Shannon entropy of the 256 levels of grey, " +
				"0 for one level and 8 for all alike. Photographs have 6 to 8, drawings on white 2 to 5; below the threshold are pictures of a few flat areas. " +
				"It knows nothing of where the levels are: noise has much.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			return entropy(v.grey()), true, ""
		},
	}
}

func entropy(g *grey) float64 {
	var number [256]int
	for _, v := range g.pix {
		number[v]++
	}
	bits := 0.0
	for _, n := range number {
		if n > 0 {
			p := float64(n) / float64(len(g.pix))
			bits -= p * math.Log2(p)
		}
	}
	return max(0, bits) // not -0
}
