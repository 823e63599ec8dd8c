package picture

import (
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func same(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
		t.Errorf("%s: %.15g, want %.15g", what, got, want)
	}
}

func level(v int) color.RGBA { return color.RGBA{R: uint8(v), G: uint8(v), B: uint8(v)} }

func TestGrey(t *testing.T) {
	g := toGrey(painted(3, 1, func(x, y int) color.RGBA {
		return []color.RGBA{{R: 255}, {R: 10, G: 200, B: 30}, {R: 255, G: 255, B: 255}}[x]
	}))
	// 0.299 R + 0.587 G + 0.114 B
	if want := []uint8{76, 124, 255}; !slices.Equal(g.pix, want) {
		t.Errorf("%v, want %v", g.pix, want)
	}
}

func TestUniform(t *testing.T) {
	for _, c := range []struct {
		name string
		at   func(x, y int) color.RGBA
		want float64
	}{
		{"one colour", func(x, y int) color.RGBA { return color.RGBA{R: 9, G: 80, B: 200} }, 1},
		{"a quarter of another", func(x, y int) color.RGBA { return level(50 + 100*(x%2)*(y%2)) }, 0.75},
		{"within 12 levels", func(x, y int) color.RGBA { return level(100 + 11*(x%2)*(y%2)) }, 1},
		{"one pixel", func(x, y int) color.RGBA { return level(255 * (x / 59) * (y / 39)) }, 1 - 1.0/2400},
		{"other hue, same grey", func(x, y int) color.RGBA {
			if x < 15 {
				return color.RGBA{R: 76, G: 76, B: 76}
			}
			return color.RGBA{R: 255}
		}, 0.75},
	} {
		p := painted(60, 40, c.at)
		same(t, c.name, share(p, commonest(p)), c.want)
	}
}

func TestEntropy(t *testing.T) {
	for _, c := range []struct {
		name string
		at   func(x, y int) int
		want float64
	}{
		{"one level", func(x, y int) int { return 7 }, 0},
		{"two", func(x, y int) int { return 100 * (x % 2) }, 1},
		{"four", func(x, y int) int { return 10*(x%2) + 50*(y%2) }, 2},
		{"a quarter", func(x, y int) int { return 100 * (x % 2) * (y % 2) }, 2 - 0.75*math.Log2(3)},
		{"all", func(x, y int) int { return (16*y + x) % 256 }, 8},
	} {
		g := toGrey(painted(16, 16, func(x, y int) color.RGBA { return level(c.at(x, y)) }))
		same(t, c.name, entropy(g), c.want)
	}
}

// TestBlur compares with the plain formula on planes of odd sizes.
func TestBlur(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, size := range [][2]int{{3, 3}, {3, 40}, {33, 31}, {47, 48}, {48, 47}, {64, 64}, {65, 100}, {100, 79}} {
		g := &grey{w: size[0], h: size[1], pix: make([]uint8, size[0]*size[1])}
		for i := range g.pix {
			g.pix[i] = uint8(rng.IntN(256))
		}
		got, want := sharpness(g), plainSharpness(g)
		if len(got) != len(want) || len(got) == 0 {
			t.Fatalf("%v: %d cells, want %d", size, len(got), len(want))
		}
		for i := range got {
			same(t, "a cell", got[i], want[i])
		}
	}
	flat := &grey{w: 50, h: 50, pix: make([]uint8, 2500)}
	if cells := sharpness(flat); len(cells) != 0 {
		t.Errorf("a plane of one level has %v", cells)
	}
}

func plainSharpness(g *grey) (out []float64) {
	mirror := func(i, n int) int {
		if i < 0 {
			return -i
		}
		if i >= n {
			return 2*n - 2 - i
		}
		return i
	}
	at := func(x, y int) float64 { return float64(g.pix[mirror(y, g.h)*g.w+mirror(x, g.w)]) }
	spread := func(v []float64) float64 {
		mean, sum := 0.0, 0.0
		for _, x := range v {
			mean += x / float64(len(v))
		}
		for _, x := range v {
			sum += (x - mean) * (x - mean)
		}
		return sum / float64(len(v))
	}
	for y0 := 0; y0 < g.h; y0 += 32 {
		for x0 := 0; x0 < g.w; x0 += 32 {
			x1, y1 := min(g.w, x0+32), min(g.h, y0+32)
			if x0 > 0 && x1-x0 < 16 || y0 > 0 && y1-y0 < 16 {
				continue
			}
			var grey, laplace []float64
			for y := y0; y < y1; y++ {
				for x := x0; x < x1; x++ {
					grey = append(grey, at(x, y))
					laplace = append(laplace, at(x-1, y)+at(x+1, y)+at(x, y-1)+at(x, y+1)-4*at(x, y))
				}
			}
			out = append(out, spread(laplace)/spread(grey))
		}
	}
	slices.Sort(out)
	return out
}

func TestBorder(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	within := func(x0, y0, x1, y1 int, frame color.RGBA) func(x, y int) color.RGBA {
		return func(x, y int) color.RGBA {
			if x < x0 || x >= x1 || y < y0 || y >= y1 {
				return frame
			}
			return color.RGBA{R: uint8(60 + rng.IntN(120)), G: uint8(40 + rng.IntN(150)), B: 90}
		}
	}
	for _, c := range []struct {
		name string
		at   func(x, y int) color.RGBA
		want float64
	}{
		{"none", within(0, 0, 100, 80, color.RGBA{}), 0},
		{"bars", within(0, 20, 100, 60, color.RGBA{}), 0.5},
		{"pillars", within(25, 0, 75, 80, level(255)), 0.5},
		{"uneven bars", within(0, 8, 100, 64, color.RGBA{R: 200}), 0.3},
		{"frame", within(10, 10, 90, 70, level(255)), 0.4},
		{"one side", within(0, 30, 100, 80, level(0)), 0.375},
		{"blank", func(x, y int) color.RGBA { return level(30) }, 0},
		{"a small rectangle", within(40, 30, 60, 50, level(255)), 0},
		{"a disc", func(x, y int) color.RGBA {
			if (x-50)*(x-50)+(y-40)*(y-40) < 35*35 {
				return level(20 + x)
			}
			return level(255)
		}, 0},
	} {
		same(t, c.name, frame(painted(100, 80, c.at)), c.want)
	}
}

func TestWhite(t *testing.T) {
	for _, c := range []struct {
		name string
		at   func(x, y int) color.RGBA
		want float64
	}{
		{"white", func(x, y int) color.RGBA { return level(255) }, 1},
		{"off-white", func(x, y int) color.RGBA { return level(235) }, 1},
		{"light grey", func(x, y int) color.RGBA { return level(234) }, 0},
		{"yellow", func(x, y int) color.RGBA { return color.RGBA{R: 255, G: 255, B: 200} }, 0},
		{"dark within", func(x, y int) color.RGBA {
			if x >= 2 && x < 58 && y >= 2 && y < 38 {
				return level(0)
			}
			return level(255)
		}, 1},
		// The edge has 2 x 60 x 2 + 2 x 36 x 2 = 384 pixels, of which the left half of the picture has half.
		{"left half", func(x, y int) color.RGBA { return level(255 * (1 - x/30)) }, 0.5},
	} {
		same(t, c.name, whites(edgeOf(painted(60, 40, c.at))), c.want)
	}
	if n := len(edgeOf(painted(60, 40, func(x, y int) color.RGBA { return level(1) })).Pix); n != 4*384 {
		t.Errorf("the edge has %d bytes, want %d", n, 4*384)
	}
	for _, size := range [][2]int{{1, 1}, {2, 1}, {1, 5}, {2, 2}, {3, 3}} {
		if n := len(edgeOf(wavy(size[0], size[1])).Pix) / 4; n != size[0]*size[1]-max(0, size[0]-2)*max(0, size[1]-2) {
			t.Errorf("the edge of %v has %d pixels", size, n)
		}
	}
}

func TestObjects(t *testing.T) {
	discs := func(ground color.RGBA, at ...[3]int) func(x, y int) color.RGBA {
		return func(x, y int) color.RGBA {
			for _, d := range at {
				if (x-d[0])*(x-d[0])+(y-d[1])*(y-d[1]) < d[2]*d[2] {
					return color.RGBA{R: 180, G: 40, B: 40}
				}
			}
			return ground
		}
	}
	white := level(255)
	for _, c := range []struct {
		name string
		at   func(x, y int) color.RGBA
		want int
		ok   bool
	}{
		{"none", discs(white), 0, true},
		{"one", discs(white, [3]int{100, 80, 40}), 1, true},
		{"three on blue", discs(color.RGBA{B: 200}, [3]int{40, 40, 20}, [3]int{100, 100, 25}, [3]int{170, 50, 22}), 3, true},
		{"touching", discs(white, [3]int{60, 80, 30}, [3]int{115, 80, 30}), 1, true},
		{"a crumb", discs(white, [3]int{100, 80, 40}, [3]int{20, 20, 3}), 1, true},
		{"one at the edge", discs(white, [3]int{0, 80, 30}), 1, true},
		{"no ground", func(x, y int) color.RGBA { return level(255 * ((x + y) % 2)) }, 0, false},
	} {
		if n, ok := things(painted(200, 160, c.at)); n != c.want || ok != c.ok {
			t.Errorf("%s: %d %t, want %d %t", c.name, n, ok, c.want, c.ok)
		}
	}
}

// TestText: letters of strokes in a row or a column are text; discs, bars and a camera's noise are not.
func TestText(t *testing.T) {
	// A letter like 王: three bars and a stem.
	letter := func(x, y, size int) bool {
		thick := max(1, size/8)
		return x < size && y < size && (y < thick || y >= size-thick || y >= (size-thick)/2 && y < (size+thick)/2 || x >= (size-thick)/2 && x < (size+thick)/2)
	}
	row := func(n, size int) func(x, y int) bool {
		return func(x, y int) bool {
			x, y = x-10, y-30
			return x >= 0 && y >= 0 && x/(size*5/4) < n && letter(x%(size*5/4), y, size)
		}
	}
	rng := rand.New(rand.NewPCG(2, 9))
	for _, c := range []struct {
		name string
		ink  func(x, y int) bool
		want bool
	}{
		{"five letters", row(5, 24), true},
		{"small letters", row(8, 12), true},
		{"a column", func(x, y int) bool { return row(4, 24)(y, x) }, true},
		{"a bar of letter size", func(x, y int) bool { return x > 40 && x < 64 && y > 50 && y < 53 }, false},
		{"nothing", func(x, y int) bool { return false }, false},
		{"a bar", func(x, y int) bool { return y > 50 && y < 60 && x > 20 && x < 180 }, false},
		{"discs", func(x, y int) bool { return y > 50 && y < 70 && (x%30-15)*(x%30-15)+(y-60)*(y-60) < 80 }, false},
	} {
		for _, ink := range []int{20, 235} {
			g := toGrey(painted(220, 140, func(x, y int) color.RGBA {
				if c.ink(x, y) {
					return level(ink)
				}
				return level(255 - ink)
			}))
			if got := lettering(g); got > Imagine().Text.Max != c.want {
				t.Errorf("%s in %d: share %g, want text %t", c.name, ink, got, c.want)
			}
		}
	}
	noise := toGrey(painted(220, 140, func(x, y int) color.RGBA { return level(max(0, min(255, int(128+20*rng.NormFloat64())))) }))
	if got := lettering(noise); got != 0 {
		t.Errorf("noise: share %g", got)
	}
}
