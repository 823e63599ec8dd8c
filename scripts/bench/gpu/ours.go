package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"m6lab/m6"
	"m6lab/scripts/bench/steps"
)

// filled has the sizes of the run, which the peer needs.
func (c testCase) filled() (testCase, error) {
	r, err := c.run()
	if err != nil {
		return c, err
	}
	m := r.Model
	c.Width, c.Heads, c.FFN, c.Vocab, c.Every, c.TopK, c.Capacity = m.Width, m.Heads, m.FFN, m.Vocabulary, m.ExpertEvery, m.TopK, m.CapacityFactor
	return c, nil
}

// run is the run of a case: one device, bf16, no dropout, nothing drawn by routers.
func (c testCase) run() (m6.Run, error) {
	r, err := m6.NewRun(c.Preset)
	if err != nil {
		return r, err
	}
	r.Model.Layers, r.Model.Dropout, r.Model.RandomSecond = c.Layers, 0, false
	if c.Experts > 0 {
		r.Model.Experts = c.Experts
	}
	r.Model.Positions = max(r.Model.Positions, c.Text)
	r.Train.Batch, r.Train.Remat, r.Train.Optimizer = c.Batch, c.Remat, c.Optimizer
	if c.Plain {
		r.Train.Attention = "plain"
	}
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("%s: %w", c.Name, err)
	}
	return r, nil
}

// ours takes steps on one batch and prints a line of JSON.
func ours(c testCase) error {
	r, err := c.run()
	if err != nil {
		return err
	}
	device, err := m6.OpenDevice(r.Mesh)
	if err != nil {
		return err
	}
	out := measured{Peer: "ours"}
	name, hardware := gpu()
	out.Device = name
	shape := m6.Shape{Batch: c.Batch, Text: c.Text}
	predicted, err := m6.On(r, shape, hardware)
	if err != nil {
		return err
	}
	out.Predicted.MS, out.Predicted.Peak, out.Predicted.MFU = 1000*predicted.Step, float64(predicted.Peak)/1e9, predicted.MFU
	start := time.Now()
	state, err := m6.NewState(device, r)
	if err != nil {
		return err
	}
	out.Create = time.Since(start).Seconds()
	step, batch := m6.NewStep(device, &m6.Model{Config: r.Model}, r), c.batch(shape)
	taken, err := steps.Take(step, state, batch, r.Train.LearningRate, c.Steps)
	if err != nil {
		return err
	}
	for _, m := range taken.Told {
		out.Losses, out.Norms = append(out.Losses, m.Loss), append(out.Norms, m.GradNorm)
	}
	out.First, out.Last = out.Losses[0], out.Losses[len(out.Losses)-1]
	compile, _ := step.Compiled()
	times := slices.Sorted(slices.Values(taken.Times))
	out.Compile, out.MedianMS, out.LeastMS = compile.Seconds(), times[len(times)/2], times[0]
	out.Tokens = 1000 * float64(c.Batch*c.Text) / out.MedianMS
	out.TFLOPS = r.Model.FLOPs(shape) / 1e9 / out.MedianMS
	out.MFU = out.TFLOPS * 1e12 / hardware.BF16
	if peak, ok := device.Memory(); ok {
		out.Peak = float64(peak) / 1e9
	}
	if product, err := device.Peak("bf16"); err == nil {
		out.Plain = product / 1e12
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// batch is a batch of full rows of random tokens.
func (c testCase) batch(shape m6.Shape) *m6.Batch {
	random := rand.New(rand.NewPCG(7, 7))
	var rows []m6.Sequence
	for range c.Batch {
		ids := make([]int32, c.Text)
		for i := range ids {
			ids[i] = random.Int32N(int32(c.Vocab))
		}
		rows = append(rows, m6.Sequence{Text: ids})
	}
	return m6.NewBatch(shape, rows)
}

// gpu is the first GPU's name, and the planner's device of that kind; the H100 where it has none.
func gpu() (string, m6.Hardware) {
	out, err := exec.Command("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").Output()
	name := strings.TrimSpace(string(out))
	if err != nil {
		name = "no GPU"
	}
	for _, known := range m6.HardwareNames() {
		if strings.Contains(name, known) {
			if h, err := m6.FindHardware(known); err == nil {
				return name, h
			}
		}
	}
	h, _ := m6.FindHardware("H100") // which it has
	return name, h
}
