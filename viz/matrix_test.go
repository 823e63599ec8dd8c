package viz

import (
	"bytes"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMatrixErrors(t *testing.T) {
	one := [][]float64{{1, 2}}
	for name, c := range map[string]struct {
		o    MatrixOptions
		want string
	}{
		"no head":   {MatrixOptions{Rows: []string{"a"}, Columns: []string{"b"}}, "viz: matrix: there is no head: give at least one"},
		"no labels": {MatrixOptions{Heads: []Head{{"h", nil}}}, "viz: matrix: there are 0 row and 0 column labels: give at least one of both"},
		"rows":      {MatrixOptions{Rows: []string{"a", "b"}, Columns: []string{"c", "d"}, Heads: []Head{{"h", one}}}, `viz: matrix: head "h": 1 rows of values for 2 labels: give as many of both`},
		"columns":   {MatrixOptions{Rows: []string{"a"}, Columns: []string{"c"}, Heads: []Head{{"h", one}}}, `viz: matrix: head "h": row 0 has 2 values for 1 labels: give as many of both`},
		"head":      {MatrixOptions{Rows: []string{"a"}, Columns: []string{"c", "d"}, Heads: []Head{{"h", one}}, Head: 1}, "viz: matrix: head 1 does not exist: there are 1, counted from 0"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []Format{PNG, HTML} {
				if err := Matrix(&bytes.Buffer{}, format, c.o); err == nil || err.Error() != c.want {
					t.Errorf("%s: got error %v, want %s", format, err, c.want)
				}
			}
		})
	}
}

// The selector shows one head at a time, and all of them share one scale.
func TestMatrixHeads(t *testing.T) {
	o := MatrixOptions{Rows: []string{"猫"}, Columns: []string{"狗", "蛙"}, Heads: []Head{{"first", [][]float64{{0.1, math.NaN()}}}, {"", [][]float64{{0.7, 0.2}}}}}
	var b bytes.Buffer
	if err := Matrix(&b, HTML, o); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for want, times := range map[string]int{
		`<input type="radio" name="m6-1" id="m6-1-0" checked>`: 1, `<label for="m6-1-0">first</label>`: 1, `<label for="m6-1-1">head 1</label>`: 1,
		"#m6-1-1:checked~.views>:nth-child(2){display:block}": 1, ">0.7</text>": 2, "1 weight not finite, left blank.": 1, "<script": 0,
	} {
		if got := strings.Count(page, want); got != times {
			t.Errorf("%q occurs %d times, want %d", want, got, times)
		}
	}
}

func TestHeatColors(t *testing.T) {
	img := decode(t, HeatOptions{Values: [][]float64{{0, 1, 2, math.Inf(1)}}, Width: 360})
	// The cells are 72 pixels wide at most: find them by the middle of each quarter of the row.
	m := newMatrix(1, 4, 336, []string{"0"}, []string{"0", "1", "2", "3"})
	m.stretch(336)
	x0 := margin + m.labelWidth + labelGap
	y := margin + m.labelHeight + 4 + m.sizeY/2
	for c, want := range []color.NRGBA{blank, over(fade(deep, 0.5), blank), deep, paper} {
		got := at(img, x0+(float64(c)+0.5)*m.size, y)
		if !near(got, want) {
			t.Errorf("cell %d is %v, want %v", c, got, want)
		}
	}
}

func TestPool(t *testing.T) {
	nan := math.NaN()
	values := [][]float64{{1, 2, 3, nan, 9}, {4, nan, 1, nan, 0}, {-3, -1, 0, 5, math.Inf(1)}}
	for _, c := range []struct {
		rows, columns int
		want          [][]float64
	}{
		{9, 9, values}, {3, 3, [][]float64{{2, 3, 9}, {4, 1, 0}, {-1, 5, nan}}}, {2, 2, [][]float64{{4, 9}, {0, 5}}}, {1, 1, [][]float64{{9}}},
	} {
		got, by := pool(values, c.rows, c.columns)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%d x %d (- want, + got):\n%s", c.rows, c.columns, diff)
		}
		if len(every([]string{"a", "b", "c", "d", "e"}, by.columns)) != len(got[0]) {
			t.Errorf("%d x %d: labels and columns differ in number", c.rows, c.columns)
		}
	}
}
