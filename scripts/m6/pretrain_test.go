package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m6lab/m6/watch"
	"m6lab/scripts/command"
)

// smallRun are the settings of a run that compiles in a moment, on a folder's own data.
func smallRun(t *testing.T, settings ...string) (args []string, run string) {
	t.Helper()
	folder, _, _ := colourFolder(t)
	data := filepath.Join(t.TempDir(), "data")
	if code, _, errs := runM6(t, rootCommand(), "data", "folder", folder, "--out", data); code != 0 {
		t.Fatalf("data: %s", errs)
	}
	run = filepath.Join(t.TempDir(), "run")
	args = []string{"pretrain", "--preset", "debug", "--data", data, "--dir", run}
	for _, s := range append([]string{"model.layers=1", "model.width=32", "model.heads=2", "model.ffn=64", "model.vocabulary=64", "model.encoder.size=32", "model.encoder.grid=4",
		"train.batch=4", "data.text_buckets=[20]", `data.tasks={"lm":1,"caption":0,"text_denoise":0,"image_denoise":0}`, "train.log_every=1"}, settings...) {
		args = append(args, "--set", s)
	}
	return args, run
}

// With watch.log=json every line of standard error is a JSON object with time, level, rank and step.
func TestJSONLog(t *testing.T) {
	args, _ := smallRun(t, "watch.log=json", "train.steps=3")
	code, _, errs := runM6(t, rootCommand(), args...)
	if code != 0 {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	var steps []float64
	for line := range strings.Lines(errs) {
		var l struct {
			Time       time.Time
			Level, Msg string
			Rank       *int
			Step, Loss *float64
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time.IsZero() || l.Level == "" || l.Rank == nil || *l.Rank != 0 || l.Step == nil {
			t.Errorf("%q (%v): want time, level, rank and step", line, err)
			continue
		}
		if l.Msg == "step" && l.Loss != nil {
			steps = append(steps, *l.Step)
		}
	}
	if len(steps) != 3 || steps[0] != 1 || steps[2] != 3 {
		t.Errorf("lines of the steps %v, want 1, 2, 3", steps)
	}
}

// TestHangExit: a run that hangs ends with its documented exit code. A limit below the time of any step makes every run one that hangs.
func TestHangExit(t *testing.T) {
	if list := os.Getenv("M6_TEST_HANG"); list != "" {
		var args []string
		if err := json.Unmarshal([]byte(list), &args); err != nil {
			t.Fatal(err)
		}
		os.Exit(command.Execute(context.Background(), rootCommand(), args, command.Streams{In: os.Stdin, Out: io.Discard, Err: os.Stderr}))
	}
	args, run := smallRun(t, "watch.hang_seconds=1e-9", "watch.hang_exit=true", "train.steps=100000")
	list, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHangExit$")
	cmd.Env = append(os.Environ(), "M6_TEST_HANG="+string(list))
	var said bytes.Buffer
	cmd.Stderr = &said
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != watch.HangExitCode || watch.HangExitCode != 75 {
		t.Fatalf("%v, want exit code 75\n%s", err, &said)
	}
	stacks, err := filepath.Glob(filepath.Join(run, "hang-*.txt"))
	if err != nil || len(stacks) != 1 || !strings.Contains(said.String(), "hang: step ") || !strings.Contains(said.String(), stacks[0]) {
		t.Errorf("the files of stacks %v (%v), and the run said:\n%s", stacks, err, &said)
	}
}
