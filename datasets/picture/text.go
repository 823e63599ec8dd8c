package picture

import (
	"math"
)

// textSide is the size, in pixels of the longer side, at which the heuristic looks for text: small print is lost at 256.
const textSide = 512

// textRule finds lettering.
func textRule(o Text, model Model) *rule {
	return &rule{
		Rule: Rule{
			Name: "text", Version: 1, Level: section41, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "share of the area",
			Doc: "For text-to-image the paper keeps pictures without text, found by OCR; it does not name the program. Where the recipe has a text finder, as PP-OCRv4's, " +
				"the score is the share of the area that it marks. Else a heuristic looks for lines: parts darker or lighter than their surroundings, alike in " +
				"height, in a row or a column, of one ink. It misses single characters, slanted and curved lines, and text of low contrast; " +
				"fences, windows, keyboards and halftone may pass for text.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			if model != nil {
				score, err := model.Score(v.pixels)
				if err != nil || math.IsNaN(score) {
					return math.MaxFloat64, true, "model failed"
				}
				return score, true, ""
			}
			plane := v.grey()
			if max(v.pixels.Rect.Dx(), v.pixels.Rect.Dy()) > side {
				plane = toGrey(reduced(v.pixels, textSide))
			}
			return lettering(plane), true, ""
		},
	}
}
