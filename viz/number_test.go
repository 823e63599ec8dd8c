package viz

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

func TestNumbers(t *testing.T) {
	for v, want := range map[float64][2]string{
		0: {"0", "0"}, 1: {"1", "1"}, 4.63: {"4.63", "4.63"}, 0.93271: {"0.9327", "0.9327"}, 12.3456: {"12.35", "12.35"}, 999.96: {"1000", "1000"}, 21128: {"21,128", "21.13k"},
		326_803_456: {"326,803,456", "326.8M"}, 10.17e9: {"10,170,000,000", "10.17B"}, -1234.5: {"-1,235", "-1,235"}, 1e-7: {"1e-07", "1e-07"}, 0.5: {"0.5", "0.5"}, 103.4e9: {"103,400,000,000", "103.4B"},
		2e15: {"2e+15", "2,000T"}, 9999: {"9,999", "9,999"}, 0.00012: {"0.00012", "0.00012"},
	} {
		if got := [2]string{number(v), short(v)}; got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0.0 %", 0.0004: "<0.1 %", 0.0666: "6.7 %", 0.62: "62 %", 1: "100 %"} {
		if got := percent(v); got != want {
			t.Errorf("the share %v is written %q, want %q", v, got, want)
		}
	}
}

func TestTicks(t *testing.T) {
	for name, c := range map[string]struct {
		ticker plot.Ticker
		lo, hi float64
		want   string
	}{
		"linear": {linearTicks{5}, 0, 2400, "0 500 1,000 1,500 2,000"}, "thousands": {linearTicks{4}, 0, 2e5, "0 50k 100k 150k 200k"}, "fractions": {linearTicks{5}, 0.12, 0.57, "0.2 0.3 0.4 0.5"},
		"negative": {linearTicks{4}, -1, 1, "-1 -0.5 0 0.5 1"}, "empty": {linearTicks{4}, 3, 3, ""}, "log": {logTicks{5}, 0.5, 60, "0.5 1 2 5 10 20 50"}, "wide log": {logTicks{5}, 1e-3, 1e3, "0.001 0.01 0.1 1 10 100 1,000"},
		"narrow log": {logTicks{4}, 3, 7, "3 4 5 6 7"}, "no log": {logTicks{4}, 0, 7, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var labels []string
			for _, tick := range c.ticker.Ticks(c.lo, c.hi) {
				labels = append(labels, tick.Label)
			}
			if got := strings.Join(labels, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSmooth(t *testing.T) {
	// By hand: weights 1/2, 1/4, 1/8 of the newest, one before, two before, divided by their sum.
	got := smooth(plotter.XYs{{X: 0, Y: 8}, {X: 1, Y: 2}, {X: 2, Y: 5}}, 0.5)
	want := plotter.XYs{{X: 0, Y: 8}, {X: 1, Y: (0.5*2 + 0.25*8) / 0.75}, {X: 2, Y: (0.5*5 + 0.25*2 + 0.125*8) / 0.875}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

// Thinning keeps both ends and every extreme of a column.
func TestThin(t *testing.T) {
	var points plotter.XYs
	for i := range 10007 {
		points = append(points, plotter.XY{X: float64(i), Y: math.Sin(float64(i) * 12.9898)})
	}
	points[5003].Y, points[777].Y = 99, -99
	got := thin(points, 53)
	if len(got) > 2*54+2 {
		t.Errorf("%d points are left", len(got))
	}
	if got[0] != points[0] || got[len(got)-1] != points[len(points)-1] {
		t.Error("an end is lost")
	}
	for _, want := range []plotter.XY{points[5003], points[777]} {
		found := false
		for i, p := range got {
			found = found || p == want
			if i > 0 && p.X < got[i-1].X {
				t.Fatalf("the order is lost at %d", i)
			}
		}
		if !found {
			t.Errorf("the extreme %v is lost", want)
		}
	}
	if diff := cmp.Diff(points[:100], thin(points[:100], 53)); diff != "" {
		t.Errorf("a short line was thinned:\n%s", diff)
	}
}

func TestSparkline(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		values []float64
		width  int
		want   string
	}{
		{nil, 5, ""}, {[]float64{1}, 0, ""}, {[]float64{3, 3, 3}, 5, "▁▁▁"}, {[]float64{0, 7}, 5, "▁█"}, {[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{0, 0, 7, 7}, 2, "▁█"}, {[]float64{0, nan, 7}, 3, "▁ █"}, {[]float64{nan, math.Inf(1)}, 2, "  "}, {[]float64{-5, 0, -2.5}, 3, "▁█▅"},
	} {
		if got := Sparkline(c.values, c.width); got != c.want {
			t.Errorf("Sparkline(%v, %d) = %q, want %q", c.values, c.width, got, c.want)
		}
	}
}

func TestBarsAndHistogramErrors(t *testing.T) {
	many := make([]Bar, 70)
	for i := range many {
		many[i] = Bar{Name: "b", Value: 1}
	}
	for name, c := range map[string]struct {
		fig  Figure
		want string
	}{
		"no bar": {BarsOptions{}, "viz: bars: there is no bar: give at least one"}, "negative": {BarsOptions{Bars: []Bar{{Name: "a", Value: -1}}}, `viz: bars: "a" is -1: give 0 or more`},
		"no value": {HistogramOptions{Values: []float64{math.NaN()}}, "viz: histogram: there is no finite value among 1: give at least one"},
		"bins":     {HistogramOptions{Values: []float64{1}, Bins: 1001}, "viz: histogram: 1001 bins: give 1 to 1000"},
		"no heat":  {HeatOptions{}, "viz: heat: there are no values: give at least one row and one column"},
		"ragged":   {HeatOptions{Values: [][]float64{{1, 2}, {1}}}, "viz: heat: row 1 has 1 values for 2 labels: give as many of both"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Draw(&bytes.Buffer{}, SVG, c.fig); err == nil || err.Error() != c.want {
				t.Errorf("got error %v, want %s", err, c.want)
			}
		})
	}
	var b bytes.Buffer
	if err := Bars(&b, SVG, BarsOptions{Bars: many}); err != nil || !strings.Contains(b.String(), ">11 others<") || !strings.Contains(b.String(), ">11<") {
		t.Errorf("error %v; what follows the 60th bar is not summed up", err)
	}
	for _, values := range [][]float64{{5}, {5, 5, 5}, {-1e300, 1e300}, {0, 5e-324}} {
		if err := Histogram(&b, PNG, HistogramOptions{Values: values, Width: 300, Height: 150}); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
}
