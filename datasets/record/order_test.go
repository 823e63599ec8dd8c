package record

import (
	"fmt"
	"math"
	"testing"
)

func TestPermutationIsBijection(t *testing.T) {
	sizes := []int{1, 2, 3, 5, 7, 11, 13, 17, 31, 61, 101, 127, 251, 257, 509, 1009, 1021, 4093, 4099, 8191, 32749, 65537, 99991, 131071, 1, 4, 64, 1024, 65536}
	for _, n := range sizes {
		for epoch := range 3 {
			at := Permutation(n, 20210301, epoch)
			seen := make([]bool, n)
			for i := range n {
				row := at(i)
				if row < 0 || row >= n || seen[row] {
					t.Fatalf("n = %d, epoch %d: position %d gives row %d, outside or twice", n, epoch, i, row)
				}
				seen[row] = true
			}
		}
	}
}

func TestPermutationOutside(t *testing.T) {
	at := Permutation(7, 1, 0)
	for _, i := range []int{-1, 7, math.MaxInt} {
		if got := at(i); got != -1 {
			t.Errorf("position %d gives row %d, want -1", i, got)
		}
	}
	if got := Permutation(0, 1, 0)(0); got != -1 {
		t.Errorf("no rows: got %d, want -1", got)
	}
}

func TestPermutationDiffers(t *testing.T) {
	const n = 997
	base := Permutation(n, 7, 0)
	for name, other := range map[string]func(int) int{"epoch": Permutation(n, 7, 1), "seed": Permutation(n, 8, 0), "identity": func(i int) int { return i }} {
		same := 0
		for i := range n {
			if base(i) == other(i) {
				same++
			}
		}
		if same > 9 { // Poisson with mean 1: more than 9 has a probability of 1e-7
			t.Errorf("another %s leaves %d of %d rows in their place", name, same, n)
		}
	}
	again := Permutation(n, 7, 0)
	for i := range n {
		if base(i) != again(i) {
			t.Fatalf("position %d: %d, then %d", i, base(i), again(i))
		}
	}
}

// TestPermutationIsEven counts over many epochs where the rows go: each place as often as any other, and so the distance of neighbours.
func TestPermutationIsEven(t *testing.T) {
	const n, epochs = 23, 23000
	var places, steps [n][n]int
	for epoch := range epochs {
		at := Permutation(n, 3, epoch)
		for i := range n {
			places[i][at(i)]++
			steps[i][(at((i+1)%n)-at(i)+n)%n]++
		}
	}
	for i := range n {
		if x := chiSquare(places[i][:], epochs/float64(n)); x > 70 { // 22 degrees of freedom: P = 7e-7
			t.Errorf("rows at position %d: chi-square %.1f", i, x)
		}
		if x := chiSquare(steps[i][1:], epochs/float64(n-1)); x > 70 {
			t.Errorf("steps after position %d: chi-square %.1f", i, x)
		}
	}
}

func chiSquare(counts []int, want float64) float64 {
	x := 0.0
	for _, c := range counts {
		x += (float64(c) - want) * (float64(c) - want) / want
	}
	return x
}

func TestOrder(t *testing.T) {
	const n = 13
	o, other := Order{Rows: n, Seed: 5}, Order{Rows: n, Seed: 5}
	for position := 5*n - 1; position >= 0; position-- { // backwards: no state but the position
		row, epoch := o.At(position)
		if want := Permutation(n, 5, position/n)(position % n); row != want || epoch != position/n {
			t.Errorf("At(%d) = %d, %d, want %d, %d", position, row, epoch, want, position/n)
		}
		if again, _ := other.At(position); again != row {
			t.Errorf("At(%d) = %d by one order and %d by its twin", position, row, again)
		}
	}
	if row, _ := new(Order).At(0); row != -1 {
		t.Errorf("an order without rows gives row %d, want -1", row)
	}
}

func ExampleOrder() {
	order := Order{Rows: 5, Seed: 1}
	for position := 3; position < 7; position++ {
		row, epoch := order.At(position)
		fmt.Println(epoch, row)
	}
	// Output:
	// 0 4
	// 0 0
	// 1 0
	// 1 2
}

func BenchmarkPermutation(b *testing.B) {
	at := Permutation(60_000_000, 1, 0)
	i := 0
	for b.Loop() {
		at(i % 60_000_000)
		i++
	}
}
