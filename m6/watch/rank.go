package watch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Summary is what a rank tells of its last steps, in seconds. A percentile is the smallest time that so many of the
// steps do not exceed; so the median of two is the smaller one.
type Summary struct {
	Rank   int               `json:"rank"`
	Steps  int               `json:"steps"` // in the window; with 0 all times are 0
	P50    float64           `json:"p50"`
	P90    float64           `json:"p90"`
	P99    float64           `json:"p99"`
	Max    float64           `json:"max"`
	Phases map[Phase]float64 `json:"phases"` // median of each phase
	Own    float64           `json:"own"`    // median of the steps without all-reduce, in which a rank waits for the others
}

func summarize(rank int, steps []Step) Summary {
	s := Summary{Rank: rank, Steps: len(steps), Phases: map[Phase]float64{}}
	if len(steps) == 0 {
		return s
	}
	times := func(of func(Step) float64) []float64 {
		out := make([]float64, len(steps))
		for i, step := range steps {
			out[i] = of(step)
		}
		slices.Sort(out)
		return out
	}
	all := times(func(s Step) float64 { return s.Seconds })
	s.P50, s.P90, s.P99, s.Max = percentile(all, 0.5), percentile(all, 0.9), percentile(all, 0.99), all[len(all)-1]
	s.Own = percentile(times(func(s Step) float64 { return s.Seconds - s.Phases[AllReduce] }), 0.5)
	for _, phase := range Phases {
		if median := percentile(times(func(s Step) float64 { return s.Phases[phase] }), 0.5); median > 0 && phase != Compile {
			s.Phases[phase] = median
		}
	}
	return s
}

// percentile is of sorted values.
func percentile(sorted []float64, p float64) float64 {
	return stat.Quantile(p, stat.Empirical, sorted, nil)
}

// Values are the summary's numbers as metrics.jsonl names them; suffix is put behind each name.
func (s Summary) Values(suffix string) map[string]float64 {
	return map[string]float64{
		"step_seconds_p50" + suffix: s.P50, "step_seconds_p90" + suffix: s.P90, "step_seconds_p99" + suffix: s.P99, "step_seconds_max" + suffix: s.Max,
	}
}

// Straggler is a rank that is slower than the others.
type Straggler struct {
	Rank    int     `json:"rank"`
	Phase   Phase   `json:"phase"`   // in which it loses most
	Seconds float64 `json:"seconds"` // its median
	Median  float64 `json:"median"`  // of all ranks' medians
}

// String is one line.
func (s Straggler) String() string {
	return fmt.Sprintf("rank %d is slow: %.3g s a step where the median of ranks is %.3g s, most of it in %s", s.Rank, s.Seconds, s.Median, s.Phase)
}

// Stragglers names the ranks whose median step takes more than limit (0.2: 20 %) longer than the median of the ranks, slowest first. Ranks
// that add up gradients finish their steps together, the fast ones waiting for the slow: so what is compared is each rank's own time, without
// all-reduce, and besides the whole step, for ranks that do not wait. The phase is the one that is furthest over its median of ranks.
func Stragglers(all []Summary, limit float64) []Straggler {
	median := func(of func(Summary) float64) float64 {
		var values []float64
		for _, s := range all {
			if s.Steps > 0 {
				values = append(values, of(s))
			}
		}
		if len(values) < 2 {
			return 0
		}
		slices.Sort(values)
		return percentile(values, 0.5)
	}
	var out []Straggler
	for _, measure := range []func(Summary) float64{func(s Summary) float64 { return s.Own }, func(s Summary) float64 { return s.P50 }} {
		middle := median(measure)
		for _, s := range all {
			named := slices.ContainsFunc(out, func(o Straggler) bool { return o.Rank == s.Rank })
			if middle == 0 || measure(s) <= middle*(1+limit) || named {
				continue
			}
			slow := slices.MaxFunc(Phases, func(a, b Phase) int {
				over := func(p Phase) float64 { return s.Phases[p] - median(func(s Summary) float64 { return s.Phases[p] }) }
				return cmp.Compare(over(a), over(b))
			})
			out = append(out, Straggler{Rank: s.Rank, Phase: slow, Seconds: measure(s), Median: middle})
		}
	}
	slices.SortStableFunc(out, func(a, b Straggler) int { return cmp.Compare(b.Seconds/b.Median, a.Seconds/a.Median) })
	return out
}

// Gather sends a rank's bytes to all ranks and returns those of all, by rank. Every rank calls it at the same steps.
type Gather func(mine []byte) ([][]byte, error)

// Exchange gives this rank's summary to all ranks and returns those of all. Without gather there is this rank alone.
func Exchange(mine Summary, gather Gather) ([]Summary, error) {
	if gather == nil {
		return []Summary{mine}, nil
	}
	data, err := json.Marshal(mine)
	if err != nil {
		return nil, fmt.Errorf("step times of rank %d: %w", mine.Rank, err)
	}
	parts, err := gather(data)
	if err != nil {
		return nil, fmt.Errorf("step times of other ranks: %w", err)
	}
	all := make([]Summary, len(parts))
	for rank, part := range parts {
		if err := json.Unmarshal(part, &all[rank]); err != nil {
			return nil, fmt.Errorf("step times of rank %d: %w", rank, err)
		}
	}
	return all, nil
}
