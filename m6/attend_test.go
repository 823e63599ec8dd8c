package m6

import (
	"math"
	"testing"
)

// Attention keeps the mask's promise, sums to 1, and is that of the sequence alone, whatever it was padded with.
func TestAttend(t *testing.T) {
	r := tinyRun(t, tiny(), nil)
	d, state := newState(t, r)
	s := &Saved{Run: r, State: state, Model: &Model{Config: r.Model}, Device: d}
	short, long := Sequence{Masked: []int32{5, 6, 7}, Text: []int32{2, 9, 3}}, Sequence{Masked: []int32{5, 8, 7, 6, 4}, Text: []int32{2, 9, 10, 11, 3}}
	together, err := s.Attend([]Sequence{short, long}, nil)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := s.Attend([]Sequence{short}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range together {
		for q, row := range a.Mask {
			for k, allowed := range row {
				if want := k < a.Masked || q >= a.Masked && k <= q; allowed != want {
					t.Errorf("masked %d, text %d: query %d, key %d: %v, want %v", a.Masked, a.Text, q, k, allowed, want)
				}
			}
		}
	}
	for layer, heads := range together[0].Layers {
		for h, weights := range heads {
			for q, row := range weights {
				sum := 0.0
				for k, w := range row {
					sum += float64(w)
					if !together[0].Mask[q][k] && w != 0 {
						t.Errorf("layer %d, head %d: query %d gives %g to key %d, which it may not see", layer, h, q, w, k)
					}
					if other := alone[0].Layers[layer][h][q][k]; math.Abs(float64(w-other)) > 1e-5 {
						t.Errorf("layer %d, head %d, [%d][%d]: %g in a batch, %g alone", layer, h, q, k, w, other)
					}
				}
				if math.Abs(sum-1) > 1e-5 {
					t.Errorf("layer %d, head %d: the weights of query %d sum to %g", layer, h, q, sum)
				}
			}
		}
	}
	if _, err := s.Attend([]Sequence{{Text: make([]int32, r.Model.Positions+1)}}, nil); err == nil {
		t.Error("a text over the model's positions: no error")
	}
}
