package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"m6lab/scripts/corpus/recipe"
)

// rootCommand is the whole command tree.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "m6-corpus",
		Short: "Builds the M6-Corpus: raw crawls to clean text and image-text pairs",
		Long: "m6-corpus turns raw sources into records for m6, by the rules of section 2 of the paper; every decision is counted and can be explained.\n" +
			"Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.",
		Example: "  m6-corpus build --in web=crawl/*.warc.gz --in encyclopedia=zhwiki.xml.bz2 --out runs/corpus\n" +
			"  m6-corpus explain --in web=crawl/*.warc.gz --doc ID\n  m6 pretrain --preset debug --data runs/corpus --dir runs/first",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().Bool("json", false, "print machine-readable results")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(buildCommand(), recipeCommand(), explainCommand(), ablateCommand(), lmCommand(), planCommand())
	return root
}

// version is the module's version as the build recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// streams are the standard streams of one run of the command.
type streams struct {
	out io.Writer
	err io.Writer
}

// execute runs the command line args on root and returns the exit code. An error is one line on standard error. What fails before a
// command's own work begins is wrong usage.
func execute(ctx context.Context, root *cobra.Command, args []string, s streams) int {
	started := false
	prepare(root, &started)
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	at, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var wrong usageError
	if started && !errors.As(err, &wrong) {
		fmt.Fprintln(s.err, "m6-corpus: "+oneLine(err.Error())+nearestFile(err))
		return 1
	}
	if message, found := strings.CutPrefix(err.Error(), "unknown command "); found {
		word, _, _ := strings.Cut(strings.TrimPrefix(message, `"`), `"`)
		err = fmt.Errorf("%s takes no argument, got %q", at.CommandPath(), word)
		if at.HasAvailableSubCommands() {
			err = fmt.Errorf("unknown command %q for %q: did you mean %q?", word, at.CommandPath(), recipe.Nearest(word, subcommands(at)))
		}
	}
	fmt.Fprintf(s.err, "m6-corpus: %s (see %s --help)\n", oneLine(err.Error()), at.CommandPath())
	return 2
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
	if near := recipe.Nearest(word, names); near != "" && recipe.Close(word, near) {
		return ": did you mean " + dir + near + "?"
	}
	return ""
}

// prepare gives every command below cmd the house's manners: names what is nearest to an unknown flag, notes when work begins, and turns
// panics into errors.
func prepare(cmd *cobra.Command, started *bool) {
	cmd.SetFlagErrorFunc(nearestFlag)
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
			*started = true
			defer func() { err = errors.Join(err, recovered(recover())) }()
			return run(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		prepare(child, started)
	}
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
	collect := func(f *pflag.Flag) { names = append(names, f.Name) }
	cmd.Flags().VisitAll(collect)
	cmd.InheritedFlags().VisitAll(collect)
	return fmt.Errorf("unknown flag --%s: did you mean --%s?", missing.GetSpecifiedName(), recipe.Nearest(missing.GetSpecifiedName(), names))
}

// usageError marks an error of a command as wrong usage: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef makes an error for arguments that a command finds wrong only when it looks at them.
func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// require marks flags without which a command cannot run.
func require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // only when the flag is not defined above
		}
	}
}

// recovered is the error for a recovered panic, nil for none. M6_STACK=1 in the environment shows where it came from.
func recovered(cause any) error {
	if cause == nil {
		return nil
	}
	if os.Getenv("M6_STACK") != "" {
		fmt.Fprintf(os.Stderr, "%+v\n%s\n", cause, debug.Stack())
	}
	return fmt.Errorf("%v (M6_STACK=1 shows where)", cause)
}

// oneLine joins the lines of a message and bounds its length.
func oneLine(message string) string {
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

// printResult writes a command's result to standard output: value as indented JSON where --json was given, else the text that text writes.
func printResult(cmd *cobra.Command, value any, text func(w io.Writer) error) error {
	if asJSON, err := cmd.Flags().GetBool("json"); err != nil || !asJSON {
		return text(cmd.OutOrStdout())
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
