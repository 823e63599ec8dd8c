package checkpoints

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const lockName = "lock"

// lockFolder makes this process the only writer of a folder until the file is closed or the process ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, mend(err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("in use by %s: stop it, or choose another folder", holder(f))
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, mend(err)
	}
	sign(f)
	return f, nil
}

// holder reads who wrote its name into a lock.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 200))
	if name := strings.TrimSpace(string(text)); err == nil && name != "" {
		return name
	}
	return "another process"
}

// sign writes who holds the lock, always in the same place and length, which a full disk allows. Where it fails, the lock
// holds all the same and others cannot be told whose it is.
func sign(f *os.File) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-127.127s\n", fmt.Sprintf("process %d on %s", os.Getpid(), host)), 0)
}
