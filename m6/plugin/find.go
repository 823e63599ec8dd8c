package plugin

import (
	"path/filepath"
	"strings"

	"github.com/gomlx/go-xla/pjrt"
)

// Found is an XLA plugin that can be opened.
type Found struct {
	Path    string
	Options string // go-xla's, such as "shared_buffers=false" or "tf32=false", or ""
	CUDA    bool
}

// Find finds the XLA plugin that a backend's configuration, a value of GOMLX_BACKEND, means. ok is false where it means another
// backend or a plugin that is not there. An empty configuration means the CPU where no other plugin is installed.
func Find(config string) (f Found, ok bool) {
	config, f.Options, _ = strings.Cut(config, ",")
	backend, wanted, _ := strings.Cut(config, ":")
	if backend != "" && backend != "xla" {
		return f, false
	}
	if filepath.IsAbs(wanted) {
		f.Path, f.CUDA = wanted, strings.Contains(wanted, "cuda")
		return f, f.CUDA || strings.Contains(filepath.Base(wanted), "cpu")
	}
	for name, file := range pjrt.AvailablePlugins() {
		kind, _, _ := strings.Cut(name, "_")
		switch {
		case name == hostName || name == cudaName:
		case wanted == "" && kind != "cpu":
			return f, false
		case kind == wanted || kind == "cpu" && wanted == "":
			f.Path, f.CUDA = file, kind == "cuda"
		}
	}
	return f, f.Path != "" && (f.CUDA || wanted == "" || wanted == "cpu")
}
