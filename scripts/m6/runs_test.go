package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"m6lab/checkpoints"
	"m6lab/datasets/sample"
	"m6lab/datasets/text"
	"m6lab/m6"
	"m6lab/m6/strict"
)

// runFolder makes a run of 10 steps with a log of some of them and a checkpoint of another, 0 for none.
func runFolder(t *testing.T, dir string, logged int, saved int64, settings ...string) {
	t.Helper()
	r, err := m6.NewRun("debug")
	if err != nil {
		t.Fatal(err)
	}
	if err := strict.Override(&r, append([]string{"train.steps=10"}, settings...)); err != nil {
		t.Fatal(err)
	}
	v, err := text.ParseVocab(sample.Vocab())
	if err != nil {
		t.Fatal(err)
	}
	if err := m6.Folder(dir).Create(r, v); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for step := 1; step <= logged; step++ {
		line := fmt.Sprintf(`{"step":%d,"loss":%g,"tokens_per_second":%d,"mfu":0.25`, step, 8-float64(step)/2, 100*step)
		if step%2 == 0 {
			line += fmt.Sprintf(`,"valid_loss":%g`, 9-float64(min(step, 6)))
		}
		log.WriteString(line + "}\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "metrics.jsonl"), []byte(log.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if saved == 0 {
		return
	}
	m := holdRun(t, dir)
	if err := m.Save(checkpoints.State{Step: saved, Tensors: []checkpoints.Tensor{checkpoints.FromFloat32s("a", []int{1}, []float32{1})}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

// holdRun is the only writer of a run's checkpoints.
func holdRun(t *testing.T, dir string) *checkpoints.Manager {
	t.Helper()
	m, err := checkpoints.Open(m6.Folder(dir).Checkpoints(), checkpoints.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The state of runs follows from their lock, log and checkpoints; runs lie anywhere below the folder.
func TestRunsList(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	runFolder(t, at("finished"), 10, 10)
	runFolder(t, at("deep/er/stopped"), 6, 6)
	runFolder(t, at("failed"), 7, 4)
	runFolder(t, at("never-saved"), 2, 0)
	runFolder(t, at("春眠"), 3, 3)
	defer holdRun(t, at("春眠")).Close()
	if err := os.MkdirAll(at("damaged"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("damaged/run.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runM6(t, rootCommand(), "runs", "list", root, "--json")
	if code != 0 || !strings.Contains(errs, "left out: ") || !strings.Contains(errs, "damaged") {
		t.Fatalf("exit code %d, %q", code, errs)
	}
	var rows []runRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[filepath.Base(r.Name)] = fmt.Sprintf("%s %d/%d loss %s valid %s speed %s", r.State, r.Step, r.Steps, known(r.Loss, 1), known(r.Valid, 1), known(r.Speed, 0))
		if (r.Holder != "") != (r.State == "running") || r.Age < 0 || r.Age > 600 || r.Parameters != 774016 || r.Preset != "debug" {
			t.Errorf("%+v", r)
		}
	}
	want := map[string]string{
		"finished": "finished 10/10 loss 3.0 valid 3.0 speed 1000", "stopped": "stopped 6/10 loss 5.0 valid 3.0 speed 600",
		"failed": "failed 7/10 loss 4.5 valid 3.0 speed 700", "never-saved": "failed 2/10 loss 7.0 valid 7.0 speed 200",
		"春眠": "running 3/10 loss 6.5 valid 7.0 speed 300",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
	_, table, _ := runM6(t, rootCommand(), "runs", "list", at("finished"))
	if want := regexp.MustCompile(`(?m)^run +preset .*\n.*finished +debug +[0-9,]+ +10/10 +3\.000 +3\.000 +1000 +finished +\d+ s$`); !want.MatchString(table) {
		t.Errorf("the table\n%s\nwant %s", table, want)
	}
	var columns bytes.Buffer // the second column begins at the same place of a terminal
	if err := printCells(&columns, [][]string{{"run", "state"}, {"春眠", "running"}, {"second", "failed"}}); err != nil {
		t.Fatal(err)
	}
	if want := "run     state\n春眠    running\nsecond  failed\n"; columns.String() != want {
		t.Errorf("got\n%swant\n%s", &columns, want)
	}
	if code, _, errs := runM6(t, rootCommand(), "runs", "list", at("none")); code != 1 || !strings.Contains(errs, "none") {
		t.Errorf("a folder that is not there: exit code %d, %q", code, errs)
	}
}

func TestRunsCompare(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "甲"), filepath.Join(root, "second")
	runFolder(t, a, 10, 10)
	runFolder(t, b, 6, 6, "train.learning_rate=0.5", "data.text_buckets=[21]")
	figure := filepath.Join(root, "compare.svg")
	code, out, errs := runM6(t, rootCommand(), "runs", "compare", a, b, "--json", "--out", figure)
	if code != 0 {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	var c comparison
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err)
	}
	if want := []configDifference{{"data.text_buckets", []string{"[32,96]", "[21]"}}, {"train.learning_rate", []string{"0.002", "0.5"}}}; !reflect.DeepEqual(c.Config, want) {
		t.Errorf("config %v, want %v", c.Config, want)
	}
	got := map[string]string{}
	for _, f := range c.Figures {
		got[f.Name] = fmt.Sprintf("%g %g %g", *f.Values[0], *f.Values[1], *f.Differ[1])
	}
	want := map[string]string{"steps": "10 6 -4", "last loss": "3 5 2", "best valid loss": "3 3 0", "median tokens/s": "500 300 -200", "median MFU": "0.25 0.25 0"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("figures %v, want %v", got, want)
	}
	if svg, err := os.ReadFile(figure); err != nil || !strings.HasPrefix(string(svg), "<svg") && !strings.HasPrefix(string(svg), "<?xml") {
		t.Errorf("the figure: %v, %.60s", err, svg)
	}
	_, table, _ := runM6(t, rootCommand(), "runs", "compare", a, b)
	for _, want := range []string{`(?m)^config +甲 +second$`, `(?m)^train\.learning_rate +0\.002 +0\.5$`, `(?m)^last loss +3 +5 \(\+2, \+66\.7 %\)$`} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("the table\n%s\nwant %s", table, want)
		}
	}
	page := filepath.Join(root, "compare.html")
	if code, _, errs := runM6(t, rootCommand(), "runs", "compare", a, b, "--out", page, "--metric", "tokens_per_second"); code != 0 {
		t.Errorf("a page: exit code %d, %s", code, errs)
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "train.learning_rate") || !strings.Contains(string(html), "<svg") {
		t.Errorf("the page has no figure or no table (%v)", err)
	}
	for _, bad := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{a}, 2, "two runs or more, got 1"},
		{[]string{a, b, "--metric", "los"}, 1, `did you mean "loss"?`},
		{[]string{a, filepath.Join(root, "none")}, 1, "is no run folder"},
		{[]string{a, b, "--out", "x.pdf"}, 2, ".svg, .png or .html"},
	} {
		if code, _, errs := runM6(t, rootCommand(), append([]string{"runs", "compare"}, bad.args...)...); code != bad.code || !strings.Contains(errs, bad.want) {
			t.Errorf("%v: exit code %d, %q, want %d with %q", bad.args, code, errs, bad.code, bad.want)
		}
	}
}
