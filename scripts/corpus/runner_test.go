package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestStanding: a runner stands still only where no stage is at work and none begins.
func TestStanding(t *testing.T) {
	for name, c := range map[string]struct {
		pulse func(at time.Duration) (bool, int64)
		want  time.Duration // 0: never
	}{
		"at work":     {func(time.Duration) (bool, int64) { return true, 7 }, 0},
		"begins some": {func(at time.Duration) (bool, int64) { return false, int64(at / (50 * time.Second)) }, 0},
		"stops":       {func(at time.Duration) (bool, int64) { return at < 2*time.Minute, 7 }, 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				pulse := func() (bool, int64) { return c.pulse(time.Since(start)) }
				var got time.Duration
				select {
				case <-standing(t.Context(), pulse, time.Minute):
					got = time.Since(start)
				case <-time.After(time.Hour):
				}
				if got.Round(5*time.Second) != c.want {
					t.Errorf("stood still after %v, want %v", got, c.want)
				}
			})
		})
	}
}
