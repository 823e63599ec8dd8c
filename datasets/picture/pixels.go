package picture

// pixelsRule counts the pixels that the header claims, so that nothing is decoded for it.
func pixelsRule(o AtLeast) *rule {
	return &rule{
		Rule: Rule{
			Name: "pixels", Version: 1, Level: section2, On: o.On, Keeps: atLeast, Threshold: o.Min, Unit: "pixels",
			Doc: "The paper keeps images of at least 5000 pixels. It does not say whether that is width times height or a side; " +
				"width times height is meant here, as a side of 5000 pixels would keep next to nothing of the web.",
		},
		measure: func(v *view) (float64, bool, string) {
			if v.format == "" {
				return 0, false, "no readable header"
			}
			return float64(v.width) * float64(v.height), true, ""
		},
	}
}
