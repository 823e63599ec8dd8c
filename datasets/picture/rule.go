package picture

// Rule describes one rule of a filter.
type Rule struct {
	Name      string  `json:"name"`    // its key in the recipe
	Version   int     `json:"version"` // goes up when the same picture may get another score
	Level     string  `json:"level"`   // "section 2", "section 4.1" or "addition"
	On        bool    `json:"on"`
	Keeps     string  `json:"keeps"` // "at least" or "at most" the threshold
	Threshold float64 `json:"threshold"`
	Unit      string  `json:"unit"` // of score and threshold
	Doc       string  `json:"doc"`  // what the paper says, what it leaves open, what the rule does
}

// Score is what one rule says of one picture.
type Score struct {
	Rule      string  `json:"rule"`
	On        bool    `json:"on"`
	Judged    bool    `json:"judged"` // false: the rule had nothing to go by, and keeps the picture
	Value     float64 `json:"value"`  // in the rule's unit; 0 where it is not judged
	Threshold float64 `json:"threshold"`
	Drops     bool    `json:"drops"`            // the rule is against the picture; it counts where the rule is on
	Detail    string  `json:"detail,omitempty"` // why it was not judged, or what was wrong with the file
}

// Watch is told every rule's score of a picture, in the order of the rules.
type Watch func(Score)

// rule is a Rule and how it measures.
type rule struct {
	Rule
	// measure returns the score. ok is false where the rule has nothing to go by; detail says why.
	measure func(v *view) (value float64, ok bool, detail string)
}

func (r *rule) judge(v *view) Score {
	s := Score{Rule: r.Name, On: r.On, Threshold: r.Threshold}
	s.Value, s.Judged, s.Detail = r.measure(v)
	if !s.Judged {
		s.Value = 0
		return s
	}
	if r.Keeps == atLeast {
		s.Drops = s.Value < r.Threshold
	} else {
		s.Drops = s.Value > r.Threshold
	}
	return s
}

const (
	atLeast = "at least"
	atMost  = "at most"

	section2  = "section 2"
	section41 = "section 4.1"
	addition  = "addition"
)
