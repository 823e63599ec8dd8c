package watch

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// The percentiles are those of numpy.percentile(method="inverted_cdf"): of 1..101 s, 51, 91, 100 and 101; of 1, 2, 4 s, 2, 4, 4 and 4.
func TestPercentiles(t *testing.T) {
	for _, test := range []struct {
		times               []float64
		p50, p90, p99, most float64
	}{
		{nil, 0, 0, 0, 0},
		{[]float64{4, 1, 2}, 2, 4, 4, 4},
		{upTo(101), 51, 91, 100, 101},
		{upTo(200), 100, 180, 198, 200},
	} {
		var steps []Step
		for _, seconds := range test.times {
			steps = append(steps, Step{Seconds: seconds})
		}
		s := summarize(0, steps)
		if got := []float64{s.P50, s.P90, s.P99, s.Max}; !reflect.DeepEqual(got, []float64{test.p50, test.p90, test.p99, test.most}) {
			t.Errorf("of %d times: %v, want %v %v %v %v", len(test.times), got, test.p50, test.p90, test.p99, test.most)
		}
	}
}

// upTo is n, ..., 2, 1.
func upTo(n int) (out []float64) {
	for i := range n {
		out = append(out, float64(n-i))
	}
	return out
}

// rank is the summary of a rank with equal steps, whose phases are data, device, all-reduce and checkpoint.
func rank(number int, seconds ...float64) Summary {
	step := Step{Phases: map[Phase]float64{}}
	for i, phase := range []Phase{Data, Device, AllReduce, Checkpoint} {
		step.Phases[phase] = seconds[i]
		step.Seconds += seconds[i]
	}
	return summarize(number, []Step{step, step, step})
}

// A slow rank is named with its phase, also where the others wait for it and all steps take the same time.
func TestStragglers(t *testing.T) {
	for _, test := range []struct {
		name  string
		ranks []Summary
		want  string
	}{
		{"one rank", []Summary{rank(0, 0, 9, 0, 0)}, ""},
		{"equal ranks", []Summary{rank(0, 1, 9, 1, 0), rank(1, 1, 9, 1, 0), rank(2, 1, 9, 1, 0)}, ""},
		{"a tenth more", []Summary{rank(0, 1, 9, 1, 0), rank(1, 1, 9, 1, 0), rank(2, 1, 10, 1, 0)}, ""},
		{"slow device, others wait", []Summary{rank(0, 1, 9, 6, 0), rank(1, 1, 9, 6, 0), rank(2, 1, 14, 1, 0)}, "2 device 15 10"},
		{"slow data", []Summary{rank(0, 8, 9, 1, 0), rank(1, 1, 9, 8, 0), rank(2, 1, 9, 8, 0)}, "0 data 17 10"},
		{"slow disk", []Summary{rank(0, 1, 9, 8, 0), rank(1, 1, 9, 1, 7), rank(2, 1, 9, 8, 0)}, "1 checkpoint 17 10"},
		{"slow network of one that nobody waits for", []Summary{rank(0, 1, 9, 1, 0), rank(1, 1, 9, 1, 0), rank(2, 1, 9, 8, 0)}, "2 all_reduce 18 11"},
		{"two slow ranks, the slowest first", []Summary{rank(0, 1, 13, 6, 0), rank(1, 1, 9, 10, 0), rank(2, 8, 9, 1, 0), rank(3, 1, 9, 10, 0), rank(4, 1, 9, 10, 0)}, "2 data 17 10, 0 device 14 10"},
		{"of two the slow one", []Summary{rank(0, 1, 9, 6, 0), rank(1, 1, 14, 1, 0)}, "1 device 15 10"},
		{"a rank without steps", []Summary{rank(0, 1, 9, 1, 0), {Rank: 1}, rank(2, 1, 20, 1, 0)}, "2 device 21 10"},
	} {
		var got []string
		for _, s := range Stragglers(test.ranks, 0.2) {
			got = append(got, fmt.Sprintf("%d %s %g %g", s.Rank, s.Phase, s.Seconds, s.Median))
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Every rank has the summaries of all, by rank; an error of gathering is told.
func TestExchange(t *testing.T) {
	const ranks = 3
	var parts [ranks][]byte
	var mu sync.Mutex
	var all, leave sync.WaitGroup
	all.Add(ranks)
	for r := range ranks {
		leave.Go(func() {
			got, err := Exchange(rank(r, 1, float64(9+r), 0.5, 0.25), func(mine []byte) ([][]byte, error) {
				mu.Lock()
				parts[r] = mine
				mu.Unlock()
				all.Done()
				all.Wait()
				return parts[:], nil
			})
			want := []Summary{rank(0, 1, 9, 0.5, 0.25), rank(1, 1, 10, 0.5, 0.25), rank(2, 1, 11, 0.5, 0.25)}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("rank %d has %+v (%v), want %+v", r, got, err, want)
			}
		})
	}
	leave.Wait()
	if _, err := Exchange(Summary{}, func([]byte) ([][]byte, error) { return nil, errors.New("rank 2 is gone") }); err == nil || !strings.Contains(err.Error(), "rank 2 is gone") {
		t.Errorf("a gather that fails: %v", err)
	}
	if _, err := Exchange(Summary{}, func([]byte) ([][]byte, error) { return [][]byte{[]byte("{}"), []byte("?")}, nil }); err == nil || !strings.Contains(err.Error(), "rank 1") {
		t.Errorf("a part that is no summary: %v", err)
	}
}

func ExampleStragglers() {
	all := []Summary{rank(0, 0.1, 1.9, 1, 0), rank(1, 0.1, 1.9, 1, 0), rank(2, 1.1, 1.9, 0, 0)}
	for _, s := range Stragglers(all, 0.2) {
		fmt.Println(s)
	}
	// Output: rank 2 is slow: 3 s a step where the median of ranks is 2 s, most of it in data
}
