package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tallyModule is a module whose packages end in every way that `go test` knows.
var tallyModule = map[string]string{
	"go.mod": "module m6lab\n\ngo 1.26\n",
	"good/a_test.go": `package good
import "testing"
func TestOne(t *testing.T) { t.Log("hidden") }
func TestTwo(t *testing.T) { t.Run("a", func(t *testing.T) {}); t.Run("b", func(t *testing.T) { t.Run("c", func(t *testing.T) {}) }) }
func TestSkip(t *testing.T) { t.Skip("no Chromium") }
func Example() {
	// Output:
}
`,
	"bad/a_test.go": `package bad
import "testing"
func TestOne(t *testing.T) { t.Run("a", func(t *testing.T) { t.Error("a is wrong") }); t.Run("b", func(t *testing.T) {}) }
func TestOwn(t *testing.T) { t.Run("a", func(t *testing.T) {}); t.Error("the parent is wrong") }
`,
	"build/a_test.go": `package build
import "testing"
func TestOne(t *testing.T) { undefinedName() }
`,
	"vet/a_test.go": `package vet
import "testing"
func TestOne(t *testing.T) { t.Logf("%d", "text") }
`,
	"panics/a_test.go": `package panics
import "testing"
func TestFine(t *testing.T) {}
func TestPanic(t *testing.T) { panic("boom") }
`,
	"exits/a_test.go": `package exits
import ("os"; "testing")
func TestExit(t *testing.T) { os.Exit(3) }
`,
	"main/a_test.go": `package main
import ("os"; "testing")
func TestMain(m *testing.M) { os.Exit(4) }
`,
	"none/a.go": "package none\n",
}

func TestTally(t *testing.T) {
	folder := t.TempDir()
	for name, content := range tallyModule {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	events, _ := cmd.Output() // it fails, as it must
	var out bytes.Buffer
	tally := newTally(&out)
	if err := tally.read(bytes.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	tally.close()
	text := out.String()

	slices.Sort(tally.failures)
	want := []string{
		"bad.TestOne/a", "bad.TestOwn", "build (build)", "exits (the package as a whole)", "main (the package as a whole)",
		"panics.TestPanic", "vet (build)",
	}
	if got := tally.failures; !slices.Equal(got, want) {
		t.Errorf("failures:\ngot  %q\nwant %q", got, want)
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	// good: TestOne, TestTwo/a, TestTwo/b/c, Example; bad: TestOne/b, TestOwn/a; panics: TestFine
	if got, want := lines[len(lines)-1], "7 passed, 7 failed, 1 skipped"; got != want {
		t.Errorf("closing line: got %q, want %q\n%s\n%s", got, want, text, events)
	}
	for _, want := range []string{"a is wrong", "the parent is wrong", "undefined: undefinedName", "boom", "good.TestSkip: a_test.go:5: no Chromium"} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hidden") {
		t.Error("the output shows what a passed test printed")
	}
}

func TestClosing(t *testing.T) {
	tests := []struct {
		tally tally
		want  string
	}{
		{tally{}, "0 passed, 0 failed"},
		{tally{passed: 3, failed: 1}, "3 passed, 1 failed"},
		{tally{passed: 3, skipped: 2}, "3 passed, 0 failed, 2 skipped"},
	}
	for _, test := range tests {
		if got := test.tally.closing(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
