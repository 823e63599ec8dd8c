package watch

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the numbers of one process for Prometheus, under the names that the package comment lists. The methods of a nil Metrics do nothing.
type Metrics struct {
	registry *prometheus.Registry

	gauges                                      map[string]prometheus.Gauge
	loss, valid, window, stragglers             *prometheus.GaugeVec
	stepSeconds                                 prometheus.Histogram
	phases                                      *prometheus.CounterVec
	skipped, failed, rollbacks, hangs, saved    prometheus.Counter
	writeSeconds, stallSeconds, checkpointBytes prometheus.Gauge

	mu      sync.Mutex
	savedAt time.Time
}

// help says what the plain gauges are.
var help = map[string]string{
	"m6_step":              "The last finished step.",
	"m6_steps":             "Steps of the whole run.",
	"m6_tokens_per_second": "Tokens that are no padding.",
	"m6_mfu_ratio":         "FLOPs of the model over the peak of the devices.",
	"m6_learning_rate":     "Of the last logged step.",
	"m6_grad_norm":         "Norm of all gradients before clipping, of the last logged step.",
	"m6_data_wait_ratio":   "Share of the time that training stood still for data.",
}

// NewMetrics makes the metrics of a rank.
func NewMetrics(rank int) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), gauges: map[string]prometheus.Gauge{}}
	r := prometheus.WrapRegistererWith(prometheus.Labels{"rank": fmt.Sprint(rank)}, m.registry)
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		r.MustRegister(g)
		return g
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	for name, text := range help {
		m.gauges[name] = gauge(name, text)
	}
	m.loss = gauges("m6_loss", "Mean training loss since the last logged step, nats per target.", "task", "source")
	m.valid = gauges("m6_valid_loss", "Mean loss on the validation set, nats per target.", "task", "source")
	m.window = gauges("m6_step_window_seconds", "Percentiles of the last steps' times, compiling left out.", "percentile")
	m.stragglers = gauges("m6_straggler", "1 for a rank that was slow in the last comparison of ranks.", "rank_slow", "phase")
	m.stepSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "m6_step_seconds", Help: "Time of a step, compiling left out.", Buckets: prometheus.ExponentialBucketsRange(0.01, 600, 20),
	})
	m.phases = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "m6_phase_seconds_total", Help: "Time in each phase of the training loop."}, []string{"phase"})
	m.skipped = counter("m6_skipped_steps_total", "Steps whose loss or gradients were not finite.")
	m.failed = counter("m6_failed_examples_total", "Examples that could not be read.")
	m.rollbacks = counter("m6_rollbacks_total", "Times the run went back to a checkpoint.")
	m.hangs = counter("m6_hangs_total", "Times no step finished for too long.")
	m.saved = counter("m6_checkpoints_saved_total", "Checkpoints that this process made durable.")
	m.writeSeconds = gauge("m6_checkpoint_write_seconds", "Of the last checkpoint, from the call to its commit.")
	m.stallSeconds = gauge("m6_checkpoint_stall_seconds", "How long training stood still for the last checkpoint.")
	m.checkpointBytes = gauge("m6_checkpoint_bytes", "Size of the last checkpoint.")
	r.MustRegister(m.stepSeconds, m.phases, age{m}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{Namespace: "m6"}))
	return m
}

// age is m6_checkpoint_age_seconds, which is absent before the first checkpoint.
type age struct{ m *Metrics }

var ageDesc = prometheus.NewDesc("m6_checkpoint_age_seconds", "Since the last checkpoint was made durable.", nil, nil)

// Describe implements [prometheus.Collector].
func (a age) Describe(out chan<- *prometheus.Desc) { out <- ageDesc }

// Collect implements [prometheus.Collector].
func (a age) Collect(out chan<- prometheus.Metric) {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	if !a.m.savedAt.IsZero() {
		out <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, time.Since(a.m.savedAt).Seconds())
	}
}

// Loss is a mean loss of a task and a source, in nats per target; "all" stands for all of them.
type Loss struct {
	Task, Source string
	Value        float64
}

// Sample is what a logged step tells.
type Sample struct {
	Step, Steps     int64
	Loss, Valid     []Loss
	TokensPerSecond float64
	MFU             float64
	LearningRate    float64
	GradNorm        float64
	DataWait        float64 // share of the time
	Skipped         float64 // steps since the last sample
	Failed          float64 // examples since the last sample
}

// Record takes a logged step.
func (m *Metrics) Record(s Sample) {
	if m == nil {
		return
	}
	for name, value := range map[string]float64{
		"m6_step": float64(s.Step), "m6_steps": float64(s.Steps), "m6_tokens_per_second": s.TokensPerSecond, "m6_mfu_ratio": s.MFU,
		"m6_learning_rate": s.LearningRate, "m6_grad_norm": s.GradNorm, "m6_data_wait_ratio": s.DataWait,
	} {
		m.gauges[name].Set(value)
	}
	for _, l := range s.Loss {
		m.loss.WithLabelValues(l.Task, l.Source).Set(l.Value)
	}
	for _, l := range s.Valid {
		m.valid.WithLabelValues(l.Task, l.Source).Set(l.Value)
	}
	m.skipped.Add(max(0, s.Skipped))
	m.failed.Add(max(0, s.Failed))
}

// Step takes the time of a finished step.
func (m *Metrics) Step(s Step) {
	if m == nil {
		return
	}
	m.gauges["m6_step"].Set(float64(s.Step))
	m.stepSeconds.Observe(s.Seconds)
	for phase, seconds := range s.Phases {
		m.phases.WithLabelValues(string(phase)).Add(seconds)
	}
}

// Summary takes the percentiles of this rank's window and the slow ranks among all.
func (m *Metrics) Summary(mine Summary, slow []Straggler) {
	if m == nil {
		return
	}
	for percentile, value := range map[string]float64{"50": mine.P50, "90": mine.P90, "99": mine.P99, "100": mine.Max} {
		m.window.WithLabelValues(percentile).Set(value)
	}
	m.stragglers.Reset()
	for _, s := range slow {
		m.stragglers.WithLabelValues(fmt.Sprint(s.Rank), string(s.Phase)).Set(1)
	}
}

// Stalled takes how long training stood still for a checkpoint.
func (m *Metrics) Stalled(d time.Duration) {
	if m != nil {
		m.stallSeconds.Set(d.Seconds())
	}
}

// Saved takes a checkpoint that has become durable, and how long it took.
func (m *Metrics) Saved(bytes int64, took time.Duration) {
	if m == nil {
		return
	}
	m.saved.Inc()
	m.checkpointBytes.Set(float64(bytes))
	m.writeSeconds.Set(took.Seconds())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.savedAt = time.Now()
}

// RolledBack counts a rollback.
func (m *Metrics) RolledBack() {
	if m != nil {
		m.rollbacks.Inc()
	}
}

// Hung counts a hang.
func (m *Metrics) Hung() {
	if m != nil {
		m.hangs.Inc()
	}
}
