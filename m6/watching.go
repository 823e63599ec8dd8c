package m6

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"m6lab/checkpoints"
	"m6lab/m6/strict"
	"m6lab/m6/watch"
)

// Watch says how a run is looked after; it may change when a run is resumed.
type Watch struct {
	Address     string  `json:"address"`      // that answers Prometheus at /metrics, and /healthz, such as "localhost:9464"; rank r adds r to the port; "": none
	Pprof       bool    `json:"pprof"`        // there also /debug/pprof/
	Log         string  `json:"log"`          // standard error as text for people, or as json: a line has time, level, rank and step
	Window      int     `json:"window"`       // steps of the percentiles of step times
	Straggler   float64 `json:"straggler"`    // a rank is named whose median step takes so much longer than the median of ranks: 0.2 is 20 %
	HangSeconds float64 `json:"hang_seconds"` // without a finished step, compiling left out, until the stacks are written; 0: never; -1: by the slowest step
	HangExit    bool    `json:"hang_exit"`    // the process then ends with exit code 75, for a scheduler that starts it again
}

var defaultWatch = Watch{Log: "text", Window: 200, Straggler: 0.2, HangSeconds: -1}

func (w Watch) validate() error {
	if err := watch.CheckAddress(w.Address); err != nil {
		return err
	}
	if w.Log != "text" && w.Log != "json" {
		return fmt.Errorf("unknown watch.log %q: did you mean %q? (text, json)", w.Log, strict.Nearest(w.Log, []string{"text", "json"}))
	}
	if w.Window < 1 {
		return fmt.Errorf("watch.window is %d: want at least 1", w.Window)
	}
	if !(w.Straggler >= 0) {
		return fmt.Errorf("watch.straggler is %g: want a share of 0 or more", w.Straggler)
	}
	if !(w.HangSeconds >= 0 && w.HangSeconds < 1e9) && w.HangSeconds != -1 {
		return fmt.Errorf("watch.hang_seconds is %g: want seconds, 0 (never) or -1 (by the slowest step)", w.HangSeconds)
	}
	return nil
}

// hangLimit is the time without a step that counts as a hang; 0 where none does.
func (w Watch) hangLimit() time.Duration {
	if w.HangSeconds < 0 {
		return watch.Auto
	}
	return time.Duration(w.HangSeconds * float64(time.Second))
}

// openWatch takes the port of the metrics, before anything else is done.
func (t *Training) openWatch() (err error) {
	w := t.Run.Watch
	t.clock = watch.NewClock(w.Window)
	if w.Address == "" {
		return nil
	}
	t.server, err = watch.Listen(watch.ServerOptions{Address: w.Address, Rank: t.hosts.Rank(), Pprof: w.Pprof, Clock: t.clock, Limit: w.hangLimit()})
	if err == nil {
		t.options.Log("metrics: " + t.server.URL())
	}
	return err
}

// watchHangs begins to look for hangs.
func (t *Training) watchHangs() {
	if t.Run.Watch.hangLimit() == 0 {
		return
	}
	t.stopHangs = watch.WatchHangs(watch.HangOptions{
		Clock: t.clock, Limit: t.Run.Watch.hangLimit(), Folder: string(t.dir), Rank: t.hosts.Rank(),
		Report: func(h watch.Hang) {
			t.server.Metrics().Hung()
			t.options.Log(h.String())
			if t.options.OnHang != nil {
				t.options.OnHang(h)
			}
		},
	})
}

// checkpointed is told of a checkpoint that has become durable.
func (t *Training) checkpointed(i checkpoints.Info, seconds float64) {
	t.server.Metrics().Saved(i.Bytes, time.Duration(seconds*float64(time.Second)))
}

// compareRanks adds the percentiles of step times to a record, those of every rank where there are several, and names slow ranks.
func (t *Training) compareRanks(r Record) error {
	mine := t.clock.Summary(t.hosts.Rank())
	all, err := watch.Exchange(mine, t.gather())
	if err != nil {
		return err
	}
	if mine.Steps > 0 {
		maps.Copy(r.Values, mine.Values(""))
	}
	slow := watch.Stragglers(all, t.Run.Watch.Straggler)
	if len(all) > 1 {
		r.Values["stragglers"] = float64(len(slow))
		for _, s := range all {
			maps.Copy(r.Values, s.Values(fmt.Sprintf("_rank%d", s.Rank)))
		}
	}
	t.server.Metrics().Summary(mine, slow)
	same := slices.EqualFunc(slow, t.slow, func(a, b watch.Straggler) bool { return a.Rank == b.Rank && a.Phase == b.Phase })
	if t.slow = slow; same || t.hosts.Rank() != 0 {
		return nil
	}
	for _, s := range slow {
		t.options.Log(fmt.Sprintf("step %d: %v", r.Step, s))
	}
	return nil
}

// publish shows a record to Prometheus.
func (t *Training) publish(r Record) {
	v := r.Values
	failed := int64(v["examples_failed"])
	t.server.Metrics().Record(watch.Sample{
		Step: r.Step, Steps: t.Run.Train.Steps, Loss: lossesOf(v, "loss"), Valid: lossesOf(v, "valid"),
		TokensPerSecond: v["tokens_per_second"], MFU: v["mfu"], LearningRate: v["learning_rate"], GradNorm: v["grad_norm"],
		DataWait: v["data_wait"], Skipped: v["skipped_steps"], Failed: float64(failed - t.failed),
	})
	t.failed = failed
}

// lossesOf are the losses of a record by task and source: loss, loss_caption, loss_caption_web; valid_loss, valid_caption.
func lossesOf(values map[string]float64, kind string) []watch.Loss {
	var out []watch.Loss
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "loss" && kind == "loss" || name == "valid_loss" && kind == "valid" {
			out = append(out, watch.Loss{Task: "all", Source: "all", Value: values[name]})
		}
		rest, ok := strings.CutPrefix(name, kind+"_")
		for _, task := range taskNames {
			source, found := strings.CutPrefix(rest, task)
			switch {
			case !ok || !found:
			case source == "":
				out = append(out, watch.Loss{Task: task, Source: "all", Value: values[name]})
			case source[0] == '_':
				out = append(out, watch.Loss{Task: task, Source: source[1:], Value: values[name]})
			}
		}
	}
	return out
}
