package checkpoints

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childVariable holds the folder in which this test binary, started again, is the run that gets killed.
const childVariable = "CHECKPOINTS_TEST_RUN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if session := os.Getenv(sessionVariable); session != "" {
			fmt.Println("failed:", rankUntilKilled(dir, session))
			os.Exit(1)
		}
		fmt.Println("failed:", runUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// largeState takes long enough to write for a kill to come in between.
func largeState(step int64) State {
	s := stateOf(step)
	noise := make([]byte, 300_007)
	r := rand.New(rand.NewPCG(uint64(step), 17))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	s.Tensors = append(s.Tensors, Tensor{"noise", U8, []int{len(noise)}, noise})
	return s
}

// runUntilKilled goes on from the newest checkpoint and saves in a loop, in all the ways there are. It prints the step of
// each save that has returned.
func runUntilKilled(dir string) error {
	m, err := Open(dir, Options{Keep: 2, Log: func(string) {}})
	if err != nil {
		return err
	}
	s, report, err := m.Restore()
	if err != nil && !errors.Is(err, ErrNone) || len(report.Problems) > 0 {
		return fmt.Errorf("restore: %w %v", err, report.Problems)
	}
	if err == nil && !reflect.DeepEqual(largeState(s.Step), s) {
		return fmt.Errorf("step %d was restored with another content", s.Step)
	}
	fmt.Println(s.Step)
	for step := s.Step; ; {
		if err := m.Save(largeState(step)); err != nil { // the step that was restored is saved again: its folder is replaced
			return err
		}
		fmt.Println(step)
		if err := m.MarkBest(step, 1); err != nil {
			return err
		}
		for range 3 {
			step++
			if err := m.SaveAsync(largeState(step)); err != nil {
				return err
			}
		}
		if err := m.Wait(); err != nil {
			return err
		}
		fmt.Println(step)
	}
}

// A run that is killed at 50 random moments always goes on from a sound checkpoint, never before the last save that had returned.
func TestKilledAtRandomMoments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoints")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	returned, within := int64(0), 0
	for round := range 50 {
		returned = max(returned, runAndKill(t, dir, time.Duration(r.IntN(80_000))*time.Microsecond))
		if slices.ContainsFunc(listed(t, dir), hidden) {
			within++
		}
		got, report, err := Load(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if got.Step < returned || len(report.Problems) > 0 {
			t.Fatalf("round %d: step %d is restored, %d was saved; problems %v", round, got.Step, returned, report.Problems)
		}
		if !reflect.DeepEqual(largeState(got.Step), got) {
			t.Fatalf("round %d: step %d is restored with another content", round, got.Step)
		}
	}
	t.Logf("step %d; %d of 50 kills came within a save or a removal", returned, within)
	if within == 0 {
		t.Error("no kill came within a save: the test tests nothing")
	}
	m, _ := openTest(t, dir, 2)
	for _, name := range listed(t, dir) {
		if hidden(name) {
			t.Errorf("left behind: %s", name)
		}
	}
	if _, _, err := m.Restore(); err != nil {
		t.Error(err)
	}
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// runAndKill starts a run, kills it some time after its first save returned, and gives the last step whose save had returned.
func runAndKill(t *testing.T, dir string, after time.Duration) int64 {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	step := int64(-1)
	killed := false
	for i := 0; lines.Scan(); i++ {
		if i == 1 {
			killed = true
			time.AfterFunc(after, func() { _ = c.Process.Kill() })
		}
		if step, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
			t.Fatalf("the run said %q", lines.Text())
		}
	}
	if err := c.Wait(); !killed {
		t.Fatalf("the run ended by itself: %v", err)
	}
	return step
}

// Two processes do not write into one folder; the second is told who holds it, and may go on when the first was killed.
func TestFolderInUseByAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoints")
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the run said nothing")
	}
	_, err = Open(dir, Options{})
	wantError(t, err, fmt.Sprintf("in use by process %d on ", c.Process.Pid))
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	m, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
}
