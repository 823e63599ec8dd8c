package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// workbenchVariable holds, in the environment of a program, the launch that makes it a workbench.
const workbenchVariable = "M6LAB_WORKBENCH"

const signalNone = syscall.Signal(0) // asks whether a process is there

// launch is what a workbench is started with.
type launch struct {
	Socket      string            `json:"socket"`
	Root        string            `json:"root"` // of the checkout
	Kernel      int               `json:"kernel"`
	Began       string            `json:"began"` // when the kernel's process began
	Build       string            `json:"build"`
	Definitions map[string]string `json:"definitions"`
}

// here is the launch that fits this cell.
func here() (launch, error) {
	root, err := findRoot()
	if err != nil {
		return launch{}, err
	}
	build, err := buildOf(root)
	if err != nil {
		return launch{}, err
	}
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("m6lab-%d", os.Getuid()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return launch{}, err
	}
	if err := private(folder); err != nil {
		return launch{}, err
	}
	kernel := os.Getppid()
	return launch{
		Socket: filepath.Join(folder, fmt.Sprintf("%d.sock", kernel)), Root: root, Kernel: kernel, Began: processBegan(kernel),
		Build: build, Definitions: fingerprints(),
	}, nil
}

// private refuses a folder that another user made: what answers there would run as somebody else.
func private(folder string) error {
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() {
		return fmt.Errorf("%s belongs to somebody else: set TMPDIR to a folder of yours", folder)
	}
	return os.Chmod(folder, 0o700)
}

// findRoot is the folder of the checkout that the working folder lies in.
func findRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if data, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil && strings.HasPrefix(string(data), "module m6lab\n") {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not inside a checkout of m6lab: open the notebook where it lies", folder)
		}
	}
}

// buildOf tells one state of the checkout's Go files from another, by name, size and time.
func buildOf(root string) (string, error) {
	var all strings.Builder
	for _, folder := range []string{"layers", "datasets", "checkpoints", "viz", "m6", "notebooks"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				fmt.Fprintln(&all, path, info.Size(), info.ModTime().UnixNano())
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return digest(all.String()), nil
}

// processBegan is when a process began, as the system counts it; empty where the system does not say.
func processBegan(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return "gone"
	}
	return fields[19]
}

// connect finds the workbench of this launch, or starts it. said takes what the reader should know.
func connect(l launch, said func(string)) (*client, error) {
	c := newClient(l.Socket)
	if h, err := c.hello(); err == nil {
		why := replaced(h, l)
		if why == "" {
			return c, nil
		}
		if h.Run != "" {
			why += fmt.Sprintf(": run %s goes on from step %d", h.Run, h.Step)
		}
		said(why)
		if err := c.quit(); err != nil && !errors.Is(err, net.ErrClosed) {
			return nil, fmt.Errorf("stopping the workbench of before: %w", err)
		}
		waitGone(h.Process)
	}
	if err := start(l); err != nil {
		return nil, fmt.Errorf("starting the workbench: %w", err)
	}
	return c, nil
}

// replaced says why a workbench does not fit a launch; empty where it does.
func replaced(h hello, l launch) string {
	if h.Protocol != protocol || h.Build != l.Build {
		return "The code of this checkout has changed, so the workbench starts again"
	}
	if kinds := changedKinds(h.Definitions, l.Definitions); len(kinds) > 0 {
		return "Your " + strings.Join(kinds, " and your ") + " changed, so the workbench starts again with the new code"
	}
	return ""
}

// waitGone waits until a process has left: it holds the lock of its run till then.
func waitGone(pid int) {
	for range 600 {
		if process, err := os.FindProcess(pid); err != nil || process.Signal(signalNone) != nil || processBegan(pid) == "gone" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// start runs this very program again as the workbench and waits until it answers.
func start(l launch) error {
	if err := os.Remove(l.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // left behind by a workbench that was killed
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	spec, err := json.Marshal(l)
	if err != nil {
		return err
	}
	log, err := os.Create(l.Socket + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.Root, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GONB_PIPE") { // what the workbench's program shows is not the cell's
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, workbenchVariable+"="+string(spec))
	if err := cmd.Start(); err != nil {
		return err
	}
	left := make(chan error, 1)
	go func() { left <- cmd.Wait() }()
	for range 600 {
		select {
		case err := <-left:
			return fmt.Errorf("it left at once (%v): %s", err, lastLines(l.Socket+".log"))
		case <-time.After(50 * time.Millisecond):
		}
		if _, err := newClient(l.Socket).hello(); err == nil {
			return nil
		}
	}
	return errors.New("it does not answer within half a minute: " + lastLines(l.Socket+".log"))
}

// lastLines are the last lines of a log as one line.
func lastLines(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "no log: " + err.Error()
	}
	return oneLine(string(data[max(0, len(data)-600):]))
}

// oneLine joins lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// become makes this program the workbench that a launch describes, until it leaves.
func become(spec string, work func(l launch) worker) error {
	var l launch
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return fmt.Errorf("%s: %w", workbenchVariable, err)
	}
	listener, err := net.Listen("unix", l.Socket)
	if err != nil {
		return err
	}
	h := hello{Protocol: protocol, Build: l.Build, Definitions: l.Definitions, Process: os.Getpid()}
	if err := newServer(h, work(l)).serve(listener, func() bool { return processAlive(l.Kernel, l.Began) }); err != nil {
		return err
	}
	if err := os.Remove(l.Socket + ".log"); err != nil && !errors.Is(err, fs.ErrNotExist) { // it tells of nothing
		return err
	}
	return nil
}
