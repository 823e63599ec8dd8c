package watch

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"
)

// Every line is one JSON object with time, level, rank and the step at that moment.
func TestLogger(t *testing.T) {
	var out bytes.Buffer
	step := int64(0)
	log := NewLogger(&out, 3, func() int64 { return step })
	log.Info("begins", "steps", 11)
	step = 7
	log.With("run", "runs/春").Warn("two\nlines", slog.Float64("loss", 2.5))
	want := []map[string]any{
		{"level": "INFO", "msg": "begins", "rank": 3.0, "step": 0.0, "steps": 11.0},
		{"level": "WARN", "msg": "two\nlines", "rank": 3.0, "step": 7.0, "run": "runs/春", "loss": 2.5},
	}
	lines := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), &out)
	}
	for i, line := range lines {
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		at, ok := got["time"].(string)
		if _, err := time.Parse(time.RFC3339Nano, at); !ok || err != nil {
			t.Errorf("line %d has the time %q", i, at)
		}
		for name, value := range want[i] {
			if got[name] != value {
				t.Errorf("line %d: %s is %v, want %v", i, name, got[name], value)
			}
		}
		if len(got) != len(want[i])+1 {
			t.Errorf("line %d has more than it should: %s", i, line)
		}
	}
}
