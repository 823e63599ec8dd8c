package plugin

import (
	"path/filepath"
	"strings"

	"github.com/gomlx/go-xla/pjrt"
)

// CPU finds the XLA plugin for CPUs that a backend's configuration, a value of GOMLX_BACKEND, means, and the options that stand behind
// it. ok is false where it means another backend. An empty configuration means the CPU where no other plugin is installed.
func CPU(config string) (path, options string, ok bool) {
	config, options, _ = strings.Cut(config, ",")
	backend, wanted, _ := strings.Cut(config, ":")
	if backend != "" && backend != "xla" {
		return "", "", false
	}
	if filepath.IsAbs(wanted) {
		return wanted, options, strings.Contains(filepath.Base(wanted), "cpu") && !strings.Contains(wanted, "cuda")
	}
	if wanted != "" && wanted != "cpu" {
		return "", "", false
	}
	for name, file := range pjrt.AvailablePlugins() {
		switch {
		case name == "cpu" || strings.HasPrefix(name, "cpu_"):
			path = file
		case wanted == "" && name != wrappedName:
			return "", "", false
		}
	}
	return path, options, path != ""
}
