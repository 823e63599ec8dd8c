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
	"sync/atomic"
	"testing"
	"time"
)

// In a process that is one of several ranks these hold the session and the rank.
const sessionVariable, rankVariable = "CHECKPOINTS_TEST_SESSION", "CHECKPOINTS_TEST_RANK"

// rankUntilKilled is [runUntilKilled] for one of three ranks.
func rankUntilKilled(dir, session string) error {
	rank, err := strconv.Atoi(os.Getenv(rankVariable))
	if err != nil {
		return err
	}
	m, err := Open(dir, Options{Keep: 2, Rank: rank, Ranks: 3, Session: session, Patience: 5 * time.Second, Log: func(string) {}})
	if err != nil {
		return err
	}
	s, report, err := m.Restore()
	if err != nil && !errors.Is(err, ErrNone) || len(report.Problems) > 0 {
		return fmt.Errorf("restore: %w %v", err, report.Problems)
	}
	if err == nil && !reflect.DeepEqual(byName(largeState(s.Step)), byName(s)) {
		return fmt.Errorf("step %d was restored with another content", s.Step)
	}
	fmt.Println(s.Step)
	for step := s.Step; ; {
		if err := m.SaveFrom(shareOf(largeState(step), rank)); err != nil {
			return err
		}
		fmt.Println(step)
		step++
		if err := m.SaveAsyncFrom(shareOf(largeState(step), rank)); err != nil {
			return err
		}
	}
}

// Three processes save together; one is killed at a random moment. The others end by themselves, with one line that is the same on both,
// and the next start goes on from a sound checkpoint, never before the last save that had returned anywhere.
func TestRankKilledAtRandomMoments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoints")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	returned, within := int64(0), 0
	for round := range 4 {
		victim := (round + 2) % 3
		step, lines := killRank(t, dir, fmt.Sprint("start ", round), victim, time.Duration(r.IntN(60_000))*time.Microsecond)
		returned = max(returned, step)
		if len(lines) != 2 || lines[0] != lines[1] || !strings.Contains(lines[0], "within 5s") {
			t.Errorf("round %d: rank %d was killed, the others said %q", round, victim, lines)
		}
		if slices.ContainsFunc(listed(t, dir), hidden) {
			within++
		}
		got, report, err := Load(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if got.Step < returned || len(report.Problems) > 0 || !reflect.DeepEqual(byName(largeState(got.Step)), byName(got)) {
			t.Fatalf("round %d: step %d is restored, %d was saved; problems %v", round, got.Step, returned, report.Problems)
		}
	}
	t.Logf("step %d; %d of 4 kills came within a save", returned, within)
	if within == 0 {
		t.Error("no kill came within a save: the test tests nothing")
	}
	openRanks(t, dir, "after", time.Minute)
	for _, name := range listed(t, dir) {
		if hidden(name) {
			t.Errorf("left behind: %s", name)
		}
	}
}

// killRank starts three ranks, kills one some time after its first save returned, and waits for the others. It gives the last step that
// any of them had saved, and the lines with which the others ended.
func killRank(t *testing.T, dir, session string, victim int, after time.Duration) (saved int64, ends []string) {
	t.Helper()
	var last atomic.Int64
	last.Store(-1)
	lines := make([]string, 3)
	errs := onRanks(3, func(rank int) error {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childVariable+"="+dir, sessionVariable+"="+session, rankVariable+"="+fmt.Sprint(rank))
		out, err := c.StdoutPipe()
		if err != nil {
			return err
		}
		if err := c.Start(); err != nil {
			return err
		}
		said := bufio.NewScanner(out)
		for i := 0; said.Scan(); i++ {
			if i == 1 && rank == victim {
				time.AfterFunc(after, func() { _ = c.Process.Kill() })
			}
			step, err := strconv.ParseInt(said.Text(), 10, 64)
			if err != nil {
				lines[rank] = said.Text()
				break
			}
			for old := last.Load(); step > old && !last.CompareAndSwap(old, step); old = last.Load() {
			}
		}
		_ = c.Wait() // it was killed, or says what failed
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if lines[victim] != "" {
		t.Fatalf("the rank to be killed ended by itself: %s", lines[victim])
	}
	return last.Load(), slices.Delete(lines, victim, victim+1)
}
