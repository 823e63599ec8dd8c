package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"m6lab/m6"
	"m6lab/scripts/bench/steps"
)

// warmUp is how many texts are written before the clock runs.
const warmUp = 3

// generate writes s.Text tokens after [CLS] for a batch, greedily, and prints a line of JSON.
func generate(s sizes) error {
	r, device, state, err := s.open()
	if err != nil {
		return err
	}
	const never = -1 // no token ends a text
	generator, err := m6.NewGenerator(device, &m6.Model{Config: r.Model}, r, state, never)
	if err != nil {
		return err
	}
	prompts := make([]m6.Prompt, s.Batch)
	for i := range prompts {
		prompts[i].Text = []int32{int32(i)}
	}
	var times []float64
	for i := range warmUp + s.Steps {
		start := time.Now()
		written, err := generator.Run(context.Background(), prompts, m6.Generate{MaxTokens: s.Text})
		if err != nil {
			return err
		}
		if len(written[0].Tokens) != s.Text {
			return fmt.Errorf("wrote %d tokens, want %d", len(written[0].Tokens), s.Text)
		}
		if i >= warmUp {
			times = append(times, 1000*time.Since(start).Seconds())
		}
	}
	return json.NewEncoder(os.Stdout).Encode(measured{Peer: "ours", MedianMS: median(times)})
}

// train takes steps on one batch and prints a line of JSON.
func train(s sizes) error {
	r, device, state, err := s.open()
	if err != nil {
		return err
	}
	plain, err := device.Peak(r.Train.Precision)
	if err != nil {
		return err
	}
	step, batch := m6.NewStep(device, &m6.Model{Config: r.Model}, r), s.batch()
	taken, err := steps.Take(step, state, batch, r.Train.LearningRate, s.Steps)
	if err != nil {
		return err
	}
	out := measured{Peer: "ours", PlainGF: plain / 1e9, FirstLoss: taken.Told[0].Loss}
	compile, _ := step.Compiled()
	out.CompileS, out.MedianMS = compile.Seconds(), median(taken.Times)
	out.GFLOPS = r.Model.FLOPs(batch.Shape) / 1e6 / out.MedianMS
	return json.NewEncoder(os.Stdout).Encode(out)
}

// open is the case's run on its device, at its start.
func (s sizes) open() (r m6.Run, device *m6.Device, state *m6.State, err error) {
	if r, err = s.run(); err != nil {
		return r, nil, nil, err
	}
	if device, err = m6.OpenDevice(r.Mesh); err != nil {
		return r, nil, nil, err
	}
	state, err = m6.NewState(device, r)
	return r, device, state, err
}

// run is the run of a case: one device, f32, AdamW and clipping, as the peers have them.
func (s sizes) run() (m6.Run, error) {
	r, err := m6.NewRun("debug")
	if err != nil {
		return r, err
	}
	r.Model.Layers, r.Model.Width, r.Model.Heads, r.Model.FFN, r.Model.Vocabulary = s.Layers, s.Width, s.Heads, 4*s.Width, s.Vocab
	r.Model.Positions = max(r.Model.Positions, s.Text+1)
	if !s.Pixels {
		r.Model.Encoder.Kind = "none"
	}
	r.Train.LearningRate = 1e-4
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("%s: %w", s.Name, err)
	}
	return r, nil
}

// batch is a batch of full rows of random content.
func (s sizes) batch() *m6.Batch {
	random := rand.New(rand.NewPCG(7, 7))
	shape := m6.Shape{Batch: s.Batch, Patches: s.Patches, Masked: s.Masked, Text: s.Text}
	draw := func(n int) []int32 {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = random.Int32N(int32(s.Vocab))
		}
		return ids
	}
	normal := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		return x
	}
	var rows []m6.Sequence
	for range s.Batch {
		row := m6.Sequence{Text: draw(s.Text)}
		if s.Masked > 0 {
			row.Masked = draw(s.Masked)
		}
		if s.Patches > 0 {
			row.Picture = []byte{}
		}
		rows = append(rows, row)
	}
	if s.Patches > 0 && s.Pixels {
		shape.Pixels = 64
	}
	b := m6.NewBatch(shape, rows)
	if s.Pixels {
		b.Pixels = normal(s.Batch * shape.Pixels * shape.Pixels * 3)
	} else {
		b.Features = normal(s.Batch * s.Patches * s.Features)
	}
	return b
}
