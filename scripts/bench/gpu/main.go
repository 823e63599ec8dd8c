// Gpu measures the training step on an NVIDIA GPU: `base`, and slices of `10b` and `100b` with fewer layers or experts, whose products have the
// sizes of the whole. Beside each stands the same step in JAX, a process each, in turn, and what m6's planner predicts. It prints a line of
// JSON for each process and a table.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// testCase is a run and a batch, as the processes get it.
type testCase struct {
	Name                                  string
	Preset                                string
	Layers, Experts                       int
	Batch, Text                           int
	Remat                                 string
	Optimizer                             string
	Width, Heads, FFN, Vocab, Every, TopK int     // filled in, for the peer
	Capacity                              float64 // the same
	Steps                                 int
	Plain                                 bool     // attention by products and a softmax
	Peers                                 []string // attention of the peers: plain, cudnn
}

// on is a case; peers are named by their attention.
func on(preset string, layers, experts, batch int, remat string, peers ...string) testCase {
	c := testCase{Preset: preset, Layers: layers, Experts: experts, Batch: batch, Text: 512, Remat: remat, Optimizer: "adamw", Steps: 10, Peers: peers}
	c.Name = fmt.Sprintf("%s, %d layers", preset, layers)
	if experts > 0 {
		c.Name += fmt.Sprintf(", %d experts", experts)
	}
	c.Name += fmt.Sprintf(", %d x %d, %s", batch, c.Text, remat)
	return c
}

func (c testCase) plain() testCase {
	c.Plain = true
	c.Name += ", plain"
	return c
}

var cases = map[string][]testCase{
	"smoke": {on("base", 4, 0, 16, "none", "plain", "cudnn"), on("base", 4, 0, 16, "none").plain()},
	"base":  {on("base", 24, 0, 32, "none", "cudnn")},
	"plain": {on("base", 24, 0, 32, "none", "plain").plain()},
	"remat": {on("base", 24, 0, 64, "selective"), on("base", 24, 0, 128, "block")},
	"10b":   {on("10b", 8, 0, 16, "block", "cudnn")},
	"100b":  {on("100b", 12, 64, 16, "block", "cudnn")},
}

// measured is what a process prints.
type measured struct {
	Case      string    `json:"case"`
	Peer      string    `json:"peer"`
	MedianMS  float64   `json:"median_ms"`
	LeastMS   float64   `json:"least_ms"`
	Tokens    float64   `json:"tokens_per_second"`
	TFLOPS    float64   `json:"tflops"` // of the model's products, none made again
	MFU       float64   `json:"mfu"`    // over the data sheet
	Peak      float64   `json:"peak_gb"`
	Compile   float64   `json:"compile_seconds"`
	Create    float64   `json:"create_seconds"`
	First     float64   `json:"first_loss"`
	Last      float64   `json:"last_loss"`
	Losses    []float64 `json:"losses"`
	Norms     []float64 `json:"norms,omitempty"` // of the gradients
	Plain     float64   `json:"product_tflops"`  // of a plain product of 8192
	Predicted struct {
		MS   float64 `json:"ms"`
		Peak float64 `json:"peak_gb"`
		MFU  float64 `json:"mfu"`
	} `json:"predicted"`
	Device string `json:"device"`
	Error  string `json:"error,omitempty"`
}

func main() {
	one := flag.String("one", "", "measure ours alone in this case, JSON")
	set := flag.String("cases", "base,plain,remat,10b,100b", "which sets of cases; largest are the slices that fill the device")
	python := flag.String("python", "python3", "Python that has jax with CUDA")
	peers := flag.String("peers", "scripts/bench/peers", "folder of the peers")
	who := flag.String("who", "all", "all, ours or peers")
	limit := flag.Duration("limit", 150*time.Second, "time for one process")
	flag.Parse()
	if *one != "" {
		var c testCase
		err := json.Unmarshal([]byte(*one), &c)
		if err == nil {
			err = ours(c)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "gpu:", err)
			os.Exit(1)
		}
		return
	}
	var rows []measured
	for name := range strings.SplitSeq(*set, ",") {
		chosen := cases[name]
		if name == "largest" {
			_, h := gpu()
			var err error
			if chosen, err = largest(h); err != nil {
				fmt.Fprintln(os.Stderr, "gpu:", err)
				os.Exit(1)
			}
		}
		for _, c := range chosen {
			rows = append(rows, compare(c, *who, *python, *peers, *limit)...)
		}
	}
	table(rows)
}

// compare runs ours and the peers, each in a process of its own.
func compare(c testCase, who, python, peers string, limit time.Duration) (out []measured) {
	c, err := c.filled()
	if err != nil {
		return []measured{{Case: c.Name, Error: err.Error()}}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return []measured{{Case: c.Name, Error: err.Error()}}
	}
	var programs [][]string
	if who != "peers" {
		programs = append(programs, []string{os.Args[0], "--one", string(text)})
	}
	for _, attention := range c.Peers {
		if who == "ours" {
			break
		}
		programs = append(programs, []string{python, filepath.Join(peers, "gpu_jax.py"), string(text), attention})
	}
	for _, argv := range programs {
		m := start(argv, limit)
		m.Case = c.Name
		line, _ := json.Marshal(m) // of numbers and strings
		fmt.Println(string(line))
		out = append(out, m)
	}
	return out
}

// start runs a process and reads its line of JSON.
func start(argv []string, limit time.Duration) (m measured) {
	var out, stderr bytes.Buffer
	cmd := exec.Command("timeout", append([]string{strconv.Itoa(int(limit.Seconds()))}, argv...)...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		text := stderr.String()
		return measured{Peer: filepath.Base(argv[0]), Error: fmt.Sprintf("%v: %s", err, text[max(0, len(text)-1500):])}
	}
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		m.Error = err.Error()
	}
	return m
}

func table(rows []measured) {
	fmt.Printf("%-44s %-12s %9s %10s %8s %7s %9s %9s %9s %9s\n", "", "", "ms", "tokens/s", "TFLOP/s", "MFU", "peak GB", "planned", "planned ms", "compiling")
	for _, m := range rows {
		fmt.Printf("%-44s %-12s %9.1f %10.0f %8.1f %7.3f %9.2f %9.2f %9.1f %9.1f\n",
			m.Case, m.Peer, m.MedianMS, m.Tokens, m.TFLOPS, m.MFU, m.Peak, m.Predicted.Peak, m.Predicted.MS, m.Compile)
	}
}
