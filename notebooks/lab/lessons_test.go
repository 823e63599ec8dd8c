package lab

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLessons holds every notebook to what is agreed for lessons: committed without outputs, short, and without paths of a machine.
func TestLessons(t *testing.T) {
	files, err := filepath.Glob("../*.ipynb")
	if err != nil || len(files) == 0 {
		t.Fatalf("no lessons found: %v", err)
	}
	paths := regexp.MustCompile(`(^|["'\s(])(/(home|root|tmp|work|usr|Users)/|~/|https?://)`)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lesson struct {
			Cells []struct {
				Type    string            `json:"cell_type"`
				Count   *int              `json:"execution_count"`
				Outputs []json.RawMessage `json:"outputs"`
				Source  []string          `json:"source"`
			} `json:"cells"`
		}
		if err := json.Unmarshal(data, &lesson); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if n := len(lesson.Cells); n > 25 {
			t.Errorf("%s has %d cells, want at most 25", file, n)
		}
		if first := strings.Join(lesson.Cells[0].Source, ""); !strings.Contains(first, "| data | device | time |") || !strings.Contains(first, "**Question:**") {
			t.Errorf("%s: the first cell does not say question, data, device and time", file)
		}
		for i, cell := range lesson.Cells {
			if cell.Count != nil || len(cell.Outputs) > 0 {
				t.Errorf("%s: cell %d was committed with its output", file, i)
			}
			if cell.Type == "code" && len(cell.Source) > 15 {
				t.Errorf("%s: cell %d has %d lines, want at most 15", file, i, len(cell.Source))
			}
			if found := paths.FindString(strings.Join(cell.Source, "")); found != "" {
				t.Errorf("%s: cell %d names a place outside the checkout: %q", file, i, found)
			}
		}
	}
}
