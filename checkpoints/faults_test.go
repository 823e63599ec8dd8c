package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failing is a disk on which fail decides, before every change, whether it happens. A write that fails does half of its work.
type failing struct {
	disk
	fail func(op, path string) error
}

func (f failing) Create(path string) (output, error) {
	if err := f.fail("create", path); err != nil {
		return nil, err
	}
	out, err := f.disk.Create(path)
	return &failingFile{out, path, f.fail}, err
}

func (f failing) Mkdir(path string) error {
	return errors.Join(f.fail("mkdir", path), f.disk.Mkdir(path))
}

func (f failing) Rename(from, to string) error {
	if err := f.fail("rename", from+" "+to); err != nil {
		return err
	}
	return f.disk.Rename(from, to)
}

func (f failing) SyncDir(path string) error {
	if err := f.fail("syncdir", path); err != nil {
		return err
	}
	return f.disk.SyncDir(path)
}

func (f failing) RemoveAll(path string) error {
	if err := f.fail("remove", path); err != nil {
		return err
	}
	return f.disk.RemoveAll(path)
}

type failingFile struct {
	output
	path string
	fail func(op, path string) error
}

func (f *failingFile) Write(data []byte) (int, error) {
	if err := f.fail("write", f.path); err != nil {
		n, _ := f.output.Write(data[:len(data)/2])
		return n, err
	}
	return f.output.Write(data)
}

func (f *failingFile) Sync() error {
	if err := f.fail("sync", f.path); err != nil {
		return err
	}
	return f.output.Sync()
}

func (f *failingFile) Close() error {
	err := f.output.Close()
	if e := f.fail("close", f.path); e != nil {
		return e
	}
	return err
}

// The order of operations is what makes a save atomic: files and folder are durable before the rename, the rename is before
// anything is removed.
func TestOrderOfOperations(t *testing.T) {
	dir := t.TempDir()
	m, _ := openTest(t, dir, 1)
	save(t, m, 10)
	var ops []string
	m.disk = failing{fail: func(op, path string) error {
		words := strings.Fields(op + " " + path)
		for i, w := range words {
			parts := strings.Split(strings.TrimPrefix(w, dir), "/")
			for j, p := range parts {
				if kind, step, ok := leftover(p); ok {
					parts[j] = kind + folderName(step)
				} else if bestAside.MatchString(p) {
					parts[j] = ".best.json.writing"
				}
			}
			words[i] = strings.TrimPrefix(strings.Join(parts, "/"), "/")
		}
		ops = append(ops, strings.Join(words, " "))
		return nil
	}}
	save(t, m, 20, 20)
	if err := m.MarkBest(20, 1); err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "operations.txt", strings.Join(ops, "\n")+"\n")
}

// Whichever operation of a save fails, alone or with all that follow (a process that dies there), the error says so in one line, readers
// still find a checkpoint, and the next process goes on from it and leaves nothing behind.
func TestEveryOperationFails(t *testing.T) {
	for _, next := range []int64{20, 10} { // at 10 the step's folder is already there
		for _, dead := range []bool{false, true} {
			n := 0
			for failOperation(t, next, n, dead) {
				n++
			}
			if n < 12 {
				t.Errorf("only %d operations", n)
			}
		}
	}
}

// failOperation saves step 10, then next while operation n fails; false where there are not so many operations.
func failOperation(t *testing.T, next int64, n int, dead bool) bool {
	t.Helper()
	dir := t.TempDir()
	m, lines := openTest(t, dir, 1)
	save(t, m, 10)
	count, failed := 0, ""
	m.disk = failing{fail: func(op, path string) error {
		count++
		if count-1 < n || count-1 > n && !dead {
			return nil
		}
		if count-1 == n {
			failed = fmt.Sprint(op, " ", strings.ReplaceAll(path, dir, ""), " dead ", dead)
		}
		return &os.PathError{Op: op, Path: path, Err: syscall.ENOSPC}
	}}
	err := m.Save(stateOf(next))
	if failed == "" {
		return false
	}
	for _, told := range append([]string{errorText(err)}, *lines...) {
		if told != "" && !strings.Contains(told, "no space left on device") || strings.Contains(told, "\n") {
			t.Errorf("%s: told %q", failed, told)
		}
	}
	if err == nil && len(*lines) == 0 {
		t.Errorf("%s: nobody was told", failed)
	}
	got, _, loadErr := Load(dir)
	if loadErr != nil || got.Step != next && (got.Step != 10 || err == nil) {
		t.Fatalf("%s: saved: %v; step %d is restored, %v", failed, err, got.Step, loadErr)
	}
	m.Close()
	m, _ = openTest(t, dir, 1)
	if s, _, err := m.Restore(); err != nil || !reflect.DeepEqual(stateOf(got.Step), s) {
		t.Fatalf("%s: restore: step %d after %d, %v", failed, s.Step, got.Step, err)
	}
	save(t, m, 30)
	if diff := cmp.Diff([]string{"step-00000030"}, listed(t, dir)); diff != "" {
		t.Errorf("%s: %s", failed, diff)
	}
	return true
}

// smallDisk mounts a file system in memory; that takes root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a tmpfs takes root")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("mount -t tmpfs is not allowed here: %s", out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func bigState(step int64, size int) State {
	s := stateOf(step)
	s.Tensors = append(s.Tensors, Tensor{"big", U8, []int{size}, make([]byte, size)})
	return s
}

// A disk that fills up is an error that says so; the last good checkpoint stays, and smaller ones can still be saved.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(smallDisk(t, "4m"), "checkpoints")
	m, _ := openTest(t, dir, 2)
	save(t, m, 10)
	err := m.Save(bigState(20, 5<<20))
	wantError(t, err, "checkpoint of step 20 (5.2 MB): write "+dir)
	wantError(t, err, "no space left on device (the disk is full: free some space or keep fewer checkpoints)")
	if diff := cmp.Diff([]string{"step-00000010"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	wantRestored(t, dir, 10)
	save(t, m, 30)
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 4<<20), 0o666); err == nil {
		t.Fatal("the disk is not full")
	}
	wantError(t, m.MarkBest(30, 1), "no space left on device")
	wantError(t, m.Save(stateOf(40)), "no space left on device")
	m.Close()
	m, _ = openTest(t, dir, 2) // a full disk can be opened and restored from
	if s, _, err := m.Restore(); err != nil || s.Step != 30 {
		t.Errorf("step %d, %v", s.Step, err)
	}
	wantError(t, WriteSafetensors(filepath.Join(dir, "x.safetensors"), stateOf(1).Tensors, nil), "no space left on device")
}

func TestReadOnlyDisk(t *testing.T) {
	top := smallDisk(t, "4m")
	dir := filepath.Join(top, "checkpoints")
	m, _ := openTest(t, dir, 2)
	save(t, m, 10)
	m.Close()
	if out, err := exec.Command("mount", "-o", "remount,ro", top).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	_, err := Open(dir, Options{})
	wantError(t, err, "read-only file system (the folder cannot be written: choose another or change its permissions)")
	_, err = Open(filepath.Join(top, "other"), Options{})
	wantError(t, err, "read-only file system (the folder cannot be written")
	wantRestored(t, dir, 10)
	if r, err := Check(dir); err != nil || len(r.Problems) > 0 {
		t.Errorf("%v %v", r.Problems, err)
	}
}

// The errors of the system are told with their mend.
func TestMend(t *testing.T) {
	for err, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "free some space", syscall.EDQUOT: "quota", syscall.EROFS: "cannot be written",
		syscall.EACCES: "cannot be written", syscall.EPERM: "cannot be written", syscall.EIO: "input/output error",
	} {
		dir := t.TempDir()
		m, _ := openTest(t, dir, 1)
		m.disk = failing{fail: func(op, path string) error {
			if op == "sync" {
				return fmt.Errorf("sync %s: %w", path, err)
			}
			return nil
		}}
		wantError(t, m.Save(stateOf(10)), want)
	}
}
