package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"m6lab/m6"
)

// progress tells how a run goes: on a terminal a line that renews itself, elsewhere a plain line now and then.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	dir      m6.Folder
	run      m6.Run
	ranks    int
	terminal bool
	started  time.Time
	from     int64
	told     time.Time
	drawn    time.Time
}

// How often a plain line is written, and how often the curves are drawn anew.
const (
	plainEvery  = 15 * time.Second
	curvesEvery = 5 * time.Second
)

func newProgress(out io.Writer, dir m6.Folder, r m6.Run) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, dir: dir, run: r, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// line writes what must not pass unseen.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
	fmt.Fprintln(p.out, text)
}

func (p *progress) begin(t *m6.Training) {
	p.run, p.started, p.from, p.told = t.Run, time.Now(), t.State.Step, time.Now()
	what := "begins"
	if p.from > 0 {
		what = fmt.Sprintf("goes on from step %d", p.from)
	}
	device := t.Device()
	if p.ranks > 1 {
		device = fmt.Sprintf("%d ranks of %s", p.ranks, device)
	}
	p.line(fmt.Sprintf("run %s %s: %d steps of %d examples on %s", string(p.dir), what, p.run.Train.Steps, p.run.Train.Batch, device))
}

// record takes a logged step.
func (p *progress) record(r m6.Record) {
	now := time.Now()
	last := r.Step == p.run.Train.Steps
	if p.terminal || last || now.Sub(p.told) >= plainEvery || r.Values["valid_loss"] != 0 {
		p.told = now
		p.status(r)
	}
	if last || now.Sub(p.drawn) >= curvesEvery {
		p.drawn = now
		if err := drawCurves(p.dir); err != nil {
			p.line("curves.svg: " + err.Error())
		}
	}
}

func (p *progress) status(r m6.Record) {
	v := r.Values
	var b strings.Builder
	fmt.Fprintf(&b, "step %d/%d  loss %.3f", r.Step, p.run.Train.Steps, v["loss"])
	if valid, ok := v["valid_loss"]; ok {
		fmt.Fprintf(&b, "  valid %.3f", valid)
	}
	fmt.Fprintf(&b, "  %.0f tokens/s  MFU %.0f %%", v["tokens_per_second"], 100*v["mfu"])
	if v["data_wait"] > 0.05 {
		fmt.Fprintf(&b, "  waiting for data %.0f %%", 100*v["data_wait"])
	}
	each := time.Since(p.started).Seconds() / math.Max(1, float64(r.Step-p.from))
	left := time.Duration(each * float64(p.run.Train.Steps-r.Step) * float64(time.Second))
	fmt.Fprintf(&b, "  %s left", left.Round(time.Second))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		const width = 30
		done := int(width * r.Step / p.run.Train.Steps)
		fmt.Fprintf(p.out, "\r\033[K[%s%s] %s", strings.Repeat("█", done), strings.Repeat("·", width-done), b.String())
		return
	}
	fmt.Fprintln(p.out, b.String())
}

// end closes the line that renews itself.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprintln(p.out)
	}
}
