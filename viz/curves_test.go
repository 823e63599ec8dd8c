package viz_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"m6lab/viz"
)

func svgOf(t testing.TB, fig viz.Figure) string {
	t.Helper()
	var b bytes.Buffer
	if err := viz.Draw(&b, viz.SVG, fig); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCurvesErrors(t *testing.T) {
	one := viz.Series{Name: "caption", X: []float64{1, 2}, Y: []float64{3, 4}}
	for name, c := range map[string]struct {
		o    viz.CurvesOptions
		want string
	}{
		"no series":       {viz.CurvesOptions{}, "viz: curves: there is no series: give at least one, which may be empty"},
		"lengths":         {viz.CurvesOptions{Series: []viz.Series{{Name: "a", X: []float64{1}}}}, `viz: curves: series "a" has 1 x and 0 y values: give as many of both`},
		"held-out length": {viz.CurvesOptions{Series: []viz.Series{one}, HeldOut: []viz.Series{{Name: "b", Y: []float64{1}}}}, `viz: curves: series "b" has 0 x and 1 y values: give as many of both`},
		"smooth":          {viz.CurvesOptions{Series: []viz.Series{one}, Smooth: 1}, "viz: curves: the weight Smooth is 1: give a weight from 0 to below 1"},
		"smooth NaN":      {viz.CurvesOptions{Series: []viz.Series{one}, Smooth: math.NaN()}, "viz: curves: the weight Smooth is NaN: give a weight from 0 to below 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := viz.Curves(&b, viz.SVG, c.o)
			if err == nil || err.Error() != c.want {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written in spite of the error", b.Len())
			}
		})
	}
}

func TestCurvesCountsWhatItLeavesOut(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	o := viz.CurvesOptions{LogY: true, Series: []viz.Series{
		{Name: "a", X: []float64{0, 1, 2, nan, 4}, Y: []float64{3, nan, inf, 2, 1}},
		{Name: "b", X: []float64{0, 1, 2}, Y: []float64{3, 0, -1}},
		{Name: "c"},
	}, Baselines: []viz.Baseline{{Name: "bad", Value: nan}}}
	got := svgOf(t, o)
	for _, want := range []string{
		"a: 3 values not finite or beyond 1e100, left out.", "b: 2 values not above 0, left out of the logarithmic scale.", "c (no points yet)", "The baseline bad has no value",
	} {
		if !strings.Contains(plain(got), want) {
			t.Errorf("the figure does not say %q", want)
		}
	}
}

// plain is the text of an SVG: wrapped lines are joined by spaces.
func plain(svg string) string {
	var out []string
	for _, part := range strings.Split(svg, "<text")[1:] {
		_, rest, _ := strings.Cut(part, ">")
		text, _, _ := strings.Cut(rest, "</text>")
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestCurvesExtremes(t *testing.T) {
	for name, s := range map[string]viz.Series{
		"empty": {}, "one point": {X: []float64{7}, Y: []float64{3}}, "constant": {X: []float64{1, 2, 3}, Y: []float64{5, 5, 5}},
		"huge": {X: []float64{0, 1e300}, Y: []float64{1e-300, 1e300}}, "largest": {X: []float64{-math.MaxFloat64, math.MaxFloat64}, Y: []float64{-math.MaxFloat64, math.MaxFloat64}},
		"negative": {X: []float64{-5, -1}, Y: []float64{-2, -1}}, "same x": {X: []float64{4, 4, 4}, Y: []float64{1, 2, 3}},
		"tiny": {X: []float64{0, 5e-324}, Y: []float64{5e-324, 1e-323}}, "zero": {X: []float64{0, 0}, Y: []float64{0, 0}},
		"only NaN": {X: []float64{1}, Y: []float64{math.NaN()}}, "backwards": {X: []float64{3, 2, 1}, Y: []float64{1, 2, 3}},
	} {
		for _, log := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, log %v", name, log), func(t *testing.T) {
				for _, format := range []viz.Format{viz.SVG, viz.PNG} {
					var b bytes.Buffer
					o := viz.CurvesOptions{Series: []viz.Series{s}, HeldOut: []viz.Series{s}, LogY: log, Smooth: 0.5, Width: 200, Height: 150}
					if err := viz.Curves(&b, format, o); err != nil {
						t.Error(err)
					}
					if format == viz.SVG && strings.Contains(b.String(), "NaN") {
						t.Error("the drawing has a coordinate that is not a number")
					}
				}
			})
		}
	}
}

func longRun(points int) viz.CurvesOptions {
	o := curvesSample()
	o.Series, o.HeldOut = nil, nil
	for i := range uint64(6) {
		o.Series = append(o.Series, losses(fmt.Sprintf("source %d", i), i, points, 9, float64(i)))
	}
	return o
}

func TestLiveCurvesAreSmall(t *testing.T) {
	short, long := len(svgOf(t, longRun(1000))), len(svgOf(t, longRun(30000)))
	if long > 400_000 || long > 4*short {
		t.Errorf("6 series of 30,000 points take %d bytes, of 1,000 points %d: they are not thinned", long, short)
	}
}

// A series of one point is a marker: as a line it would be nothing.
func TestOnePoint(t *testing.T) {
	o := viz.CurvesOptions{YLabel: "loss", Series: []viz.Series{{Name: "poems", X: []float64{30}, Y: []float64{5}}}}
	line := o
	line.Series = []viz.Series{{Name: "poems", X: []float64{30, 31}, Y: []float64{5, 5}}}
	arcs := func(o viz.CurvesOptions) int { return strings.Count(svgOf(t, o), "A2.4375,") }
	if one, two := arcs(o), arcs(line); one == 0 || two != 0 {
		t.Errorf("%d arcs of markers where a series has one point, %d where it has two: want some and none", one, two)
	}
}

func TestSameBytes(t *testing.T) {
	for name, fig := range figures() {
		for _, format := range []viz.Format{viz.SVG, viz.HTML} {
			var a, b bytes.Buffer
			if err := viz.Draw(&a, format, fig); err != nil {
				t.Fatal(err)
			}
			if err := viz.Draw(&b, format, fig); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s as %s: two drawings differ", name, format)
			}
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	err := viz.Draw(&bytes.Buffer{}, "webp", curvesSample())
	if want := `viz: format "webp" is unknown: use svg, png or html`; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func BenchmarkLiveCurves(b *testing.B) {
	o := longRun(10000)
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if err := viz.Curves(&out, viz.SVG, o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len()), "bytes")
}
