package checkpoints

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// storage is every change that this package makes to a disk, so that tests can let each of them fail.
type storage interface {
	Create(path string) (output, error) // a new file; one that exists is an error
	Mkdir(path string) error
	Rename(from, to string) error
	SyncDir(path string) error
	RemoveAll(path string) error
}

type output interface {
	io.Writer
	Sync() error
	Close() error
}

// disk is the storage of the operating system.
type disk struct{}

func (disk) Create(path string) (output, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}
func (disk) Mkdir(path string) error      { return os.Mkdir(path, 0o777) }
func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) RemoveAll(path string) error  { return os.RemoveAll(path) }

// SyncDir makes the entries of a folder durable; file systems that have no such thing answer EINVAL or ENOTSUP.
func (disk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// makeFolder makes a folder and those above it durably, where they are missing.
func makeFolder(s storage, dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent == filepath.Clean(dir) {
		return s.Mkdir(dir)
	}
	if err := makeFolder(s, parent); err != nil {
		return err
	}
	if err := s.Mkdir(dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return s.SyncDir(parent)
}

// buffer joins small writes; larger ones go to the file without a copy.
const buffer = 1 << 20

// writeFile writes a new file through a buffer and makes it durable.
func writeFile(s storage, path string, write func(io.Writer) error) error {
	f, err := s.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, buffer)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// replaceFile writes beside path and renames, so that path holds the old content or the new one at any moment.
func replaceFile(s storage, path string, write func(io.Writer) error) error {
	folder, base := filepath.Split(path)
	aside := filepath.Join(folder, "."+base+".writing-"+rand.Text()[:8])
	err := writeFile(s, aside, write)
	if err == nil {
		err = s.Rename(aside, path)
	}
	if err != nil {
		_ = s.RemoveAll(aside) // the first error is the one to tell
		return err
	}
	return s.SyncDir(filepath.Clean(filepath.Join(folder, ".")))
}

// mend adds to an error of the system what its reader can do.
func mend(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w (the disk is full: free some space or keep fewer checkpoints)", err)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w (free some of your quota or keep fewer checkpoints)", err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w (the folder cannot be written: choose another or change its permissions)", err)
	}
	return err
}
