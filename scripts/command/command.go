// Package command is the frame of the house's command lines: one line for an error, with what is nearest to a wrong name, exit codes 0, 1
// and 2, and results as text or JSON.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"m6lab/m6/strict"
)

// Version is the module's version as the build recorded it.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Streams are the standard streams of one run of the command.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// Execute runs the command line args on root and returns the exit code. An error is one line on
// standard error. What fails before a command's own work begins is wrong usage.
func Execute(ctx context.Context, root *cobra.Command, args []string, s Streams) int {
	started := false
	prepare(root, &started)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	at, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var wrong usageError
	if started && !errors.As(err, &wrong) {
		fmt.Fprintln(s.Err, root.Name()+": "+OneLine(err.Error())+nearestFile(err))
		return 1
	}
	if message, found := strings.CutPrefix(err.Error(), "unknown command "); found {
		word, _, _ := strings.Cut(strings.TrimPrefix(message, `"`), `"`)
		err = fmt.Errorf("%s takes no argument, got %q", at.CommandPath(), word)
		if at.HasAvailableSubCommands() {
			err = unknownCommand(at, word)
		}
	}
	fmt.Fprintf(s.Err, "%s: %s (see %s --help)\n", root.Name(), OneLine(err.Error()), at.CommandPath())
	return 2
}

// Signalled is a context that the first SIGINT or SIGTERM ends, for an orderly end; a second one
// ends the program at once.
func Signalled(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// nearestFile is, behind an error of a file that does not exist, the one beside it that is likely meant.
func nearestFile(err error) string {
	var missing *fs.PathError
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	dir, word := filepath.Split(missing.Path)
	beside, readErr := os.ReadDir(filepath.Dir(missing.Path))
	if readErr != nil {
		return ""
	}
	var names []string
	for _, entry := range beside {
		names = append(names, entry.Name())
	}
	if near := strict.Nearest(word, names); near != "" && strict.Close(word, near) {
		return ": did you mean " + dir + near + "?"
	}
	return ""
}

// prepare gives every command below cmd the house's manners: names what is nearest to an unknown
// flag or subcommand, notes when work begins, and turns panics into errors.
func prepare(cmd *cobra.Command, started *bool) {
	cmd.SetFlagErrorFunc(nearestFlag)
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
			*started = true
			defer func() { err = errors.Join(err, recovered(recover())) }()
			return run(cmd, args)
		}
	}
	if cmd.HasSubCommands() && !cmd.Runnable() && cmd.HasParent() {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s wants one of: %s", cmd.CommandPath(), strings.Join(subcommands(cmd), ", "))
			}
			return unknownCommand(cmd, args[0])
		}
	}
	for _, child := range cmd.Commands() {
		prepare(child, started)
	}
}

// unknownCommand names the subcommand of cmd that is nearest to word.
func unknownCommand(cmd *cobra.Command, word string) error {
	return fmt.Errorf("unknown command %q for %q: did you mean %q?", word, cmd.CommandPath(), strict.Nearest(word, subcommands(cmd)))
}

func subcommands(cmd *cobra.Command) []string {
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return names
}

// nearestFlag adds the nearest flag to the error for one that does not exist.
func nearestFlag(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return err
	}
	var names []string
	collect := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.Flags().VisitAll(collect)
	cmd.InheritedFlags().VisitAll(collect)
	return fmt.Errorf("unknown flag --%s: did you mean --%s?", missing.GetSpecifiedName(), strict.Nearest(missing.GetSpecifiedName(), names))
}

// usageError marks an error of a command as wrong usage: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usagef makes an error for arguments that a command finds wrong only when it looks at them.
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// Require marks flags without which a command cannot run.
func Require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // only when the flag is not defined above
		}
	}
}

// recovered is the error for a recovered panic, nil for none: graph building panics with the names
// and shapes that do not fit. M6_STACK=1 in the environment shows where it came from.
func recovered(cause any) error {
	if cause == nil {
		return nil
	}
	if os.Getenv("M6_STACK") != "" {
		fmt.Fprintf(os.Stderr, "%+v\n%s\n", cause, debug.Stack())
	}
	return fmt.Errorf("%v (M6_STACK=1 shows where)", cause)
}

// OneLine joins the lines of a message and bounds its length: texts of panics can fill pages.
func OneLine(message string) string {
	const limit = 1000
	line := strings.Join(strings.FieldsFunc(message, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	line = strings.TrimSpace(strings.Join(strings.Fields(line), " "))
	if len(line) <= limit {
		return line
	}
	cut := limit
	for !utf8.RuneStart(line[cut]) {
		cut--
	}
	return line[:cut] + "..."
}

// PrintResult writes a command's result to standard output: value as indented JSON where --json
// was given, else the text that text writes.
func PrintResult(cmd *cobra.Command, value any, text func(w io.Writer) error) error {
	if asJSON, err := cmd.Flags().GetBool("json"); err != nil || !asJSON {
		return text(cmd.OutOrStdout())
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// Grouped writes a whole number with commas between its thousands.
func Grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
