package picture

import "math"

// qualityRule asks the scorer that the user gives.
func qualityRule(o Quality, model Model) *rule {
	return &rule{
		Rule: Rule{
			Name: "quality", Version: 1, Level: section2, On: o.On, Keeps: atLeast, Threshold: o.Min, Unit: "the model's",
			Doc: "The paper removes pictures of low quality with a scorer that it does not describe. Here the user names an ONNX model that gives a number or a class; " +
				"without one nothing is judged, and uniform, entropy and blur stand for it.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			if model == nil {
				return 0, false, "no model is given"
			}
			score, err := model.Score(v.pixels)
			if err != nil || math.IsNaN(score) {
				return -math.MaxFloat64, true, "model failed"
			}
			return score, true, ""
		},
	}
}
