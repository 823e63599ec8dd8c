package watch

import (
	"sync"
	"time"
)

// Phase is what a training loop is at.
type Phase string

// The phases of a step.
const (
	Idle       Phase = ""           // no step was asked for
	Data       Phase = "data"       // waiting for a batch
	Compile    Phase = "compile"    // building a program; no step's time and no hang counts it
	Device     Phase = "device"     // giving work to the device and waiting for it
	AllReduce  Phase = "all_reduce" // adding up gradients with other ranks, waiting for the slowest of them
	Evaluate   Phase = "evaluate"
	Checkpoint Phase = "checkpoint" // as far as training stands still for it
	Log        Phase = "log"
)

// Phases lists all phases but [Idle].
var Phases = []Phase{Data, Compile, Device, AllReduce, Evaluate, Checkpoint, Log}

// Step is the time of one finished step.
type Step struct {
	Step    int64
	Seconds float64 // without compiling
	Phases  map[Phase]float64
}

// Clock times the phases of a training loop. One goroutine moves it; others may read it at any time. The methods of a nil Clock do nothing.
type Clock struct {
	mu      sync.Mutex
	now     func() time.Time
	phase   Phase
	since   time.Time // of the phase
	alive   time.Time // the last sign of life
	step    int64     // the last finished one
	spent   map[Phase]time.Duration
	window  []Step // the last steps, oldest first
	size    int
	slowest float64 // step so far, seconds
	ended   int64   // steps that finished
}

// NewClock keeps the times of the last window steps.
func NewClock(window int) *Clock {
	return &Clock{now: time.Now, spent: map[Phase]time.Duration{}, size: max(1, window)}
}

// Begin begins to time the step behind a finished one.
func (c *Clock) Begin(finished int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.step, c.phase, c.since, c.alive = finished, Data, now, now
	clear(c.spent)
}

// Enter ends the phase that the loop was in and begins another.
func (c *Clock) Enter(p Phase) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(p)
}

func (c *Clock) enter(p Phase) {
	now := c.now()
	if c.phase != Idle {
		c.spent[c.phase] += now.Sub(c.since)
	}
	if c.phase == Idle || c.phase == Compile {
		c.alive = now
	}
	c.phase, c.since = p, now
}

// In enters a phase within another; done goes back to the one before.
func (c *Clock) In(p Phase) (done func()) {
	if c == nil {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.phase
	c.enter(p)
	return func() { c.Enter(before) }
}

// Alive is a sign of life within a step, such as an evaluated batch: a hang is counted from here.
func (c *Clock) Alive() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive = c.now()
}

// Finish ends a step and begins to time the next one.
func (c *Clock) Finish(step int64) Step {
	if c == nil {
		return Step{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(Data)
	done := Step{Step: step, Phases: map[Phase]float64{}}
	for phase, spent := range c.spent {
		done.Phases[phase] = spent.Seconds()
		if phase != Compile {
			done.Seconds += spent.Seconds()
		}
	}
	clear(c.spent)
	c.step, c.alive, c.slowest = step, c.since, max(c.slowest, done.Seconds)
	c.ended++
	if len(c.window) == c.size {
		c.window = append(c.window[:0], c.window[1:]...)
	}
	c.window = append(c.window, done)
	return done
}

// Summary is the percentiles of the window.
func (c *Clock) Summary(rank int) Summary {
	if c == nil {
		return Summary{Rank: rank}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return summarize(rank, c.window)
}
