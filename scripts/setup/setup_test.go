package setup

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newHome gives the test a home of its own, without plugin, GPU or settings.
func newHome(t *testing.T) (plugins string) {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache"), backendVariable: "",
		"PJRT_PLUGIN_LIBRARY_PATH": filepath.Join(home, "plugins"), "LD_LIBRARY_PATH": "",
	} {
		t.Setenv(name, value)
	}
	old := gpuDevices
	gpuDevices = filepath.Join(home, "nvidia[0-9]*")
	t.Cleanup(func() { gpuDevices = old })
	return filepath.Join(home, "plugins")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFindBackend(t *testing.T) {
	const cpu, cuda = "pjrt_c_api_cpu_v0.104.0_plugin.so", "pjrt_c_api_cuda_plugin.so"
	tests := []struct {
		name    string
		env     string
		files   []string
		gpu     bool
		config  string
		plugin  string
		warning string
	}{
		{"nothing", "", nil, false, "go", "", "NO XLA PLUGIN"},
		{"CPU", "", []string{cpu}, false, "xla:cpu", cpu, ""},
		{"GPU", "", []string{cpu, cuda}, true, "xla:cuda", cuda, ""},
		{"GPU without plugin", "", []string{cpu}, true, "xla:cpu", cpu, "not its XLA plugin"},
		{"plugin without GPU", "", []string{cpu, cuda}, false, "xla:cpu", cpu, ""},
		{"environment", "go", []string{cpu}, false, "go", "", ""},
		{"environment with options", "xla:cpu,shared_buffers=false", []string{cpu}, false, "xla:cpu,shared_buffers=false", cpu, ""},
		{"environment without plugin", "xla", []string{cpu}, false, "xla", cpu, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plugins := newHome(t)
			t.Setenv(backendVariable, test.env)
			for _, name := range test.files {
				write(t, filepath.Join(plugins, name), "")
			}
			if test.gpu {
				write(t, strings.Replace(gpuDevices, "[0-9]*", "0", 1), "")
			}
			got := FindBackend()
			plugin := test.plugin
			if plugin != "" {
				plugin = filepath.Join(plugins, plugin)
			}
			if got.Config != test.config || got.Plugin != plugin || !strings.Contains(got.Warning, test.warning) || (test.warning == "") != (got.Warning == "") {
				t.Errorf("got %+v, want config %q, plugin %q, warning with %q", got, test.config, plugin, test.warning)
			}
		})
	}
}

// TestRunFindsAll: with everything in place set-up is quick, changes nothing and leaves no file.
func TestRunFindsAll(t *testing.T) {
	plugins := newHome(t)
	t.Chdir(t.TempDir())
	plugin := filepath.Join(plugins, "pjrt_c_api_cpu_v0.104.0_plugin.so")
	write(t, plugin, "")
	start := time.Now()
	got, err := Run(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 300*time.Millisecond {
		t.Errorf("took %v", took)
	}
	want := []Step{{Name: "XLA plugin for CPU", Result: plugin}}
	if diff := cmp.Diff(want, got.Steps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	entries, err := os.ReadDir(os.Getenv("HOME"))
	if err != nil || len(entries) != 1 {
		t.Errorf("home holds %v, want the plugins alone (%v)", entries, err)
	}
}

// TestRunKeepsEnvironment: a backend that the user has chosen is taken as it is.
func TestRunKeepsEnvironment(t *testing.T) {
	newHome(t)
	t.Chdir(t.TempDir())
	t.Setenv(backendVariable, "go")
	got, err := Run(t.Context(), Options{})
	if err != nil || got.Backend.Config != "go" || len(got.Steps) != 1 || got.Steps[0].Changed {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNotebooksWantCheckout(t *testing.T) {
	plugins := newHome(t)
	t.Chdir(t.TempDir())
	write(t, filepath.Join(plugins, "pjrt_c_api_cpu_plugin.so"), "")
	if _, err := Run(t.Context(), Options{Notebooks: true}); err == nil || !strings.Contains(err.Error(), "checkout") {
		t.Errorf("got %v", err)
	}
}

// writeWheel makes a wheel that pip takes, and returns it with its checksum.
func writeWheel(t *testing.T, folder string) wheel {
	t.Helper()
	path := filepath.Join(folder, "m6lab_fake-1.0-py3-none-any.whl")
	write(t, path, "")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, member := range [][2]string{
		{"m6lab_fake/lib.so", strings.Repeat("plugin", 997)},
		{"m6lab_fake-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: m6lab-fake\nVersion: 1.0\n"},
		{"m6lab_fake-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"m6lab_fake-1.0.dist-info/RECORD", ""},
	} {
		w, err := z.Create(member[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(member[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	sum, err := sha256File(path)
	if err != nil {
		t.Fatal(err)
	}
	return wheel{project: "m6lab-fake", version: "1.0", sha256: sum, member: "m6lab_fake/lib.so"}
}

// TestWheel: pip brings the wheel by its checksum, the plugin comes out of it whole, and a second
// time neither pip nor a network is needed.
func TestWheel(t *testing.T) {
	index := t.TempDir()
	w := writeWheel(t, index)
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", index)
	r := run{Options: Options{Log: t.Output()}, layout: layout{cache: filepath.Join(t.TempDir(), "cache")}}

	wrong := w
	wrong.sha256 = strings.Repeat("0", 64)
	if _, err := r.wheelFile(t.Context(), wrong); err == nil {
		t.Error("a wheel with another checksum was taken")
	}
	file, err := r.wheelFile(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(r.cache, "wheels", "*"))
	if err != nil || !slices.Equal(entries, []string{file}) {
		t.Errorf("the cache holds %v, want %s alone (%v)", entries, file, err)
	}
	target := filepath.Join(t.TempDir(), "plugins", "plugin.so")
	if err := extract(file, w.member, target); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(target)
	if err != nil || string(got) != strings.Repeat("plugin", 997) {
		t.Errorf("the plugin came out as %d bytes, %v", len(got), err)
	}
	t.Setenv("PATH", "")
	if again, err := r.wheelFile(t.Context(), w); err != nil || again != file {
		t.Errorf("offline: got %q, %v", again, err)
	}
}

// TestExtractFails: nothing is left behind by what cannot be extracted.
func TestExtractFails(t *testing.T) {
	folder := t.TempDir()
	w := writeWheel(t, folder)
	good := filepath.Join(folder, "m6lab_fake-1.0-py3-none-any.whl")
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	data[60] ^= 1 // inside the first member's bytes
	write(t, filepath.Join(folder, "flipped.whl"), string(data))
	write(t, filepath.Join(folder, "cut.whl"), string(data[:len(data)/2]))
	target := filepath.Join(folder, "plugins", "plugin.so")
	for _, test := range []struct{ file, member string }{{"flipped.whl", w.member}, {"cut.whl", w.member}, {filepath.Base(good), "other.so"}, {"none.whl", w.member}} {
		if err := extract(filepath.Join(folder, test.file), test.member, target); err == nil {
			t.Errorf("%s, %s: no error", test.file, test.member)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "plugins", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "plugins", ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestEnsureOnce: of many at once, one installs.
func TestEnsureOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugins", "plugin.so")
	installed := 0 // guarded by the lock under test
	var group sync.WaitGroup
	for range 7 {
		group.Go(func() {
			r := run{}
			r.ensure(t.Context(), "plugin", path, func(context.Context) error {
				installed++
				time.Sleep(20 * time.Millisecond)
				write(t, path, "x")
				return nil
			})
			if r.steps[0].Failed {
				t.Errorf("%+v", r.steps)
			}
		})
	}
	group.Wait()
	if installed != 1 {
		t.Errorf("installed %d times", installed)
	}
}

func TestArrangeCUDA(t *testing.T) {
	packages := t.TempDir()
	for _, name := range []string{"jax_plugins/xla_cuda12/xla_cuda_plugin.so", "nvidia/cublas/lib/libcublas.so.12",
		"nvidia/cuda_nvcc/bin/ptxas", "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc"} {
		write(t, filepath.Join(packages, name), name)
	}
	if err := arrangeCUDA(packages); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pjrt_c_api_cuda_plugin.so", "bin/ptxas", "nvvm/libdevice/libdevice.10.bc", "cublas/lib/libcublas.so.12"} {
		if _, err := os.ReadFile(filepath.Join(packages, "nvidia", name)); err != nil {
			t.Error(err)
		}
	}
}

// TestRequirements: every pinned package of the CUDA plugin has one checksum.
func TestRequirements(t *testing.T) {
	for line := range strings.Lines(string(cudaRequirements)) {
		fields := strings.Fields(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(fields) != 2 || !strings.Contains(fields[0], "==") || len(strings.TrimPrefix(fields[1], "--hash=sha256:")) != 64 {
			t.Errorf("line %q: want NAME==VERSION --hash=sha256:SUM", line)
		}
	}
}

// TestCommandError: the error of a program names it and what it said last.
func TestCommandError(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no sh on Windows")
	}
	err := command(t.Context(), []string{"WORD=last"}, "sh", "-c", "echo first; echo $WORD >&2; exit 3")
	if want := "sh -c echo first; echo $WORD >&2; exit 3: exit status 3: last"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestVenv: an environment is installed from its pins and found again; other pins or its absence
// ask for a new one.
func TestVenv(t *testing.T) {
	index := t.TempDir()
	writeWheel(t, index)
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", index)
	r := &run{Options: Options{Log: t.Output()}, layout: layout{cache: t.TempDir()}}
	pinned := r.venvPart("packages", "venv", []byte("m6lab-fake==1.0\n"))
	for _, changed := range []bool{true, false} {
		if err := r.install(t.Context(), pinned); err != nil {
			t.Fatal(err)
		}
		if step := r.steps[len(r.steps)-1]; step.Changed != changed || step.Failed {
			t.Errorf("got %+v, want changed %v", step, changed)
		}
	}
	venv := filepath.Join(r.cache, "venv")
	if err := command(t.Context(), nil, filepath.Join(venv, "bin", "python"), "-c", "import m6lab_fake"); err != nil {
		t.Error(err)
	}
	if r.venvPart("packages", "venv", []byte("m6lab-fake==2.0\n")).done() {
		t.Error("other pins are taken as installed")
	}
	if err := os.RemoveAll(venv); err != nil {
		t.Fatal(err)
	}
	if pinned.done() {
		t.Error("an environment that was removed is taken as installed")
	}
}

// TestInstallFails: what failed is reported, is not taken as installed, and is tried again.
func TestInstallFails(t *testing.T) {
	r := &run{layout: layout{cache: t.TempDir()}}
	failure := errors.New("no route to host")
	p := part{name: "thing", stamp: filepath.Join(r.cache, "thing.stamp"), key: "1", install: func(context.Context) error { return failure }}
	for _, want := range []string{"set-up: thing: no route to host", ""} {
		err := r.install(t.Context(), p)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want || r.steps[len(r.steps)-1].Failed != (want != "") || p.done() != (want == "") {
			t.Errorf("got %q and %+v, want %q", got, r.steps[len(r.steps)-1], want)
		}
		failure = nil
	}
}
