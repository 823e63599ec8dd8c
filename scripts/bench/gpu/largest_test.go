package main

import (
	"testing"

	"m6lab/m6"
)

// The largest slices fit, and one layer or eight experts more would not.
func TestLargest(t *testing.T) {
	for _, name := range []string{"A100", "H100", "H200", "B200"} {
		h, err := m6.FindHardware(name)
		if err != nil {
			t.Fatal(err)
		}
		filling, err := largest(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range filling {
			more := c
			if c.Experts > 0 {
				more.Experts += 8
			} else {
				more.Layers++
			}
			fits, err := c.fits(h)
			tooMuch, e := more.fits(h)
			whole := c.Preset == "10b" && c.Layers == 50
			if err != nil || e != nil || !fits || tooMuch && !whole {
				t.Errorf("%s on %s: fits %t, one more %t (%v, %v)", c.Name, name, fits, tooMuch, err, e)
			}
			t.Logf("%s: %s", name, c.Name)
		}
	}
	if _, err := largest(m6.Hardware{Name: "small", Memory: 1e9, BF16: 1e12, Bandwidth: 1e12, Node: 1, Link: 1e9, Network: 1e9}); err == nil {
		t.Error("a device of 1 GB holds a slice")
	}
}
