// Allreduce measures the sum of 100 MB of gradients over ranks as training makes it: tensors of a model's sizes are copied out one by one,
// joined into buckets, summed, and taken apart. It prints the median time in ms; scripts/bench/allreduce.sh runs it beside MPI alone.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"m6lab/m6/hosts"
)

const (
	elements = 25 << 20 // 100 MB of f32
	rounds   = 21
	warm     = 3
)

func main() {
	bf16 := flag.Bool("bf16", false, "numbers travel in bf16")
	flag.Parse()
	if err := run(*bf16); err != nil {
		fmt.Fprintln(os.Stderr, "allreduce:", err)
		os.Exit(1)
	}
}

func run(bf16 bool) error {
	g, err := hosts.Join()
	if err != nil {
		return err
	}
	defer g.Close()
	if g.Size() == 1 {
		return errors.New("one rank alone sums nothing: start it with mpirun, see scripts/bench/allreduce.sh")
	}
	tensors := gradients()
	sum := hosts.Sum{
		Read:  func(i int) ([]float32, error) { return slices.Clone(tensors[i]), nil },
		Write: func(int, []float32) error { return nil },
	}
	if bf16 {
		sum.Wire = hosts.BF16
	}
	for _, t := range tensors {
		sum.Sizes = append(sum.Sizes, len(t))
	}
	var times []float64
	for i := range warm + rounds {
		if err := g.Barrier(); err != nil {
			return err
		}
		start := time.Now()
		if err := sum.Run(g); err != nil {
			return err
		}
		if i >= warm {
			times = append(times, 1e3*time.Since(start).Seconds())
		}
	}
	slices.Sort(times)
	if g.Rank() == 0 {
		fmt.Printf("%.1f\n", times[rounds/2])
	}
	return nil
}

// gradients are tensors as a block of width 1024 has them, 100 MB in all: kernels of 4 and 16 MB, biases and norms.
func gradients() (out [][]float32) {
	sizes := []int{1024, 1024, 1 << 20, 1024, 1 << 20, 1024, 1 << 20, 1024, 1 << 20, 1024, 1024, 1024, 4 << 20, 4096, 4 << 20, 1024}
	for left, i := elements, 0; left > 0; i++ {
		n := min(left, sizes[i%len(sizes)])
		out = append(out, make([]float32, n))
		left -= n
	}
	return out
}
