package tasks

import (
	"context"
	"fmt"

	"m6lab/datasets"
	"m6lab/datasets/text"
	"m6lab/m6"
)

// Unknown stands in a text for each word that a model's vocabulary cannot spell.
const Unknown = "\uFFFD"

// Model is a saved model with what evaluations need of it. It is for one goroutine.
type Model struct {
	*m6.Saved
	Objective m6.Objective
	reader    *text.Tokenizer // decodes [UNK] as Unknown
	generator *m6.Generator
}

// Open opens the newest checkpoint of a run.
func Open(dir m6.Folder) (*Model, error) {
	s, err := m6.OpenSaved(dir)
	if err != nil {
		return nil, err
	}
	return New(s)
}

// New prepares an opened run for evaluation.
func New(s *m6.Saved) (*Model, error) {
	g, err := s.Generator()
	if err != nil {
		return nil, err
	}
	options := text.Options{Lower: s.Run.Model.Lower, KeepPunctuation: true, Unknown: Unknown}
	return &Model{Saved: s, Objective: s.Objective(), reader: text.New(s.Vocab, options), generator: g}, nil
}

// IDs are the token ids of a text, cut as the model's examples are, without [CLS] and [SEP].
func (m *Model) IDs(s string) []int32 {
	ids := m.Objective.Tokenizer.Encode(s)
	return ids[:min(len(ids), m.Objective.Longest-2)]
}

// Text is what token ids say, with [Unknown] for each [UNK].
func (m *Model) Text(ids []int32) string { return m.reader.Decode(ids) }

// Normal is a text as the model reads it: what two texts are compared by.
func (m *Model) Normal(s string) string { return m.Text(m.Objective.Tokenizer.Encode(s)) }

// batchRows is how many texts are written at once. Every batch is filled up to it, so that few programs are compiled.
const batchRows = 64

// Write writes a text for each prompt by the options, [m6.Generator.Run].
func (m *Model) Write(ctx context.Context, prompts []m6.Prompt, o m6.Generate) ([]m6.Written, error) {
	rows := batchRows
	if o.Beams > 1 {
		rows = max(1, batchRows/o.Beams)
	}
	filled := append([]m6.Prompt{}, prompts...)
	for len(filled)%rows != 0 {
		filled = append(filled, prompts[len(prompts)-1])
	}
	written, err := m.generator.Run(ctx, filled, o)
	if err != nil {
		return nil, err
	}
	return written[:len(prompts)], nil
}

// Pictures decodes the pictures of examples for the model, and returns the examples whose picture could be decoded with their pixels.
// Each other one is named in a note.
func (m *Model) Pictures(examples []datasets.Example) (kept []datasets.Example, pixels [][]float32, notes []string) {
	all, errs := make([][]float32, len(examples)), make([]error, len(examples))
	Each(len(examples), func(i int) { all[i], errs[i] = m6.Pixels(examples[i].Image, m.Run.Model.Encoder.Size) })
	for i, ex := range examples {
		if errs[i] != nil {
			notes = append(notes, fmt.Sprintf("left out %s: its picture: %v", ex.ID, errs[i]))
			continue
		}
		kept, pixels = append(kept, ex), append(pixels, all[i])
	}
	return kept, pixels, notes
}

// Sees is an error for a model that takes no pictures.
func (m *Model) Sees() error {
	if m.Run.Model.Encoder.Patches() == 0 {
		return fmt.Errorf("the model has no picture encoder: this task wants pictures")
	}
	return nil
}

// Truths are the texts of an example that count as right, as the model reads them; of a text without words nothing is left.
func (m *Model) Truths(ex datasets.Example) []string {
	texts := ex.References
	if len(texts) == 0 {
		texts = []string{ex.Text}
	}
	var out []string
	for _, s := range texts {
		if s = m.Normal(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
