package tasks

import (
	"math"
	"testing"
)

func TestShare(t *testing.T) {
	hits := make([]bool, 20)
	for i := range 5 {
		hits[i] = true
	}
	got := Share("model", hits)
	// Wilson's interval of 5 in 20 is 0.1119 to 0.4687.
	if got.Value != 25 || math.Abs(got.Margin-17.84) > 0.01 {
		t.Errorf("5 of 20: %+v, want 25 ± 17.84", got)
	}
	if none := Share("model", make([]bool, 20)); none.Value != 0 || none.Margin < 5 {
		t.Errorf("none of 20: %+v, want 0 with a margin over 5", none)
	}
	if empty := Share("model", nil); !math.IsNaN(empty.Value) {
		t.Errorf("no row: %+v, want NaN", empty)
	}
}

func TestPerplexity(t *testing.T) {
	got := Perplexity("model", []float64{2 * math.Log(8), 4 * math.Log(8)}, []float64{2, 4})
	if math.Abs(got.Value-8) > 1e-12 || got.Margin > 1e-9 {
		t.Errorf("texts of 8 a symbol: %+v, want 8 without a margin", got)
	}
	got = Perplexity("model", []float64{0, math.Log(16)}, []float64{1, 1})
	if math.Abs(got.Value-4) > 1e-12 || got.Margin == 0 {
		t.Errorf("symbols of 1 and 16: %+v, want 4 with a margin", got)
	}
}

func TestMean(t *testing.T) {
	got := Mean("model", []float64{1, 2, 3})
	if got.Value != 2 || math.Abs(got.Margin-z95/math.Sqrt(3)) > 1e-12 {
		t.Errorf("mean of 1, 2, 3: %+v, want 2 ± %.4f", got, z95/math.Sqrt(3))
	}
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 7, 101} {
		seen := make([]int, n)
		Each(n, func(i int) { seen[i]++ })
		for i, times := range seen {
			if times != 1 {
				t.Errorf("of %d, %d was called %d times", n, i, times)
			}
		}
	}
}
