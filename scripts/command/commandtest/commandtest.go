// Package commandtest checks that the commands that a page shows exist.
package commandtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var (
	codeBlock  = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	makeTarget = regexp.MustCompile(`^make((?: [a-z-]+)+)`)
	ruleTarget = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// Readme fails the test where a page shows a `make X` that the Makefile beside it has no target for, or a command line of root that
// does not exist.
func Readme(t *testing.T, root *cobra.Command, page string) {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(filepath.Dir(page), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	r := reader{root: root}
	for _, match := range ruleTarget.FindAllStringSubmatch(string(makefile), -1) {
		r.targets = append(r.targets, match[1])
	}
	commands := r.shown(string(data))
	if len(commands) < 5 {
		t.Errorf("%s shows %d commands: the test sees too little", page, len(commands))
	}
	for _, command := range commands {
		if problem := r.problem(command); problem != "" {
			t.Errorf("%s: %q: %s", page, command, problem)
		}
	}
}

// reader knows what a page may show.
type reader struct {
	root    *cobra.Command
	targets []string // of make
}

// ours are the arguments of a line that runs the command.
func (r reader) ours(line string) (args []string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "./"), "bin/"), r.root.Name()+" ")
	return strings.Fields(rest), ok
}

// shown are the lines of code blocks and the spans of code that begin with make or the command.
func (r reader) shown(page string) []string {
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
		if _, ok := r.ours(line); ok || makeTarget.MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

// problem says what is wrong with one command line, "" if nothing is.
func (r reader) problem(line string) string {
	if match := makeTarget.FindStringSubmatch(line); match != nil {
		for target := range strings.FieldsSeq(match[1]) {
			if !slices.Contains(r.targets, target) {
				return "the Makefile has no target " + target
			}
		}
		return ""
	}
	args, _ := r.ours(line)
	cmd, _, err := r.root.Find(args)
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
