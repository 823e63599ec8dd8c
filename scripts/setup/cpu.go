package setup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gomlx/go-xla/installer"
	"github.com/gomlx/go-xla/pjrt"
)

// cpuWheel holds an unmodified build of XLA's CPU plugin.
var cpuWheel = wheel{
	project: "fastatomstruct-xla-cpu",
	version: "2026.6.23",
	sha256:  "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
	member:  "fastatomstruct_xla_cpu/libpjrt_cpu.so",
}

// cpuPath is the file by which go-xla finds the CPU plugin.
func (r *run) cpuPath() string {
	extension := map[string]string{"linux": ".so", "darwin": ".dylib", "windows": ".dll"}[runtime.GOOS]
	if extension == "" {
		return ""
	}
	if found := findPlugin("cpu"); found != "" {
		return found
	}
	return filepath.Join(r.plugins, "pjrt_c_api_cpu_"+pjrt.DefaultCPUVersion+"_plugin"+extension)
}

// installCPU tries go-xla's installer, then the wheel.
func (r *run) installCPU(ctx context.Context) error {
	r.say("getting the XLA plugin for CPU (about 65 MB) by go-xla's installer ...")
	first := installByGoXLA(ctx, r.plugins)
	if first == nil && exists(r.cpuPath()) {
		return nil
	}
	r.say("go-xla's installer did not bring it (%s); trying the wheel %s", reason(first), cpuWheel.project)
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("go-xla's installer: %s; the wheel is for linux/amd64 only", reason(first))
	}
	file, err := r.wheelFile(ctx, cpuWheel)
	if err != nil {
		return fmt.Errorf("go-xla's installer: %s; wheel: %w", reason(first), err)
	}
	return extract(file, cpuWheel.member, r.cpuPath())
}

// installByGoXLA calls go-xla's own installer, which has no time limits, under ours: a host that
// does not answer costs seconds.
func installByGoXLA(ctx context.Context, folder string) error {
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		quick := transport.Clone()
		quick.DialContext = (&net.Dialer{Timeout: 4 * time.Second}).DialContext
		quick.TLSHandshakeTimeout = 4 * time.Second
		quick.ResponseHeaderTimeout = 8 * time.Second
		http.DefaultTransport = quick
		defer func() { http.DefaultTransport = transport }()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				done <- fmt.Errorf("%v", cause)
			}
		}()
		done <- installer.CPUAutoInstall(folder, true, installer.Quiet)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reason is the innermost cause of err, short enough for a line.
func reason(err error) string {
	if err == nil {
		return "it ended without the file"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
