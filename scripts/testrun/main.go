// Command testrun runs `go test` over packages, then the notebooks, and shows what a reader wants:
// a line for each package, the whole output of what failed, the slowest tests, and as its last line
//
//	N passed, N failed, N skipped
//
// where the last part, and a line before it with the names, appear only if something was skipped.
// A package that does not build counts as one failed test. Exit code 1 if anything failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"m6lab/scripts/setup"
)

// options are the flags.
type options struct {
	notebooks     string
	onlyNotebooks bool
	short         bool
	tags, run     string
}

func main() {
	var o options
	flag.StringVar(&o.notebooks, "notebooks", "", "also execute the notebooks of this `folder`")
	flag.BoolVar(&o.onlyNotebooks, "only-notebooks", false, "test no packages")
	flag.BoolVar(&o.short, "short", false, "leave out the long tests")
	flag.StringVar(&o.tags, "tags", "", "build `tags`")
	flag.StringVar(&o.run, "run", "", "only tests that match this `pattern`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	t := newTally(os.Stdout)
	o.all(ctx, t, flag.Args())
	stop()
	t.close()
	if t.failed > 0 {
		os.Exit(1)
	}
}

// all runs what the options ask for.
func (o options) all(ctx context.Context, t *tally, packages []string) {
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	if !o.onlyNotebooks {
		if err := o.packages(ctx, t, packages); err != nil {
			t.fail("go test", err.Error())
		}
	}
	if o.notebooks != "" {
		runNotebooks(ctx, t, o.notebooks)
	}
	if ctx.Err() != nil {
		t.fail("the run as a whole", "interrupted")
	}
}

// packages tests the packages and tallies the events.
func (o options) packages(ctx context.Context, t *tally, packages []string) error {
	args := []string{"test", "-json", "-p", parallelPackages(), "-timeout", "30m", "-tags", o.tags, "-run", o.run}
	if o.short {
		args = append(args, "-short")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Env = append(os.Environ(), testEnvironment()...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = t.read(pipe)
	var exit *exec.ExitError
	if waited := cmd.Wait(); waited != nil && !(errors.As(waited, &exit) && t.failed > 0) { // failures are counted already
		err = errors.Join(err, waited)
	}
	return err
}

// testEnvironment is the backend of the tests (the user's choice, else the CPU, and no downloads) and
// the Python that they compare with.
func testEnvironment() []string {
	env := []string{"GOMLX_NO_AUTO_INSTALL=1"}
	if python := setup.FindTestPython(); python != "" && os.Getenv("M6_PYTHON") == "" {
		env = append(env, "M6_PYTHON="+python)
	}
	if os.Getenv("GOMLX_BACKEND") != "" {
		return env
	}
	backend := "xla:cpu"
	if setup.FindBackend().Plugin == "" {
		backend = "go"
	}
	return append(env, "GOMLX_BACKEND="+backend)
}

// parallelPackages is how many packages are tested at once: XLA uses every core by itself, so two
// are enough to fill the gaps; GPUs take one client at a time.
func parallelPackages() string {
	if strings.Contains(os.Getenv("GOMLX_BACKEND"), "cuda") {
		return "1"
	}
	return "2"
}

// runNotebooks executes every notebook of folder, each as one test.
func runNotebooks(ctx context.Context, t *tally, folder string) {
	files, err := findNotebooks(folder)
	if err != nil {
		t.fail(folder, err.Error())
		return
	}
	for _, file := range files {
		start := time.Now()
		output, err := executeNotebook(ctx, file)
		if err != nil {
			t.fail(file, strings.TrimSpace(output+"\n"+err.Error()))
			continue
		}
		t.pass(file, time.Since(start))
		t.line("ok", file, time.Since(start), 1)
	}
}

// executeNotebook runs one notebook headless with the checkout's own Jupyter.
func executeNotebook(ctx context.Context, file string) (string, error) {
	jupyter, found := setup.FindJupyter()
	if !found {
		return "", errors.New("the notebooks' environment is not installed: run `m6 setup --notebooks`")
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, jupyter.Python, "scripts/notebooks/execute.py", file)
	cmd.Env = append(append(os.Environ(), jupyter.Env...), testEnvironment()...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func findNotebooks(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var files []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".ipynb") {
			files = append(files, folder+"/"+entry.Name())
		}
	}
	slices.Sort(files)
	return files, err
}

// close prints the summary.
func (t *tally) close() {
	t.slowest(10)
	if len(t.failures) > 0 {
		fmt.Fprintf(t.out, "\nfailed:\n  %s\n", strings.Join(t.failures, "\n  "))
	}
	if len(t.skips) > 0 {
		fmt.Fprintf(t.out, "\nskipped:\n  %s\n", strings.Join(t.skips, "\n  "))
	}
	fmt.Fprintf(t.out, "\n%s\n", t.closing())
}
