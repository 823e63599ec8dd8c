package m6

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"m6lab/m6/strict"
)

// Run is everything that a training run depends on. Its JSON, run.json, stands in the run's folder; --set changes it by dotted keys.
type Run struct {
	Preset     string     `json:"preset"`
	Model      Config     `json:"model"`
	Train      Train      `json:"train"`
	Data       Data       `json:"data"`
	Mesh       Mesh       `json:"mesh"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Watch      Watch      `json:"watch"`
}

// Train says how weights change.
type Train struct {
	Steps        int64   `json:"steps"`         // optimizer steps of the whole run
	Minutes      float64 `json:"minutes"`       // a new run measures its pace and takes fewer steps, if fewer fit into so many minutes; 0: no limit
	Batch        int     `json:"batch"`         // examples of a step, over all devices
	Accumulate   int     `json:"accumulate"`    // parts in which a step's batch is computed, one after the other
	Seed         uint64  `json:"seed"`          // of weights, data order, noise and dropout
	Optimizer    string  `json:"optimizer"`     // adamw, adafactor
	LearningRate float64 `json:"learning_rate"` // at the peak
	FinalRate    float64 `json:"final_rate"`    // at the last step, as a share of the peak
	Warmup       float64 `json:"warmup"`        // share of the steps in which the rate rises from 0
	Schedule     string  `json:"schedule"`      // polynomial (linear decay), cosine, constant
	Beta1        float64 `json:"beta1"`
	Beta2        float64 `json:"beta2"`
	Epsilon      float64 `json:"epsilon"`
	WeightDecay  float64 `json:"weight_decay"` // of kernels and embeddings; biases and norms do not decay
	Clip         float64 `json:"clip"`         // largest norm of all gradients together; 0: no limit
	Precision    string  `json:"precision"`    // f32, or bf16: products in bf16 over f32 weights
	Attention    string  `json:"attention"`    // auto: one operation of the device where it has one, as GPUs do for bf16; plain: always products and a softmax
	Remat        string  `json:"remat"`        // activation checkpointing: none; selective: the products are kept; block: each block's input, and what came from other devices
	Zero         int     `json:"zero"`         // what mesh.data splits besides the batch: 1: the optimizer's state; 3: the blocks' weights and gradients too
	ReduceBF16   bool    `json:"reduce_bf16"`  // gradients travel between hosts in bf16, not f32
	LogEvery     int64   `json:"log_every"`    // steps between lines of metrics.jsonl
	EvalEvery    int64   `json:"eval_every"`   // steps between looks at the validation set; 0: never
	EvalBatches  int     `json:"eval_batches"` // batches of such a look

	Rollback Rollback `json:"rollback"` // what is done where the loss runs away
}

// Data says what a run learns from.
type Data struct {
	Tasks       map[string]float64 `json:"tasks"`        // weight of each pretraining task in the mixture
	Sources     map[string]float64 `json:"sources"`      // weight of a source over its number of rows; 1 where it is not named
	MaskRate    float64            `json:"mask_rate"`    // share of the tokens that denoising hides
	Spans       string             `json:"spans"`        // poisson: spans of Poisson(span_mean) tokens; single: one span
	SpanMean    float64            `json:"span_mean"`    //
	TextBuckets []int              `json:"text_buckets"` // lengths to which text is padded; longer text is cut
	Workers     int                `json:"workers"`      // of the loader; 0: as many as there are processors
}

// Mesh lays a run over devices: their number is the product of the axes.
type Mesh struct {
	Data   int `json:"data"`   // the batch is split
	Model  int `json:"model"`  // heads, feed-forward network and vocabulary are split
	Expert int `json:"expert"` // experts are split, and the batch
}

// Devices is the number of devices of the mesh.
func (m Mesh) Devices() int { return m.Data * m.Model * m.Expert }

// sizes are the axes by their names.
func (m Mesh) sizes() map[string]int {
	return map[string]int{"data": m.Data, "model": m.Model, "expert": m.Expert}
}

// Checkpoint says when a run is saved.
type Checkpoint struct {
	Every   int64  `json:"every"`   // steps; a run is also saved at its end and when it is told to stop
	Keep    int    `json:"keep"`    // newest checkpoints that stay, beside the best
	Address string `json:"address"` // object store that gets a copy of each, s3://bucket/prefix for one; a run without checkpoints starts from there
}

// NewRun is the run of a preset with the defaults of PAPER's section 3: AdamW, 1 % warm-up, polynomial decay, clipping at 1.
func NewRun(preset string) (Run, error) {
	model, err := Preset(preset)
	if err != nil {
		return Run{}, err
	}
	r := Run{
		Preset: preset, Model: model,
		Train: Train{
			Steps: 100000, Batch: 256, Accumulate: 1, Seed: 1, Optimizer: "adamw", LearningRate: 1e-4, Warmup: 0.01, Schedule: "polynomial",
			Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01, Clip: 1, Precision: "bf16", Attention: "auto", Remat: "block", Zero: 1,
			LogEvery: 10, EvalEvery: 1000, EvalBatches: 8, Rollback: defaultRollback,
		},
		Data: Data{
			Tasks:    map[string]float64{"text_denoise": 1, "lm": 1, "caption": 1, "image_denoise": 1},
			Sources:  map[string]float64{},
			MaskRate: 0.15, Spans: "poisson", SpanMean: 3, TextBuckets: []int{64, 128, 256, 512},
		},
		Mesh:       Mesh{Data: 1, Model: 1, Expert: 1},
		Checkpoint: Checkpoint{Every: 1000, Keep: 3}, Watch: defaultWatch,
	}
	if strings.HasPrefix(preset, "debug") {
		r.Train.Steps, r.Train.Batch, r.Train.LearningRate, r.Train.Warmup = 800, 32, 2e-3, 0.05
		r.Train.Precision, r.Train.Remat, r.Train.EvalEvery = "f32", "none", 200
		r.Data.TextBuckets = []int{32, 96}
		r.Checkpoint.Every = 100
	}
	return r, nil
}

// Validate says what of a run cannot work, in one line that names the key.
func (r Run) Validate() error {
	if err := r.Model.Validate(); err != nil {
		return err
	}
	t := r.Train
	for _, f := range []struct {
		key   string
		value int64
	}{
		{"train.steps", t.Steps}, {"train.batch", int64(t.Batch)}, {"train.accumulate", int64(t.Accumulate)}, {"train.log_every", t.LogEvery},
		{"checkpoint.every", r.Checkpoint.Every}, {"checkpoint.keep", int64(r.Checkpoint.Keep)},
		{"mesh.data", int64(r.Mesh.Data)}, {"mesh.model", int64(r.Mesh.Model)}, {"mesh.expert", int64(r.Mesh.Expert)},
	} {
		if f.value < 1 {
			return fmt.Errorf("%s is %d: want at least 1", f.key, f.value)
		}
	}
	for _, f := range []struct {
		key, value string
		valid      []string
	}{
		{"train.optimizer", t.Optimizer, []string{"adamw", "adafactor"}},
		{"train.schedule", t.Schedule, []string{"polynomial", "cosine", "constant"}},
		{"train.precision", t.Precision, []string{"f32", "bf16"}},
		{"train.attention", t.Attention, []string{"auto", "plain"}},
		{"train.remat", t.Remat, []string{"none", "selective", "block"}},
		{"data.spans", r.Data.Spans, []string{"poisson", "single"}},
	} {
		if !slices.Contains(f.valid, f.value) {
			return fmt.Errorf("unknown %s %q: did you mean %q? (%s)", f.key, f.value, strict.Nearest(f.value, f.valid), strings.Join(f.valid, ", "))
		}
	}
	if t.Batch%t.Accumulate != 0 {
		return fmt.Errorf("train.batch %d does not divide by train.accumulate %d", t.Batch, t.Accumulate)
	}
	if !(t.Minutes >= 0) {
		return fmt.Errorf("train.minutes is %g: want 0 (no limit) or more", t.Minutes)
	}
	if !(t.LearningRate >= 0) || math.IsInf(t.LearningRate, 0) {
		return fmt.Errorf("train.learning_rate is %g: want a number of at least 0", t.LearningRate)
	}
	for _, validate := range []func() error{r.validateData, t.Rollback.validate, r.Watch.validate} {
		if err := validate(); err != nil {
			return err
		}
	}
	return r.validateMesh()
}

func (r Run) validateData() error {
	d := r.Data
	if d.MaskRate <= 0 || d.MaskRate >= 1 {
		return fmt.Errorf("data.mask_rate is %g: want a share between 0 and 1", d.MaskRate)
	}
	if len(d.TextBuckets) == 0 || !slices.IsSorted(d.TextBuckets) || d.TextBuckets[0] < 2 {
		return fmt.Errorf("data.text_buckets is %v: want rising lengths of at least 2", d.TextBuckets)
	}
	if longest := d.TextBuckets[len(d.TextBuckets)-1]; longest > r.Model.Positions {
		return fmt.Errorf("data.text_buckets holds %d, over model.positions %d", longest, r.Model.Positions)
	}
	total := 0.0
	for name, weight := range d.Tasks {
		if _, err := ParseTask(name); err != nil {
			return fmt.Errorf("data.tasks: %w", err)
		}
		if weight < 0 {
			return fmt.Errorf("data.tasks.%s is %g: want 0 or more", name, weight)
		}
		total += weight
	}
	if total <= 0 {
		return fmt.Errorf("data.tasks gives no task a weight over 0 (%s)", strings.Join(TaskNames(), ", "))
	}
	return nil
}

// validateMesh refuses a mesh that does not divide what it splits, naming the numbers.
func (r Run) validateMesh() error {
	m, c := r.Mesh, r.Model
	for _, f := range []struct {
		axis, of string
		n, whole int
	}{
		{"mesh.model", "model.heads", m.Model, c.Heads}, {"mesh.model", "model.ffn", m.Model, c.FFN},
		{"mesh.model", "model.vocabulary", m.Model, c.Vocabulary},
		{"mesh.data * mesh.expert", "train.batch / train.accumulate", m.Data * m.Expert, r.Train.Batch / r.Train.Accumulate},
	} {
		if f.whole%f.n != 0 {
			return fmt.Errorf("%s is %d, which does not divide %s %d", f.axis, f.n, f.of, f.whole)
		}
	}
	if r.Train.Zero == 3 && r.Train.Remat != "selective" {
		return fmt.Errorf("train.zero is 3, which wants train.remat=selective, not %s: else weights that were gathered are kept for the backward pass", r.Train.Remat)
	}
	if z := r.Train.Zero; z != 0 && z != 1 && z != 3 {
		return fmt.Errorf("train.zero is %d: want 1 (the optimizer's state is split over mesh.data) or 3 (the weights of the blocks too)", z)
	}
	if m.Expert > 1 && (c.Experts == 0 || c.Experts%m.Expert != 0) {
		return fmt.Errorf("mesh.expert is %d, which does not divide model.experts %d", m.Expert, c.Experts)
	}
	return nil
}

// JSON is the run as run.json holds it.
func (r Run) JSON() []byte {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // plain data always marshals
	}
	return append(data, '\n')
}

// Rate is the learning rate of update t, counted from 1: a rise over the warm-up, then the schedule down to the final rate.
func (t Train) Rate(update int64) float64 {
	warmup := t.Warmup * float64(t.Steps)
	at, end := float64(update), t.LearningRate*t.FinalRate
	if at <= warmup {
		return t.LearningRate * at / warmup
	}
	done := min(1, (at-warmup)/max(1, float64(t.Steps)-warmup))
	switch t.Schedule {
	case "cosine":
		return end + (t.LearningRate-end)*(1+math.Cos(math.Pi*done))/2
	case "polynomial":
		return end + (t.LearningRate-end)*(1-done)
	}
	return t.LearningRate
}
