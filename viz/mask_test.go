package viz

import (
	"bytes"
	"image/color"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/plot/vg/draw"
)

// Each cell has the colour that Allowed says: with and without labels, as rectangles and as a picture.
func TestMaskCells(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		lengths []int
		labels  bool
	}{
		"labels": {[]int{2, 3, 5}, true}, "no labels": {[]int{7, 0, 13}, false}, "small": {[]int{31, 17, 41}, false}, "picture": {[]int{49, 31, 127}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := MaskOptions{Parts: []Part{{"visual", c.lengths[0]}, {"masked", c.lengths[1]}, {"complete", c.lengths[2]}}}
			n := c.lengths[0] + c.lengths[1] + c.lengths[2]
			for range n {
				row := make([]bool, n)
				for i := range row {
					row[i] = rng.IntN(2) == 0
				}
				o.Allowed = append(o.Allowed, row)
				if c.labels {
					o.Labels = append(o.Labels, "猫")
				}
			}
			m := placed(t, o)
			img := decode(t, o)
			for q := range n {
				for k := range n {
					part := 0
					for k >= c.lengths[0] && part == 0 || k >= c.lengths[0]+c.lengths[1] && part == 1 {
						part++
					}
					want := blank
					if o.Allowed[q][k] {
						want = []color.NRGBA{sky, orange, green}[part]
					}
					x, y := m.left+(float64(k)+0.3)*m.size, m.top+(float64(q)+0.6)*m.size
					if m.size < 3 {
						x, y = m.left+(float64(k)+0.5)*m.size, m.top+(float64(q)+0.5)*m.size
					}
					if got := at(img, x, y); !near(got, want) {
						t.Fatalf("query %d, key %d: %v, want %v", q, k, got, want)
					}
				}
			}
		})
	}
}

// placed returns the matrix of a mask as it is laid out.
func placed(t *testing.T, o MaskOptions) *matrix {
	t.Helper()
	p, m := o.layout(0)
	f := p.finish()
	f.draw(&sheet{c: draw.NewCanvas(newProbe(), px(f.width), px(f.height)), height: f.height})
	return m
}

func TestMaskErrors(t *testing.T) {
	two := [][]bool{{true, false}, {true, true}}
	for name, c := range map[string]struct {
		o    MaskOptions
		want string
	}{
		"empty":    {MaskOptions{}, "viz: mask: all parts are empty: give a sequence of at least one position"},
		"negative": {MaskOptions{Parts: []Part{{"a", -1}}}, `viz: mask: part "a" has the length -1: give 0 or more`},
		"rows":     {MaskOptions{Parts: []Part{{"a", 3}}, Allowed: two}, "viz: mask: field Allowed has 2 rows and the parts have 3 positions: give as many of both"},
		"columns":  {MaskOptions{Parts: []Part{{"a", 2}}, Allowed: [][]bool{{true, false}, {true}}}, "viz: mask: row 1 of Allowed has 1 columns, not 2"},
		"labels":   {MaskOptions{Parts: []Part{{"a", 2}}, Allowed: two, Labels: []string{"x"}}, "viz: mask: there are 1 labels for 2 positions: give as many of both, or none"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Mask(&bytes.Buffer{}, PNG, c.o); err == nil || err.Error() != c.want {
				t.Errorf("got error %v, want %s", err, c.want)
			}
		})
	}
}
