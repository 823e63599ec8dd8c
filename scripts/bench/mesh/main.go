// Mesh measures the training step on meshes of virtual devices beside the same step in JAX: same weights, batch, layouts and constraints.
// Each program is a process that stays; first all take the same steps, whose losses and gradients must agree, then they are timed in
// turn, a few steps each, round by round, so that what else the machine does falls on all of them.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"m6lab/m6"
)

// testCase is a model, a batch and a mesh, as the processes get it.
type testCase struct {
	Name                                     string
	Layers, Width, Heads, Vocab, Batch, Text int
	Experts, Every, TopK                     int
	Capacity, Rate                           float64
	Mesh                                     m6.Mesh
	Proof                                    int    // first steps, which must agree
	File                                     string // weights and batch
}

// cases are a dense model and one with experts on every second layer, each on meshes of 4 and 8 devices.
func cases(small bool) (out []testCase) {
	dense := testCase{Layers: 4, Width: 256, Heads: 8, Vocab: 4096, Batch: 8, Text: 128, Rate: 1e-3, Proof: 3}
	if small {
		dense.Layers, dense.Width, dense.Vocab, dense.Text = 2, 64, 512, 32
	}
	moe := dense
	moe.Experts, moe.Every, moe.TopK, moe.Capacity = 8, 2, 2, 2
	on := func(kind string, c testCase, data, model, expert int) {
		c.Mesh = m6.Mesh{Data: data, Model: model, Expert: expert}
		var axes []string
		for _, a := range []struct {
			name string
			size int
		}{{"data", data}, {"model", model}, {"expert", expert}} {
			if a.size > 1 {
				axes = append(axes, fmt.Sprintf("%s=%d", a.name, a.size))
			}
		}
		c.Name = kind + ", " + strings.Join(axes, ",")
		out = append(out, c)
	}
	for _, m := range [][2]int{{4, 1}, {1, 4}, {2, 2}} {
		on("dense", dense, m[0], m[1], 1)
	}
	for _, m := range [][2]int{{4, 1}, {1, 4}, {2, 2}} {
		on("experts", moe, m[0], 1, m[1])
	}
	for _, m := range [][2]int{{8, 1}, {1, 8}, {2, 4}} {
		on("dense", dense, m[0], m[1], 1)
	}
	for _, m := range [][3]int{{1, 1, 8}, {2, 1, 4}, {2, 2, 2}} {
		on("experts", moe, m[0], m[1], m[2])
	}
	return out
}

// answer is what a process prints.
type answer struct {
	Peer        string                   `json:"peer"`
	Compile     float64                  `json:"compile_seconds"`
	Collectives map[string]m6.Collective `json:"collectives"`
	Told        [][3]float64             `json:"told"` // loss, loss with the routers' losses, norm of the gradients
	MS          []float64                `json:"ms"`
	CPU         []float64                `json:"cpu"` // ms of processor time of each step
}

func main() {
	one := flag.String("one", "", "run ours at this case, JSON")
	only := flag.String("case", "", "only cases whose name holds this")
	rounds := flag.Int("rounds", 5, "rounds, of which the median counts")
	steps := flag.Int("steps", 3, "steps of a round")
	small := flag.Bool("small", false, "a tiny model, to see that all works")
	python := flag.String("python", "python3", "Python that has jax")
	flag.Parse()
	if err := run(*one, *only, *rounds, *steps, *small, *python); err != nil {
		fmt.Fprintln(os.Stderr, "mesh:", err)
		os.Exit(1)
	}
}

func run(one, only string, rounds, steps int, small bool, python string) error {
	if one != "" {
		var c testCase
		if err := json.Unmarshal([]byte(one), &c); err != nil {
			return fmt.Errorf("--one: %w", err)
		}
		return ours(c)
	}
	dir, err := os.MkdirTemp("", "mesh")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	found := false
	for _, c := range cases(small) {
		if !strings.Contains(c.Name, only) {
			continue
		}
		found = true
		c.File = filepath.Join(dir, "case.safetensors")
		if err := compare(c, rounds, steps, python); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	if !found {
		return fmt.Errorf("no case holds %q", only)
	}
	return nil
}

// compare proves that all programs compute the same, measures them in turn and prints a table.
func compare(c testCase, rounds, steps int, python string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	own, err := json.Marshal(c)
	if err != nil {
		return err
	}
	programs := [][]string{{self, "--one", string(own)}}
	dispatches := []string{"onehot"}
	if c.Experts > 0 {
		dispatches = []string{"onehot", "sorted"}
	}
	for _, d := range dispatches {
		programs = append(programs, []string{python, "scripts/bench/peers/mesh_jax.py", string(own), d})
	}
	var all []*process
	defer func() {
		for _, p := range all {
			p.end()
		}
	}()
	for _, argv := range programs {
		p, err := start(argv)
		if err != nil {
			return err
		}
		all = append(all, p)
		if err := agree(all[0].first, p.first); err != nil {
			return err
		}
	}
	got, cpu := make([][]float64, len(all)), make([][]float64, len(all))
	for range rounds {
		for i, p := range all {
			a, err := p.ask(steps)
			if err != nil {
				return err
			}
			got[i], cpu[i] = append(got[i], median(a.MS)), append(cpu[i], median(a.CPU))
		}
	}
	fmt.Printf("\n%s: batch %d of %d, vocabulary %d, width %d, %d layers, %d experts; %d rounds of %d steps in turn, load %s\n",
		c.Name, c.Batch, c.Text, c.Vocab, c.Width, c.Layers, c.Experts, rounds, steps, load())
	fmt.Printf("%-12s %10s %8s %8s %8s %8s %8s %8s %10s  %s\n", "", "ms, median", "least", "most", "ours/it", "cpu ms", "ours/it", "compile", "loss", "collectives")
	for i, p := range all {
		fmt.Printf("%-12s %10.1f %8.1f %8.1f %8.3f %8.1f %8.3f %6.1f s %10.6f  %s\n", p.first.Peer, median(got[i]), slices.Min(got[i]), slices.Max(got[i]), ratio(got[0], got[i]),
			median(cpu[i]), ratio(cpu[0], cpu[i]), p.first.Compile, p.first.Told[len(p.first.Told)-1][0], listed(p.first.Collectives))
	}
	return nil
}

// agree tells where two programs compute different things: losses may be 1e-4 apart, norms of gradients 1e-3 of themselves.
func agree(a, b answer) error {
	if len(a.Told) != len(b.Told) {
		return fmt.Errorf("%s took %d steps, %s %d", a.Peer, len(a.Told), b.Peer, len(b.Told))
	}
	for i := range a.Told {
		for k, what := range []string{"loss", "loss with the routers'", "norm of the gradients"} {
			x, y, most := a.Told[i][k], b.Told[i][k], 1e-4
			if k == 2 {
				most = 1e-3 * x
			}
			if !(math.Abs(x-y) <= most) {
				return fmt.Errorf("step %d: %s is %.7g in %s and %.7g in %s", i+1, what, x, a.Peer, y, b.Peer)
			}
		}
	}
	return nil
}

// process is a program that answers questions.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
	first  answer
}

func start(argv []string) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if p.first, err = p.read(); err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

func (p *process) read() (a answer, err error) {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		err = errors.Join(err, p.cmd.Wait())
		return a, fmt.Errorf("%s: %w: %s", p.cmd.Path, err, strings.TrimSpace(p.stderr.String()))
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("%s printed no JSON: %w", p.cmd.Path, err)
	}
	return a, nil
}

func (p *process) ask(steps int) (answer, error) {
	if _, err := fmt.Fprintln(p.in, steps); err != nil {
		return answer{}, err
	}
	return p.read()
}

func (p *process) end() {
	p.in.Close()
	p.cmd.Wait()
}

// listed is one line of what devices say to each other.
func listed(all map[string]m6.Collective) string {
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		out = append(out, fmt.Sprintf("%d %s (%.1f MB)", all[kind].Count, kind, float64(all[kind].Bytes)/1e6))
	}
	return strings.Join(out, ", ")
}

// ratio is the median of a over b, round by round.
func ratio(a, b []float64) float64 {
	var all []float64
	for i := range a {
		all = append(all, a[i]/b[i])
	}
	return median(all)
}

// load is the load average of the machine.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:1], " ")
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}
