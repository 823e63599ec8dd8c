package viz_test

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"m6lab/viz"
)

// The figures of corpora are compared with golden files, as those of TestGolden; -regen writes them anew.
func TestGoldenCorpus(t *testing.T) {
	for name, example := range map[string]func(){"funnel": ExampleFunnel, "bins": ExampleBins} {
		cmpimg.CheckPlot(bare(t, name, example), t, name+".svg", name+".png")
	}
}

func TestFunnelFaults(t *testing.T) {
	for _, steps := range [][]viz.FunnelStep{nil, {{"a", -1}}, {{"a", 1}, {"b", 2}}, {{"a", math.NaN()}}} {
		var b bytes.Buffer
		if err := viz.Funnel(&b, viz.SVG, viz.FunnelOptions{Steps: steps}); err == nil || b.Len() > 0 {
			t.Errorf("%v: error %v and %d bytes, want an error and nothing", steps, err, b.Len())
		}
	}
	var b bytes.Buffer
	if err := viz.Funnel(&b, viz.SVG, viz.FunnelOptions{Steps: []viz.FunnelStep{{"nothing", 0}, {"still", 0}}}); err != nil {
		t.Errorf("an empty funnel: %v", err)
	}
}

func TestBinsFaults(t *testing.T) {
	for name, o := range map[string]viz.BinsOptions{
		"none":     {},
		"one edge": {Edges: []float64{1}, Counts: []float64{1}},
		"shrink":   {Edges: []float64{2, 1}, Counts: []float64{1}},
		"negative": {Edges: []float64{1, 2}, Counts: []float64{-1}},
		"infinite": {Edges: []float64{1, math.Inf(1)}, Counts: []float64{1}},
	} {
		var b bytes.Buffer
		if err := viz.Bins(&b, viz.SVG, o); err == nil || !strings.HasPrefix(err.Error(), "viz: bins: ") || b.Len() > 0 {
			t.Errorf("%s: error %v and %d bytes, want an error and nothing", name, err, b.Len())
		}
	}
}

// bare is an example whose SVG is without fonts and pictures.
func bare(t *testing.T, name string, example func()) func() {
	return func() {
		example()
		svg, err := os.ReadFile("testdata/" + name + ".svg")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/"+name+".svg", payload.ReplaceAll(svg, nil), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
