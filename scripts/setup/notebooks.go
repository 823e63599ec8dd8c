package setup

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// notebookRequirements pins what runs the notebooks.
//
//go:embed notebooks.txt
var notebookRequirements []byte

// testRequirements pins the Python packages that tests compare with.
//
//go:embed tests.txt
var testRequirements []byte

// notebookTools are the Go programs that the kernel calls, the kernel itself among them: its version
// is the one in go.mod, those of the others are pinned here.
var notebookTools = []string{
	"github.com/janpfeifer/gonb",
	"golang.org/x/tools/cmd/goimports@v0.52.0",
	"golang.org/x/tools/gopls@v0.23.0",
}

// Jupyter is the notebooks' environment of one checkout; nothing of it lies elsewhere.
type Jupyter struct {
	Python string   // of the virtual environment
	Env    []string // additions to the environment of a program that uses it
}

// FindJupyter returns the environment of the checkout that the working folder is in, and whether
// all of it is installed.
func FindJupyter() (Jupyter, bool) {
	places, err := findLayout()
	if err != nil || places.module == "" {
		return Jupyter{}, false
	}
	r := run{layout: places}
	for _, part := range r.notebookParts() {
		if !part.done() {
			return r.jupyter(), false
		}
	}
	return r.jupyter(), true
}

// FindTestPython is the Python with the packages that tests compare with, "" if it is not installed.
func FindTestPython() string {
	places, err := findLayout()
	if err != nil {
		return ""
	}
	r := run{layout: places}
	if !r.testPart().done() {
		return ""
	}
	return filepath.Join(r.cache, "tests", "bin", "python")
}

func (r *run) jupyter() Jupyter {
	data := filepath.Join(r.cache, "jupyter")
	path := strings.Join([]string{filepath.Join(r.cache, "venv", "bin"), filepath.Join(r.cache, "bin"), os.Getenv("PATH")}, string(filepath.ListSeparator))
	return Jupyter{
		Python: filepath.Join(r.cache, "venv", "bin", "python"),
		Env: []string{
			"PATH=" + path,
			"JUPYTER_DATA_DIR=" + data,
			"JUPYTER_CONFIG_DIR=" + filepath.Join(data, "config"),
			"IPYTHONDIR=" + filepath.Join(data, "ipython"),
		},
	}
}

// part is a thing installed once: a stamp file inside it holds the key it was installed for.
type part struct {
	name, stamp, key string
	install          func(context.Context) error
}

func (p part) done() bool {
	data, err := os.ReadFile(p.stamp)
	return err == nil && string(data) == p.key
}

// notebooks installs the Python environment, the kernel and its tools.
func (r *run) notebooks(ctx context.Context) error {
	if r.module == "" {
		return errors.New("set-up of the notebooks: not inside a checkout of m6lab: change to its folder")
	}
	return r.install(ctx, r.notebookParts()...)
}

// install installs parts that are not there.
func (r *run) install(ctx context.Context, parts ...part) error {
	for _, p := range parts {
		if p.done() {
			r.note(p.name, "present", false, nil)
			continue
		}
		err := locked(ctx, filepath.Join(r.cache, "environments"), func() error {
			if p.done() {
				return nil
			}
			if err := p.install(ctx); err != nil {
				return err
			}
			return os.WriteFile(p.stamp, []byte(p.key), 0o644)
		})
		r.note(p.name, "installed", true, err)
		if err != nil {
			return fmt.Errorf("set-up: %s: %w", p.name, err)
		}
	}
	return nil
}

// testPart is the Python environment of the tests.
func (r *run) testPart() part {
	return r.venvPart("Python packages for tests (about 120 MB)", "tests", testRequirements)
}

// venvPart is a virtual environment in a folder of the cache.
func (r *run) venvPart(name, folder string, requirements []byte) part {
	venv := filepath.Join(r.cache, folder)
	return part{
		name: name, stamp: filepath.Join(venv, "m6.stamp"), key: digest(string(requirements) + venv),
		install: func(ctx context.Context) error {
			r.say("getting the %s through pip ...", name)
			return installVenv(ctx, venv, requirements)
		},
	}
}

func (r *run) notebookParts() []part {
	bin, jupyter := filepath.Join(r.cache, "bin"), r.jupyter()
	goMod, _ := os.ReadFile(filepath.Join(r.module, "go.mod")) // its absence shows as another key
	tools := digest(strings.Join(notebookTools, " ") + gonbVersion(string(goMod)))
	return []part{r.venvPart("Python packages for notebooks (about 60 MB)", "venv", notebookRequirements), {
		name: "GoNB kernel and its tools", stamp: filepath.Join(bin, "m6.stamp"), key: tools,
		install: func(ctx context.Context) error {
			r.say("building the GoNB kernel, goimports and gopls ...")
			for _, tool := range notebookTools {
				if err := command(ctx, []string{"GOBIN=" + bin}, "go", "-C", r.module, "install", tool); err != nil {
					return err
				}
			}
			return nil
		},
	}, {
		name: "kernel in Jupyter", stamp: filepath.Join(r.cache, "jupyter", "kernels", "gonb", "m6.stamp"), key: tools + r.module,
		install: func(ctx context.Context) error {
			return command(ctx, jupyter.Env, filepath.Join(bin, "gonb"), "--install", "--go_work="+r.module)
		},
	}}
}

// installVenv makes a virtual environment with the pinned packages.
func installVenv(ctx context.Context, venv string, requirements []byte) error {
	python, err := findPython()
	if err != nil {
		return err
	}
	if err := makeVenv(ctx, python, venv); err != nil {
		return err
	}
	list := filepath.Join(venv, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return err
	}
	return command(ctx, nil, filepath.Join(venv, "bin", "python"), "-m", "pip", "--quiet", "--disable-pip-version-check",
		"--no-input", "install", "--requirement", list)
}

// gonbVersion is the line of go.mod that fixes the kernel's version.
func gonbVersion(goMod string) string {
	for line := range strings.Lines(goMod) {
		if strings.HasPrefix(strings.TrimSpace(line), "github.com/janpfeifer/gonb v") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
