package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plans runs `m6 plan`, which must not fail.
func plans(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := runM6(t, rootCommand(), append([]string{"plan"}, args...)...)
	if code != 0 {
		t.Fatalf("m6 plan %v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// The formulas and XLA's own figures come side by side, under the names that scripts rely on.
func TestPlanLower(t *testing.T) {
	out := plans(t, "--preset", "debug", "--set", "model.encoder.kind=none", "--mesh", "data=2,model=2", "--batch", "8", "--lower", "--json")
	type side struct {
		Arguments, Temporaries, Peak int64
		FLOPs                        float64
		Collectives                  map[string]struct{ Count, Bytes int64 }
	}
	var p struct {
		Predicted, Compiled side
		Seconds             float64 `json:"compile_seconds"`
		Estimate            struct {
			Fits bool
			Step float64 `json:"step_seconds"`
		}
	}
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if p.Predicted.Arguments != p.Compiled.Arguments || p.Compiled.Peak <= p.Compiled.Arguments || p.Compiled.FLOPs <= 0 || p.Seconds <= 0 {
		t.Errorf("predicted %+v, compiled %+v in %g s", p.Predicted, p.Compiled, p.Seconds)
	}
	if got, want := p.Predicted.Collectives["all-reduce"].Count, p.Compiled.Collectives["all-reduce"].Count; got != want || got == 0 {
		t.Errorf("%d all-reduces, compiled %d", got, want)
	}
	if !p.Estimate.Fits || p.Estimate.Step <= 0 {
		t.Errorf("estimate %+v, want one that fits", p.Estimate)
	}
}

func TestPlanText(t *testing.T) {
	out := plans(t, "--preset", "10b", "--mesh", "data=16,model=8", "--batch", "64", "--device", "A100")
	for _, want := range []string{"64 rows", "weights, renewed in parts", "128 x A100", "an epoch of 111.8B tokens"} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan does not say %q:\n%s", want, out)
		}
	}
	out = plans(t, "--preset", "100b", "--devices", "128", "--batch", "128")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) < 4 || !strings.Contains(lines[1], "true") {
		t.Errorf("meshes of 128 devices:\n%s", out)
	}
	figure := filepath.Join(t.TempDir(), "plan.svg")
	plans(t, "--preset", "base", "--figure", figure)
	if data, err := os.ReadFile(figure); err != nil || !strings.Contains(string(data), "optimizer state") {
		t.Errorf("the figure: %v", err)
	}
	own := filepath.Join(t.TempDir(), "mine.json")
	if err := os.WriteFile(own, []byte(`{"name": "mine", "memory": 1e9, "bf16": 1e12, "f32": 1e12, "bandwidth": 1e11, "node": 4, "link": 1e10, "network": 1e9, "hour_price": 2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := plans(t, "--preset", "base", "--device", own); !strings.Contains(out, "does NOT fit") || !strings.Contains(out, "cost") {
		t.Errorf("a device of one's own:\n%s", out)
	}
}

func TestPlanBadInput(t *testing.T) {
	for _, c := range []struct {
		say  string
		args []string
	}{
		{`did you mean "mesh.data"`, []string{"--mesh", "dat=2"}},
		{"no axis=number", []string{"--mesh", "data"}},
		{"does not divide model.heads 16", []string{"--mesh", "model=3"}},
		{"does not divide train.batch", []string{"--mesh", "data=3"}},
		{`did you mean "H100"`, []string{"--device", "H10"}},
		{"no such file", []string{"--device", "nowhere.json"}},
		{"model.positions is 512", []string{"--text", "600"}},
		{".svg or .png", []string{"--figure", "plan.txt"}},
		{"no mesh of 7 devices", []string{"--devices", "7"}},
		{"figure", []string{"--devices", "8", "--figure", "plan.svg"}},
	} {
		code, _, stderr := runM6(t, rootCommand(), append([]string{"plan", "--preset", "base"}, c.args...)...)
		if code == 0 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.say) {
			t.Errorf("%v: code %d, %q, want one line that says %q", c.args, code, stderr, c.say)
		}
	}
}
