// Model measures the training step and generation beside the same model in JAX and in PyTorch: a process each, in turn, round by round,
// so that what else the machine does falls on all of them. It prints the medians, their ratios, what compiling took, and FLOP/s beside
// a plain matrix product.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sizes are a model and a batch, by the names of the peers' flags.
type sizes struct {
	Name                         string
	Layers, Width, Heads, Vocab  int
	Batch, Patches, Masked, Text int
	Features                     int
	Pixels                       bool // pictures go through the encoder
	Decode                       bool // generation of Text tokens in place of a training step
	Steps                        int  // measured in a round
	Peers                        []string
}

var (
	stepPeers = []string{"jax_step.py", "torch_step.py"}
	decodes   = []string{"jax_decode.py", "torch_decode.py"}
	cases     = []sizes{
		debug(sizes{Name: "debug step, text", Batch: 32, Text: 96, Steps: 15, Peers: stepPeers}),
		debug(sizes{Name: "debug step, captions from features", Batch: 32, Patches: 64, Text: 32, Steps: 15, Peers: stepPeers}),
		debug(sizes{Name: "debug step, captions from pixels", Batch: 32, Patches: 64, Text: 32, Pixels: true, Steps: 15, Peers: []string{"torch_scene_step.py"}}),
		{Name: "25M step, text", Layers: 6, Width: 512, Heads: 8, Vocab: 12288, Batch: 8, Text: 128, Features: 96, Steps: 5, Peers: stepPeers},
		debug(sizes{Name: "debug generation", Batch: 1, Text: 96, Decode: true, Steps: 10, Peers: decodes}),
		debug(sizes{Name: "debug generation, batch", Batch: 16, Text: 96, Decode: true, Steps: 10, Peers: decodes}),
		{Name: "25M generation, batch", Layers: 6, Width: 512, Heads: 8, Vocab: 12288, Batch: 16, Text: 128, Features: 96, Decode: true, Steps: 3, Peers: decodes},
	}
)

// debug gives a case the debug preset's model.
func debug(s sizes) sizes {
	s.Layers, s.Width, s.Heads, s.Vocab, s.Features = 3, 96, 4, 4096, 96
	return s
}

// measured is what a process prints of a round.
type measured struct {
	Peer      string  `json:"peer"`
	MedianMS  float64 `json:"median_ms"`
	GFLOPS    float64 `json:"gflops"`
	CompileS  float64 `json:"compile_seconds"`
	PlainGF   float64 `json:"plain_gflops"` // of a plain matrix product of 1024
	FirstLoss float64 `json:"first_loss"`
}

func main() {
	one := flag.String("one", "", "measure ours alone at these sizes, JSON, and print a line of JSON")
	only := flag.String("case", "", "only the case whose name holds this")
	rounds := flag.Int("rounds", 5, "rounds, of which the median counts")
	python := flag.String("python", "python3", "Python that has torch and jax")
	flag.Parse()
	if err := run(*one, *only, *rounds, *python); err != nil {
		fmt.Fprintln(os.Stderr, "model:", err)
		os.Exit(1)
	}
}

func run(one, only string, rounds int, python string) error {
	if one != "" {
		var s sizes
		if err := json.Unmarshal([]byte(one), &s); err != nil {
			return fmt.Errorf("--one: %w", err)
		}
		if s.Decode {
			return generate(s)
		}
		return train(s)
	}
	found := false
	for _, s := range cases {
		if strings.Contains(s.Name, only) {
			found = true
			if err := compare(s, rounds, python); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	if !found {
		return fmt.Errorf("no case holds %q", only)
	}
	return nil
}

// compare measures ours and the peers in turn and prints a table.
func compare(s sizes, rounds int, python string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	own, err := json.Marshal(s)
	if err != nil {
		return err
	}
	programs := [][]string{{self, "--one", string(own)}}
	for _, peer := range s.Peers {
		programs = append(programs, append([]string{python, filepath.Join("scripts/bench/peers", peer)}, s.flags()...))
	}
	got := make([][]measured, len(programs))
	for range rounds {
		for i, argv := range programs {
			m, err := start(argv)
			if err != nil {
				return err
			}
			got[i] = append(got[i], m)
		}
	}
	fmt.Printf("\n%s: batch %d, patches %d, text %d, vocabulary %d, width %d, %d layers; %d rounds in turn\n", s.Name, s.Batch, s.Patches, s.Text, s.Vocab, s.Width, s.Layers, rounds)
	fmt.Printf("%-14s %10s %10s %10s %12s %12s %22s\n", "", "ms, median", "least", "most", "GFLOP/s", "first loss", "ours over it (median)")
	for _, rows := range got {
		times, ratios := column(rows, func(m measured) float64 { return m.MedianMS }), []float64{}
		for j := range rows {
			ratios = append(ratios, got[0][j].MedianMS/rows[j].MedianMS)
		}
		speed, loss := "-", "-"
		if !s.Decode {
			speed = fmt.Sprintf("%.1f", median(column(rows, func(m measured) float64 { return m.GFLOPS })))
			loss = fmt.Sprintf("%.4f", rows[0].FirstLoss)
		}
		fmt.Printf("%-14s %10.1f %10.1f %10.1f %12s %12s %22.3f\n", rows[0].Peer, median(times), slices.Min(times), slices.Max(times), speed, loss, median(ratios))
	}
	if !s.Decode {
		fmt.Printf("compiling ours: %.1f s; a plain matrix product of 1024: %.0f GFLOP/s\n",
			median(column(got[0], func(m measured) float64 { return m.CompileS })), median(column(got[0], func(m measured) float64 { return m.PlainGF })))
	}
	return nil
}

// flags are the sizes as the peers take them.
func (s sizes) flags() []string {
	var out []string
	for _, f := range []struct {
		name  string
		value int
	}{
		{"layers", s.Layers}, {"width", s.Width}, {"heads", s.Heads}, {"vocab", s.Vocab}, {"batch", s.Batch}, {"patches", s.Patches},
		{"masked", s.Masked}, {"text", s.Text}, {"features", s.Features}, {"steps", s.Steps},
	} {
		out = append(out, "--"+f.name, strconv.Itoa(f.value))
	}
	if s.Decode {
		out = append(out, "--batches", strconv.Itoa(s.Batch))
	}
	return out
}

// start runs a process and reads its line of JSON.
func start(argv []string) (measured, error) {
	var m measured
	var out, stderr bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return m, fmt.Errorf("%s: %w: %s", argv[0], err, strings.TrimSpace(stderr.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		return m, fmt.Errorf("%s printed no JSON: %w", strings.Join(argv[:2], " "), err)
	}
	return m, nil
}

func column(rows []measured, of func(measured) float64) (out []float64) {
	for _, m := range rows {
		out = append(out, of(m))
	}
	return out
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}
