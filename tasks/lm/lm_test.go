package lm

import (
	"math"
	"testing"

	"m6lab/datasets/clean"
	"m6lab/tasks"
)

// The 3-gram pays for each character and the end; an unknown character that training held costs less than one that it did not.
func TestNats(t *testing.T) {
	kn, err := clean.TrainKN(Order, Sequences([]string{"天上月", "天上" + tasks.Unknown, "海上月", "山上" + tasks.Unknown}))
	if err != nil {
		t.Fatal(err)
	}
	text := "天上月"
	want := 0.0
	symbols := append([]rune(text), clean.End)
	for i, next := range symbols {
		want -= kn.LogProb(symbols[:i], next)
	}
	if got := nats(kn, text); math.Abs(got-want) > 1e-9 {
		t.Errorf("nats of %q: %.6f, want %.6f", text, got, want)
	}
	if seen, never := nats(kn, "天上"+tasks.Unknown), nats(kn, "天上星"); seen >= never {
		t.Errorf("the unknown character costs %.3f, one that was never seen %.3f", seen, never)
	}
}

func TestFigure(t *testing.T) {
	ln := math.Log(2)
	n := Nats{Symbols: []float64{3, 5}, Model: []float64{3 * ln, 5 * ln}, General: []float64{6 * ln, 10 * ln}}
	f := n.Figure("poems")
	if math.Abs(f.Model.Value-2) > 1e-9 || len(f.Baselines) != 1 || math.Abs(f.Baselines[0].Value-4) > 1e-9 || !f.LowerIsBetter || f.N != 2 {
		t.Errorf("figure %+v, want 2 beside 4, of 2 texts, lower is better", f)
	}
	n.Own = []float64{9 * ln, 15 * ln}
	if f = n.Figure("poems"); len(f.Baselines) != 2 || math.Abs(f.Baselines[0].Value-8) > 1e-9 {
		t.Errorf("baselines %+v, want the source's own 3-gram of 8 first", f.Baselines)
	}
}
