package viz

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// number writes v with about four digits that matter: 0.0123, 3.142, 12.35, 21,128.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	case a == 0:
		return "0"
	case a >= 1e15 || a < 1e-4:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a >= 1000:
		return thousands(math.Round(v))
	}
	digits := max(0, 3-int(math.Floor(math.Log10(a))))
	s := strconv.FormatFloat(v, 'f', min(digits, 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}

// short writes v with a unit prefix: 326.8M, 10.17B, 4.2k.
func short(v float64) string {
	for _, p := range []struct {
		from float64
		sign string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e4, "k"}} {
		if math.Abs(v) >= p.from {
			unit := p.from
			if p.sign == "k" {
				unit = 1e3
			}
			return number(math.Round(v/unit*1000)/1000) + p.sign
		}
	}
	return number(v)
}

// percent writes a share of 1.
func percent(v float64) string {
	switch {
	case v != 0 && v < 0.001:
		return "<0.1 %"
	case v < 0.0995:
		return strconv.FormatFloat(100*v, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(100*v, 'f', 0, 64) + " %"
}

// finite says whether v is neither NaN nor infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// linearTicks marks about count round values from lo to hi.
type linearTicks struct{ count int }

func (t linearTicks) Ticks(lo, hi float64) []plot.Tick {
	step := roundStep((hi - lo) / float64(max(t.count, 1)))
	var out []plot.Tick
	if step <= 0 || !finite(step) {
		return out
	}
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9 && len(out) < 50; i++ {
		out = append(out, plot.Tick{Value: i * step, Label: short(math.Round(i*step*1e9) / 1e9)})
	}
	return out
}

// roundStep is the nearest 1, 2, 2.5 or 5 times a power of ten that is not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return v
}

// logTicks marks 1, 2 and 5 times the powers of ten, only the powers where the range is wide, or round values where it is narrow.
type logTicks struct{ count int }

func (t logTicks) Ticks(lo, hi float64) []plot.Tick {
	if lo <= 0 || hi <= lo {
		return nil
	}
	decades := math.Log10(hi / lo)
	if decades < 0.7 {
		return linearTicks(t).Ticks(lo, hi)
	}
	factors := []float64{1, 2, 5}
	if decades > 3 {
		factors = factors[:1]
	}
	var out []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for _, f := range factors {
			if v := f * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, plot.Tick{Value: v, Label: short(v)})
			}
		}
	}
	return out
}
