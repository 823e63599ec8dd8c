package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
)

// runM6 runs root with args and returns the exit code and what it wrote.
func runM6(t *testing.T, root *cobra.Command, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = command.Execute(t.Context(), root, args, command.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

// TestEveryCommand: each has a description, an example that begins with its own name, and help that
// shows both.
func TestEveryCommand(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: short %q, example %q: want both, the example with %q", cmd.CommandPath(), cmd.Short, cmd.Example, cmd.CommandPath())
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if code, help, stderr := runM6(t, rootCommand(), args...); code != 0 || !strings.Contains(help, cmd.Example) {
			t.Errorf("%s --help: code %d, %q", cmd.CommandPath(), code, stderr)
		}
		for _, child := range cmd.Commands() {
			if child.Name() != "help" && child.Name() != "completion" {
				visit(child)
			}
		}
	}
	visit(rootCommand())
}

// TestCommandsAreListed: every command that a file defines is in the tree.
func TestCommandsAreListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var program strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			program.Write(data)
		}
	}
	defined := regexp.MustCompile(`(?m)^func (\w+Command)\(\) \*cobra\.Command`).FindAllStringSubmatch(program.String(), -1)
	if len(defined) < 5 {
		t.Errorf("found %d commands: the test sees too little", len(defined))
	}
	for _, match := range defined {
		if strings.Count(program.String(), match[1]+"()") < 2 {
			t.Errorf("%s is defined and listed nowhere", match[1])
		}
	}
}

// TestPretrainFlags freezes the flags of `m6 pretrain`: everything else goes through --set.
func TestPretrainFlags(t *testing.T) {
	cmd, _, err := rootCommand().Find([]string{"pretrain"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range strings.FieldsSeq(cmd.LocalFlags().FlagUsages()) {
		if strings.HasPrefix(name, "--") {
			got = append(got, name)
		}
	}
	if got, want := strings.Join(got, " "), "--config --data --dir --preset --set"; got != want {
		t.Errorf("flags of m6 pretrain: got %s, want %s", got, want)
	}
}

// TestSetupSeesTheUsersBackend: set-up must not take the fallback for a choice of the user.
func TestSetupSeesTheUsersBackend(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "")
	chooseBackend(&cobra.Command{Use: "setup"}, nil)
	if got := os.Getenv("GOMLX_BACKEND"); got != "" {
		t.Errorf("GOMLX_BACKEND became %q before set-up", got)
	}
	chooseBackend(&cobra.Command{Use: "pretrain"}, nil)
	if got := os.Getenv("GOMLX_BACKEND"); got == "" {
		t.Error("GOMLX_BACKEND is not set before other commands")
	}
}
