// Package plugin stands between GoMLX and XLA's plugins for CPUs and for CUDA, and gives what go-xla has no way to ask for: any number of
// virtual devices of a CPU, so that the mesh of a cluster is compiled, and small models are trained on it, on a laptop; outputs that take
// the memory of arguments, and what the compiler says of a program ([Compile]); compiled programs that are kept on disk ([Cache]); and what
// a device holds ([Memory]).
//
// A PJRT plugin is a table of C functions, and go-xla takes the address of any such table. Ours is a copy of the plugin's own in which
// two functions are others: the one that makes a client, which adds the plugin's option cpu_device_count, and the one that compiles.
//
// # Caveats
//
// A process has one plugin. GPUs are as many as there are.
package plugin

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "plugin.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// What the plugins are called. The names look like paths, for go-xla looks for a plain name among the plugins that it found before.
// One whose name holds "cpu" it takes for a CPU, and then ties the sides of each bf16 product together by 0 times an element of one, which
// a partitioned program says in an all-reduce of its own. One that holds "cuda" it takes for a GPU, and gives its products a precision.
const (
	hostName = "/m6lab/host"
	cudaName = "/m6lab/cuda"
)

var (
	opening sync.Mutex // guards wrapped and the number of devices of the client being made
	wrapped string     // path of the plugin
)

// Open returns a backend over a plugin. A CPU has so many virtual devices.
func (f Found) Open(devices int) (compute.Backend, error) {
	if devices < 1 {
		return nil, fmt.Errorf("plugin: %d devices: want at least 1", devices)
	}
	opening.Lock()
	defer opening.Unlock()
	name, options := hostName, f.options()
	if f.CUDA {
		name, devices = cudaName, 0
		if err := findLibraries(f.Path); err != nil {
			return nil, err
		}
	}
	if err := register(f.Path, name); err != nil {
		return nil, err
	}
	C.set_devices(C.int64_t(devices))
	backend, err := xla.New(name + "," + options)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", f.Path, err)
	}
	return backend, nil
}

// UsableMemory is the part of a GPU's memory that programs may have; the rest is for the driver and for libraries. By default XLA leaves a
// quarter of it idle, whether it takes its memory at once or as it needs it.
const UsableMemory = 0.92

// options are go-xla's, with what is not given.
func (f Found) options() string {
	switch {
	case f.CUDA && !strings.Contains(f.Options, "memory_fraction"):
		return fmt.Sprintf("%s,memory_fraction=%g", f.Options, UsableMemory)
	case !f.CUDA && !strings.Contains(f.Options, "shared_buffers"):
		return f.Options + ",shared_buffers"
	}
	return f.Options
}

// register wraps the plugin once.
func register(path, name string) error {
	if wrapped == path {
		return nil
	}
	if wrapped != "" {
		return fmt.Errorf("plugin %s: this process already uses %s", path, wrapped)
	}
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var why *C.char
	table := C.wrap(p, &why)
	if table == nil {
		return fmt.Errorf("plugin %s: %s; `m6 doctor` says what is installed", path, C.GoString(why))
	}
	if err := pjrt.RegisterPreloadedPlugin(name, uintptr(table)); err != nil {
		return fmt.Errorf("plugin %s: %w", path, err)
	}
	wrapped = path
	return nil
}

// findLibraries tells XLA where ptxas and libdevice lie: in NVIDIA's folder, which the plugin looks for at ../nvidia or ../../nvidia of its own.
func findLibraries(path string) error {
	const flag = "--xla_gpu_cuda_data_dir="
	flags, folder := os.Getenv("XLA_FLAGS"), filepath.Dir(path)
	if strings.Contains(flags, flag) {
		return nil
	}
	for _, nvidia := range []string{"../nvidia", "../../nvidia", "../nvidia/cu13", "../../nvidia/cu13"} { // the last as in CUDA 13's wheels
		cuda := filepath.Join(folder, nvidia)
		if _, err := os.Stat(filepath.Join(cuda, "nvvm")); err == nil {
			return os.Setenv("XLA_FLAGS", strings.TrimSpace(flags+" "+flag+cuda))
		}
	}
	return nil // XLA looks where CUDA is commonly installed
}

// DeviceMemory is what a device holds, in bytes.
type DeviceMemory struct {
	InUse int64
	Peak  int64 // the most that it held so far
	Limit int64 // what programs may have of it
}

// Memory asks a device of the backend opened last; CPUs do not tell.
func Memory(device int) (DeviceMemory, error) {
	opening.Lock()
	defer opening.Unlock()
	if wrapped == "" {
		return DeviceMemory{}, errors.New("plugin: no device is open")
	}
	var m C.device_memory_args
	if err := failure(C.device_memory(C.int(device), &m)); err != nil {
		return DeviceMemory{}, err
	}
	if !m.peak.known {
		return DeviceMemory{}, fmt.Errorf("device %d does not tell what it held", device)
	}
	return DeviceMemory{InUse: int64(m.in_use), Peak: int64(m.peak.number), Limit: int64(m.limit.number)}, nil
}
