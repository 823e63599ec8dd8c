package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What counts as a hang, on a clock that the test moves.
func TestHung(t *testing.T) {
	c, f := fakeClock(5)
	hung := func(limit time.Duration) string {
		h, is := c.Hung(limit)
		if !is {
			return ""
		}
		return h.line()
	}
	check := func(when string, limit time.Duration, want string) {
		t.Helper()
		if got := hung(limit); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	const limit = 10 * time.Second
	f.pass(1e6)
	check("no step was asked for", limit, "")
	c.Begin(6)
	f.pass(10)
	check("at the limit", limit, "")
	f.pass(1)
	check("over the limit", limit, "hang: step 7 has not finished for 11.0 s, in phase data")
	c.Enter(Device)
	check("another phase of the same step", limit, "hang: step 7 has not finished for 11.0 s, in phase device")
	done := c.In(Compile)
	f.pass(1e5)
	check("compiling", limit, "")
	done()
	f.pass(10)
	check("after compiling", limit, "")
	f.pass(1)
	check("long after compiling", limit, "hang: step 7 has not finished for 11.0 s, in phase device")
	c.Finish(7)
	check("the step has finished", limit, "")
	c.Enter(Evaluate)
	f.pass(9)
	c.Alive()
	f.pass(9)
	check("a batch was evaluated", limit, "")
	c.Enter(Idle)
	f.pass(1e6)
	c.In(Checkpoint)
	check("saving after a pause", limit, "")
	f.pass(11)
	check("saving takes too long", limit, "hang: step 8 has not finished for 11.0 s, in phase checkpoint")
}

// The limit that follows the steps: 30 minutes before the first, then 5 minutes or 20 times the slowest.
func TestHungAuto(t *testing.T) {
	c, f := fakeClock(5)
	check := func(seconds float64, want bool) {
		t.Helper()
		f.pass(seconds)
		if _, got := c.Hung(Auto); got != want {
			t.Errorf("hung is %v, want %v", got, want)
		}
		f.pass(-seconds)
	}
	c.Begin(0)
	check(1800, false)
	check(1801, true)
	f.pass(2)
	c.Finish(1)
	check(300, false)
	check(301, true)
	f.pass(60)
	c.Finish(2)
	f.pass(1)
	c.Finish(3)
	check(1200, false)
	check(1201, true)
}

// stuckInAFunctionOfThisName waits until it is told.
func stuckInAFunctionOfThisName(release chan struct{}) { <-release }

// A hang is reported once, with the stacks of all goroutines in the folder; the next one only after a step has finished.
func TestWatchHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	go stuckInAFunctionOfThisName(release)
	dir := t.TempDir()
	c := NewClock(5)
	reports := make(chan Hang, 100)
	stop := WatchHangs(HangOptions{Clock: c, Limit: time.Millisecond, Folder: dir, Rank: 3, Report: func(h Hang) { reports <- h }})
	defer stop()
	c.Begin(41)
	c.Enter(Device)
	h := <-reports
	want := filepath.Join(dir, "hang-42-rank3.txt")
	if h.Step != 42 || h.Phase != Device || h.For <= time.Millisecond || h.Stacks != want || h.Err != nil {
		t.Errorf("%+v, want step 42 in device with %s", h, want)
	}
	if line := h.String(); strings.Contains(line, "\n") || !strings.Contains(line, want) {
		t.Errorf("%q, want one line that names %s", line, want)
	}
	stacks, err := os.ReadFile(want)
	if err != nil || !strings.Contains(string(stacks), "stuckInAFunctionOfThisName") || !strings.HasPrefix(string(stacks), "rank 3, process ") {
		t.Errorf("the stacks do not show the function that is stuck (%v):\n%.500s", err, stacks)
	}
	time.Sleep(50 * time.Millisecond) // many looks at the same hang
	if n := len(reports); n != 0 {
		t.Errorf("%d more reports of the same hang", n)
	}
	c.Finish(42)
	c.Enter(AllReduce)
	if h := <-reports; h.Step != 43 {
		t.Errorf("the next report is of step %d, want 43", h.Step)
	}
	stop()
	stop()
}

// A folder that takes no file is told in the line.
func TestWatchHangsNoFolder(t *testing.T) {
	c := NewClock(5)
	reports := make(chan Hang, 100)
	stop := WatchHangs(HangOptions{Clock: c, Limit: time.Millisecond, Folder: t.TempDir() + "/none", Report: func(h Hang) { reports <- h }})
	defer stop()
	c.Begin(0)
	if line := (<-reports).String(); !strings.Contains(line, "could not be written") || strings.Contains(line, "\n") {
		t.Errorf("%q", line)
	}
}
