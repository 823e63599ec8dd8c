// Tokenizer measures datasets/text beside a peer, Hugging Face's tokenizers, on the same lines: both on one thread, in
// turn, pass by pass, and prints the medians and their ratio. With --encode it only encodes: a JSON string a line on
// standard input, {"ids": [...], "spans": [start, end, ...]} a line on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"m6lab/datasets/text"
)

type options struct {
	python, peer, lines string
	repeat, passes      int
	lower, encode, json bool
}

func main() {
	var o options
	flag.StringVar(&o.python, "python", "python3", "Python that has the pinned tokenizers")
	flag.StringVar(&o.peer, "peer", "scripts/bench/peers/wordpiece.py", "the peer's program")
	flag.StringVar(&o.lines, "lines", "datasets/text/testdata/lines.txt", "text, a line each")
	flag.IntVar(&o.repeat, "repeat", 200, "how often a pass goes through the file")
	flag.IntVar(&o.passes, "passes", 9, "passes of each side, of which the median counts")
	flag.BoolVar(&o.lower, "lower", false, "lower-case and strip accents")
	flag.BoolVar(&o.encode, "encode", false, "encode standard input and measure nothing")
	flag.BoolVar(&o.json, "json", false, "print the result as JSON")
	flag.Parse()
	run := measure
	if o.encode {
		run = encode
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "tokenizer:", err)
		os.Exit(1)
	}
}

// encode answers each line of standard input.
func encode(o options) error {
	t := text.New(text.BertChinese(), text.Options{Lower: o.lower})
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	for n := 1; ; n++ {
		var line string
		if err := in.Decode(&line); err == io.EOF {
			return out.Flush()
		} else if err != nil {
			return fmt.Errorf("standard input: line %d: %w", n, err)
		}
		ids, spans := t.EncodeOffsets(line)
		if !slices.Equal(ids, t.Encode(line)) {
			return fmt.Errorf("standard input: line %d: Encode and EncodeOffsets differ", n)
		}
		flat := make([]int, 0, 2*len(spans))
		for _, s := range spans {
			flat = append(flat, s.Start, s.End)
		}
		if err := enc.Encode(map[string]any{"ids": ids, "spans": flat}); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
	}
}

// result is what --json prints. Seconds are medians of passes; the peer answers with its faster way of encoding.
type result struct {
	Lines, Bytes, Digest       int
	Go, GoOffsets              float64 // seconds: Encode; EncodeOffsets
	Peer, PeerLoop, PeerBatch  float64 // seconds: the fastest of its ways; encode line by line; encode_batch
	PeerFast                   float64 // seconds: encode_batch_fast, which returns no offsets
	Ratio, RatioOffsets        float64 // the peer's fastest to Encode; the faster of its ways with offsets to EncodeOffsets
	GoMBPerSecond              float64
	PeerVersion, GoVersion, OS string
}

func measure(o options) error {
	data, err := os.ReadFile(o.lines)
	if err != nil {
		return fmt.Errorf("lines: %w (run from the repository's root, or name a file with --lines)", err)
	}
	once := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	lines := slices.Repeat(once, o.repeat)
	p, err := startPeer(o)
	if err != nil {
		return err
	}
	defer p.close()
	version, err := p.ask("version")
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	t := text.New(text.BertChinese(), text.Options{Lower: o.lower})
	took := map[string][]float64{}
	r := result{Lines: len(lines), Bytes: len(data) * o.repeat, PeerVersion: version, GoVersion: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH}
	for range o.passes + 1 { // the first pass warms up
		for _, way := range []string{"loop", "batch", "fast"} {
			if err := p.pass(way, &r, took); err != nil {
				return err
			}
		}
		if err := goPass(t, lines, &r, took); err != nil {
			return err
		}
	}
	for way, seconds := range took {
		took[way] = seconds[1:]
		slices.Sort(took[way])
	}
	median := func(way string) float64 { return took[way][len(took[way])/2] }
	r.Go, r.GoOffsets = median("go"), median("go offsets")
	r.PeerLoop, r.PeerBatch, r.PeerFast = median("loop"), median("batch"), median("fast")
	r.Peer = min(r.PeerLoop, r.PeerBatch, r.PeerFast)
	r.Ratio, r.RatioOffsets = r.Peer/r.Go, min(r.PeerLoop, r.PeerBatch)/r.GoOffsets
	r.GoMBPerSecond = float64(r.Bytes) / r.Go / 1e6
	return report(o, r)
}

// goPass times one pass of each of our ways and holds the ids to those of the peer.
func goPass(t *text.Tokenizer, lines []string, r *result, took map[string][]float64) error {
	ids := make([][]int32, len(lines))
	start := time.Now()
	for i, line := range lines {
		ids[i] = t.Encode(line)
	}
	took["go"] = append(took["go"], time.Since(start).Seconds())
	if sum := digest(ids); sum != r.Digest {
		return fmt.Errorf("the digest of our ids is %d, the peer's %d: they differ", sum, r.Digest)
	}
	start = time.Now()
	for i, line := range lines {
		ids[i], _ = t.EncodeOffsets(line)
	}
	took["go offsets"] = append(took["go offsets"], time.Since(start).Seconds())
	return nil
}

// digest folds all ids in order; the peer does the same.
func digest(ids [][]int32) int {
	sum := 0
	for _, line := range ids {
		for _, id := range line {
			sum = (sum*31 + int(id) + 1) % 1_000_000_007
		}
	}
	return sum
}

func report(o options, r result) error {
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Printf("%d lines, %.1f MB, medians of %d passes in turn, one thread each, ids equal (digest %d)\n", r.Lines, float64(r.Bytes)/1e6, o.passes, r.Digest)
	fmt.Printf("tokenizers %-8s  line by line %.3f s   encode_batch %.3f s   encode_batch_fast %.3f s\n", r.PeerVersion, r.PeerLoop, r.PeerBatch, r.PeerFast)
	fmt.Printf("datasets/text        Encode %.4f s (%.0f MB/s)   EncodeOffsets %.4f s\n", r.Go, r.GoMBPerSecond, r.GoOffsets)
	fmt.Printf("ratio: %.1fx without offsets (to the peer's fastest), %.1fx with offsets\n", r.Ratio, r.RatioOffsets)
	return nil
}

// peer is the other program: a line in, a line out.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startPeer(o options) (*peer, error) {
	args := []string{o.peer, "--lines", o.lines, "--repeat", fmt.Sprint(o.repeat)}
	if o.lower {
		args = append(args, "--lower")
	}
	cmd := exec.Command(o.python, args...)
	cmd.Env = append(os.Environ(), "TOKENIZERS_PARALLELISM=false", "RAYON_NUM_THREADS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("peer: %w (name a Python with --python)", err)
	}
	return &peer{cmd: cmd, in: in, out: bufio.NewScanner(out)}, nil
}

func (p *peer) ask(question string) (string, error) {
	if _, err := fmt.Fprintln(p.in, question); err != nil {
		return "", fmt.Errorf("peer: %w: it has ended, see its message above", err)
	}
	if !p.out.Scan() {
		return "", fmt.Errorf("peer: no answer to %q: it has ended, see its message above", question)
	}
	return p.out.Text(), nil
}

// pass lets the peer time one pass and takes its digest.
func (p *peer) pass(way string, r *result, took map[string][]float64) error {
	answer, err := p.ask(way)
	if err != nil {
		return err
	}
	var seconds float64
	if _, err := fmt.Sscan(answer, &seconds, &r.Digest); err != nil {
		return fmt.Errorf("peer: answer %q: %w", answer, err)
	}
	took[way] = append(took[way], seconds)
	return nil
}

func (p *peer) close() {
	p.in.Close()
	p.cmd.Wait()
}
