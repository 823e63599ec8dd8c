package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Variable names the environment's variable that has the address of the shared library.
const Variable = "M6_ONNXRUNTIME"

// Library returns the file of ONNX Runtime's shared library: the given one, else what [Variable] names, else the first that is found in
// the active virtual environment, in .venv and .cache of the working directory, in the user's and the system's Python, and among the
// system's libraries. The error says how to get one.
func Library(given string) (string, error) {
	for _, named := range []struct{ by, path string }{{"picture.runtime", given}, {Variable, os.Getenv(Variable)}} {
		if named.path == "" {
			continue
		}
		info, err := os.Stat(named.path)
		if err != nil {
			return "", fmt.Errorf("ONNX Runtime: %s names a file that cannot be read: %w", named.by, err)
		}
		if info.IsDir() {
			return "", fmt.Errorf("ONNX Runtime: %s names the folder %s: name the file %s in it", named.by, named.path, libraryName())
		}
		return named.path, nil
	}
	for _, pattern := range places() {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		found = slices.DeleteFunc(found, func(path string) bool { return strings.Contains(filepath.Base(path), "providers") })
		if len(found) > 0 {
			return found[len(found)-1], nil // the newest name
		}
	}
	return "", fmt.Errorf("ONNX Runtime was not found: pip install onnxruntime, and name its capi/%s in picture.runtime or %s", libraryName(), Variable)
}

// libraryName is the pattern of the shared library's name.
func libraryName() string {
	switch runtime.GOOS {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime*.dylib"
	}
	return "libonnxruntime.so*"
}

// places are the patterns of files that are looked for, the nearest first.
func places() []string {
	name := libraryName()
	capi := filepath.Join("onnxruntime", "capi", name)
	var all []string
	environment := func(folder string) {
		all = append(all, filepath.Join(folder, "lib", "python3*", "site-packages", capi), filepath.Join(folder, "Lib", "site-packages", capi))
	}
	if active := os.Getenv("VIRTUAL_ENV"); active != "" {
		environment(active)
	}
	environment(".venv")
	environment(filepath.Join(".cache", "onnxruntime"))
	if cache, err := os.UserCacheDir(); err == nil {
		environment(filepath.Join(cache, "m6lab", "onnxruntime"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		environment(filepath.Join(home, ".local"))
	}
	return append(all,
		filepath.Join("/usr/local/lib", "python3*", "*-packages", capi),
		filepath.Join("/usr/lib", "python3*", "*-packages", capi),
		filepath.Join("/usr/local/lib", name),
		filepath.Join("/opt/homebrew/lib", name),
		filepath.Join("/usr/lib", "*", name),
		filepath.Join("/usr/lib", name),
	)
}
