package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// counter is a worker that counts steps, one every few milliseconds.
type counter struct {
	mu     sync.Mutex
	run    string
	step   int64
	saved  int64
	closed bool
}

func (c *counter) place() (string, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run, c.step
}

func (c *counter) open(r request, tell func(event)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Run == "broken" {
		return errors.New("no such\nrun")
	}
	c.run = r.Run
	tell(event{Step: c.step, Of: 1000})
	return nil
}

func (c *counter) train(ctx context.Context, r request, tell func(event)) error {
	for range r.Steps {
		if ctx.Err() != nil {
			break
		}
		time.Sleep(2 * time.Millisecond)
		c.mu.Lock()
		c.step++
		step := c.step
		c.mu.Unlock()
		tell(event{Step: step, Values: map[string]float64{"loss": 1 / float64(step)}})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = c.step
	return nil
}

func (c *counter) caption(context.Context, request, func(event)) error {
	panic("a mask of the wrong\nshape")
}

func (c *counter) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// bench of tests: a server over a counter, and what tells that its kernel is gone.
type testBench struct {
	*counter
	socket string
	kill   func()
	ended  chan error
}

// startBench serves a counter on a socket with a short name: those of t.TempDir may be too long for one.
func startBench(t *testing.T, h hello) *testBench {
	t.Helper()
	folder, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	alive, kill := context.WithCancel(context.Background())
	b := &testBench{counter: &counter{}, socket: filepath.Join(folder, "s"), kill: kill, ended: make(chan error, 1)}
	l, err := net.Listen("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(h, b.counter)
	go func() { b.ended <- s.serve(l, func() bool { return alive.Err() == nil }) }()
	t.Cleanup(kill)
	return b
}

func (b *testBench) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-b.ended:
		if err != nil {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the workbench does not leave")
	}
	if !b.closed {
		t.Error("the workbench left without closing its run")
	}
}

func TestHandshake(t *testing.T) {
	want := hello{Protocol: protocol, Build: "b", Definitions: map[string]string{"mask": "1"}, Process: 7}
	b := startBench(t, want)
	c := newClient(b.socket)
	if err := c.ask(t.Context(), "open", request{Run: "a"}, func(event) {}); err != nil {
		t.Fatal(err)
	}
	got, err := c.hello()
	if err != nil {
		t.Fatal(err)
	}
	if got.Run != "a" || got.Build != "b" || got.Process != 7 || got.Definitions["mask"] != "1" {
		t.Errorf("hello says %+v, want %+v with run a", got, want)
	}
}

func TestReplaced(t *testing.T) {
	now := launch{Build: "b", Definitions: map[string]string{"mask": "1"}}
	for _, test := range []struct {
		name string
		h    hello
		want string
	}{
		{"same", hello{Protocol: protocol, Build: "b", Definitions: map[string]string{"mask": "1"}}, ""},
		{"older build", hello{Protocol: protocol, Build: "a", Definitions: map[string]string{"mask": "1"}}, "code of this checkout"},
		{"older protocol", hello{Protocol: protocol - 1, Build: "b", Definitions: map[string]string{"mask": "1"}}, "code of this checkout"},
		{"other text", hello{Protocol: protocol, Build: "b", Definitions: map[string]string{"mask": "2"}}, "Your mask changed"},
		{"two", hello{Protocol: protocol, Build: "b", Definitions: map[string]string{"schedule": "2"}}, "Your mask and your schedule changed"},
		{"defined since", hello{Protocol: protocol, Build: "b"}, "Your mask changed"},
	} {
		if got := replaced(test.h, now); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Two cells of one notebook, or two windows on it: the second waits for the first, and steps are not mixed.
func TestTwoClients(t *testing.T) {
	b := startBench(t, hello{})
	steps := make([][]int64, 2)
	var both sync.WaitGroup
	for i := range steps {
		both.Go(func() {
			err := newClient(b.socket).ask(context.Background(), "train", request{Run: "a", Steps: 20}, func(e event) {
				if e.Values != nil {
					steps[i] = append(steps[i], e.Step)
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for i, got := range steps {
		if len(got) != 20 || got[19]-got[0] != 19 {
			t.Errorf("client %d saw steps %v: want 20 in a row", i, got)
		}
	}
	if _, step := b.place(); step != 40 {
		t.Errorf("%d steps were taken, want 40", step)
	}
}

func TestInterrupt(t *testing.T) {
	b := startBench(t, hello{})
	c := newClient(b.socket)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.ask(ctx, "train", request{Run: "a", Steps: 100000}, func(e event) {
		if e.Step == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted request gives %v, want context.Canceled", err)
	}
	if err := c.ask(t.Context(), "open", request{Run: "a"}, func(event) {}); err != nil { // waits until the worker rests
		t.Fatal(err)
	}
	_, stopped := b.place()
	if stopped < 5 || stopped > 1000 {
		t.Errorf("stopped at step %d, want soon after 5", stopped)
	}
	if b.saved != stopped {
		t.Errorf("saved at step %d, want %d", b.saved, stopped)
	}
	var first int64
	err = c.ask(t.Context(), "train", request{Run: "a", Steps: 3}, func(e event) {
		if first == 0 {
			first = e.Step
		}
	})
	if err != nil || first != stopped+1 {
		t.Errorf("training goes on with step %d and error %v, want step %d", first, err, stopped+1)
	}
}

func TestErrorsAreOneSentence(t *testing.T) {
	b := startBench(t, hello{})
	c := newClient(b.socket)
	for what, want := range map[string]string{"open": "no such run", "caption": "a mask of the wrong shape"} {
		err := c.ask(t.Context(), what, request{Run: "broken"}, func(event) {})
		if err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %q", what, err, want)
		}
	}
	if _, err := c.hello(); err != nil {
		t.Errorf("after a panic the workbench is gone: %v", err)
	}
}

func TestQuitSavesFirst(t *testing.T) {
	b := startBench(t, hello{})
	started := make(chan struct{})
	trained := make(chan error, 1)
	go func() {
		var once sync.Once
		trained <- newClient(b.socket).ask(context.Background(), "train", request{Run: "a", Steps: 100000}, func(event) { once.Do(func() { close(started) }) })
	}()
	<-started
	if err := newClient(b.socket).quit(); err != nil {
		t.Fatal(err)
	}
	if _, step := b.place(); b.saved != step || step == 0 {
		t.Errorf("quit answered at step %d with step %d saved", step, b.saved)
	}
	if err := <-trained; err != nil {
		t.Errorf("the cell that trained gets %v, want the end of its stream", err)
	}
	b.wait(t)
}

func TestLeavesWithItsKernel(t *testing.T) {
	b := startBench(t, hello{})
	started := make(chan struct{})
	go func() {
		var once sync.Once
		_ = newClient(b.socket).ask(context.Background(), "train", request{Run: "a", Steps: 100000}, func(event) { once.Do(func() { close(started) }) })
	}()
	<-started
	b.kill()
	b.wait(t)
	if _, step := b.place(); b.saved != step {
		t.Errorf("left at step %d with step %d saved", step, b.saved)
	}
	if _, err := os.Stat(b.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestMain(m *testing.M) {
	if spec := os.Getenv(workbenchVariable); spec != "" { // started again as the workbench by TestConnect
		if err := become(spec, func(launch) worker { return &counter{} }); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestConnect starts this test's program as a workbench: behind a stale socket, again for other definitions, and not again for the same.
func TestConnect(t *testing.T) {
	folder, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	l := launch{Socket: filepath.Join(folder, "s"), Root: folder, Kernel: os.Getpid(), Began: processBegan(os.Getpid()), Build: "b"}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: l.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close() // as a killed workbench leaves it
	var said []string
	connected := func(l launch) hello {
		t.Helper()
		c, err := connect(l, func(line string) { said = append(said, line) })
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ask(t.Context(), "open", request{Run: "a"}, func(event) {}); err != nil {
			t.Fatal(err)
		}
		if err := c.ask(t.Context(), "train", request{Run: "a", Steps: 2}, func(event) {}); err != nil {
			t.Fatal(err)
		}
		h, err := c.hello()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := connected(l)
	if again := connected(l); again.Process != first.Process || len(said) != 0 {
		t.Errorf("a second cell gets process %d and hears %q, want process %d and nothing", again.Process, said, first.Process)
	}
	l.Definitions = map[string]string{"mask": "2"}
	other := connected(l)
	if other.Process == first.Process {
		t.Error("a changed mask meets the old program")
	}
	if want := "Your mask changed, so the workbench starts again with the new code: run a goes on from step 4"; len(said) != 1 || said[0] != want {
		t.Errorf("the cell hears %q, want %q", said, want)
	}
	if err := newClient(l.Socket).quit(); err != nil {
		t.Error(err)
	}
	waitGone(other.Process)
}

// TestDeadKernel starts a workbench for a kernel that is gone already: it leaves by itself.
func TestDeadKernel(t *testing.T) {
	folder, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	l := launch{Socket: filepath.Join(folder, "s"), Kernel: os.Getpid(), Began: "another process of this number"}
	spec, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if err := become(string(spec), func(launch) worker { return &counter{} }); err != nil {
		t.Fatal(err)
	}
}
