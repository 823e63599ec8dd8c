//go:build services

package cluster_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slurm is a cluster of one node on this machine, with its own munge: everything of it lies in one temporary folder.
type slurm struct {
	t   *testing.T
	dir string
	env []string
}

// slurmPackages are Debian's names for what the tests need.
var slurmPackages = []string{"slurm-wlm", "munge", "openmpi-bin", "libopenmpi-dev", "pkg-config"}

// installSlurm installs what is missing where it may, else skips the test.
func installSlurm(t *testing.T) {
	t.Helper()
	missing := false
	for _, program := range []string{"slurmctld", "slurmd", "srun", "munged", "mpicc", "pkg-config"} {
		_, err := exec.LookPath(program)
		missing = missing || err != nil
	}
	if os.Getuid() != 0 {
		t.Skip("Slurm's daemons want root")
	}
	if !missing {
		return
	}
	for _, args := range [][]string{{"update", "-q"}, append([]string{"install", "-q", "-y", "--no-install-recommends"}, slurmPackages...)} {
		cmd := exec.CommandContext(t.Context(), "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("Slurm and MPI are missing (%s), and apt-get %s says: %v\n%s", strings.Join(slurmPackages, " "), args[0], err, out)
		}
	}
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startSlurm starts munged, slurmctld and slurmd, and ends them with the test.
func startSlurm(t *testing.T) *slurm {
	t.Helper()
	installSlurm(t)
	dir, err := os.MkdirTemp("", "m6-slurm-") // short and open to its owner's daemons: sockets have short names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"munge", "state", "spool"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	key := make([]byte, 1024)
	rand.Read(key)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	conf := fmt.Sprintf(`ClusterName=m6
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[2]d
SlurmdPort=%[3]d
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%[4]s/munge/socket
StateSaveLocation=%[4]s/state
SlurmdSpoolDir=%[4]s/spool
SlurmctldPidFile=%[4]s/slurmctld.pid
SlurmdPidFile=%[4]s/slurmd.pid
SlurmctldLogFile=%[4]s/slurmctld.log
SlurmdLogFile=%[4]s/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/cons_tres
ReturnToService=2
KillWait=5
NodeName=%[1]s NodeAddr=127.0.0.1 CPUs=%[5]d State=UNKNOWN
PartitionName=main Nodes=%[1]s Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
`, host, freePort(t), freePort(t), dir, 2)
	for name, text := range map[string][]byte{"munge.key": key, "slurm.conf": []byte(conf)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	s := &slurm{t: t, dir: dir, env: append(os.Environ(), "SLURM_CONF="+filepath.Join(dir, "slurm.conf"))}
	at := func(name string) string { return filepath.Join(dir, name) }
	t.Cleanup(s.stop)
	s.must("munged", "--force", "--key-file="+at("munge.key"), "--socket="+at("munge/socket"), "--pid-file="+at("munge/pid"), "--log-file="+at("munge/log"), "--seed-file="+at("munge/seed"))
	s.must("slurmctld", "-f", at("slurm.conf"))
	s.must("slurmd", "-f", at("slurm.conf"))
	s.wait(time.Minute, "an idle node", func() bool { return strings.TrimSpace(s.output("sinfo", "-h", "-o", "%t")) == "idle" })
	return s
}

// stop cancels what runs and ends the daemons.
func (s *slurm) stop() {
	if s.t.Failed() {
		for _, name := range []string{"slurmctld.log", "slurmd.log"} {
			text, _ := os.ReadFile(filepath.Join(s.dir, name))
			s.t.Logf("%s:\n%s", name, text)
		}
	}
	s.output("scancel", "--user=root", "--full", "--signal=KILL")
	s.output("scancel", "--user=root")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && strings.TrimSpace(s.output("squeue", "-h")) != ""; {
		time.Sleep(200 * time.Millisecond)
	}
	for _, name := range []string{"slurmd.pid", "slurmctld.pid", "munge/pid"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid == 0 {
			continue
		}
		syscall.Kill(pid, syscall.SIGTERM)
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && syscall.Kill(pid, 0) == nil; {
			time.Sleep(100 * time.Millisecond)
		}
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// run runs a program beside the cluster and returns what it wrote.
func (s *slurm) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *slurm) output(name string, args ...string) string {
	out, _ := s.run(name, args...)
	return out
}

// must is run of what cannot fail.
func (s *slurm) must(name string, args ...string) string {
	s.t.Helper()
	out, err := s.run(name, args...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// wait waits until something has come true.
func (s *slurm) wait(limit time.Duration, what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

// job is a field of scontrol's description of a job.
func (s *slurm) job(id, field string) string {
	for word := range strings.FieldsSeq(s.output("scontrol", "show", "job", id)) {
		if value, found := strings.CutPrefix(word, field+"="); found {
			return value
		}
	}
	return ""
}

// rank is the process of a rank of a job, 0 where there is none.
func (s *slurm) rank(id string, rank int) int {
	processes, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range processes {
		env, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "comm"))
		values := "\x00" + string(env)
		if strings.TrimSpace(string(comm)) == "m6" && strings.Contains(values, "\x00SLURM_JOB_ID="+id+"\x00") && strings.Contains(values, fmt.Sprintf("\x00SLURM_PROCID=%d\x00", rank)) && strings.Contains(values, "\x00SLURM_CONF="+s.dir) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			return pid
		}
	}
	return 0
}
