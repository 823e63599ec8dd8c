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

// LockedError is the error of [Open] for a folder into which another process writes.
type LockedError struct {
	Dir    string
	Holder string // "process 4711 on host"
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("checkpoints %s: in use by %s: stop it, or choose another folder", e.Dir, e.Holder)
}

// lockFolder makes this process the only writer of a folder until the file is closed or the process ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("checkpoints %s: %w", dir, mend(err))
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &LockedError{dir, holder(f)}
	} else if err != nil {
		err = fmt.Errorf("checkpoints %s: %w", dir, mend(err))
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	sign(f, 0, ownName())
	sign(f, 1, "") // the session of an earlier start
	return f, nil
}

// lockLine is the length of each of the lock's lines: who holds it, and the session of its ranks.
const lockLine = 128

// holder reads who wrote its name into a lock.
func holder(f io.ReaderAt) string {
	if name := readLine(f, 0); name != "" {
		return name
	}
	return "another process"
}

// readLine is a line of the lock, "" where it is not there.
func readLine(f io.ReaderAt, line int) string {
	text := make([]byte, lockLine)
	n, _ := f.ReadAt(text, int64(line)*lockLine) // what cannot be read is as good as not written
	return strings.TrimSpace(string(text[:n]))
}

// sign writes a line of the lock, always in the same place and length, which a full disk allows. Where it fails, the lock
// holds all the same and others cannot be told whose it is.
func sign(f io.WriterAt, line int, text string) {
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-127.127s\n", text), int64(line)*lockLine)
}

// ownName says who this process is.
func ownName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}
