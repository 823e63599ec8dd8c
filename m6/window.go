package m6

import "time"

// window gathers what is logged between two lines.
type window struct {
	begin         time.Time
	waited        time.Duration
	means         Means
	tokens, flops float64
	steps         int64
	last          Metrics
	skipped       int64
	experts       []ExpertLoad
}

// count adds a step's work to the window.
func (w *window) count(batches []*Batch, c Config) {
	w.steps++
	for _, b := range batches {
		w.flops += c.FLOPs(b.Shape)
		for i := range b.Batch {
			w.tokens += float64(b.PatchLengths[i] + b.MaskedLengths[i] + b.TextLengths[i] + b.CodeLengths[i])
		}
	}
}

// overall is the mean over all tasks.
func overall(means Means) (all Mean) {
	for _, name := range taskNames {
		all.NLL += means[name].NLL
		all.Count += means[name].Count
	}
	return all
}

// record is the window's numbers.
func (t *Training) record(skipped Skips) Record {
	w, seconds := t.window, time.Since(t.window.begin).Seconds()
	v := map[string]float64{
		"loss": overall(w.means).Value(), "grad_norm": w.last.GradNorm, "learning_rate": t.rate(t.State.Step),
		"tokens_per_second": w.tokens / seconds, "seconds_per_step": seconds / max(1, float64(w.steps)),
		"flops_per_second": w.flops / seconds, "mfu": w.flops / seconds / t.peak / float64(t.device.count()*t.hosts.Size()),
		"data_wait": (t.feed.waited - w.waited).Seconds() / seconds, "skipped_steps": float64(w.skipped),
		"examples_failed": float64(skipped.Failed + skipped.Pictures), "texts_cut": float64(skipped.Cut), "time": float64(time.Now().UnixMilli()) / 1e3,
	}
	compiled, _ := t.step.Compiled()
	v["compile_seconds"] = compiled.Seconds() // of all programs of the step so far
	if peak, ok := t.device.Memory(); ok {
		v["device_memory"] = float64(peak) // bytes of the fullest device at most so far; GPUs alone tell
	}
	for name, m := range w.means {
		v["loss_"+name] = m.Value()
	}
	if len(w.experts) > 0 {
		v["moe_balance"] = w.last.Balance
		expertValues(w.experts, v)
	}
	return Record{Step: t.State.Step, Values: v, Experts: w.experts}
}
