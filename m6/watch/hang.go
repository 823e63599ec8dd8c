package watch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"
)

// HangExitCode is the exit code of a process that gives up on a hang, so that a scheduler starts it again: EX_TEMPFAIL of sysexits.h.
const HangExitCode = 75

// Auto as the limit of [HangOptions] means: 20 times the slowest step so far, at least 5 minutes, and 30 minutes before the first step has
// finished.
const Auto time.Duration = -1

const (
	autoTimes  = 20
	autoLeast  = 5 * time.Minute
	autoBefore = 30 * time.Minute
)

// Hang is a run in which no step finished for too long.
type Hang struct {
	Step   int64 // that does not finish
	Phase  Phase
	For    time.Duration // since the last step finished, or the last sign of life after it
	Stacks string        // file with the stacks of all goroutines; "" where Err is set
	Err    error         // of writing it
}

// line is what hangs.
func (h Hang) line() string {
	return fmt.Sprintf("hang: step %d has not finished for %.1f s, in phase %s", h.Step, h.For.Seconds(), h.Phase)
}

// String is one line.
func (h Hang) String() string {
	if h.Err != nil {
		return fmt.Sprintf("%s; its stacks could not be written: %v", h.line(), h.Err)
	}
	return h.line() + "; the stacks of all goroutines are in " + h.Stacks
}

// Hung tells whether no step has finished for longer than limit. Compiling does not count, and neither does a loop that was not asked for steps.
func (c *Clock) Hung(limit time.Duration) (Hang, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit == Auto {
		limit = max(autoLeast, time.Duration(autoTimes*c.slowest*float64(time.Second)))
		if c.ended == 0 {
			limit = autoBefore
		}
	}
	h := Hang{Step: c.step + 1, Phase: c.phase, For: c.now().Sub(c.alive)}
	return h, c.phase != Idle && c.phase != Compile && h.For > limit
}

// HangOptions say what [WatchHangs] looks at.
type HangOptions struct {
	Clock  *Clock
	Limit  time.Duration // or [Auto]
	Folder string        // takes hang-<step>.txt; of ranks over 0 hang-<step>-rank<rank>.txt
	Rank   int
	Report func(Hang) // called once for each hang, from a goroutine of its own
}

// WatchHangs looks at a clock until stop is called, and reports a hang when it sees one: the stacks of all goroutines are then already
// written. What a device's own threads are at is not in them, only the call that waits for it. Another is reported only after a step has finished.
func WatchHangs(o HangOptions) (stop func()) {
	every := 5 * time.Second
	if o.Limit > 0 {
		every = min(every, max(o.Limit/10, time.Millisecond))
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		reported := int64(-1)
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
			h, hung := o.Clock.Hung(o.Limit)
			if !hung || h.Step == reported {
				continue
			}
			reported = h.Step
			h.Stacks, h.Err = o.dump(h)
			o.Report(h)
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-done
	})
}

// dump writes the stacks of all goroutines into the folder.
func (o HangOptions) dump(h Hang) (path string, err error) {
	name := fmt.Sprintf("hang-%d.txt", h.Step)
	if o.Rank > 0 {
		name = fmt.Sprintf("hang-%d-rank%d.txt", h.Step, o.Rank)
	}
	path = filepath.Join(o.Folder, name)
	var text bytes.Buffer
	fmt.Fprintf(&text, "rank %d, process %d, %s: %s\n\n", o.Rank, os.Getpid(), time.Now().Format(time.RFC3339), h.line())
	if err := pprof.Lookup("goroutine").WriteTo(&text, 2); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, text.Bytes(), 0o644)
}
