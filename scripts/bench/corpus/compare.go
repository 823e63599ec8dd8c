package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// comparison are the flags of compare.
type comparison struct {
	ours, datatrove, datajuicer string
	work, peers                 string
	size, peerSize              int64
	rounds                      int
	quick                       bool
}

// compare runs the peers and ours in turn and prints tables of medians.
func compare(args []string) error {
	var c comparison
	flags := flag.NewFlagSet("compare", flag.ExitOnError)
	flags.StringVar(&c.ours, "ours", "", "the built m6-corpus; empty leaves it out")
	flags.StringVar(&c.datatrove, "datatrove", "", "a `Python` that has datatrove and kenlm; empty leaves them out")
	flags.StringVar(&c.datajuicer, "datajuicer", "", "a `Python` that has Data-Juicer; empty leaves it out")
	flags.StringVar(&c.work, "work", filepath.Join(".cache", "bench-corpus"), "`folder` of inputs and outputs")
	flags.StringVar(&c.peers, "peers", filepath.Join("scripts", "bench", "peers"), "`folder` of the peers' programs")
	flags.Int64Var(&c.size, "size", 64, "`MB` of the smallest input of ours; the others are 2, 4 and 8 times as big")
	flags.Int64Var(&c.peerSize, "peer-size", 32, "`MB` of the input that all go through")
	flags.IntVar(&c.rounds, "rounds", 3, "of which the medians count")
	flags.BoolVar(&c.quick, "quick", false, "only the input that all go through")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.rounds < 1 || c.size < 1 || c.peerSize < 1 {
		return errors.New("compare wants --rounds, --size and --peer-size of at least 1")
	}
	if err := c.inTurn(); err != nil || c.quick || c.ours == "" {
		return err
	}
	return c.growth()
}

// input makes an input, unless it is there, and returns its folder and amounts. A process of its own makes it: what a process holds when it starts another
// would count as the other's peak (Linux keeps the greatest resident size over exec).
func (c comparison) input(form string, size int64) (string, amounts, error) {
	dir := filepath.Join(c.work, fmt.Sprintf("%s-%d", form, size))
	data, err := os.ReadFile(filepath.Join(dir, "input.json"))
	if err != nil {
		self, failed := os.Executable()
		if failed != nil {
			return "", amounts{}, failed
		}
		cmd := exec.Command(self, "make", "--out", dir, "--form", form, "--size", strconv.FormatInt(size, 10), "--part", "16")
		if told, err := cmd.CombinedOutput(); err != nil {
			return "", amounts{}, fmt.Errorf("input: %w: %s", err, told)
		}
		data, err = os.ReadFile(filepath.Join(dir, "input.json"))
	}
	var a amounts
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	return dir, a, err
}

// forms of a build of ours that are measured.
var forms = []struct{ name, form, recipe string }{
	{"text rules", "jsonl", "paper"},
	{"text rules, additions, duplicates", "jsonl", "default"},
	{"pages", "pages", "paper"},
	{"pages and pictures", "warc", "paper"},
}

// build runs ours over an input.
func (c comparison) build(dir, form, recipe string, workers int) (taken, error) {
	out := filepath.Join(c.work, "out")
	if err := os.RemoveAll(out); err != nil {
		return taken{}, err
	}
	in := "web=warc:" + dir + "/*.warc.gz"
	switch form {
	case "jsonl":
		in = "forum=jsonl:" + dir + "/*.jsonl"
	case "pages":
		in = "common_crawl=warc:" + dir + "/*.warc.gz" // a row of texts: without pictures the web's would have nothing left
	}
	words := `text.words.lists=[{"file":` + strconv.Quote(filepath.Join(dir, "words.txt")) + `,"category":"spam"}]`
	cmd := exec.Command(c.ours, "build", "--in", in, "--out", out, "--recipe", recipe, "--workers", strconv.Itoa(workers), "--set", "text.perplexity.on=false", "--set", words)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(workers))
	var told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &told
	t, err := run(cmd)
	if err != nil {
		return t, fmt.Errorf("%w\n%s", err, told.String())
	}
	return t, os.RemoveAll(out)
}

// peer runs a peer's program and reads the JSON in its last line.
func (c comparison) peer(python, program string, args ...string) (map[string]any, taken, error) {
	var out, told bytes.Buffer
	cmd := exec.Command(python, append([]string{filepath.Join(c.peers, program)}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &told
	t, err := run(cmd)
	if err != nil {
		return nil, t, fmt.Errorf("%w\n%s", err, told.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	result := map[string]any{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &result); err != nil {
		return nil, t, fmt.Errorf("%s: the last line is no JSON: %w: %.200q\n%s", program, err, lines[len(lines)-1], told.String())
	}
	return result, t, nil
}

// row gathers the rounds of one thing.
type row struct {
	name            string
	wall, core, mem []float64 // MB/s, MB a second of processor time, MB
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// inTurn runs each side once a round over the same documents.
func (c comparison) inTurn() error {
	dir, in, err := c.input("jsonl", c.peerSize)
	if err != nil {
		return err
	}
	rows := map[string]*row{}
	var order []string
	add := func(name string, wall, core, mem float64) {
		if rows[name] == nil {
			rows[name] = &row{name: name}
			order = append(order, name)
		}
		r := rows[name]
		r.wall, r.core, r.mem = append(r.wall, wall), append(r.core, core), append(r.mem, mem)
	}
	mb := float64(in.TextBytes) / 1e6
	own := map[string]any{}
	for round := range c.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, c.rounds)
		if c.ours != "" {
			t, err := c.build(dir, "jsonl", "paper", 1)
			if err != nil {
				return err
			}
			add("m6-corpus build, one worker", mb/t.Seconds, mb/t.Processor, t.Peak)
		}
		if c.datatrove != "" {
			r, t, err := c.peer(c.datatrove, "corpus_datatrove.py", "--in", dir, "--out", filepath.Join(c.work, "datatrove"))
			if err != nil {
				return err
			}
			add("datatrove, whole run", number(r, "mb_per_second"), number(r, "mb_per_processor_second"), t.Peak)
			add("datatrove, blocks alone (regular expressions)", number(r, "blocks_mb_per_second"), number(r, "blocks_mb_per_processor_second"), 0)
			own, _ = r["own_blocks_mb_per_processor_second"].(map[string]any)
			r, t, err = c.peer(c.datatrove, "corpus_kenlm.py", "--in", dir, "--arpa", filepath.Join(c.work, "characters.arpa"))
			if err != nil {
				return err
			}
			add("KenLM from Python, characters, order 5", number(r, "mb_per_processor_second"), number(r, "mb_per_processor_second"), t.Peak)
		}
		if c.datajuicer != "" {
			r, t, err := c.peer(c.datajuicer, "corpus_datajuicer.py", "--in", dir, "--out", filepath.Join(c.work, "datajuicer"))
			if err != nil {
				return err
			}
			add("Data-Juicer, whole run", number(r, "mb_per_second"), number(r, "mb_per_processor_second"), t.Peak)
			add("Data-Juicer, operators alone", number(r, "operators_mb_per_second"), number(r, "operators_mb_per_processor_second"), 0)
		}
	}
	fmt.Printf("\n%.1f MB of text in %d documents, medians of %d rounds in turn\n\n", mb, in.Documents, c.rounds)
	fmt.Println("| text rules without perplexity, one process | MB/s | MB per second of processor time | peak, MB |\n|---|---|---|---|")
	for _, name := range order {
		r, mem := rows[name], "-"
		if m := median(r.mem); m > 0 {
			mem = fmt.Sprintf("%.0f", m)
		}
		fmt.Printf("| %s | %.1f | %.1f | %s |\n", r.name, median(r.wall), median(r.core), mem)
	}
	for _, name := range slices.Sorted(mapKeys(own)) {
		fmt.Printf("| datatrove's own %s, some documents | - | %v | - |\n", name, own[name])
	}
	return nil
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func number(r map[string]any, key string) float64 {
	v, _ := r[key].(float64)
	return v
}

// growth runs ours over inputs of one, two, four and eight times the size, with one worker and with two.
func (c comparison) growth() error {
	for _, f := range forms {
		fmt.Printf("\n| %s | MB in | 1 worker: s | MB/s | peak, MB | 2 workers: s | MB/s | peak, MB | 2 over 1 |\n|---|---|---|---|---|---|---|---|---|\n", f.name)
		for _, times := range []int64{1, 2, 4, 8} {
			dir, in, err := c.input(f.form, c.size*times)
			if err != nil {
				return err
			}
			mb := float64(in.TextBytes) / 1e6
			if f.form != "jsonl" {
				mb = float64(in.Bytes) / 1e6 // of HTML: the pictures come on top
			}
			seconds, peak := [3][]float64{}, [3][]float64{}
			for range max(1, c.rounds/int(times)) {
				for workers := 1; workers <= 2; workers++ {
					t, err := c.build(dir, f.form, f.recipe, workers)
					if err != nil {
						return err
					}
					seconds[workers], peak[workers] = append(seconds[workers], t.Seconds), append(peak[workers], t.Peak)
				}
			}
			one, two := median(seconds[1]), median(seconds[2])
			what := fmt.Sprintf("%dx", times)
			if in.Pictures > 0 {
				what += fmt.Sprintf(", %d pictures", in.Pictures)
			}
			fmt.Printf("| %s | %.0f | %.1f | %.1f | %.0f | %.1f | %.1f | %.0f | %.2f |\n", what, mb, one, mb/one, median(peak[1]), two, mb/two, median(peak[2]), one/two)
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}
