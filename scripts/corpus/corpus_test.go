package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m6lab/datasets/record"
	"m6lab/scripts/command"
	"m6lab/scripts/corpus/corpustest"
	"m6lab/scripts/corpus/recipe"
	"m6lab/scripts/corpus/stages"
)

// asCommand in the environment makes the test binary the command itself, so that it can be killed.
const asCommand = "M6_CORPUS_TEST"

func TestMain(m *testing.M) {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Getenv(asCommand) != "" {
		os.Exit(command.Execute(context.Background(), rootCommand(), os.Args[1:], command.Streams{Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// run runs a command line in this process.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = command.Execute(t.Context(), rootCommand(), args, command.Streams{Out: &out, Err: &errs})
	return out.String(), errs.String(), code
}

// must runs a command line that succeeds.
func must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := run(t, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// sources is a list of --in flags.
func sources(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, "--in", s)
	}
	return out
}

// TestRunners: Prism with one and several lanes and no runner at all write the same files.
func TestRunners(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"plain":  {"--runner=none"},
		"one":    {"--workers=1"},
		"two":    {"--workers=2"},
		"twenty": {"--workers=20"},
	} {
		args = append([]string{"build", "--json", "--recipe=default", "--out", filepath.Join(dir, name)}, append(args, sources(in)...)...)
		var r stages.Report
		if err := json.Unmarshal([]byte(must(t, args...)), &r); err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Sources {
			dropped := int64(0)
			for _, n := range s.Dropped {
				dropped += n
			}
			if s.In != s.Out+dropped+s.Quarantined || s.In == 0 {
				t.Errorf("%s, source %s: %d in, %d out, %d dropped, %d quarantined", name, s.Name, s.In, s.Out, dropped, s.Quarantined)
			}
		}
	}
	for _, name := range []string{"one", "two", "twenty"} {
		corpustest.Same(t, filepath.Join(dir, "plain"), filepath.Join(dir, name))
	}
	audit, err := record.Check(filepath.Join(dir, "two"))
	if err != nil || !audit.OK() {
		t.Errorf("the set has faults %v, %v", audit.Faults, err)
	}
}

// TestKill kills builds at random moments and starts them again.
func TestKill(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	straight := filepath.Join(dir, "straight")
	args := append([]string{"build", "--recipe=default", "--unit=2000"}, sources(in)...)
	must(t, append(args, "--runner=none", "--out", straight)...)
	out := filepath.Join(dir, "killed")
	args = append(args, "--out", out)
	random := rand.New(rand.NewPCG(1, 2))
	killed := 0
	for i := range 30 {
		c := exec.CommandContext(t.Context(), os.Args[0], args...)
		c.Env = append(os.Environ(), asCommand+"=1")
		var errs bytes.Buffer
		c.Stderr = &errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(50+random.IntN(100+60*i))*time.Millisecond, func() { _ = c.Process.Kill() })
		err := c.Wait()
		kill.Stop()
		if err == nil {
			break
		}
		if c.ProcessState.ExitCode() >= 0 {
			t.Fatalf("the build failed by itself: %s", errs.String())
		}
		killed++
		if _, err := os.Stat(filepath.Join(out, "manifest.json")); err == nil {
			if audit, err := record.Check(out); err != nil || !audit.OK() {
				t.Errorf("killed: a set is in place that is not whole: %v, %v", audit.Faults, err)
			}
		}
	}
	if killed == 0 {
		t.Error("no build was killed: the test sees nothing")
	}
	t.Logf("killed %d times", killed)
	must(t, args...)
	corpustest.Same(t, straight, out)
}

// TestFailure: an error of a stage is one line, whatever the runner makes of it, and the same command goes on when it is mended.
func TestFailure(t *testing.T) { failsInOneLine(t, "--workers=1") }

// failsInOneLine builds with a folder where the first pass wants to write a file.
func failsInOneLine(t *testing.T, runner ...string) {
	t.Helper()
	dir, in := corpustest.Inputs(t)
	out := filepath.Join(dir, "set")
	job, err := stages.Prepare(t.Context(), stages.Options{In: in, Dir: out, Recipe: recipe.Paper(), Workers: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(job.Scratch(), job.Units[0].Name()+".kept")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	job.Close()
	args := append(append([]string{"build", "--out", out}, runner...), sources(in)...)
	_, stderr, code := run(t, args...)
	if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, ".kept") {
		t.Errorf("exit code %d, %q: want 1 and one line that names the file", code, stderr)
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	must(t, args...)
}

// TestUsage: wrong usage is one line and exit code 2, what is wrong with files one line and exit code 1.
func TestUsage(t *testing.T) {
	dir, in := corpustest.Inputs(t)
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte(`{"text":{"perplexty":{"on":false}}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "set")
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"build --in x", 2, "out"},
		{"build --in x --uot y", 2, "did you mean --out?"},
		{"buld", 2, `did you mean "build"?`},
		{"build --in x --out y z", 2, `takes no argument, got "z"`},
		{"build --in IN --out OUT --runner=prsm", 2, `did you mean "prism"?`},
		{"build --in IN --out OUT --runner=universal", 2, "--endpoint"},
		{"build --in IN --out OUT --workers=-1", 2, "--workers"},
		{"build --in IN --out OUT --recipe=papr", 2, `did you mean "paper"?`},
		{"build --in IN --out OUT --config BAD", 1, `did you mean "text.perplexity"?`},
		{"build --in IN --out OUT --config DIR/bda.json", 1, "did you mean " + bad + "?"},
		{"build --in IN --out OUT --set text.lenght.content=3", 1, `did you mean "text.length.content"?`},
		{"build --in DIR/none.jsonl --out OUT", 1, "none.jsonl"},
		{"build --in IN --out DIR", 1, "is not empty"},
		{"build --in warcc:x --out OUT", 1, "no format is called warcc"},
		{"recipe --paper --default", 2, "choose one"},
		{"explain --in IN --doc nobody", 1, `"nobody"`},
		{"ablate --in IN --out OUT --without perplexty", 2, `did you mean "text.perplexity"?`},
		{"plan --report DIR/none.json", 1, "none.json"},
		{"plan --days 0", 2, "--days"},
		{"lm --in IN --out DIR/none/x.lm", 1, "there is no folder"},
		{"lm --in IN --out OUT --order 9", 2, "order"},
	} {
		line := strings.NewReplacer("IN", in[0], "OUT", out, "DIR", dir, "BAD", bad).Replace(test.args)
		_, stderr, code := run(t, strings.Fields(line)...)
		if code != test.code || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "m6-corpus: ") || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit code %d, %q: want %d and one line with %q", test.args, code, stderr, test.code, test.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s left the output folder behind", test.args)
			_ = os.RemoveAll(out)
		}
	}
}

func TestRecipeCommand(t *testing.T) {
	for flag, want := range map[string]recipe.Recipe{"--paper": recipe.Paper(), "--default": recipe.Default(), "--imagine": recipe.Imagine()} {
		printed := must(t, "recipe", flag)
		if strings.TrimSpace(printed) != string(want.JSON()) {
			t.Errorf("recipe %s prints another recipe", flag)
		}
		file := filepath.Join(t.TempDir(), "recipe.json")
		if err := os.WriteFile(file, []byte(printed), 0o666); err != nil {
			t.Fatal(err)
		}
		if again := must(t, "recipe", "--config", file); again != printed {
			t.Errorf("recipe --config of what recipe %s prints is another recipe", flag)
		}
	}
}

// TestModel trains a language model, builds with it, explains, compares builds, and plans.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	var good, mixed bytes.Buffer
	for i := range 400 {
		fmt.Fprintf(&good, "%s\n\n", corpustest.Sentence(i)+corpustest.Sentence(i+1000))
	}
	const noise = "砼砽砾砿礀礁礂礃礄礅礆礇礈礉礊礋礌礍礎礏礐礑礒。"
	for i := range 30 {
		fmt.Fprintf(&mixed, "%s\n\n", corpustest.Sentence(3*i)+noise+corpustest.Sentence(3*i+500))
	}
	for name, data := range map[string][]byte{"good.txt": good.Bytes(), "mixed.txt": mixed.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	model, in := filepath.Join(dir, "zh.lm"), "common_crawl=text:"+filepath.Join(dir, "mixed.txt")
	must(t, "lm", "--in", "common_crawl=text:"+filepath.Join(dir, "good.txt"), "--out", model, "--prune=0", "--held-out=5")
	set := "text.perplexity.model=" + model
	out := filepath.Join(dir, "set")
	var r stages.Report
	if err := json.Unmarshal([]byte(must(t, "build", "--json", "--in", in, "--out", out, "--set", set)), &r); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Funnel {
		if f.Rule == "text.perplexity" && f.Sentences < 30 {
			t.Errorf("perplexity removed %d sentences, want the 30 of noise at least", f.Sentences)
		}
	}
	page, err := os.ReadFile(filepath.Join(out, stages.PageName))
	if err != nil || !bytes.Contains(page, []byte("text: perplexity")) || !bytes.Contains(page, []byte("(removed)")) || bytes.Contains(page, []byte("<script")) {
		t.Errorf("the page does not show a removed sentence, or has a script (%v)", err)
	}
	told := must(t, "explain", "--in", in, "--set", set, "--doc", firstID(t, out))
	if !strings.Contains(told, "text: perplexity") || !strings.Contains(told, noise) || !strings.Contains(told, "(removed)") {
		t.Errorf("explain does not show the removed sentence:\n%s", told)
	}
	var a ablation
	if err := json.Unmarshal([]byte(must(t, "ablate", "--json", "--without", "perplexity", "--in", in, "--out", filepath.Join(dir, "ablation"), "--set", set)), &a); err != nil {
		t.Fatal(err)
	}
	if a.Without != "text.perplexity" || len(a.Sources) != 1 || a.Sources[0].Full.Tokens >= a.Sources[0].Variant.Tokens {
		t.Errorf("ablation %+v: want fewer tokens with the rule", a)
	}
	var e estimate
	if err := json.Unmarshal([]byte(must(t, "plan", "--json", "--report", filepath.Join(out, stages.ReportName), "--pictures=0", "--days=2")), &e); err != nil {
		t.Fatal(err)
	}
	if e.CoreHours <= 0 || e.Cores < 1 || e.Yield <= 0 || e.Yield > 1 {
		t.Errorf("plan %+v", e)
	}
	if _, stderr, code := run(t, "plan", "--report", filepath.Join(out, stages.ReportName)); code != 1 || !strings.Contains(stderr, "without pictures") {
		t.Errorf("a plan for pictures by a build without: exit code %d, %q", code, stderr)
	}
}

// firstID is the id of a record of the training split.
func firstID(t *testing.T, dir string) string {
	t.Helper()
	for id, x := range corpustest.Rows(t, dir) {
		if x.Split == "train" {
			return id
		}
	}
	t.Fatal("the set has no training record")
	return ""
}

// TestHeldOut: the data of an ablation's variant is its own training split with the held-out splits of the full build.
func TestHeldOut(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	full, variant, data := filepath.Join(dir, "full"), filepath.Join(dir, "variant"), filepath.Join(dir, "data")
	must(t, append([]string{"build", "--runner=none", "--out", full, "--set=split.valid=0.2"}, sources(in)...)...)
	must(t, append([]string{"build", "--runner=none", "--out", variant, "--set=split.valid=0.2", "--set=text.length.on=false"}, sources(in)...)...)
	if err := heldOutOf(full, variant, data); err != nil {
		t.Fatal(err)
	}
	if audit, err := record.Check(data); err != nil || !audit.OK() {
		t.Errorf("faults %v, %v", audit.Faults, err)
	}
	own, its, rows := corpustest.Rows(t, full), corpustest.Rows(t, variant), corpustest.Rows(t, data)
	valid, train := 0, 0
	for id, x := range rows {
		switch {
		case x.Split == "train" && its[id] != x, x.Split != "train" && own[id] != x:
			t.Errorf("%s of %s is not from where it should be", id, x.Split)
		case x.Split == "train":
			train++
		default:
			valid++
		}
	}
	if valid == 0 || train == 0 {
		t.Errorf("%d rows of train, %d held out: want some of both", train, valid)
	}
}
