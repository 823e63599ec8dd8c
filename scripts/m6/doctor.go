package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/spf13/cobra"

	"m6lab/scripts/command"
	"m6lab/scripts/setup"
)

// doctorCommand is `m6 doctor`: what this machine has, whether it computes, and what to do about
// what is missing.
func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Backend, devices, memory, versions, and how to get what is missing",
		Long: `Look at the backend, its devices, memory, versions and tools, multiply matrices on every device and check the products.

Exit code 1 if training cannot run on this machine.`,
		Example: "  m6 doctor\n  m6 doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := diagnose()
			if err := command.PrintResult(cmd, d, d.print); err != nil {
				return err
			}
			if !d.CanTrain {
				return errors.New("training cannot run here: " + d.complaint())
			}
			return nil
		},
	}
}

// diagnosis is what `m6 doctor` found.
type diagnosis struct {
	Backend  setup.Backend     `json:"backend"`
	Devices  []device          `json:"devices"`
	Memory   memory            `json:"memory"`
	Versions map[string]string `json:"versions"`
	Checks   []check           `json:"checks"`
	CanTrain bool              `json:"can_train"`
}

// check is one thing beside the devices; what is needed must be there for training.
type check struct {
	Name   string `json:"name"`
	Found  bool   `json:"found"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
	Needed bool   `json:"needed"`
}

func diagnose() diagnosis {
	d := diagnosis{Backend: setup.UseBackend(), Memory: readMemory()}
	var err error
	if d.Devices, err = examineDevices(); err != nil {
		d.Checks = append(d.Checks, check{Name: "devices", Detail: command.OneLine(err.Error()), Mend: "m6 setup, or unset GOMLX_BACKEND", Needed: true})
	}
	d.Versions = versions(d.Backend.Plugin)
	d.Checks = append(d.Checks, pluginCheck(d.Backend), compilerCheck(), pythonCheck(), jupyterCheck(), sampleCheck(), fontCheck(), browserCheck())
	d.CanTrain = err == nil && len(d.Devices) > 0
	for _, device := range d.Devices {
		d.CanTrain = d.CanTrain && device.Correct
	}
	return d
}

// complaint names what keeps training from running.
func (d diagnosis) complaint() string {
	for _, c := range d.Checks {
		if c.Needed && !c.Found {
			return c.Name + ": " + c.Detail
		}
	}
	for _, device := range d.Devices {
		if !device.Correct {
			return fmt.Sprintf("device %d: %s", device.Number, device.Error)
		}
	}
	return "no device"
}

// versions of Go, of the libraries that compute, and of the plugin's interface.
func versions(plugin string) map[string]string {
	out := map[string]string{"go": runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, "m6lab": command.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			switch module.Path {
			case "github.com/gomlx/gomlx", "github.com/gomlx/go-xla", "github.com/gomlx/compute":
				out[filepath.Base(module.Path)] = module.Version
			}
		}
	}
	if plugin == "" {
		return out
	}
	out["plugin"] = plugin
	if loaded, err := pjrt.GetPlugin(plugin); err == nil {
		major, minor := loaded.Version()
		out["plugin"] = fmt.Sprintf("PJRT API %d.%d, %s", major, minor, plugin)
	}
	return out
}

func pluginCheck(b setup.Backend) check {
	c := check{Name: "XLA plugin", Found: b.Plugin != "", Detail: b.Plugin, Mend: b.Warning}
	if !c.Found {
		c.Detail = "none for backend " + b.Config
		c.Mend = "m6 setup"
	}
	return c
}

func compilerCheck() check {
	return programCheck("C compiler", "to build from source and in notebooks", "Debian, Ubuntu: apt-get install gcc", os.Getenv("CC"), "cc", "gcc", "clang")
}

func pythonCheck() check {
	return programCheck("Python 3", "to fetch plugins and for notebooks", "Debian, Ubuntu: apt-get install python3 python3-venv", "python3", "python")
}

func browserCheck() check {
	return programCheck("Chromium", "for the tests of web pages alone", "Debian: apt-get install chromium", "chromium", "chromium-browser", "google-chrome")
}

// programCheck looks for the first of several programs.
func programCheck(name, purpose, mend string, programs ...string) check {
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			return check{Name: name, Found: true, Detail: path}
		}
	}
	return check{Name: name, Detail: "not found (" + purpose + ")", Mend: mend}
}

func jupyterCheck() check {
	jupyter, found := setup.FindJupyter()
	if !found {
		return check{Name: "notebooks", Detail: "not installed (wanted for notebooks alone)", Mend: "m6 setup --notebooks"}
	}
	return check{Name: "notebooks", Found: true, Detail: jupyter.Python}
}

func sampleCheck() check {
	folder := filepath.Join(setup.Checkout(), "runs", "sample")
	vocabulary := filepath.Join(folder, "vocab.txt")
	if _, err := os.Stat(vocabulary); err != nil {
		return check{Name: "sample and vocabulary", Detail: "not written yet", Mend: "m6 data sample --out " + folder}
	}
	return check{Name: "sample and vocabulary", Found: true, Detail: vocabulary}
}

// fontCheck looks for a system font with Chinese glyphs; figures carry their own, pages do not.
func fontCheck() check {
	c := check{Name: "Chinese fonts", Detail: "not found (web pages alone need them: figures carry their glyphs)", Mend: "Debian, Ubuntu: apt-get install fonts-noto-cjk"}
	out, err := exec.Command("fc-list", ":lang=zh", "family").Output()
	if first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); err == nil && first != "" {
		return check{Name: c.Name, Found: true, Detail: first}
	}
	return c
}

// print writes the diagnosis for people.
func (d diagnosis) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "backend   %s (%s)\n", d.Backend.Config, d.Backend.Reason)
	if d.Backend.Warning != "" {
		fmt.Fprintf(&b, "WARNING   %s\n", d.Backend.Warning)
	}
	for _, device := range d.Devices {
		state := fmt.Sprintf("product right, %.1f GFLOP/s", device.GFLOPS)
		if !device.Correct {
			state = "FAILED: " + device.Error
		}
		fmt.Fprintf(&b, "device %-2d %s: %s\n", device.Number, device.Description, state)
	}
	fmt.Fprintf(&b, "memory    %s\n", d.Memory)
	for _, name := range []string{"m6lab", "go", "gomlx", "compute", "go-xla", "plugin"} {
		if v := d.Versions[name]; v != "" {
			fmt.Fprintf(&b, "version   %-8s %s\n", name, v)
		}
	}
	for _, c := range d.Checks {
		word := "found  "
		if !c.Found {
			word = "missing"
		}
		fmt.Fprintf(&b, "%s   %s: %s\n", word, c.Name, c.Detail)
		if c.Mend != "" && !c.Found {
			fmt.Fprintf(&b, "          mend: %s\n", c.Mend)
		}
	}
	if d.CanTrain {
		b.WriteString("training can run here\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
