package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// taken is what a command took.
type taken struct {
	Seconds    float64 `json:"seconds"`
	Processor  float64 `json:"processor"` // seconds of all threads
	Peak       float64 `json:"peak_mb"`   // resident memory at most, of the command itself (Linux)
	MBPerS     float64 `json:"mb_per_second,omitempty"`
	MBPerCoreS float64 `json:"mb_per_core_second,omitempty"` // of processor time
}

// measure runs a command to its end and prints a line of JSON; the command's own output goes to standard error.
func measure(args []string) error {
	flags := flag.NewFlagSet("measure", flag.ExitOnError)
	size := flags.Int64("bytes", 0, "`bytes` of input, for the speed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("measure wants a command")
	}
	t, err := run(exec.Command(flags.Arg(0), flags.Args()[1:]...))
	if err != nil {
		return err
	}
	if *size > 0 {
		t.MBPerS, t.MBPerCoreS = float64(*size)/1e6/t.Seconds, float64(*size)/1e6/t.Processor
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

// run runs a command to its end; what it prints goes to standard error, if it has no place for it.
func run(cmd *exec.Cmd) (taken, error) {
	if cmd.Stdout == nil {
		cmd.Stdout = os.Stderr
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return taken{}, fmt.Errorf("%s: %w", cmd.Path, err)
	}
	t := taken{Seconds: time.Since(start).Seconds(), Processor: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.Peak = float64(usage.Maxrss) / 1000
	}
	return t, nil
}
