// Package steps takes training steps for the benchmarks of a single device.
package steps

import (
	"time"

	"m6lab/m6"
)

// warmUp is how many steps run before the clock does.
const warmUp = 3

// Taken is what steps took and told.
type Taken struct {
	Times []float64    // ms of each step behind the warm-up, until its numbers are read
	Told  []m6.Metrics // of all steps
}

// Take takes n steps on one batch, after the warm-up.
func Take(step *m6.Step, state *m6.State, batch *m6.Batch, rate float64, n int) (out Taken, err error) {
	for i := range warmUp + n {
		start := time.Now()
		pending, err := step.Run(state, []*m6.Batch{batch}, rate)
		if err != nil {
			return out, err
		}
		m, err := pending.Wait()
		if err != nil {
			return out, err
		}
		out.Told = append(out.Told, m)
		if i >= warmUp {
			out.Times = append(out.Times, 1000*time.Since(start).Seconds())
		}
	}
	return out, nil
}
