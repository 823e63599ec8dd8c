package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal"
	"github.com/spf13/pflag"

	"m6lab/m6/strict"
	"m6lab/scripts/command"
	"m6lab/scripts/corpus/stages"
)

// runnerFlags say what moves the names of a build. They have Beam's own spelling.
type runnerFlags struct {
	runner, endpoint, environment, config, experiments, worker string
	parallelism                                                int
}

// runners are what --runner takes.
var runners = []string{"prism", "universal", "none"}

func (f *runnerFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.runner, "runner", "prism", "what runs the pipeline: prism (in this process), universal (a Beam job server, such as Flink's), none (no Beam: the same stages one after another)")
	flags.StringVar(&f.endpoint, "endpoint", "", "host:port of the job server, for --runner=universal")
	flags.StringVar(&f.environment, "environment_type", "LOOPBACK", "where workers run, for --runner=universal: LOOPBACK (in this process), PROCESS, DOCKER, EXTERNAL")
	flags.StringVar(&f.config, "environment_config", "", "of PROCESS and DOCKER, as Beam reads it")
	flags.StringVar(&f.experiments, "experiments", "", "of Beam, separated by commas")
	flags.StringVar(&f.worker, "worker_binary", "", "m6-corpus for the workers' machine, where it differs from this one")
	flags.IntVar(&f.parallelism, "parallelism", -1, "of Flink; -1 is its own default")
}

func (f *runnerFlags) check() error {
	if !slices.Contains(runners, f.runner) {
		return command.Usagef("--runner %q: did you mean %q?", f.runner, strict.Nearest(f.runner, runners))
	}
	if (f.runner == "universal") != (f.endpoint != "") {
		return command.Usagef("--runner=universal and --endpoint=HOST:PORT go together")
	}
	return nil
}

// run moves all units of the job through the stages, and tells what it does about a runner that stands still.
func (f *runnerFlags) run(ctx context.Context, job *stages.Job, tell io.Writer) error {
	if f.runner == "none" {
		return job.Plain(ctx)
	}
	initialize()
	if f.runner == "prism" && runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2) // Prism turns in a loop while it waits for the end of a bundle: alone on a thread it spends 10 ms on each, 0.2 s in all
	}
	defer temporaryIn(job.Scratch())()
	for again := 0; ; again++ {
		p, s := beam.NewPipelineWithRoot()
		pipeline(s, job)
		ended := make(chan error, 1)
		go func() { ended <- f.execute(ctx, p) }()
		var stands <-chan struct{}
		if f.runner == "prism" && again < mostAgain {
			watched, stop := context.WithCancel(ctx)
			defer stop()
			stands = standing(watched, job.Pulse, patience)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped; the same command goes on from here: %w", context.Cause(ctx))
		case <-stands:
			fmt.Fprintf(tell, "the pipeline has stood still for %v: it begins again, with all that is finished\n", patience)
		case err := <-ended:
			if own := job.Failure(); own != nil {
				return own
			}
			if err != nil {
				return fmt.Errorf("the pipeline: %w", err)
			}
			return nil
		}
	}
}

// Prism now and then waits for ever for a bundle that has ended, about once in a hundred small builds on a busy machine. What a stage has
// finished stays finished, so the pipeline is begun again; the one that waits is left waiting.
const (
	patience  = 60 * time.Second
	mostAgain = 3
)

// standing closes its channel when no stage has worked and none was begun for so long, until ctx ends.
func standing(ctx context.Context, pulse func() (working bool, begun int64), long time.Duration) <-chan struct{} {
	stands := make(chan struct{})
	go func() {
		tick := time.NewTicker(long / 60)
		defer tick.Stop()
		last, since := int64(-1), time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			working, begun := pulse()
			if working || begun != last {
				last, since = begun, time.Now()
			}
			if time.Since(since) >= long {
				close(stands)
				return
			}
		}
	}()
	return stands
}

// execute runs the pipeline on the runner that the flags name.
func (f *runnerFlags) execute(ctx context.Context, p *beam.Pipeline) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	if f.runner == "prism" {
		*jobopts.Endpoint, *jobopts.EnvironmentType = "", ""
		_, err = prism.Execute(ctx, p)
		return err
	}
	*jobopts.Endpoint, *jobopts.EnvironmentType, *jobopts.EnvironmentConfig = f.endpoint, strings.ToUpper(f.environment), f.config
	*jobopts.Experiments, *jobopts.WorkerBinary, *jobopts.Parallelism = f.experiments, f.worker, f.parallelism
	if f.worker == "" && !jobopts.IsLoopback() {
		if *jobopts.WorkerBinary, err = os.Executable(); err != nil { // or Beam compiles one
			return err
		}
	}
	_, err = universal.Execute(ctx, p)
	return err
}

// initialize prepares Beam once. Its logs are for Beam's developers; M6_STACK=1 shows them.
var initialize = sync.OnceFunc(func() {
	if os.Getenv("M6_STACK") == "" {
		log.LogLevel = "error"
	}
	beam.Init()
	if os.Getenv("M6_STACK") == "" {
		slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	}
})

// temporaryIn lets the process put its temporary files into dir: Beam leaves some behind. The result undoes it.
func temporaryIn(dir string) (undo func()) {
	const variable = "TMPDIR"
	before, was := os.LookupEnv(variable)
	if os.Setenv(variable, dir) != nil {
		return func() {}
	}
	return func() {
		if was {
			_ = os.Setenv(variable, before)
		} else {
			_ = os.Unsetenv(variable)
		}
	}
}

// errWorker ends a process that has been a worker.
var errWorker = errors.New("the worker has ended")

// serve turns the process into a Beam worker where its arguments say so: runners start the binary with --worker and flags of their own.
func serve(args []string) error {
	for _, arg := range args {
		if name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); name == "worker" && strings.HasPrefix(arg, "-") {
			if err := flag.CommandLine.Parse(args); err != nil {
				return err
			}
			beam.Init() // does not return
			return errWorker
		}
	}
	return nil
}
