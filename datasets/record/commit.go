package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// partial is the ending of names that are still being written; readers pass over them.
const partial = ".partial"

// Whole makes the folder dir by write, which fills the folder that it is given: dir appears complete, or it does not appear.
// An existing dir that is not empty is an error. What a killed run left aside is removed.
func Whole(dir string, write func(dir string) error) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the output folder: %w", err)
	}
	if err := mustBeFree(dir); err != nil {
		return err
	}
	aside := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+partial)
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return fmt.Errorf("making room for %s: %w", dir, err)
	}
	unlock, err := freshFolder(aside)
	if err != nil {
		return err
	}
	defer unlock()
	inner := filepath.Join(aside, filepath.Base(dir)) // not aside itself: its lock is held, and write may lock what it is given
	err = os.Mkdir(inner, 0o777)
	if err == nil {
		err = write(inner)
	}
	if err == nil {
		err = moveFolder(inner, dir)
	}
	return errors.Join(err, os.RemoveAll(aside))
}

// mustBeFree returns an error where dir exists and is not an empty folder.
func mustBeFree(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking into the output folder: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("the output folder %s is not empty (it holds %s): choose another name or remove it", dir, entries[0].Name())
	}
	return nil
}

// freshFolder makes an empty folder at path for this process alone, removing what a killed process left there.
// The result unlocks it.
func freshFolder(path string) (unlock func(), err error) {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, fmt.Errorf("making a folder to write aside: %w", err)
	}
	unlock, err = lock(path, false)
	if err != nil {
		return nil, fmt.Errorf("%s is being written by another process: wait for it, or choose another output: %w", path, err)
	}
	entries, err := os.ReadDir(path)
	for i := 0; err == nil && i < len(entries); i++ {
		err = os.RemoveAll(filepath.Join(path, entries[i].Name()))
	}
	if err != nil {
		unlock()
		return nil, fmt.Errorf("removing what a stopped run left: %w", err)
	}
	return unlock, nil
}

// lock takes the lock of an existing folder, waiting for it or not. On file systems without locks it always succeeds.
func lock(dir string, wait bool) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("locking the folder: %w", err)
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	if err := syscall.Flock(int(f.Fd()), how); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing releases the lock
}

// moveFolder gives the complete folder from its final name, safely against a loss of power.
func moveFolder(from, to string) error {
	if err := syncFolder(from); err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty folder, or the rename fails on some systems
		return fmt.Errorf("making room for %s: %w", to, err)
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("giving the finished folder its name: %w", err)
	}
	return syncFolder(filepath.Dir(to))
}

// syncFolder makes the names in dir durable. File systems that cannot are passed over.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("making %s durable: %w", dir, err)
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// writeFile replaces the file at path by data: written aside, made durable, renamed.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*"+partial)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}
