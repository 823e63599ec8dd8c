package watch

import (
	"maps"
	"testing"
	"time"
)

// fakeTime is a clock's time, which a test moves.
type fakeTime struct{ at time.Time }

func (f *fakeTime) pass(seconds float64) {
	f.at = f.at.Add(time.Duration(seconds * float64(time.Second)))
}

func fakeClock(window int) (*Clock, *fakeTime) {
	f := &fakeTime{time.Date(2021, 3, 1, 0, 0, 0, 0, time.UTC)}
	c := NewClock(window)
	c.now = func() time.Time { return f.at }
	return c, f
}

// The phases of a step add up to its time; compiling is told and not counted, wherever it happens.
func TestClock(t *testing.T) {
	c, f := fakeClock(3)
	f.pass(100) // before any step is asked for
	c.Begin(6)
	f.pass(2)
	c.Enter(Device)
	f.pass(3)
	done := c.In(Compile)
	f.pass(50)
	done()
	f.pass(5)
	done = c.In(AllReduce)
	f.pass(7)
	done()
	c.Enter(Checkpoint)
	f.pass(11)
	got := c.Finish(7)
	want := map[Phase]float64{Data: 2, Device: 8, Compile: 50, AllReduce: 7, Checkpoint: 11}
	if got.Step != 7 || got.Seconds != 28 || !maps.Equal(got.Phases, want) {
		t.Errorf("the step took %+v, want 28 s of %v", got, want)
	}
	f.pass(13) // the next step begins at once
	if got := c.Finish(8); got.Seconds != 13 || !maps.Equal(got.Phases, map[Phase]float64{Data: 13}) {
		t.Errorf("the next step took %+v, want 13 s of data", got)
	}
	c.Enter(Idle)
	f.pass(1000)
	c.Begin(8)
	f.pass(1)
	if got := c.Finish(9); got.Seconds != 1 {
		t.Errorf("a step after a pause took %g s, want 1", got.Seconds)
	}
	c.Finish(10)
	if s := c.Summary(0); s.Steps != 3 || s.Max != 13 {
		t.Errorf("the window is %+v, want the last 3 steps with 13, 1 and 0 s", s)
	}
}

// A nil clock may be moved like any other.
func TestNilClock(t *testing.T) {
	var c *Clock
	c.Begin(1)
	c.Enter(Data)
	c.In(Compile)()
	c.Alive()
	c.Finish(2)
	if s := c.Summary(3); s.Rank != 3 || s.Steps != 0 {
		t.Errorf("the summary of no clock is %+v", s)
	}
}
