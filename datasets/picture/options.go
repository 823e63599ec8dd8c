package picture

import (
	"fmt"
	"math"
)

// Options is the "picture" part of a recipe: one field a rule, in the order in which they run.
type Options struct {
	Pixels    AtLeast   `json:"pixels"`    // pixels of the picture, width times height
	Decodable Decodable `json:"decodable"` // limits of what is decoded
	Aspect    AtMost    `json:"aspect"`    // longer side over shorter side
	Uniform   AtMost    `json:"uniform"`   // share of pixels of the most common colour
	Entropy   AtLeast   `json:"entropy"`   // bits
	Blur      AtLeast   `json:"blur"`      // variance of the Laplacian over the variance of grey
	Border    AtMost    `json:"border"`    // share of the area that is a plain frame
	White     AtLeast   `json:"white"`     // share of the edge that is white
	Text      Text      `json:"text"`      // share of the area that is text
	Objects   AtMost    `json:"objects"`   // things on a plain ground
	Illegal   Illegal   `json:"illegal"`   // probability of illegal content
	Quality   Quality   `json:"quality"`   // what the scorer says

	// Runtime is the file of ONNX Runtime's shared library, for recipes with models; "" looks in the usual places.
	Runtime string `json:"runtime"`

	// Small is the longer side, in pixels, of Picture.Small; 0 leaves it out. It is the program's wish and no part of a recipe.
	Small int `json:"-"`
}

// AtLeast is a rule that drops a picture whose score is below Min.
type AtLeast struct {
	On  bool    `json:"on"`
	Min float64 `json:"min"`
}

// AtMost is a rule that drops a picture whose score is above Max.
type AtMost struct {
	On  bool    `json:"on"`
	Max float64 `json:"max"`
}

// Decodable drops what cannot be decoded. Switched off it keeps such files, and no later rule judges them. The limits hold either way.
type Decodable struct {
	On        bool `json:"on"`
	MaxPixels int  `json:"max_pixels"` // width times height
	MaxBytes  int  `json:"max_bytes"`  // of the file
	MaxScans  int  `json:"max_scans"`  // of a JPEG; encoders write about 10, and each costs as much time as the picture
}

// Text drops pictures with lettering. Without a model a heuristic finds it.
type Text struct {
	On    bool      `json:"on"`
	Max   float64   `json:"max"`   // share of the area
	Model ModelFile `json:"model"` // a text finder of kind "map"; no path, no model
}

// Illegal drops what one of the models takes for illegal. There is no heuristic: without a model nothing is judged.
type Illegal struct {
	On     bool        `json:"on"`
	Max    float64     `json:"max"` // of the largest score that a model gives
	Models []ModelFile `json:"models"`
}

// Quality drops what the scorer rates below Min. Without a model nothing is judged, and uniform, entropy and blur stand for it.
type Quality struct {
	On    bool      `json:"on"`
	Min   float64   `json:"min"`
	Model ModelFile `json:"model"`
}

// Default has the paper's rules and the usual additions, aspect and border.
func Default() Options {
	o := Paper()
	o.Aspect.On = true
	o.Border.On = true
	return o
}

// Paper has what section 2 of the paper names: at least 5000 pixels, classifiers against illegal content and a quality scorer. The paper
// describes neither of the latter two. So the classifiers are those that the user names, none by default; and for the scorer stand three
// heuristics with thresholds that drop only the plainly useless. The other rules are there, switched off.
func Paper() Options {
	return Options{
		Pixels:    AtLeast{On: true, Min: 5000},
		Decodable: Decodable{On: true, MaxPixels: 50_000_000, MaxBytes: 64 << 20, MaxScans: 100},
		Aspect:    AtMost{Max: 3},
		Uniform:   AtMost{On: true, Max: 0.995},
		Entropy:   AtLeast{On: true, Min: 0.12},
		Blur:      AtLeast{On: true, Min: 0.15},
		Border:    AtMost{Max: 0.3},
		White:     AtLeast{Min: 0.8},
		Text:      Text{Max: 0.005},
		Objects:   AtMost{Max: 3},
		Illegal:   Illegal{On: true, Max: 0.5},
		Quality:   Quality{On: true, Min: 0.5},
	}
}

// Imagine is for pictures that are generated from text: Paper, and the filters of section 4.1, "white background", no text, and at most
// three objects.
func Imagine() Options {
	o := Paper()
	o.White.On = true
	o.Text.On = true
	o.Objects.On = true
	return o
}

// Validate returns an error that names the key, its value, and what is wanted.
func (o Options) Validate() error {
	for _, f := range []struct {
		key       string
		value     float64
		low, high float64
	}{
		{"pixels.min", o.Pixels.Min, 0, math.MaxInt32},
		{"decodable.max_pixels", float64(o.Decodable.MaxPixels), 1, math.MaxInt32},
		{"decodable.max_bytes", float64(o.Decodable.MaxBytes), 1, math.MaxInt32},
		{"decodable.max_scans", float64(o.Decodable.MaxScans), 1, math.MaxInt32},
		{"aspect.max", o.Aspect.Max, 1, math.MaxInt32},
		{"uniform.max", o.Uniform.Max, 0, 1},
		{"entropy.min", o.Entropy.Min, 0, 8},
		{"blur.min", o.Blur.Min, 0, math.MaxInt32},
		{"border.max", o.Border.Max, 0, 1},
		{"white.min", o.White.Min, 0, 1},
		{"text.max", o.Text.Max, 0, 1},
		{"objects.max", o.Objects.Max, 0, math.MaxInt32},
		{"illegal.max", o.Illegal.Max, 0, 1},
		{"quality.min", o.Quality.Min, -math.MaxFloat32, math.MaxFloat32},
	} {
		if !(f.value >= f.low && f.value <= f.high) {
			return fmt.Errorf("picture.%s is %g: want %g to %g", f.key, f.value, f.low, f.high)
		}
	}
	if o.Small < 0 {
		return fmt.Errorf("picture: Small is %d pixels: want 0 or more", o.Small)
	}
	if err := o.Text.Model.validate("text.model", "map"); err != nil {
		return err
	}
	if err := o.Quality.Model.validate("quality.model", "number", "classes"); err != nil {
		return err
	}
	for i, m := range o.Illegal.Models {
		key := fmt.Sprintf("illegal.models[%d]", i)
		if m.Path == "" {
			return fmt.Errorf("picture.%s.path is empty: name the .onnx file", key)
		}
		if err := m.validate(key, "classes", "detector", "number"); err != nil {
			return err
		}
	}
	return nil
}
