package policy_test

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"
)

// notebook is what the rules need of the format.
type notebook struct {
	Cells []cell `json:"cells"`
}

type cell struct {
	Type      string            `json:"cell_type"`
	Source    source            `json:"source"`
	Outputs   []json.RawMessage `json:"outputs"`
	Execution *int              `json:"execution_count"`
}

// source is a cell's text: one string, or a list of lines.
type source string

// UnmarshalJSON reads either form.
func (s *source) UnmarshalJSON(data []byte) error {
	var lines []string
	if json.Unmarshal(data, &lines) == nil {
		*s = source(strings.Join(lines, ""))
		return nil
	}
	return json.Unmarshal(data, (*string)(s))
}

// notebookFaults lists what is wrong with a notebook.
func notebookFaults(data string) []string {
	var n notebook
	if err := json.Unmarshal([]byte(data), &n); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	if len(n.Cells) > 25 {
		faults = append(faults, fmt.Sprintf("%d cells: want at most 25", len(n.Cells)))
	}
	for i, c := range n.Cells {
		if c.Type != "code" {
			continue
		}
		if len(c.Outputs) > 0 || c.Execution != nil {
			faults = append(faults, fmt.Sprintf("cell %d was committed with its output", i+1))
		}
		if lines := strings.Count(strings.TrimSpace(string(c.Source)), "\n") + 1; lines > 15 {
			faults = append(faults, fmt.Sprintf("cell %d has %d lines of code: want at most 15", i+1, lines))
		}
	}
	return faults
}

func TestNotebooks(t *testing.T) {
	for _, file := range files(t) {
		if path.Ext(file) != ".ipynb" {
			continue
		}
		for _, fault := range notebookFaults(read(t, file)) {
			t.Errorf("%s: %s", file, fault)
		}
	}
}

func TestNotebookFaults(t *testing.T) {
	code := func(source string) string {
		return `{"cell_type":"code","source":` + source + `,"outputs":[],"execution_count":null}`
	}
	long, err := json.Marshal(strings.Repeat("x\n", 16))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, cells string
		faults      int
	}{
		{"clean", code(`"a\nb"`) + `,{"cell_type":"markdown","source":["# Title\n","text"]}`, 0},
		{"output", `{"cell_type":"code","source":"a","outputs":[{"output_type":"stream"}],"execution_count":null}`, 1},
		{"count", `{"cell_type":"code","source":"a","outputs":[],"execution_count":3}`, 1},
		{"long cell", code(string(long)), 1},
		{"long list", code(`[` + strings.Repeat(`"x\n",`, 15) + `"x"]`), 1},
		{"many cells", strings.Repeat(code(`"a"`)+",", 25) + code(`"a"`), 1},
		{"broken", `{`, 1},
	}
	for _, test := range tests {
		if got := notebookFaults(`{"cells":[` + test.cells + `]}`); len(got) != test.faults {
			t.Errorf("%s: got faults %q, want %d", test.name, got, test.faults)
		}
	}
}
