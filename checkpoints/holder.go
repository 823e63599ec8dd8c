package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Holder tells which process writes checkpoints into a folder, "" where none does.
func Holder(dir string) (string, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("checkpoints: %w", err)
	}
	defer f.Close() // gives the lock free
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return holder(f), nil
	}
	return "", err
}

// List returns the checkpoints of a folder whose manifests can be read, newest first. Their data is not read, and no lock is taken: a run
// may be writing there.
func List(dir string) ([]Info, error) {
	all, err := scan(dir)
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	var out []Info
	for _, f := range all {
		if f.manifest != nil {
			out = append(out, f.manifest.info(f.path))
		}
	}
	return out, nil
}
