package picture

// aspectRule divides the longer side by the shorter one.
func aspectRule(o AtMost) *rule {
	return &rule{
		Rule: Rule{
			Name: "aspect", Version: 1, Level: addition, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "longer side / shorter side",
			Doc: "Not in the paper. Banners, dividers and page-long screenshots become unrecognisable when they are scaled to a square of 224 pixels. " +
				"At most 3 is what public image-text sets take.",
		},
		measure: func(v *view) (float64, bool, string) {
			if v.format == "" {
				return 0, false, "no readable header"
			}
			return float64(max(v.width, v.height)) / float64(min(v.width, v.height)), true, ""
		},
	}
}
