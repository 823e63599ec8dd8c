package m6

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/checkpoints"
	"m6lab/datasets/text"
	"m6lab/m6/strict"
)

// Export writes a run's weights as safetensors, f32 or (half) bf16. The metadata "config" is the JSON of the model's config.
func Export(dir Folder, path string, half bool) error {
	r, err := dir.Run()
	if err != nil {
		return err
	}
	_, _, err = checkpoints.LoadWith(dir.Checkpoints(), func(c *checkpoints.Checkpoint) error { return exportFrom(c, r.Model, path, half) })
	if errors.Is(err, checkpoints.ErrNone) {
		return fmt.Errorf("%s has no checkpoint yet: run m6 pretrain --dir %s", dir, dir)
	}
	return err
}

// exportFrom copies the weights of an open checkpoint, one at a time.
func exportFrom(c *checkpoints.Checkpoint, model Config, path string, half bool) error {
	dtype := checkpoints.F32
	if half {
		dtype = checkpoints.BF16
	}
	var specs []checkpoints.Spec
	for _, spec := range model.weightSpecs() {
		specs = append(specs, checkpoints.Spec{Name: spec.name, DType: dtype, Dims: spec.dims})
	}
	config, err := json.Marshal(model)
	if err != nil {
		return err
	}
	metadata := map[string]string{"config": string(config), "format": "pt", "step": fmt.Sprint(c.Info().Step)}
	return checkpoints.StreamSafetensors(path, specs, metadata, func(i int) ([]byte, error) {
		t, err := c.Tensor(specs[i].Name)
		if err != nil {
			return nil, err
		}
		t, err = t.Convert(dtype)
		return t.Data, err
	})
}

// Import makes a run folder of an exported file: its weights are the checkpoint of step 0, its optimizer starts anew. vocab may be nil
// for a model with the Chinese BERT's vocabulary.
func Import(path string, dir Folder, vocab *text.Vocab) error {
	if _, err := os.Stat(dir.Path("run.json")); err == nil {
		return fmt.Errorf("%s holds a run already: give another --dir", dir)
	}
	f, err := checkpoints.ReadSafetensors(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := importedRun(f, path)
	if err != nil {
		return err
	}
	given, err := f.Tensors()
	if err != nil {
		return err
	}
	if vocab == nil {
		vocab = text.BertChinese()
	}
	if err := checkVocab(vocab, r.Model); err != nil {
		return err
	}
	for i, t := range given {
		if given[i], err = t.Convert(checkpoints.F32); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := matchWeights(r.Model, given); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return dir.begin(r, vocab, given)
}

// begin makes the folder of a new run whose checkpoint of step 0 holds these weights.
func (f Folder) begin(r Run, vocab *text.Vocab, weights []checkpoints.Tensor) error {
	if err := f.Create(r, vocab); err != nil {
		return err
	}
	m, err := checkpoints.Open(f.Checkpoints(), checkpoints.Options{Keep: r.Checkpoint.Keep})
	if err != nil {
		return err
	}
	err = m.Save(checkpoints.State{Step: 0, Tensors: weights, Values: map[string]json.RawMessage{"position": []byte("{}")}})
	return errors.Join(err, m.Close())
}

func importedRun(f *checkpoints.File, path string) (Run, error) {
	r, err := NewRun("debug")
	if err != nil {
		return r, err
	}
	config, ok := f.Metadata()["config"]
	if !ok {
		return r, fmt.Errorf("%s has no metadata \"config\": it was not exported by m6 export", path)
	}
	r.Preset, r.Model = "imported", Config{}
	if err := strict.Decode(&r.Model, []byte(config), path); err != nil {
		return r, err
	}
	if last := len(r.Data.TextBuckets) - 1; r.Data.TextBuckets[last] > r.Model.Positions {
		r.Data.TextBuckets = []int{r.Model.Positions}
	}
	return r, r.Validate()
}

// matchWeights names the tensors that are missing, extra or misshapen.
func matchWeights(c Config, given []checkpoints.Tensor) error {
	var have, want []checkpoints.Spec
	for _, t := range given {
		have = append(have, checkpoints.Spec{Name: t.Name, DType: t.DType, Dims: t.Dims})
	}
	for _, spec := range c.weightSpecs() {
		want = append(want, checkpoints.Spec{Name: spec.name, DType: checkpoints.F32, Dims: spec.dims})
	}
	return checkpoints.Match(have, want)
}

// CaseLogits runs the raw forward pass on a case: tensors patch_features [B,P,F], patch_lengths, masked_ids [B,M], masked_lengths,
// text_ids [B,T], text_lengths, to logits [B,T,V]. A part that is absent or has no positions is empty.
func (s *Saved) CaseLogits(given []checkpoints.Tensor) (checkpoints.Tensor, error) {
	b, err := s.caseBatch(given)
	if err != nil {
		return checkpoints.Tensor{}, err
	}
	p, err := newProgram(s.Device, "logits", func(bu *builder) {
		in := bu.declare(b.Shape, s.Model.PatchFeatures)
		w, _ := bu.weights(s.Model.weightSpecs(), s.Run.Train.Precision)
		x, _ := s.Model.Hidden(w, in, Pass{})
		bu.output("logits", toF32(s.Model.Logits(w, in.TextHidden(x))), nil)
	})
	if err != nil {
		return checkpoints.Tensor{}, err
	}
	values := map[string]*Value{}
	if err := s.Device.placeBatch(b, s.Model.PatchFeatures, values); err != nil {
		return checkpoints.Tensor{}, err
	}
	s.State.give(values, s.Model.Config)
	out, err := p.run(values, nil)
	if err != nil {
		return checkpoints.Tensor{}, err
	}
	flat, err := tensors.CopyFlatData[float32](out["logits"].shards[0])
	return checkpoints.FromFloat32s("logits", []int{b.Batch, b.Text, s.Model.Vocabulary}, flat), err
}

// caseBatch reads a case as a batch, and says which tensor does not fit.
func (s *Saved) caseBatch(given []checkpoints.Tensor) (*Batch, error) {
	c := caseReader{byName: map[string]checkpoints.Tensor{}}
	for _, t := range given {
		c.byName[t.Name] = t
	}
	text := c.byName["text_ids"]
	if len(text.Dims) != 2 || text.Dims[0] == 0 || text.Dims[1] == 0 {
		return nil, fmt.Errorf("text_ids has dimensions %v: want [B,T] with at least one of each", text.Dims)
	}
	B := text.Dims[0]
	b := &Batch{Shape: Shape{Batch: B, Text: text.Dims[1]}}
	b.Patches, b.Masked = c.size("patch_features"), c.size("masked_ids")
	b.TextGiven = make([]int32, B)
	b.TextIDs, b.TextLengths = c.ints("text_ids", s.Model.Vocabulary-1, B, b.Text), c.ints("text_lengths", b.Text, B)
	if b.Masked > 0 {
		b.MaskedIDs, b.MaskedLengths = c.ints("masked_ids", s.Model.Vocabulary-1, B, b.Masked), c.ints("masked_lengths", b.Masked, B)
	}
	if b.Patches > 0 {
		b.PatchLengths = c.ints("patch_lengths", b.Patches, B)
		b.Features = c.floats("patch_features", B, b.Patches, s.Model.PatchFeatures)
	}
	for _, part := range []struct {
		name        string
		size, limit int
	}{{"patch_features", b.Patches, s.Model.VisualPositions}, {"masked_ids", b.Masked, s.Model.Positions}, {"text_ids", b.Text, s.Model.Positions}} {
		if part.size > part.limit && c.err == nil {
			c.err = fmt.Errorf("%s has %d positions, the model %d", part.name, part.size, part.limit)
		}
	}
	return b, c.err
}
