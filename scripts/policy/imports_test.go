// Package policy_test holds the house's rules as tests: which package may import which, how long
// files are, what notebooks contain, and that what the README names exists.
package policy_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the direction of data through the house: a package of the folder on the left imports
// only what lies in the folders on the right, beside its own folder where that is named. A folder
// that is not here imports nothing of ours. It is a statement of policy: do not change it to fix a
// build.
var mayImport = map[string][]string{
	"layers":      {"layers"},
	"datasets":    {"datasets"},
	"checkpoints": {"checkpoints"},
	"viz":         {"viz"},
	"m6":          {"m6", "layers", "datasets", "checkpoints"},
	"tasks":       {"tasks", "m6", "layers", "datasets", "checkpoints"},
	"scripts":     {"scripts", "notebooks", "tasks", "m6", "viz", "layers", "datasets", "checkpoints"},
	"notebooks":   {"notebooks", "scripts", "tasks", "m6", "viz", "layers", "datasets", "checkpoints"},
}

// notNames are names of folders that say nothing about what lives there.
var notNames = []string{"util", "utils", "common", "helper", "helpers", "types", "pkg", "misc", "lib", "base", "shared"}

func TestImports(t *testing.T) {
	checked := 0
	for _, file := range goFiles(t) {
		room, _, _ := strings.Cut(file, "/")
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s: the house has no folder %s", file, room)
			continue
		}
		for _, imported := range importsOf(t, file) {
			checked++
			if other, _, _ := strings.Cut(imported, "/"); !slices.Contains(allowed, other) {
				t.Errorf("%s imports m6lab/%s: %s may import %v alone", file, imported, room, allowed)
			}
		}
	}
	if checked == 0 {
		t.Error("no import of ours was found: the test sees nothing")
	}
}

func TestFolderNames(t *testing.T) {
	for _, file := range goFiles(t) {
		for folder := range strings.SplitSeq(path.Dir(file), "/") {
			if slices.Contains(notNames, folder) {
				t.Errorf("%s: a folder called %s says nothing about what lives there", file, folder)
			}
		}
	}
}

// TestFileLength: a file that is no test has fewer than 500 lines.
func TestFileLength(t *testing.T) {
	const limit = 500
	for _, file := range goFiles(t) {
		if lines := strings.Count(read(t, file), "\n"); lines >= limit && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s has %d lines: want fewer than %d", file, lines, limit)
		}
	}
}

// TestNoStringSettings: hyperparameters are typed fields, never GoMLX's strings.
func TestNoStringSettings(t *testing.T) {
	call := "SetParam" + "("
	for _, file := range goFiles(t) {
		if strings.Contains(read(t, file), call) {
			t.Errorf("%s calls %s...): use a field of the config", file, call)
		}
	}
}

// root is the checkout.
func root(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// goFiles lists the Go files of the checkout.
func goFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(files(t), func(file string) bool { return path.Ext(file) != ".go" })
}

// files lists the files of the checkout, without what git ignores and without hidden folders other
// than .ci, as slash-separated paths from its root.
func files(t *testing.T) []string {
	t.Helper()
	var out []string
	ignored := []string{"bin", "runs", ".git", ".cache", ".venv", "__pycache__", ".ipynb_checkpoints"}
	err := filepath.WalkDir(root(t), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root(t), name)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && slices.Contains(ignored, entry.Name()) && relative != path.Join("scripts", "runs"):
			return filepath.SkipDir
		case entry.Type().IsRegular():
			out = append(out, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// importsOf lists what a file imports from this module, without its name.
func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, read(t, file), parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if ours, found := strings.CutPrefix(name, "m6lab/"); found {
			out = append(out, ours)
		}
	}
	return out
}
