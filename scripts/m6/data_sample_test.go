package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"m6lab/datasets/record"
	"m6lab/scripts/command"
)

// runSample runs `m6 sample ARGS`.
func runSample(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	root := &cobra.Command{Use: "m6", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().Bool("json", false, "")
	root.AddCommand(dataSampleCommand())
	var out, err bytes.Buffer
	code = command.Execute(t.Context(), root, append([]string{"sample"}, args...), command.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	return code, out.String(), err.String()
}

func TestDataSample(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	for _, again := range []bool{false, true} {
		code, stdout, stderr := runSample(t, "--out", dir, "--json")
		if code != 0 {
			t.Fatalf("again %v: exit code %d: %s", again, code, stderr)
		}
		var got map[string]record.Split
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatal(err)
		}
		if got["train"].Sources["scenes"].Rows != 20000 || got["test"].Sources["scenes"].Rows != 800 {
			t.Errorf("again %v: splits %+v", again, got)
		}
	}
}

func TestDataSampleErrors(t *testing.T) {
	full := t.TempDir()
	t.Setenv("PATH", full) // no client there
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no out", nil, 2, `required flag(s) "out" not set`},
		{"sources without full", []string{"--out", "x", "--sources", "emoji"}, 2, "--sources and --cache belong to --full"},
		{"unknown source", []string{"--out", filepath.Join(full, "a"), "--full", "--cache", full, "--sources", "photos"}, 1, `no source "photos": the sources are scenes`},
		{"no client", []string{"--out", filepath.Join(full, "b"), "--full", "--cache", full, "--sources", "emoji"}, 1, "the client npm is not on PATH"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := runSample(t, test.args...)
			if code != test.code || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") > 2 || stdout != "" {
				t.Errorf("exit code %d, want %d; standard error %q, want %q in it", code, test.code, stderr, test.want)
			}
		})
	}
}
