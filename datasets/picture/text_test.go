package picture

import (
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"m6lab/datasets/picture/internal/parts"
)

var more = flag.String("more", "", "an archive of labelled pictures whose candidate lines are written to a .csv beside it")

// TestLines looks at the features of all candidate lines of the labelled pictures: they must be numbers, and lines within the lettering must
// pass more often than others.
func TestLines(t *testing.T) {
	path := "testdata/labelled.zip"
	csv, err := os.Create(os.DevNull)
	if *more != "" {
		path = *more
		csv, err = os.Create(path + ".csv")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer csv.Close()
	passed, all := [2]int{}, [2]int{}
	for _, l := range readLabelled(t, path) {
		label, known := l.Labels["text"]
		if !known {
			continue
		}
		v := newView(l.data, Paper().Decodable)
		if !v.decoded() {
			t.Fatalf("%s: %s", l.Name, v.fault)
		}
		for level, scale := v.grey(), 1; scale <= 4 && min(level.w, level.h) >= 24; level, scale = halved(level), 2*scale {
			for _, c := range candidates(level) {
				f, part, lettered := c.features, 0.0, 0
				if label {
					part, lettered = within(c.around, float64(scale), l.Box), 1
				}
				for _, x := range []float64{f.contrast, f.stroke, f.height, f.uneven, f.letters} {
					if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
						t.Fatalf("%s: a line has the features %+v", l.Name, f)
					}
				}
				fmt.Fprintf(csv, "%.3f,%d,%.4f,%.4f,%.1f,%.4f,%.0f\n", part, lettered, f.contrast, f.stroke, f.height, f.uneven, f.letters)
				is := 0
				if part > 0.7 {
					is = 1
				} else if label {
					continue // the ground may have lettering of its own
				}
				all[is]++
				if f.isText() {
					passed[is]++
				}
			}
		}
	}
	t.Logf("%d of %d lines of text pass, %d of %d others", passed[1], all[1], passed[0], all[0])
	if 10*passed[1] < 7*all[1] || 10*passed[0] > all[0] {
		t.Errorf("%d of %d lines of text pass and %d of %d others: want at least 7 and at most 1 of 10", passed[1], all[1], passed[0], all[0])
	}
}

// within is the part of a parts.Box, of a plane that is scaled down, that lies in the rectangle x0, y0, x1, y1.
func within(b parts.Box, scale float64, r []float64) float64 {
	x := min(r[2], float64(b.X1)*scale) - max(r[0], float64(b.X0)*scale)
	y := min(r[3], float64(b.Y1)*scale) - max(r[1], float64(b.Y0)*scale)
	return max(0, x) * max(0, y) / (float64(b.W()*b.H()) * scale * scale)
}
