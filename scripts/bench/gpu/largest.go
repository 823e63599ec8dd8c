package main

import (
	"fmt"
	"sort"

	"m6lab/m6"
)

// cuts are what is cut from the paper's models, by size.
var cuts = []struct {
	whole int
	cut   func(n int) testCase
}{
	{50, func(n int) testCase { return on("10b", n, 0, 16, "block", "cudnn") }},           // layers
	{1024 / 8, func(n int) testCase { return on("100b", 24, 8*n, 16, "block", "cudnn") }}, // experts, by eights
}

// largest are the slices that fill a device, by the planner: most layers of `10b`, all layers and most experts of `100b`.
func largest(h m6.Hardware) ([]testCase, error) {
	var out []testCase
	for _, s := range cuts {
		var failed error
		n := sort.Search(s.whole, func(n int) bool { // as many as fit come before the first that is one too many
			fits, err := s.cut(n + 1).fits(h)
			if err != nil {
				failed = err
			}
			return !fits
		})
		if failed != nil {
			return nil, failed
		}
		if n == 0 {
			return nil, fmt.Errorf("%s has %.0f GB: not even %s fits", h.Name, h.Memory/1e9, s.cut(1).Name)
		}
		out = append(out, s.cut(n))
	}
	return out, nil
}

func (c testCase) fits(h m6.Hardware) (bool, error) {
	r, err := c.run()
	if err != nil {
		return false, err
	}
	e, err := m6.On(r, m6.Shape{Batch: c.Batch, Text: c.Text}, h)
	return e.Fits, err
}
