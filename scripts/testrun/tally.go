package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// event is one line of `go test -json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of events of the build, "m6lab/viz [m6lab/viz.test]"
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// tally counts tests as their events arrive. A test with subtests is counted by its subtests alone,
// unless it failed or was skipped by itself.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int
	failures, skips         []string
	times                   []timing
	output                  map[string]*strings.Builder // by package and test
	counted                 map[string]int              // tests counted, by package
	parents                 map[string]bool             // tests that have subtests
	badParents              map[string]bool             // tests with a failed or skipped subtest
	builds                  map[string]bool             // builds whose failure was counted
}

type timing struct {
	name string
	time time.Duration
}

func newTally(out io.Writer) *tally {
	return &tally{
		out: out, output: map[string]*strings.Builder{}, counted: map[string]int{},
		parents: map[string]bool{}, badParents: map[string]bool{}, builds: map[string]bool{},
	}
}

// read takes in the events of `go test -json`; a line that is none is shown as it is.
func (t *tally) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprint(t.out, string(line))
			} else {
				t.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take counts one event.
func (t *tally) take(e event) {
	key := e.Package + "\t" + e.Test
	switch e.Action {
	case "run":
		for i, c := range e.Test {
			if c == '/' {
				t.parents[e.Package+"\t"+e.Test[:i]] = true
			}
		}
	case "output":
		t.keep(key, e.Output)
	case "build-output":
		t.keep("build\t"+e.ImportPath, e.Output)
	case "build-fail":
		t.builds[e.ImportPath] = true
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e)
			return
		}
		t.endTest(e, key)
	}
}

func (t *tally) keep(key, text string) {
	if t.output[key] == nil {
		t.output[key] = &strings.Builder{}
	}
	t.output[key].WriteString(text)
}

// endTest counts a finished test and forgets the output of one that passed.
func (t *tally) endTest(e event, key string) {
	name := short(e.Package) + "." + e.Test
	text := t.take1(key)
	byItself := !t.parents[key] || e.Action == "skip" || e.Action == "fail" && !t.badParents[key]
	if e.Action == "fail" {
		t.markParents(e)
	}
	if !byItself {
		if e.Action == "fail" && strings.TrimSpace(text) != "" {
			fmt.Fprintf(t.out, "%s", text)
		}
		return
	}
	t.counted[e.Package]++
	switch e.Action {
	case "pass":
		t.pass(name, time.Duration(e.Elapsed*float64(time.Second)))
	case "skip":
		t.skipped++
		t.skips = append(t.skips, name+": "+reasonOf(text))
	case "fail":
		t.fail(name, text)
	}
}

// markParents notes that the ancestors of a test fail because of it.
func (t *tally) markParents(e event) {
	for i, c := range e.Test {
		if c == '/' {
			t.badParents[e.Package+"\t"+e.Test[:i]] = true
		}
	}
}

// take1 removes and returns the kept output of key.
func (t *tally) take1(key string) string {
	b := t.output[key]
	if b == nil {
		return ""
	}
	delete(t.output, key)
	return b.String()
}

// endPackage prints the package's line. A package that failed without a failed test did not build,
// crashed, or ran out of time: that counts as one failure, shown with all it printed.
func (t *tally) endPackage(e event) {
	took := time.Duration(e.Elapsed * float64(time.Second))
	text := t.take1(e.Package + "\t")
	switch {
	case e.Action == "skip":
		return // no test files
	case e.Action == "pass":
		t.line("ok", short(e.Package), took, t.counted[e.Package])
		return
	}
	t.line("FAIL", short(e.Package), took, t.counted[e.Package])
	if e.FailedBuild != "" {
		t.fail(short(e.Package)+" (build)", t.take1("build\t"+e.FailedBuild)+text)
		return
	}
	unfinished := t.unfinished(e.Package)
	if !t.failedIn(e.Package) || unfinished != "" {
		t.fail(short(e.Package)+" (the package as a whole)", unfinished+text)
	}
}

// unfinished returns what tests printed that a crash or a time limit kept from ending.
func (t *tally) unfinished(pkg string) string {
	var keys []string
	for key := range t.output {
		if strings.HasPrefix(key, pkg+"\t") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var all strings.Builder
	for _, key := range keys {
		all.WriteString(t.take1(key))
	}
	return all.String()
}

func (t *tally) failedIn(pkg string) bool {
	return slices.ContainsFunc(t.failures, func(name string) bool { return strings.HasPrefix(name, short(pkg)+".") })
}

// pass counts a test that passed.
func (t *tally) pass(name string, took time.Duration) {
	t.passed++
	t.times = append(t.times, timing{name, took})
}

// fail counts a test that failed and shows its output in full.
func (t *tally) fail(name, output string) {
	t.failed++
	t.failures = append(t.failures, name)
	fmt.Fprintf(t.out, "--- FAIL: %s\n%s\n", name, strings.TrimRight(output, "\n"))
}

func (t *tally) line(word, name string, took time.Duration, tests int) {
	fmt.Fprintf(t.out, "%-4s %-34s %7.1fs %5d tests\n", word, name, took.Seconds(), tests)
}

// slowest names the n tests that took longest, if they took a second.
func (t *tally) slowest(n int) {
	slices.SortStableFunc(t.times, func(a, b timing) int { return cmp.Compare(b.time, a.time) })
	for i, slow := range t.times {
		if i == n || slow.time < time.Second {
			break
		}
		if i == 0 {
			fmt.Fprintln(t.out, "\nslowest:")
		}
		fmt.Fprintf(t.out, "  %6.1fs %s\n", slow.time.Seconds(), slow.name)
	}
}

// closing is the last line.
func (t *tally) closing() string {
	line := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if t.skipped > 0 {
		line += fmt.Sprintf(", %d skipped", t.skipped)
	}
	return line
}

func short(pkg string) string { return strings.TrimPrefix(pkg, "m6lab/") }

// reasonOf is the message that a skipped test printed.
func reasonOf(output string) string {
	for line := range strings.Lines(output) {
		if text := strings.TrimSpace(line); !strings.HasPrefix(text, "===") && !strings.HasPrefix(text, "---") && text != "" {
			return text
		}
	}
	return "no reason given"
}
