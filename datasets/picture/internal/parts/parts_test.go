package parts

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// mask reads rows of '#' and '.'.
func mask(rows ...string) (out []uint8, w, h int) {
	for _, c := range strings.Join(rows, "") {
		out = append(out, map[rune]uint8{'#': 1, '.': 0}[c])
	}
	return out, len(rows[0]), len(rows)
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name string
		rows []string
		want []Box
	}{
		{"nothing", []string{"...", "..."}, nil},
		{"all", []string{"##", "##", "##"}, []Box{{0, 0, 2, 3, 6}}},
		{"corner", []string{"#..", ".#.", "..#"}, []Box{{0, 0, 3, 3, 3}}},
		{"two", []string{"#.#", "#.#"}, []Box{{0, 0, 1, 2, 2}, {2, 0, 3, 2, 2}}},
		{"u", []string{"#..#", "#..#", "####"}, []Box{{0, 0, 4, 3, 8}}},
		{"w", []string{"#.#.#", "#.#.#", ".#.#."}, []Box{{0, 0, 5, 3, 8}}},
		{"ring", []string{"#####", "#...#", "#.#.#", "#...#", "#####"}, []Box{{0, 0, 5, 5, 16}, {2, 2, 3, 3, 1}}},
		{"late", []string{"....#", "#....", "#...#"}, []Box{{4, 0, 5, 1, 1}, {0, 1, 1, 3, 2}, {4, 2, 5, 3, 1}}},
	} {
		m, w, h := mask(c.rows...)
		if got := Find(m, w, h); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestFindFlood compares with a flood fill on random masks of odd sizes.
func TestFindFlood(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		w, h := 1+rng.IntN(23), 1+rng.IntN(17)
		m := make([]uint8, w*h)
		for i := range m {
			m[i] = uint8(min(1, rng.IntN(100)/(40+rng.IntN(40))))
		}
		if got, want := Find(slices.Clone(m), w, h), flood(m, w, h); !slices.Equal(got, want) {
			t.Fatalf("%d x %d %v: %v, want %v", w, h, m, got, want)
		}
	}
}

func flood(m []uint8, w, h int) (all []Box) {
	for start := range m {
		if m[start] == 0 {
			continue
		}
		b := Box{w, h, 0, 0, 0}
		m[start] = 0
		for stack := []int{start}; len(stack) > 0; {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			x, y := at%w, at/w
			b = b.With(Box{x, y, x + 1, y + 1, 1})
			for ny := max(0, y-1); ny <= min(h-1, y+1); ny++ {
				for nx := max(0, x-1); nx <= min(w-1, x+1); nx++ {
					if m[ny*w+nx] != 0 {
						m[ny*w+nx] = 0
						stack = append(stack, ny*w+nx)
					}
				}
			}
		}
		all = append(all, b)
	}
	return all
}
