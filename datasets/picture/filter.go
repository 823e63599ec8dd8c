package picture

import (
	"errors"
	"fmt"
	stdimage "image"
)

// Filter judges pictures. It is safe for many goroutines, and its verdict depends on the picture and the options alone.
type Filter struct {
	options Options
	rules   []*rule
	models  []Model
}

// Picture is what was found out about one picture.
type Picture struct {
	Width  int     `json:"width"` // pixels, upright; 0 where the header is not readable
	Height int     `json:"height"`
	Format string  `json:"format"` // "png", "jpeg", "gif", "webp"; "" unknown. By the content, whatever the file is called.
	Bytes  int     `json:"bytes"`
	Scores []Score `json:"scores"` // in the order of the rules, up to the one that dropped it

	// Small is the picture scaled to Options.Small, for hashing; nil where it was not asked for, or the picture was dropped.
	Small *stdimage.RGBA `json:"-"`
}

// New returns the filter of o, or o.Validate's error. Options that name models want [NewWithModels].
func New(o Options) (*Filter, error) { return NewWithModels(o, nil) }

// NewWithModels is New for options that name models: open loads each, once.
func NewWithModels(o Options, open Open) (*Filter, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	f := &Filter{options: o}
	load := func(key string, file ModelFile) (Model, error) {
		if file.Path == "" {
			return nil, nil
		}
		if open == nil {
			return nil, fmt.Errorf("picture.%s names %s, and this program loads no models: build it with datasets/picture/onnx", key, file.Path)
		}
		m, err := open(file, o.Runtime)
		if err != nil {
			return nil, fmt.Errorf("picture.%s: %w", key, err)
		}
		f.models = append(f.models, m)
		return m, nil
	}
	err := f.build(load)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// build makes the rules. A rule that is off loads no model.
func (f *Filter) build(load func(key string, file ModelFile) (Model, error)) error {
	o := f.options
	var text, quality Model
	var illegal []Model
	var err error
	if o.Text.On {
		if text, err = load("text.model", o.Text.Model); err != nil {
			return err
		}
	}
	if o.Illegal.On {
		for i, file := range o.Illegal.Models {
			m, err := load(fmt.Sprintf("illegal.models[%d]", i), file)
			if err != nil {
				return err
			}
			illegal = append(illegal, m)
		}
	}
	if o.Quality.On {
		if quality, err = load("quality.model", o.Quality.Model); err != nil {
			return err
		}
	}
	f.rules = []*rule{
		pixelsRule(o.Pixels), decodableRule(o.Decodable), aspectRule(o.Aspect), uniformRule(o.Uniform), entropyRule(o.Entropy),
		blurRule(o.Blur), borderRule(o.Border), whiteRule(o.White), textRule(o.Text, text), objectsRule(o.Objects),
		illegalRule(o.Illegal, illegal), qualityRule(o.Quality, quality),
	}
	return nil
}

// Close frees the models.
func (f *Filter) Close() error {
	var errs []error
	for _, m := range f.models {
		errs = append(errs, m.Close())
	}
	f.models = nil
	return errors.Join(errs...)
}

// Rules returns all rules in their order, those that are off too.
func (f *Filter) Rules() []Rule {
	var out []Rule
	for _, r := range f.rules {
		out = append(out, r.Rule)
	}
	return out
}

// Check judges an encoded picture. The reason is "" where it is kept; else the rule that dropped it, with a detail after a colon where there
// are several, as in "decodable: truncated". Rules after that one are not asked.
func (f *Filter) Check(data []byte) (Picture, string) { return f.check(data, nil) }

// Explain is Check that asks every rule, on or off, also those after the one that drops, and shows watch what each says.
func (f *Filter) Explain(data []byte, watch Watch) (Picture, string) {
	if watch == nil {
		watch = func(Score) {}
	}
	return f.check(data, watch)
}

func (f *Filter) check(data []byte, watch Watch) (p Picture, reason string) {
	v := newView(data, f.options.Decodable)
	p = Picture{Width: v.width, Height: v.height, Format: v.format, Bytes: len(data)}
	for _, r := range f.rules {
		if watch == nil && !r.On {
			continue
		}
		s := r.judge(v)
		p.Scores = append(p.Scores, s)
		if watch != nil {
			watch(s)
		}
		if s.On && s.Drops && reason == "" {
			reason = s.Rule
			if s.Detail != "" {
				reason += ": " + s.Detail
			}
			if watch == nil {
				break
			}
		}
	}
	if v.pixels != nil {
		p.Width, p.Height = v.pixels.Rect.Dx(), v.pixels.Rect.Dy() // upright
	}
	if reason == "" && f.options.Small > 0 && v.decoded() {
		p.Small = reduced(v.pixels, f.options.Small)
	}
	return p, reason
}
