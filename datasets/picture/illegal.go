package picture

import "math"

// illegalRule asks the classifiers and detectors that the user gives.
func illegalRule(o Illegal, models []Model) *rule {
	return &rule{
		Rule: Rule{
			Name: "illegal", Version: 1, Level: section2, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "largest score of a model",
			Doc: "The paper removes illegal images with classifiers and rules that it does not describe. Here the user names ONNX models, one for each kind of " +
				"content; a picture is dropped where the largest of their scores is above the threshold. There is no heuristic: without a model nothing is judged.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			if len(models) == 0 {
				return 0, false, "no model is given"
			}
			largest := math.Inf(-1)
			for _, m := range models {
				score, err := m.Score(v.pixels)
				if err != nil || math.IsNaN(score) {
					return math.MaxFloat64, true, "model failed" // what cannot be examined is not kept
				}
				largest = max(largest, score)
			}
			return largest, true, ""
		},
	}
}
