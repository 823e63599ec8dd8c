package m6

import (
	"fmt"
	"testing"
)

// The paper's Table 3 and DESIGN's decimals.
func TestLedger(t *testing.T) {
	for _, c := range []struct {
		preset, want string
	}{
		{"base", "326.8M"}, {"10b", "10.17B"}, {"100b", "103.4B"}, {"100b-all", "103.3B"},
	} {
		config, err := Preset(c.preset)
		if err != nil {
			t.Fatal(err)
		}
		l := config.Ledger()
		got := fmt.Sprintf("%.1fM", float64(l.Total)/1e6)
		switch {
		case c.preset == "10b":
			got = fmt.Sprintf("%.2fB", float64(l.Total)/1e9)
		case l.Total >= 1e9:
			got = fmt.Sprintf("%.1fB", float64(l.Total)/1e9)
		}
		if got != c.want {
			t.Errorf("%s has %s parameters (%d), want %s", c.preset, got, l.Total, c.want)
		}
		parts := int64(0)
		for _, p := range l.Parts {
			parts += p.Parameters
		}
		if parts != l.Total {
			t.Errorf("%s: the parts have %d parameters, the whole %d", c.preset, parts, l.Total)
		}
	}
}
