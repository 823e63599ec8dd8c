// Package setup installs what the workbench needs and the Go module system cannot bring: the XLA
// plugin (for CPU and, beside an NVIDIA GPU, for CUDA) and, when asked, the Python environment and
// kernel of the notebooks. It needs no root, writes only below the user's home and the checkout's
// .cache, goes through pip's and Go's own configuration (mirrors, proxies), does nothing twice, and
// may run several times at once.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/gomlx/go-xla/installer"
)

// Options say what to install. Log receives one line for each thing that takes time; nil is silence.
type Options struct {
	Notebooks bool // the environment of the notebooks
	Tests     bool // the Python packages that tests compare with
	CUDA      bool // the plugin for CUDA, though no GPU is seen: for the image of a container
	Log       io.Writer
}

// Step is one thing that set-up looked at: its name, what was found or done, and whether that
// changed anything or failed.
type Step struct {
	Name    string `json:"name"`
	Result  string `json:"result"`
	Changed bool   `json:"changed"`
	Failed  bool   `json:"failed"`
}

// Report is the outcome of Run.
type Report struct {
	Backend Backend `json:"backend"`
	Steps   []Step  `json:"steps"`
}

// run is one set-up under way.
type run struct {
	Options
	layout
	steps []Step
}

// layout is where things lie.
type layout struct {
	plugins string // go-xla's folder for plugins
	cache   string // the checkout's .cache, else the user's
	module  string // the checkout, "" outside one
}

// Run installs what is missing. Parts that have a way round are reported as failed steps; an error
// means that what was asked for is not there.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	places, err := findLayout()
	if err != nil {
		return Report{}, err
	}
	r := &run{Options: o, layout: places}
	if err := r.plugin(ctx); err != nil {
		return Report{Steps: r.steps}, err
	}
	if o.Notebooks {
		if err := r.notebooks(ctx); err != nil {
			return Report{Steps: r.steps}, err
		}
	}
	if o.Tests {
		if err := r.install(ctx, r.testPart()); err != nil {
			return Report{Steps: r.steps}, err
		}
	}
	return Report{Backend: FindBackend(), Steps: r.steps}, nil
}

// findLayout finds the folders of this user and, from the working folder upwards, the checkout.
func findLayout() (layout, error) {
	lib, err := installer.DefaultHomeLibPath()
	if err != nil {
		return layout{}, fmt.Errorf("set-up: %w (set HOME to a folder of yours)", err)
	}
	places := layout{plugins: filepath.Join(lib, "go-xla"), module: Checkout()}
	if places.module != "" {
		places.cache = filepath.Join(places.module, ".cache")
		return places, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return layout{}, fmt.Errorf("set-up: %w", err)
	}
	places.cache = filepath.Join(user, "m6lab")
	return places, nil
}

// Checkout is the folder of the m6lab module that the working folder is in, "" when it is in none.
func Checkout() string {
	folder, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		data, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if first, _, _ := strings.Cut(string(data), "\n"); err == nil && strings.TrimSpace(first) == "module m6lab" {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return ""
		}
		folder = parent
	}
}

// plugin sees to the XLA plugin in the order: an existing GOMLX_BACKEND, CUDA beside a GPU, go-xla's
// installer, the wheel, and else the pure-Go backend, which needs nothing.
func (r *run) plugin(ctx context.Context) error {
	wanted := os.Getenv(backendVariable)
	if name, rest, _ := strings.Cut(wanted, ":"); wanted != "" && (name != "xla" || filepath.IsAbs(beforeComma(rest))) {
		r.note("backend", wanted+" from "+backendVariable, false, nil)
		return nil
	}
	if (r.CUDA || HasGPU()) && !strings.HasPrefix(wanted, "xla:cpu") {
		r.ensure(ctx, "XLA plugin for CUDA", r.cudaPath(), r.installCUDA)
	}
	r.ensure(ctx, "XLA plugin for CPU", r.cpuPath(), r.installCPU)
	if backend := FindBackend(); backend.Plugin == "" && wanted != "" {
		return fmt.Errorf("%s=%s, but %s %s (unset it to use the pure-Go backend)", backendVariable, wanted, r.steps[len(r.steps)-1].Name, r.steps[len(r.steps)-1].Result)
	}
	return ctx.Err()
}

// ensure runs install under a lock unless path is there, and notes the outcome.
func (r *run) ensure(ctx context.Context, name, path string, install func(context.Context) error) {
	if path == "" {
		r.note(name, "none for "+runtime.GOOS+"/"+runtime.GOARCH, false, nil)
		return
	}
	if exists(path) {
		r.note(name, path, false, nil)
		return
	}
	err := locked(ctx, filepath.Dir(path), func() error {
		if exists(path) { // another process was quicker
			return nil
		}
		return install(ctx)
	})
	r.note(name, path, true, err)
}

// locked runs work while it holds the lock of folder, which it creates.
func locked(ctx context.Context, folder string, work func() error) error {
	parent := filepath.Dir(folder)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(parent, "."+filepath.Base(folder)+".m6-setup.lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	err := work()
	return errors.Join(err, lock.Unlock())
}

// note records a step.
func (r *run) note(name, result string, changed bool, err error) {
	step := Step{Name: name, Result: result, Changed: changed && err == nil}
	if err != nil {
		step.Failed, step.Result = true, "failed: "+strings.Join(strings.Fields(err.Error()), " ")
	}
	r.steps = append(r.steps, step)
}

// say tells the reader what is going to take time.
func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.Log, "set-up: "+format+"\n", args...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func beforeComma(text string) string {
	before, _, _ := strings.Cut(text, ",")
	return before
}
