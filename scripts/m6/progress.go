package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"m6lab/m6"
	"m6lab/m6/watch"
)

// progress tells how a run goes: on a terminal a line that renews itself, elsewhere a plain line now and then; with watch.log=json each line
// is a JSON object, every logged step has one, and nothing renews itself.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	dir      m6.Folder
	run      m6.Run
	ranks    int
	terminal bool
	json     *slog.Logger // nil for text
	step     atomic.Int64 // the last that was logged
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

func newProgress(out io.Writer, dir m6.Folder, r m6.Run, rank int) *progress {
	file, ok := out.(*os.File)
	p := &progress{out: out, dir: dir, run: r, terminal: ok && term.IsTerminal(int(file.Fd()))}
	if r.Watch.Log == "json" {
		p.json, p.terminal = watch.NewLogger(out, rank, p.step.Load), false
	}
	return p
}

// warn writes what must not pass unseen of a run.
func (p *progress) warn(text string) { p.write(slog.LevelWarn, text) }

// line writes where a run begins or ends.
func (p *progress) line(text string) { p.write(slog.LevelInfo, text) }

// failed writes an error into a JSON log, which the command's own last line is not part of.
func (p *progress) failed(err error) {
	if p.json != nil {
		p.write(slog.LevelError, err.Error())
	}
}

func (p *progress) write(level slog.Level, text string) {
	if p.json != nil {
		p.json.Log(context.Background(), level, text)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
	fmt.Fprintln(p.out, text)
}

func (p *progress) begin(t *m6.Training) {
	p.run, p.started, p.from, p.told = t.Run, time.Now(), t.State.Step, time.Now()
	p.step.Store(t.State.Step)
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
	p.step.Store(r.Step)
	last := r.Step == p.run.Train.Steps
	if p.json != nil {
		p.json.LogAttrs(context.Background(), slog.LevelInfo, "step", attributes(r)...)
	} else if p.terminal || last || now.Sub(p.told) >= plainEvery || r.Values["valid_loss"] != 0 {
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

// attributes are the numbers of a record in the order of their names; those that are not finite are no JSON and are left out.
func attributes(r m6.Record) []slog.Attr {
	var out []slog.Attr
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		if x := r.Values[name]; name != "time" && !math.IsNaN(x) && !math.IsInf(x, 0) {
			out = append(out, slog.Float64(name, x))
		}
	}
	return out
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
