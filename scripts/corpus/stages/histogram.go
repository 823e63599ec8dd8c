package stages

import (
	"math"
	"math/bits"
)

// Histogram counts values by size: bin 0 holds what is below 1, bin i from Edge(i) up to Edge(i+1), each edge the square root of 2 times the
// one before. It can be added to another, in any order.
type Histogram struct {
	Bins []int64 `json:"bins"` // without empty ones at the end
	N    int64   `json:"n"`
	Sum  float64 `json:"sum"`
	Max  float64 `json:"max"`
}

// Edge returns where bin i begins: 0, 1, 1.41, 2, 2.83, 4 ...
func Edge(i int) float64 {
	if i <= 0 {
		return 0
	}
	return math.Exp2(float64(i-1) / 2)
}

// bin returns the bin of a value.
func bin(v float64) int {
	if !(v >= 1) {
		return 0
	}
	whole := uint64(min(v, 1<<62))
	exponent := bits.Len64(whole) - 1
	i := 2*exponent + 1
	if v >= math.Exp2(float64(exponent)+0.5) {
		i++
	}
	return i
}

// Add counts one value; one that is not finite is left out.
func (h *Histogram) Add(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	i := bin(v)
	for len(h.Bins) <= i {
		h.Bins = append(h.Bins, 0)
	}
	h.Bins[i]++
	h.N++
	h.Sum += v
	h.Max = max(h.Max, v)
}

// merge adds what g counted.
func (h *Histogram) merge(g *Histogram) {
	for len(h.Bins) < len(g.Bins) {
		h.Bins = append(h.Bins, 0)
	}
	for i, n := range g.Bins {
		h.Bins[i] += n
	}
	h.N += g.N
	h.Sum += g.Sum
	h.Max = max(h.Max, g.Max)
}

// Mean is the mean of the values; 0 of none.
func (h *Histogram) Mean() float64 {
	if h.N == 0 {
		return 0
	}
	return h.Sum / float64(h.N)
}

// Quantile is a value below which about the share q of the values lie: the end of the bin where it falls.
func (h *Histogram) Quantile(q float64) float64 {
	left := q * float64(h.N)
	for i, n := range h.Bins {
		if left -= float64(n); left <= 0 && n > 0 {
			return math.Min(Edge(i+1), h.Max)
		}
	}
	return h.Max
}
