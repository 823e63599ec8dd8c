package tasks

import (
	"math"

	"m6lab/datasets"
)

// Score is a measured value and half the width of its 95 % interval over examples; a margin of 0 is not known.
type Score struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Margin float64 `json:"margin"`
}

// Figure is one held-out measure of a model beside its baselines.
type Figure struct {
	Task          string  `json:"task"`
	Source        string  `json:"source"`
	Part          string  `json:"part,omitempty"` // which rows of the source; empty for all
	Measure       string  `json:"measure"`
	Unit          string  `json:"unit,omitempty"`
	N             int     `json:"n"` // rows
	LowerIsBetter bool    `json:"lower_is_better,omitempty"`
	Model         Score   `json:"model"`
	Baselines     []Score `json:"baselines"`
}

// Case is what the model wrote for one example.
type Case struct {
	Example datasets.Example `json:"-"`
	ID      string           `json:"id"`
	Source  string           `json:"source"`
	Part    string           `json:"part,omitempty"`
	Given   string           `json:"given,omitempty"` // the text that the model was given
	Written string           `json:"written"`
	Truth   []string         `json:"truth"`
	Right   bool             `json:"right"`
}

// Result is what an evaluation found. Notes say, a sentence each, what was left out or chosen.
type Result struct {
	Figures []Figure `json:"figures"`
	Cases   []Case   `json:"cases,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// z95 is the normal distribution's 97.5 % point.
const z95 = 1.959964

// Share is the percentage of hits; its margin is half the width of Wilson's interval, which is not 0 where no or every row hits.
func Share(name string, hits []bool) Score {
	n, k := float64(len(hits)), 0.0
	for _, hit := range hits {
		if hit {
			k++
		}
	}
	if n == 0 {
		return Score{Name: name, Value: math.NaN()}
	}
	p := k / n
	half := z95 / (1 + z95*z95/n) * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	return Score{Name: name, Value: 100 * p, Margin: 100 * half}
}

// Mean is the mean of values, with the margin of its standard error.
func Mean(name string, values []float64) Score {
	n, sum := float64(len(values)), 0.0
	for _, x := range values {
		sum += x
	}
	mean, squares := sum/n, 0.0
	for _, x := range values {
		squares += (x - mean) * (x - mean)
	}
	s := Score{Name: name, Value: mean}
	if n > 1 {
		s.Margin = z95 * math.Sqrt(squares/(n-1)/n)
	}
	return s
}

// Perplexity is exp(sum of nats / sum of symbols) over texts; its margin follows from the spread of the texts about that ratio.
func Perplexity(name string, nats, symbols []float64) Score {
	var total, count, squares float64
	for i := range nats {
		total += nats[i]
		count += symbols[i]
	}
	rate := total / count
	for i := range nats {
		d := nats[i] - rate*symbols[i]
		squares += d * d
	}
	return Score{Name: name, Value: math.Exp(rate), Margin: math.Exp(rate) * z95 * math.Sqrt(squares) / count}
}
