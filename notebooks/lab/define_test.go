package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/m6"
)

const notebookText = `package main

const share = 0.5

type pair struct{ a, b int }

// First is a mask.
func First(x int) int { return second(x) + 1 }

func second(x int) int { return int(share * float64(x)) }

func other() int { return 3 }

var literal = func(x int) int { return x }
`

func TestFunctionText(t *testing.T) {
	text := func(source string, line int, name string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := functionText(path, line, name)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	base := text(notebookText, 8, "First")
	for _, test := range []struct {
		name, from, to string
		same           bool
	}{
		{"comment", "is a mask", "is the mask", true},
		{"space", "second(x) + 1", "second(x)+1", true},
		{"another function", "return 3", "return 4", true},
		{"own text", "+ 1", "+ 2", false},
		{"called function", "share * float64(x)", "share / float64(x)", false},
		{"constant", "0.5", "0.25", false},
	} {
		changed := strings.Replace(notebookText, test.from, test.to, 1)
		if got := text(changed, 8, "First"); (got == base) != test.same {
			t.Errorf("%s changed: same fingerprint %v, want %v", test.name, got == base, test.same)
		}
	}
	if got := text(notebookText, 14, "init.func1"); !strings.Contains(got, "return x") {
		t.Errorf("text of a literal is %q", got)
	}
	if _, err := functionText(filepath.Join(t.TempDir(), "none.go"), 1, "First"); err == nil {
		t.Error("a file that is not there gives no error")
	}
}

func firstMask(valid *Node, shape m6.Shape) *Node  { return PaperMask(valid, shape) }
func secondMask(valid *Node, shape m6.Shape) *Node { return Not(PaperMask(valid, shape)) }

func TestDefine(t *testing.T) {
	defer func() { parts, schedule, definitions, conflicts = m6.Parts{}, nil, map[string]definition{}, nil }()
	DefineMask(firstMask)
	first := fingerprints()
	DefineMask(firstMask) // a cell that is run twice
	if len(conflicts) != 0 || parts.Mask == nil || first["mask"] == "" {
		t.Errorf("after one definition: conflicts %q, fingerprints %v", conflicts, first)
	}
	if definitions["mask"].name != "firstMask" {
		t.Errorf("the function is called %q", definitions["mask"].name)
	}
	DefineMask(secondMask)
	if len(conflicts) != 1 || !strings.Contains(conflicts[0], "firstMask and secondMask") {
		t.Errorf("conflicts of two masks: %q", conflicts)
	}
	DefineMask(nil)
	if got := fingerprints(); len(got) != 0 {
		t.Errorf("nil leaves fingerprints %v", got)
	}
	DefineSchedule(func(update int64) float64 { return -1 })
	if err := guarded(func() error { schedule(3); return nil }); err == nil || !strings.Contains(err.Error(), "update 3") {
		t.Errorf("a negative learning rate gives %v", err)
	}
}

func TestMaskFigure(t *testing.T) {
	o, err := maskFigure(PaperMask, 2, "[MASK]", "图里")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"11100000", "11100000", "11100000", "11110000", "11111000", "11111100", "11111110"}
	var got []string
	for _, row := range o.Allowed {
		line := ""
		for _, seen := range row {
			if seen {
				line += "1"
			} else {
				line += "0"
			}
		}
		got = append(got, line)
	}
	if want := []string{"patch 0", "patch 1", "[MASK]", "[CLS]", "图", "里", "[SEP]"}; !slices.Equal(o.Labels, want) {
		t.Errorf("labels %q, want %q", o.Labels, want)
	}
	for i := range got {
		if want := want[i][:len(got)]; got[i] != want {
			t.Errorf("row %d sees %s, want %s", i, got[i], want)
		}
	}
	wrong := func(valid *Node, shape m6.Shape) *Node { return valid }
	if _, err := maskFigure(wrong, 2, "图", "图里"); err == nil || !strings.Contains(err.Error(), "want (Bool)[1, 7, 7]") {
		t.Errorf("a mask of the wrong shape gives %v", err)
	}
}
