package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// run runs root with args and returns the exit code and what it wrote.
func run(t *testing.T, root *cobra.Command, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Execute(t.Context(), root, args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

// rootWith is a small tree with a command that does run.
func rootWith(do func(*cobra.Command, []string) error) *cobra.Command {
	root := &cobra.Command{Use: "m6", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().Bool("json", false, "")
	work := &cobra.Command{Use: "work", Args: cobra.NoArgs, RunE: do}
	work.Flags().Int("steps", 0, "")
	work.Flags().String("dir", "", "")
	if err := work.MarkFlagRequired("dir"); err != nil {
		panic(err)
	}
	group := &cobra.Command{Use: "data"}
	group.AddCommand(&cobra.Command{Use: "folder", RunE: do}, &cobra.Command{Use: "sample", RunE: do})
	root.AddCommand(work, group)
	return root
}

func TestExecute(t *testing.T) {
	tests := []struct {
		name string
		err  error
		args []string
		code int
		want string
	}{
		{"done", nil, []string{"work", "--dir", "d"}, 0, ""},
		{"failed", errors.New("disk full"), []string{"work", "--dir", "d"}, 1, "m6: disk full\n"},
		{"two lines", errors.New("a\n\tb"), []string{"work", "--dir", "d"}, 1, "m6: a; b\n"},
		{"usage found late", Usagef("bad mesh"), []string{"work", "--dir", "d"}, 2, "m6: bad mesh (see m6 work --help)\n"},
		{"unknown flag", nil, []string{"work", "--stepps", "3"}, 2, "m6: unknown flag --stepps: did you mean --steps? (see m6 work --help)\n"},
		{"unknown inherited flag", nil, []string{"work", "--jsno"}, 2, "m6: unknown flag --jsno: did you mean --json? (see m6 work --help)\n"},
		{"bad value", nil, []string{"work", "--steps", "x"}, 2, "m6: invalid argument \"x\" for \"--steps\" flag: strconv.ParseInt: parsing \"x\": invalid syntax (see m6 work --help)\n"},
		{"missing flag", nil, []string{"work"}, 2, "m6: required flag(s) \"dir\" not set (see m6 work --help)\n"},
		{"argument", nil, []string{"work", "x", "--dir", "d"}, 2, "m6: m6 work takes no argument, got \"x\" (see m6 work --help)\n"},
		{"unknown command", nil, []string{"wrk"}, 2, "m6: unknown command \"wrk\" for \"m6\": did you mean \"work\"? (see m6 --help)\n"},
		{"unknown subcommand", nil, []string{"data", "foldr"}, 2, "m6: unknown command \"foldr\" for \"m6 data\": did you mean \"folder\"? (see m6 data --help)\n"},
		{"no subcommand", nil, []string{"data"}, 2, "m6: m6 data wants one of: folder, sample (see m6 data --help)\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, _, got := run(t, rootWith(func(*cobra.Command, []string) error { return test.err }), test.args...)
			if code != test.code || got != test.want {
				t.Errorf("got code %d, %q\nwant code %d, %q", code, got, test.code, test.want)
			}
		})
	}
}

// A file that does not exist is named with the one beside it that is likely meant, if there is any.
func TestNearestFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sample"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"sampel": ": did you mean " + filepath.Join(dir, "sample") + "?", "another": ""} {
		_, err := os.Stat(filepath.Join(dir, name))
		if got := nearestFile(fmt.Errorf("no data: %w", err)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestExecutePanic(t *testing.T) {
	long := strings.Repeat("诗", 5000)
	for _, cause := range []any{"shapes [2,3] and [5]\ndo not fit", errors.New("shapes do not fit"), long} {
		code, _, got := run(t, rootWith(func(*cobra.Command, []string) error { panic(cause) }), "work", "--dir", "d")
		if code != 1 || strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "m6: ") || len(got) > 1100 || !strings.HasSuffix(got, "\n") {
			t.Errorf("panic: got code %d and %q", code, got)
		}
		if !strings.Contains(long+got, "诗诗") || strings.Contains(got, "\ufffd") {
			t.Errorf("a rune was cut: %q", got)
		}
	}
}

func TestPrintResult(t *testing.T) {
	root := rootWith(nil)
	for _, command := range root.Commands() {
		if command.Name() == "work" {
			command.RunE = func(cmd *cobra.Command, _ []string) error {
				return PrintResult(cmd, map[string]string{"text": "<诗>"}, func(w io.Writer) error {
					_, err := w.Write([]byte("plain\n"))
					return err
				})
			}
		}
	}
	if _, got, _ := run(t, root, "work", "--dir", "d"); got != "plain\n" {
		t.Errorf("got %q", got)
	}
	if _, got, _ := run(t, root, "work", "--dir", "d", "--json"); got != "{\n  \"text\": \"<诗>\"\n}\n" {
		t.Errorf("got %q", got)
	}
}

// TestSignals: the first signal cancels the context, so that a command can save and end well.
func TestSignals(t *testing.T) {
	if os.Getenv("M6_TEST_SIGNALS") != "" {
		wait := func(cmd *cobra.Command, _ []string) error {
			cmd.Println("ready")
			select {
			case <-cmd.Context().Done():
				return nil
			case <-time.After(20 * time.Second):
				return errors.New("no signal came")
			}
		}
		ctx, stop := Signalled(context.Background())
		defer stop()
		os.Exit(Execute(ctx, rootWith(wait), []string{"work", "--dir", "d"}, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stdout}))
	}
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSignals$")
		cmd.Env = append(os.Environ(), "M6_TEST_SIGNALS=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", signal, err)
		}
	}
}

func TestColumns(t *testing.T) {
	var b strings.Builder
	if err := Columns(&b, [][]string{{"source", "in", "out"}, {"百科", "1,000", "9"}, {"web", "2"}}, 1); err != nil {
		t.Fatal(err)
	}
	want := "source     in  out\n百科    1,000    9\nweb         2\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int64]string{0: "0 records", 1: "1 record", 2000: "2,000 records"} {
		if got := Plural(n, "record"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
