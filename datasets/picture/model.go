package picture

import (
	"fmt"
	stdimage "image"
	"slices"
	"strings"
)

// Model gives pictures a score. It is safe for many goroutines.
type Model interface {
	// Score judges an upright opaque picture that begins at (0,0). What the number means is the kind's affair, see [ModelFile].
	Score(pixels *stdimage.RGBA) (float64, error)
	Close() error
}

// Open makes a Model of a file that a recipe names; runtime is Options.Runtime. Package datasets/picture/onnx has one.
type Open func(file ModelFile, runtime string) (Model, error)

// ModelFile is a model in the ONNX format and how it wants its pictures. It has one input [1,3,H,W] of float32. Fields left out take the
// default that their comment names.
//
// Kinds, by what is read of the first output:
//
//	map       [1,1,h,w] of probabilities: the share of the picture's area above Above, in parts as long as Elongated wants (PP-OCR's text
//	          finders)
//	classes   [1,K]: the sum of the probabilities of Classes; with Softmax of the output's softmax
//	detector  [1,4+K,N], boxes and scores of K classes (YOLOv8): the largest score of Classes
//	number    one number, as it is
type ModelFile struct {
	Path      string     `json:"path"`
	Kind      string     `json:"kind"`
	Side      int        `json:"side"`      // pixels of the square, or of the longer side for fit "keep"; 0: the model's own, else 224 (736 for a map)
	Fit       string     `json:"fit"`       // "stretch" to a square, "pad" below and at the right with black, "keep" the shape, to multiples of 32; "": keep for a map, else stretch
	Order     string     `json:"order"`     // of the channels: "rgb" or "bgr"; "": rgb
	Mean      [3]float64 `json:"mean"`      // of R, G and B in [0,1], taken off
	Deviation [3]float64 `json:"deviation"` // of R, G and B, divided by; all 0: 1
	Classes   []int      `json:"classes"`   // the classes that count; none: all of a detector
	Softmax   bool       `json:"softmax"`   // the output of kind classes is logits
	Above     float64    `json:"above"`     // of kind map; 0: 0.3
	Elongated float64    `json:"elongated"` // of kind map: connected parts count where their box is so many times as long as wide; 0: all
}

func (m ModelFile) validate(key string, kinds ...string) error {
	if m.Path == "" {
		return nil
	}
	switch {
	case !slices.Contains(kinds, m.Kind):
		return fmt.Errorf("picture.%s.kind is %q: want %s", key, m.Kind, strings.Join(kinds, " or "))
	case m.Side < 0 || m.Side > 4096:
		return fmt.Errorf("picture.%s.side is %d: want 0 to 4096 pixels", key, m.Side)
	case !slices.Contains([]string{"", "stretch", "pad", "keep"}, m.Fit):
		return fmt.Errorf("picture.%s.fit is %q: want stretch, pad or keep", key, m.Fit)
	case !slices.Contains([]string{"", "rgb", "bgr"}, m.Order):
		return fmt.Errorf("picture.%s.order is %q: want rgb or bgr", key, m.Order)
	case !(m.Above >= 0 && m.Above < 1):
		return fmt.Errorf("picture.%s.above is %g: want 0 to 1", key, m.Above)
	case !(m.Elongated >= 0 && m.Elongated <= 100):
		return fmt.Errorf("picture.%s.elongated is %g: want 0 to 100", key, m.Elongated)
	case m.Kind == "classes" && len(m.Classes) == 0:
		return fmt.Errorf("picture.%s.classes is empty: list the classes that count, by number from 0", key)
	}
	for _, d := range m.Deviation {
		if !(d > 0) && m.Deviation != [3]float64{} {
			return fmt.Errorf("picture.%s.deviation is %v: want numbers above 0", key, m.Deviation)
		}
	}
	for _, c := range m.Classes {
		if c < 0 {
			return fmt.Errorf("picture.%s.classes has %d: want numbers from 0", key, c)
		}
	}
	return nil
}

// Resolved returns m with its defaults filled in; size is the height and width that the model's input has, 0 where it takes any.
func (m ModelFile) Resolved(height, width int) ModelFile {
	if m.Fit == "" {
		m.Fit = "stretch"
		if m.Kind == "map" {
			m.Fit = "keep"
		}
	}
	if m.Side == 0 {
		m.Side = max(height, width)
	}
	if m.Side == 0 {
		m.Side = 224
		if m.Kind == "map" {
			m.Side = 736
		}
	}
	if m.Order == "" {
		m.Order = "rgb"
	}
	if m.Deviation == ([3]float64{}) {
		m.Deviation = [3]float64{1, 1, 1}
	}
	if m.Above == 0 {
		m.Above = 0.3
	}
	return m
}
