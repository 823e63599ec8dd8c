package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rankSource is what one of three ranks writes of [stateOf].
func rankSource(step int64, rank int) Source { return shareOf(stateOf(step), rank) }

// shareOf is what one of three ranks writes of a state: rows of w and of noise, and some whole tensors.
func shareOf(s State, rank int) Source {
	step := s.Step
	out := Source{Step: step, Values: s.Values}
	var data [][]byte
	add := func(t Tensor, start, size []int) {
		out.Parts = append(out.Parts, Part{t.Spec(), start, size})
		if start != nil {
			t, _ = t.Slice(start, size)
		}
		data = append(data, t.Data)
	}
	for i, t := range s.Tensors {
		switch {
		case t.Name == "w":
			add(t, []int{[]int{0, 2, 3}[rank], 0}, []int{[]int{2, 1, 2}[rank], 7})
		case t.Name == "noise":
			add(t, []int{rank * 100_003}, []int{min(100_003, 300_007-rank*100_003)})
		case i%3 == rank:
			add(t, nil, nil)
		}
	}
	out.Data = func(i int) ([]byte, error) { return data[i], nil }
	return out
}

// openRanks opens a folder for three ranks of a session; logs are collected together.
func openRanks(t *testing.T, dir, session string, patience time.Duration) ([]*Manager, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	ranks := make([]*Manager, 3)
	errs := onRanks(3, func(rank int) (err error) {
		ranks[rank], err = Open(dir, Options{Keep: 2, Rank: rank, Ranks: 3, Session: session, Patience: patience, Log: func(l string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, l)
		}})
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, m := range ranks {
		m.block = 32
		t.Cleanup(func() { m.lock.Close() })
	}
	return ranks, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(lines)
	}
}

// onRanks runs f for each rank beside the others.
func onRanks(n int, f func(rank int) error) []error {
	errs := make([]error, n)
	var g sync.WaitGroup
	for rank := range n {
		g.Go(func() { errs[rank] = f(rank) })
	}
	g.Wait()
	return errs
}

func saveRanks(ranks []*Manager, step int64) []error {
	return onRanks(len(ranks), func(rank int) error { return ranks[rank].SaveFrom(rankSource(step, rank)) })
}

// wantSame fails unless all ranks report one line, which holds want.
func wantSame(t *testing.T, errs []error, want string) {
	t.Helper()
	for _, err := range errs {
		wantError(t, err, want)
		if errorText(err) != errorText(errs[0]) {
			t.Errorf("the ranks report %q and %q", errs[0], err)
		}
	}
}

// byName puts tensors into an order that does not depend on who wrote them.
func byName(s State) State {
	slices.SortFunc(s.Tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return s
}

func wantShared(t *testing.T, dir string, step int64) {
	t.Helper()
	got, report, err := Load(dir)
	if err != nil || len(report.Problems) > 0 {
		t.Fatal(err, report.Problems)
	}
	if diff := cmp.Diff(byName(stateOf(step)), byName(got)); diff != "" {
		t.Fatalf("restored (-want +got):\n%.2000s", diff)
	}
}

// Three ranks write one checkpoint, each a file of its own, and it reads as one that a single process wrote.
func TestRanksSaveTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "checkpoints")
	ranks, lines := openRanks(t, dir, "job 17, start 3", time.Minute)
	for _, step := range []int64{10, 20, 20, 30} {
		if err := errors.Join(saveRanks(ranks, step)...); err != nil {
			t.Fatal(err)
		}
		wantShared(t, dir, step)
	}
	errs := onRanks(3, func(rank int) error {
		return errors.Join(ranks[rank].SaveAsyncFrom(rankSource(40, rank)), ranks[rank].MarkBest(40, 0.5), ranks[rank].Wait())
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	wantShared(t, dir, 40)
	if diff := cmp.Diff([]string{"best.json", "step-00000030", "step-00000040"}, listed(t, dir)); diff != "" {
		t.Error(diff)
	}
	want := []string{"data-00000.safetensors", "data-00001.safetensors", "data-00002.safetensors", "manifest.json"}
	if diff := cmp.Diff(want, listed(t, filepath.Join(dir, "step-00000040"))); diff != "" {
		t.Error(diff)
	}
	if r, err := Check(dir); err != nil || len(r.Problems)+len(r.Notes) > 0 {
		t.Errorf("audit: %v %v %v", r.Problems, r.Notes, err)
	}
	tensors, metadata := readAll(t, filepath.Join(dir, "step-00000040", "data-00001.safetensors"))
	if len(tensors) == 0 || metadata["step"] != "40" {
		t.Errorf("rank 1's file has %d tensors and the metadata %v", len(tensors), metadata)
	}
	if got := lines(); len(got) > 0 {
		t.Errorf("log %q", got)
	}
	for _, m := range ranks {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	ranks, _ = openRanks(t, dir, "job 17, start 4", time.Minute)
	for rank, m := range ranks {
		if s, _, err := m.Restore(); err != nil || s.Step != 40 {
			t.Errorf("rank %d: step %d, %v", rank, s.Step, err)
		}
	}
	if err := errors.Join(saveRanks(ranks, 50)...); err != nil {
		t.Fatal(err)
	}
	wantShared(t, dir, 50)
}

// Ranks that do not agree are told so, all with the same line; nothing is committed, and the next save is.
func TestRanksDisagree(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(s *Source)
	}{
		{"rank 2 is at step 21, rank 0 at step 20", func(s *Source) { s.Step = 21 }},
		{`value "data" is "elsewhere" on rank 2, "<位置>" on rank 0`, func(s *Source) {
			s.Values = map[string]json.RawMessage{"data": json.RawMessage(`"elsewhere"`), "random": s.Values["random"]}
		}},
		{`value "random" is absent on rank 2`, func(s *Source) { s.Values = map[string]json.RawMessage{"data": s.Values["data"]} }},
		{`value "more" of rank 2 is not there on rank 0`, func(s *Source) {
			s.Values = map[string]json.RawMessage{"data": s.Values["data"], "random": s.Values["random"], "more": json.RawMessage("1")}
		}},
		{`tensor "w": its pieces cover 21 of 35 elements`, func(s *Source) {
			s.Parts = slices.DeleteFunc(s.Parts, func(p Part) bool { return p.Name == "w" })
			s.Data = func(i int) ([]byte, error) { return rankSource(20, 2).Data(i + 1) }
		}},
		{`tensor "w": the pieces at [2 0] and [2 0] overlap`, func(s *Source) { s.Parts[0].Start = []int{2, 0} }},
		{`tensor "w": rank 2 has F32 [6 7], one before F32 [5 7]`, func(s *Source) { s.Parts[0].Dims = []int{6, 7} }},
		{`step 20: rank 2 of 3: value "k" is not JSON`, func(s *Source) { s.Values = map[string]json.RawMessage{"k": json.RawMessage("{")} }},
		{`step 20: rank 2 of 3: tensor "count": device gone`, func(s *Source) {
			s.Data = func(int) ([]byte, error) { return nil, errors.New("device gone") }
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			dir := t.TempDir()
			ranks, _ := openRanks(t, dir, "a", time.Minute)
			if err := errors.Join(saveRanks(ranks, 10)...); err != nil {
				t.Fatal(err)
			}
			errs := onRanks(3, func(rank int) error {
				s := rankSource(20, rank)
				if rank == 2 {
					c.change(&s)
				}
				return ranks[rank].SaveFrom(s)
			})
			wantSame(t, errs, c.want)
			wantShared(t, dir, 10)
			if err := errors.Join(saveRanks(ranks, 20)...); err != nil {
				t.Fatal(err)
			}
			wantShared(t, dir, 20)
			if diff := cmp.Diff([]string{"step-00000010", "step-00000020"}, listed(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whichever operation of whichever rank fails, alone or with all that follow, all ranks end soon and the checkpoint of before or
// the new one is sound; where the failed rank could still write a line, all report it.
func TestEveryOperationOfARankFails(t *testing.T) {
	for rank := range 3 {
		for _, dead := range []bool{false, true} {
			n := 0
			for failRank(t, rank, n, dead) {
				n++
			}
			if n < 10 {
				t.Errorf("only %d operations of rank %d", n, rank)
			}
		}
	}
}

// failRank saves steps 10 and 20; operation n of a rank's second save fails. False where there are not so many.
func failRank(t *testing.T, bad, n int, dead bool) bool {
	t.Helper()
	dir := t.TempDir()
	ranks, lines := openRanks(t, dir, "s", time.Minute)
	if err := errors.Join(saveRanks(ranks, 10)...); err != nil {
		t.Fatal(err)
	}
	if dead { // nobody is told, so the others wait until their patience ends
		for _, m := range ranks {
			m.options.Patience = 150 * time.Millisecond
		}
	}
	var mu sync.Mutex
	count, failed := 0, ""
	ranks[bad].disk = failing{fail: func(op, path string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == "mkdir" && bad > 0 {
			return nil // whoever comes first makes the folder
		}
		count++
		if count-1 < n || count-1 > n && !dead {
			return nil
		}
		if count-1 == n {
			failed = fmt.Sprint("rank ", bad, ": ", op, " ", strings.ReplaceAll(path, dir, ""), " dead ", dead)
		}
		return &os.PathError{Op: op, Path: path, Err: syscall.ENOSPC}
	}}
	begin := time.Now()
	errs := saveRanks(ranks, 20)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("%s: the ranks took %v", failed, took)
	}
	if failed == "" {
		return false
	}
	got, _, err := Load(dir)
	if err != nil || got.Step != 20 && (got.Step != 10 || slices.ContainsFunc(errs, func(err error) bool { return err == nil })) {
		t.Fatalf("%s: %v; step %d is restored, %v", failed, errs, got.Step, err)
	}
	if got.Step == 10 && !dead {
		for _, err := range errs {
			wantError(t, err, fmt.Sprintf("checkpoint of step 20: rank %d of 3: ", bad))
			wantError(t, err, "no space left on device (the disk is full: free some space or keep fewer checkpoints)")
		}
	}
	for _, told := range lines() {
		if strings.Contains(told, "\n") {
			t.Errorf("%s: told %q", failed, told)
		}
	}
	wantShared(t, dir, got.Step)
	for _, m := range ranks {
		m.lock.Close()
	}
	ranks, _ = openRanks(t, dir, "t", time.Minute)
	for _, m := range ranks {
		if s, _, err := m.Restore(); err != nil || s.Step != got.Step {
			t.Fatalf("%s: restore: step %d after %d, %v", failed, s.Step, got.Step, err)
		}
	}
	if err := errors.Join(saveRanks(ranks, 30)...); err != nil {
		t.Fatalf("%s: %v", failed, err)
	}
	wantShared(t, dir, 30)
	for _, name := range listed(t, dir) {
		if hidden(name) {
			t.Errorf("%s: left behind %s", failed, name)
		}
	}
	return true
}

// A disk that is too small for the part of one rank is the same line on all of them.
func TestFullDiskOfOneRank(t *testing.T) {
	dir := filepath.Join(smallDisk(t, "4m"), "checkpoints")
	ranks, _ := openRanks(t, dir, "s", time.Minute)
	if err := errors.Join(saveRanks(ranks, 10)...); err != nil {
		t.Fatal(err)
	}
	errs := onRanks(3, func(rank int) error {
		s := rankSource(20, rank)
		if rank == 1 {
			data := s.Data
			s.Parts = append(s.Parts, Part{Spec: Spec{"big", U8, []int{5 << 20}}})
			s.Data = func(i int) ([]byte, error) {
				if i == len(s.Parts)-1 {
					return make([]byte, 5<<20), nil
				}
				return data(i)
			}
		}
		return ranks[rank].SaveFrom(s)
	})
	wantSame(t, errs, "checkpoint of step 20: rank ") // the ranks share the disk: whichever writes when it is full is the first to fail
	wantSame(t, errs, " of 3: write "+dir)
	wantSame(t, errs, "no space left on device (the disk is full: free some space or keep fewer checkpoints)")
	wantShared(t, dir, 10)
	if err := errors.Join(saveRanks(ranks, 30)...); err != nil {
		t.Fatal(err)
	}
	wantShared(t, dir, 30)
}

// A rank that never comes is named when the others' patience is at its end.
func TestRankIsMissing(t *testing.T) {
	dir := t.TempDir()
	ranks, _ := openRanks(t, dir, "s", time.Minute)
	for _, m := range ranks {
		m.options.Patience = 200 * time.Millisecond
	}
	errs := saveRanks(ranks[:2], 10)
	for _, err := range errs { // which of the two gives up first is chance
		if text := errorText(err); !strings.Contains(text, "step 10: rank 0 of 3: no part of rank 2 within 200ms") &&
			!strings.Contains(text, "step 10: rank 1 of 3: rank 0 did not finish within 200ms") {
			t.Errorf("got %q", text)
		}
	}
	wantSame(t, errs, "within 200ms")
	if _, _, err := Load(dir); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// A rank of another session gets nowhere, and a second start of the run is told who has the folder.
func TestSessions(t *testing.T) {
	dir := t.TempDir()
	ranks, _ := openRanks(t, dir, "first", time.Minute)
	other := Options{Rank: 1, Ranks: 3, Session: "second", Patience: 30 * time.Millisecond}
	_, err := Open(dir, other)
	wantError(t, err, `rank 1 of 3 waited 30ms for rank 0 to open the folder for session "second"; its lock names "session `)
	other.Rank = 0
	_, err = Open(dir, other)
	var locked *LockedError
	if !errors.As(err, &locked) || !strings.HasPrefix(locked.Holder, fmt.Sprintf("process %d on ", os.Getpid())) {
		t.Errorf("got %v", err)
	}
	if err := ranks[0].Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir, other)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	wantError(t, ranks[1].SaveFrom(rankSource(10, 1)), `rank 1: the folder is no longer that of session "first": its lock names "session `)
	for _, o := range []Options{{Ranks: 2}, {Rank: 2, Ranks: 2, Session: "s"}, {Rank: 1}, {Rank: -1, Ranks: 2, Session: "s"}, {Keep: -1}} {
		if _, err := Open(t.TempDir(), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// The bytes that all ranks hold are shared out evenly, by a rule that every rank can apply alone.
func TestOwners(t *testing.T) {
	var parts []Part
	total := int64(0)
	for i := range 97 {
		spec := Spec{fmt.Sprint("w", i), F32, []int{1 + i*i%89, 7}}
		n, _ := spec.Bytes()
		total += n
		parts = append(parts, Part{Spec: spec})
	}
	parts = append(parts, Part{Spec{"half", F32, []int{1000, 1000}}, []int{0, 0}, []int{3, 5}})
	total += 60
	for _, ranks := range []int{1, 2, 3, 7, 13} {
		owners, err := Owners(parts, ranks)
		if err != nil || len(owners) != len(parts) {
			t.Fatal(len(owners), err)
		}
		load := make([]int64, ranks)
		for i, owner := range owners {
			n, _ := parts[i].stored().Bytes()
			load[owner] += n
		}
		if most := slices.Max(load); float64(most) > 1.02*float64(total)/float64(ranks)+28 {
			t.Errorf("%d ranks: %v of %d", ranks, load, total)
		}
	}
	if _, err := Owners(parts, 0); err == nil {
		t.Error("no ranks are accepted")
	}
	_, err := Owners([]Part{{Spec: Spec{"a", "F31", nil}}}, 2)
	wantError(t, err, `tensor "a": unknown dtype "F31"`)
}
