// Package plugin stands between GoMLX and the XLA plugin for CPUs, and gives what go-xla has no way to ask for: any number of virtual
// devices, so that the mesh of a cluster is compiled, and small models are trained on it, on a laptop; outputs that take the memory of
// arguments, and what the compiler says of a program ([Compile]); and compiled programs that are kept on disk ([Cache]).
//
// A PJRT plugin is a table of C functions, and go-xla takes the address of any such table. Ours is a copy of the plugin's own in which
// two functions are others: the one that makes a client, which adds the plugin's option cpu_device_count, and the one that compiles.
//
// # Caveats
//
// A process has one plugin. CPU plugins only: others have as many devices as there are.
package plugin

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "plugin.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// wrappedName is what the plugin is called. It looks like a path, for go-xla looks for a plain name among the plugins that it found before.
// One whose name holds "cpu" it takes for a CPU, and then ties the sides of each bf16 product together by 0 times an element of one, which
// a partitioned program says in an all-reduce of its own.
const wrappedName = "/m6lab/host"

var (
	opening sync.Mutex // guards wrapped and the number of devices of the client being made
	wrapped string     // path of the plugin
)

// Open returns a backend over the CPU plugin at path with so many devices. options are go-xla's, such as "shared_buffers=false", or "".
func Open(path string, devices int, options string) (compute.Backend, error) {
	if devices < 1 {
		return nil, fmt.Errorf("plugin: %d devices: want at least 1", devices)
	}
	opening.Lock()
	defer opening.Unlock()
	if err := register(path); err != nil {
		return nil, err
	}
	C.set_devices(C.int64_t(devices))
	config := wrappedName
	if !strings.Contains(options, "shared_buffers") {
		options += ",shared_buffers"
	}
	config += "," + options
	backend, err := xla.New(config)
	if err != nil {
		return nil, fmt.Errorf("opening %d virtual devices: %w", devices, err)
	}
	return backend, nil
}

// register wraps the plugin once.
func register(path string) error {
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
	if err := pjrt.RegisterPreloadedPlugin(wrappedName, uintptr(table)); err != nil {
		return fmt.Errorf("plugin %s: %w", path, err)
	}
	wrapped = path
	return nil
}
