package watch

import (
	"fmt"
	"math"
	"slices"
)

// SpikeOptions say when a loss has run away.
type SpikeOptions struct {
	Window     int     // steps whose median and deviation are the normal loss; nothing is judged before there are so many
	Deviations float64 // how many deviations over the median are too much
	Patience   int     // steps in a row that must be too high or not finite; also the steps over which the loss is smoothed
}

// Spike watches the losses of a run, one after another. What it says follows from them alone. Its fields are its whole state, which a
// checkpoint keeps as JSON.
type Spike struct {
	Recent []float64 `json:"recent"` // normal losses, oldest first
	Last   []float64 `json:"last"`   // losses of the last steps, normal or not
	Streak int       `json:"streak"` // steps in a row that were too high or not finite
	Since  int64     `json:"since"`  // the first of them
}

// Alarm is a loss that has run away.
type Alarm struct {
	Since     int64 // the first step of the streak
	Step      int64 // the last one
	Loss      float64
	Median    float64 // of the normal losses
	Deviation float64
}

// String is one line, without its end.
func (a Alarm) String() string {
	if math.IsNaN(a.Loss) {
		return fmt.Sprintf("steps %d to %d are not finite", a.Since, a.Step)
	}
	return fmt.Sprintf("the smoothed loss %.3f is %.1f deviations over its median %.3f since step %d", a.Loss, (a.Loss-a.Median)/a.Deviation, a.Median, a.Since)
}

// least is the smallest deviation that counts, as a share of the median: a loss that hardly moves is no reason to take a ripple for a spike.
const least = 0.01

// Add takes the loss of a step, NaN where it was skipped for not being finite, and returns an alarm where the loss has run away. The
// smoothed loss is the median of the last Patience losses, which one bad batch does not move; the deviation is 1.4826 times the median
// distance from the median, which equals the standard deviation of normal losses. After an alarm it learns anew what is normal.
func (s *Spike) Add(step int64, loss float64, o SpikeOptions) *Alarm {
	a := Alarm{Step: step, Loss: math.NaN()}
	high := math.IsNaN(loss) || math.IsInf(loss, 0)
	if !high {
		s.Last = lastOf(append(s.Last, loss), o.Patience)
		a.Loss = median(s.Last)
		if len(s.Recent) == o.Window {
			a.Median, a.Deviation = normal(s.Recent)
			high = a.Loss > a.Median+o.Deviations*a.Deviation
		}
	}
	if !high {
		s.Recent, s.Streak = lastOf(append(s.Recent, loss), o.Window), 0
		return nil
	}
	if s.Streak == 0 {
		s.Since = step
	}
	s.Streak++
	if s.Streak < o.Patience {
		return nil
	}
	a.Since = s.Since
	*s = Spike{}
	return &a
}

// normal is the median of losses and their deviation.
func normal(losses []float64) (middle, deviation float64) {
	middle = median(losses)
	distances := make([]float64, len(losses))
	for i, loss := range losses {
		distances[i] = math.Abs(loss - middle)
	}
	return middle, max(1.4826*median(distances), least*math.Abs(middle))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// lastOf is the last n of values, in an array of its own.
func lastOf(values []float64, n int) []float64 { return slices.Clone(values[max(0, len(values)-n):]) }
