package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// readmes are the pages whose commands must exist.
var readmes = []string{"../../README.md", "../../README.zh.md"}

var (
	codeBlock  = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	makeTarget = regexp.MustCompile(`^make((?: [a-z]+)+)`)
	m6Command  = regexp.MustCompile(`^(?:\./)?(?:bin/)?m6 (.*)`)
	ruleTarget = regexp.MustCompile(`(?m)^([a-z]+):`)
)

// TestReadmeCommands: every `make X` and `m6 X --flag` that a README shows exists.
func TestReadmeCommands(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, match := range ruleTarget.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, match[1])
	}
	for _, readme := range readmes {
		data, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		commands := shownCommands(string(data))
		if len(commands) < 5 {
			t.Errorf("%s shows %d commands: the test sees too little", readme, len(commands))
		}
		for _, command := range commands {
			if problem := commandProblem(command, targets); problem != "" {
				t.Errorf("%s: %q: %s", readme, command, problem)
			}
		}
	}
}

// shownCommands are the lines of code blocks and the spans of code that begin with make or m6.
func shownCommands(page string) []string {
	var lines []string
	for _, block := range codeBlock.FindAllStringSubmatch(page, -1) {
		lines = append(lines, strings.Split(strings.ReplaceAll(block[1], "\\\n", " "), "\n")...)
	}
	for _, span := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		lines = append(lines, span[1])
	}
	var out []string
	for _, line := range lines {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		line = strings.TrimSpace(strings.TrimPrefix(line, "$ "))
		if makeTarget.MatchString(line) || m6Command.MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

// commandProblem says what is wrong with one command line, "" if nothing is.
func commandProblem(line string, targets []string) string {
	if match := makeTarget.FindStringSubmatch(line); match != nil {
		for target := range strings.FieldsSeq(match[1]) {
			if !slices.Contains(targets, target) {
				return "the Makefile has no target " + target
			}
		}
		return ""
	}
	args := strings.Fields(m6Command.FindStringSubmatch(line)[1])
	cmd, _, err := rootCommand().Find(args)
	if err != nil {
		return err.Error()
	}
	return flagProblem(cmd, args)
}

// flagProblem names a flag of args that cmd does not have.
func flagProblem(cmd *cobra.Command, args []string) string {
	for _, arg := range args {
		name, isFlag := strings.CutPrefix(arg, "--")
		name, _, _ = strings.Cut(name, "=")
		if !isFlag || name == "help" || name == "version" && cmd == cmd.Root() {
			continue
		}
		if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
			return cmd.CommandPath() + " has no flag --" + name
		}
	}
	return ""
}

func TestShownCommands(t *testing.T) {
	page := "Run `make test` or `m6 doctor --json`, not `other`.\n```sh\nmake demo   # minutes\nbin/m6 tokenize \\\n  --vocab V\nls\n```\n"
	got := shownCommands(page)
	want := []string{"make demo", "bin/m6 tokenize    --vocab V", "make test", "m6 doctor --json"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	targets := []string{"test", "demo"}
	for _, line := range got {
		if problem := commandProblem(line, targets); problem != "" {
			t.Errorf("%q: %s", line, problem)
		}
	}
	for _, line := range []string{"make tset", "make demo tset", "m6 doctr", "m6 doctor --fast", "m6 --wrong"} {
		if commandProblem(line, targets) == "" {
			t.Errorf("%q was taken", line)
		}
	}
}
