package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"m6lab/checkpoints"
	"m6lab/m6"
)

// ours writes the case's weights and batch, takes the first steps and prints a line of JSON, then one for each line on its input, which says
// how many steps to time.
func ours(c testCase) error {
	r, err := c.run()
	if err != nil {
		return err
	}
	lowered, err := m6.Lower(r, c.shape())
	if err != nil {
		return err
	}
	device, err := m6.OpenDevice(r.Mesh)
	if err != nil {
		return err
	}
	state, err := m6.NewState(device, r)
	if err != nil {
		return err
	}
	batch := c.batch()
	if err := export(c, state, batch); err != nil {
		return err
	}
	step := m6.NewStep(device, &m6.Model{Config: r.Model}, r)
	run := func(steps int) (out answer, err error) {
		for range steps {
			start, cpu := time.Now(), processor()
			pending, err := step.Run(state, []*m6.Batch{batch}, c.Rate)
			if err != nil {
				return out, err
			}
			m, err := pending.Wait()
			if err != nil {
				return out, err
			}
			out.MS = append(out.MS, 1000*time.Since(start).Seconds())
			out.CPU = append(out.CPU, 1000*(processor()-cpu))
			out.Told = append(out.Told, [3]float64{m.Loss, m.Total, m.GradNorm})
		}
		return out, nil
	}
	lines := json.NewEncoder(os.Stdout)
	first, err := run(c.Proof)
	if err != nil {
		return err
	}
	first.Peer, first.Compile, first.Collectives = "ours", lowered.CompileSeconds, lowered.Collectives
	if err := lines.Encode(first); err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		steps, err := strconv.Atoi(strings.TrimSpace(in.Text()))
		if err != nil {
			return err
		}
		out, err := run(steps)
		if err != nil {
			return err
		}
		if err := lines.Encode(out); err != nil {
			return err
		}
	}
	return nil
}

// processor is the processor time of this process so far, in seconds.
func processor() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// export writes what a peer begins with.
func export(c testCase, state *m6.State, batch *m6.Batch) error {
	weights, err := state.Weights()
	if err != nil {
		return err
	}
	ints := func(name string, values []int32, dims ...int) checkpoints.Tensor {
		t := checkpoints.Tensor{Name: name, DType: checkpoints.I32, Dims: dims}
		for _, v := range values {
			t.Data = binary.LittleEndian.AppendUint32(t.Data, uint32(v))
		}
		return t
	}
	weights = append(weights, ints("text_ids", batch.TextIDs, c.Batch, c.Text), ints("text_lengths", batch.TextLengths, c.Batch))
	return checkpoints.WriteSafetensors(c.File, weights, nil)
}

// run is the run of a case: f32, AdamW with its moments split over `data`, clipping, no dropout and nothing drawn by routers.
func (c testCase) run() (m6.Run, error) {
	r, err := m6.NewRun("debug")
	if err != nil {
		return r, err
	}
	m := &r.Model
	m.Layers, m.Width, m.Heads, m.FFN, m.Vocabulary, m.Positions = c.Layers, c.Width, c.Heads, 4*c.Width, c.Vocab, c.Text
	m.Encoder.Kind, m.Dropout = "none", 0
	if c.Experts > 0 {
		m.Experts, m.ExpertEvery, m.Router, m.TopK, m.CapacityFactor = c.Experts, c.Every, "top2", c.TopK, c.Capacity
		m.BalanceWeight, m.ZWeight = 0.01, 0.001
	}
	r.Train.Batch, r.Mesh = c.Batch, c.Mesh
	r.Data.TextBuckets = []int{c.Text}
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("%s: %w", c.Name, err)
	}
	return r, nil
}

func (c testCase) shape() m6.Shape { return m6.Shape{Batch: c.Batch, Text: c.Text} }

// batch is a batch of full rows of random text.
func (c testCase) batch() *m6.Batch {
	random := rand.New(rand.NewPCG(7, 7))
	rows := make([]m6.Sequence, c.Batch)
	for i := range rows {
		for range c.Text {
			rows[i].Text = append(rows[i].Text, random.Int32N(int32(c.Vocab)))
		}
	}
	return m6.NewBatch(c.shape(), rows)
}
