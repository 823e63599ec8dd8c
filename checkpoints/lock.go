package checkpoints

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
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

// joinFolder waits until rank 0 of the same session has the folder, and opens its lock to read.
func joinFolder(dir string, o Options) (*os.File, error) {
	seen := ""
	for patience := o.patience(); ; {
		f, err := os.Open(filepath.Join(dir, lockName))
		if err == nil {
			if seen = readLine(f, 1); seen == sessionLine(o) {
				return f, nil
			}
			_ = f.Close() // opened for reading only
		}
		if !patience.wait() {
			return nil, fmt.Errorf("checkpoints %s: rank %d of %d waited %v for rank 0 to open the folder for session %q; its lock names %q",
				dir, o.Rank, o.Ranks, o.Patience, o.Session, seen)
		}
	}
}

// sessionLine is what rank 0 writes into the lock for the others.
func sessionLine(o Options) string {
	return fmt.Sprintf("session %s %.80s", sessionTag(o.Session), strconv.QuoteToASCII(o.Session))
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
