package watch

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

var nan = math.NaN()

// alarms are the steps at which a series raises an alarm, with the first step of the streak: "9 since 8".
func alarms(losses []float64, o SpikeOptions) string {
	var s Spike
	var out []string
	for i, loss := range losses {
		if a := s.Add(int64(i+1), loss, o); a != nil {
			out = append(out, fmt.Sprintf("%d since %d", a.Step, a.Since))
		}
	}
	return strings.Join(out, ", ")
}

// The alarms of series whose medians and deviations are counted by hand. The first bad step is smoothed away and so counts as normal: of
// 2.1 1.9 2.2 1.8 and it the median is 2.1, the median distance 0.2, and too high is over 2.1 + 6 · 1.4826 · 0.2 = 3.87912.
func TestSpike(t *testing.T) {
	calm := []float64{2.0, 2.1, 1.9, 2.2, 1.8}
	o := SpikeOptions{Window: 5, Deviations: 6, Patience: 3}
	for _, test := range []struct {
		name  string
		after []float64
		want  string
	}{
		{"one bad batch", []float64{90, 2, 2, 2, 2}, ""},
		{"two bad batches, smoothed away by the third", []float64{90, 2, 90, 2, 2, 2, 2}, ""},
		// the median of the last 3 is over the limit from the second bad step (7) on: 7, 8, 9
		{"a spike", []float64{90, 90, 90, 90}, "9 since 7"},
		{"just over the limit", []float64{90, 3.8792, 3.8792, 3.8792}, "9 since 7"},
		{"just under the limit", []float64{90, 3.8791, 3.8791, 3.8791, 3.8791}, ""},
		{"a spike that ends in time", []float64{90, 90, 2, 2, 2, 2}, ""},
		{"steps that are not finite", []float64{nan, math.Inf(1), nan}, "8 since 6"},
		{"not finite and then too high", []float64{90, 90, nan, nan}, "9 since 7"},
		{"steps that are not finite now and then", []float64{nan, nan, 2, nan, nan, 2, nan, nan, 2}, ""},
		{"after an alarm it learns anew", []float64{90, 90, 90, 90, 90, 91, 89, 90, 90, 90, 90}, "9 since 7"},
		{"a fall", []float64{0.1, 0.1, 0.1, 0.1}, ""},
	} {
		if got := alarms(append(append([]float64{}, calm...), test.after...), o); got != test.want {
			t.Errorf("%s: alarms at %q, want %q", test.name, got, test.want)
		}
	}
	if got := alarms([]float64{90, 90, 90, 2, 90, 90, 90}, o); got != "" {
		t.Errorf("before the window is full: alarms at %q", got)
	}
	if got := alarms([]float64{2, 2, 2, 2, 2, 2.1, 2.1, 2.1, 2.1, 2.1, 2.1}, o); got != "" {
		t.Errorf("a loss that never moved and rises by 5 %%: alarms at %q, want none up to 6 %%", got)
	}
	if got := alarms([]float64{2, 2, 2, 2, 2, 2.13, 2.13, 2.13, 2.13}, o); got != "9 since 7" {
		t.Errorf("a loss that never moved and rises by 6.5 %%: alarms at %q, want one", got)
	}
}

// A loss that falls with noise, as training's does, raises no alarm in 20,000 steps; the same one with a jump does.
func TestSpikeNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	o := SpikeOptions{Window: 100, Deviations: 6, Patience: 5}
	losses := make([]float64, 20000)
	for i := range losses {
		losses[i] = 2 + 8*math.Exp(-float64(i)/500) + 0.1*r.NormFloat64()
		if r.IntN(50) == 0 {
			losses[i] += 5 // a batch that is hard
		}
	}
	if got := alarms(losses, o); got != "" {
		t.Errorf("alarms at %s", got)
	}
	for i := 15000; i < 15100; i++ {
		losses[i] += 1.5
	}
	if got := alarms(losses, o); !strings.HasPrefix(got, "150") || strings.Contains(got, ",") {
		t.Errorf("a jump at step 15001: alarms at %q, want one soon after", got)
	}
}

// The state that goes through JSON at every step says the same as one that does not.
func TestSpikeResumes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	o := SpikeOptions{Window: 7, Deviations: 3, Patience: 2}
	var whole, saved Spike
	raised := 0
	for step := range int64(500) {
		loss := 2 + 0.1*r.NormFloat64()
		switch r.IntN(6) {
		case 0:
			loss = nan
		case 1, 2:
			loss += 5
		}
		a, b := whole.Add(step, loss, o), saved.Add(step, loss, o)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("step %d: %v, want %v", step, b, a)
		}
		if a != nil {
			raised++
		}
		text, err := json.Marshal(saved)
		if err != nil {
			t.Fatal(err)
		}
		var back Spike
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if saved = back; !reflect.DeepEqual(saved, whole) {
			t.Fatalf("step %d: %+v, want %+v", step, saved, whole)
		}
	}
	if raised == 0 {
		t.Error("no alarm was raised: the test sees too little")
	}
}
