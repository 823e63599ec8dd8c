package clean

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

const perplexityDoc = `A sentence that a language model finds more surprising, per character, than the threshold is removed. The threshold is a percentile of the model's held-out sentences, or a number. ` +
	`Sentences of fewer than a few characters are not judged, as their perplexity says little. ` +
	`Paper: remove sentences that a language model finds of high perplexity. Open: the model, the threshold (here the 95th percentile), and perplexity by what (here characters).`

func perplexityRule(o PerplexityOptions, load Load, note func(string, ...any)) (rule, error) {
	r := rule{Rule: Rule{Name: "perplexity", Version: 1, Level: levelSentence, On: o.On, Doc: perplexityDoc}}
	if !o.On {
		return r, nil
	}
	if o.Model == "" {
		note("perplexity: no model is given, so no sentence is removed; name a file in text.perplexity.model")
		return r, nil
	}
	if load == nil {
		return rule{}, fmt.Errorf("text.perplexity.model is %s, but this program reads no language models: set text.perplexity.on to false", o.Model)
	}
	model, err := load(o.Model)
	if err != nil {
		return rule{}, fmt.Errorf("text.perplexity.model: %w", err)
	}
	p := perplexity{model: model, shortest: o.Shortest}
	if p.above, err = o.threshold(model); err != nil {
		return rule{}, err
	}
	note("perplexity: sentences above %.6g per character are removed", p.above)
	r.run = func(j *job) string {
		j.dropSentences("perplexity", func(s string) string { return p.judge(j, s) })
		return ""
	}
	return r, nil
}

type perplexity struct {
	model    Perplexity
	above    float64
	shortest int
}

// judge returns why a sentence goes, "" where it stays. A perplexity that is no number is above every threshold.
func (p *perplexity) judge(j *job, s string) string {
	s = strings.TrimRight(s, " \n")
	if letters(s) < p.shortest {
		return ""
	}
	v := p.model.Sentence(s)
	j.observe("perplexity", decades, v)
	if v <= p.above {
		return ""
	}
	j.find("sentence", 1)
	if j.watch == nil {
		return "high"
	}
	return fmt.Sprintf("%.1f is above %.1f", v, p.above)
}

// threshold is the perplexity above which sentences go.
func (o PerplexityOptions) threshold(model Perplexity) (float64, error) {
	if o.Above != 0 {
		return o.Above, nil
	}
	var v float64
	if o.HeldOut != "" {
		held, err := os.ReadFile(o.HeldOut)
		if err != nil {
			return 0, fmt.Errorf("text.perplexity.held_out: %w", err)
		}
		var ok bool
		if v, ok = percentile(model, string(held), o); !ok {
			return 0, fmt.Errorf("text.perplexity.held_out: %s has no sentence of %d characters: give text that the model was not trained on", o.HeldOut, o.Shortest)
		}
	} else {
		q, ok := model.(Quantiles)
		if !ok {
			return 0, fmt.Errorf("text.perplexity.percentile is %v, but the model %s knows no held-out sentences: name a text file in text.perplexity.held_out, or set above", o.Percentile, o.Model)
		}
		if v = q.Quantile(o.Percentile / 100); math.IsNaN(v) {
			return 0, fmt.Errorf("text.perplexity.percentile is %v, but the model %s knows no held-out sentences: name a text file in text.perplexity.held_out, or set above", o.Percentile, o.Model)
		}
	}
	if !(v >= 1) {
		return 0, fmt.Errorf("text.perplexity.percentile: the model %s gives %v for %v, which is no perplexity: train it anew, or set above", o.Model, v, o.Percentile)
	}
	return v, nil
}

// percentile is the value below which the share of the sentences of a text lies: the nearest rank. ok is false where it has none.
func percentile(model Perplexity, text string, o PerplexityOptions) (v float64, ok bool) {
	var values []float64
	for s := range Sentences(strings.ToValidUTF8(text, "")) {
		if s = strings.TrimSpace(s); letters(s) >= max(1, o.Shortest) {
			values = append(values, model.Sentence(s))
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	rank := int(math.Ceil(o.Percentile / 100 * float64(len(values))))
	return values[max(rank, 1)-1], true
}
