package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/installer"
)

const backendVariable = "GOMLX_BACKEND"

// Backend is the backend that programs of the workbench use on this machine.
type Backend struct {
	// Config is GoMLX's name for it, a value of GOMLX_BACKEND.
	Config string `json:"config"`
	// Plugin is the file of the XLA plugin; "" for the pure-Go backend.
	Plugin string `json:"plugin,omitempty"`
	// Reason says why it was chosen.
	Reason string `json:"reason"`
	// Warning tells of something better that is missing, "" if nothing is.
	Warning string `json:"warning,omitempty"`
}

// FindBackend chooses the backend: GOMLX_BACKEND where it is set, else CUDA where a GPU and the
// plugin are present, else XLA on the CPU, else pure Go. It only looks at files.
func FindBackend() Backend {
	if config := os.Getenv(backendVariable); config != "" {
		return Backend{Config: config, Plugin: pluginOf(config), Reason: backendVariable + " is set"}
	}
	gpu := HasGPU()
	if plugin := findPlugin("cuda"); gpu && plugin != "" {
		return Backend{Config: "xla:cuda", Plugin: plugin, Reason: "an NVIDIA GPU and its plugin are present"}
	}
	if plugin := findPlugin("cpu"); plugin != "" {
		b := Backend{Config: "xla:cpu", Plugin: plugin, Reason: "the CPU plugin is present"}
		if gpu {
			b.Warning = "an NVIDIA GPU is present but not its XLA plugin, so the CPU is used: run `m6 setup`"
		}
		return b
	}
	return Backend{
		Config: "go", Reason: "no XLA plugin was found",
		Warning: "NO XLA PLUGIN: the pure-Go backend is used, which is very much slower and cannot train on a mesh: run `m6 setup`",
	}
}

// UseBackend makes FindBackend's choice that of this process, before it opens a device, and keeps
// go-xla from downloading plugins by itself. Later calls return the first one's choice.
func UseBackend() Backend {
	b := chosenBackend()
	if err := os.Setenv(backendVariable, b.Config); err != nil {
		b.Warning = err.Error()
	}
	return b
}

var chosenBackend = sync.OnceValue(func() Backend {
	xla.EnableAutoInstall(false)
	return FindBackend()
})

// pluginOf is the plugin file of a backend configuration such as "xla:cpu,shared_buffers=false".
func pluginOf(config string) string {
	name, rest, _ := strings.Cut(config, ":")
	if name != "xla" {
		return ""
	}
	switch plugin := beforeComma(rest); {
	case filepath.IsAbs(plugin):
		if exists(plugin) {
			return plugin
		}
		return ""
	case plugin == "":
		if cuda := findPlugin("cuda"); cuda != "" && HasGPU() {
			return cuda
		}
		return findPlugin("cpu")
	default:
		return findPlugin(plugin)
	}
}

// findPlugin looks for the named plugin where go-xla will look; "" if it is not there.
func findPlugin(name string) string {
	for _, folder := range pluginFolders() {
		for _, pattern := range []string{"pjrt_c_api_" + name + "_plugin", "pjrt_c_api_" + name + "_v*_plugin", "pjrt?plugin?" + name} {
			for _, extension := range []string{".so", ".dylib", ".dll"} {
				if found, err := filepath.Glob(filepath.Join(folder, pattern+extension)); err == nil && len(found) > 0 {
					return found[len(found)-1]
				}
			}
		}
	}
	return ""
}

func pluginFolders() []string {
	if paths, found := os.LookupEnv("PJRT_PLUGIN_LIBRARY_PATH"); found {
		return filepath.SplitList(paths)
	}
	var folders []string
	for _, lib := range []func() (string, error){installer.DefaultHomeLibPath, func() (string, error) { return "/usr/local/lib", nil }} {
		if folder, err := lib(); err == nil {
			folders = append(folders, filepath.Join(folder, "go-xla"), filepath.Join(folder, "go-xla", "nvidia"))
		}
	}
	return append(folders, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
}

// gpuDevices are the device files of NVIDIA's driver.
var gpuDevices = "/dev/nvidia[0-9]*"

// HasGPU says whether an NVIDIA GPU can be used from here: its device file is present, or, under
// WSL, the bridge to it.
func HasGPU() bool {
	if found, err := filepath.Glob(gpuDevices); err == nil && len(found) > 0 {
		return true
	}
	if !exists("/dev/dxg") {
		return false
	}
	_, err := exec.LookPath("nvidia-smi")
	return err == nil
}
