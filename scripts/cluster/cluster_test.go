package cluster_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m6lab/scripts/cluster"
)

// fakes puts programs in front of the search path: each notes its arguments in a file of its name, a NUL behind each and a line feed behind
// all, and then does what its script says.
func fakes(t *testing.T, scripts map[string]string) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	for name, script := range scripts {
		text := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\0' \"$@\" >> %s/%s.args\nprintf '\\n' >> %s/%s.args\n%s\n", dir, name, dir, name, script)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "SLURM_JOB_ID=77")
}

// called are the arguments of the calls of a fake program.
func called(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".args"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// bash runs a script and returns its exit code.
func bash(t *testing.T, script string, env []string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Env, cmd.Dir = env, t.TempDir()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(cmd.Dir, "*")); len(left) > 0 {
		t.Errorf("the script made %v", left)
	}
	t.Logf("%s", out)
	return cmd.ProcessState.ExitCode()
}

// Every argument comes to srun's program as it was given, whatever it holds.
func TestSlurmQuotes(t *testing.T) {
	script, err := job().Slurm()
	if err != nil {
		t.Fatal(err)
	}
	dir, env := fakes(t, map[string]string{"srun": ""})
	if code := bash(t, script, env); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	got := strings.Split(strings.TrimSuffix(called(t, dir, "srun"), "\x00\n"), "\x00")
	want := append([]string{"--mpi=pmix", "--kill-on-bad-exit=1", "--cpus-per-task=5", "--gpus-per-task=4", "bin/m 6", "pretrain"}, nasty...)
	if !slices.Equal(got, want) {
		t.Errorf("srun was given\n%q, want\n%q", got, want)
	}
}

// A job whose ranks were killed goes back into the queue, so often; one whose ranks say what is wrong does not, and a finished one neither.
// Signalled before its time is up it tells the ranks, waits for them, and goes back too.
func TestSlurmRequeue(t *testing.T) {
	script, err := job().Slurm()
	if err != nil {
		t.Fatal(err)
	}
	const term = "--signal=TERM\x0077\x00\n"
	for name, c := range map[string]struct {
		srun, restarts string
		code           int
		requeued       bool
		signal         string
	}{
		"finished":           {"exit 0", "0", 0, false, ""},
		"failed":             {"exit 1", "0", 1, false, ""},
		"wrong usage":        {"exit 2", "0", 2, false, ""},
		"killed":             {"exit 137", "0", 0, true, ""},
		"killed too often":   {"exit 137", "7", 137, false, ""},
		"time is up":         {"kill -USR1 $PPID; sleep 0.3; exit 0", "3", 0, true, term},
		"no time, and fails": {"kill -USR1 $PPID; sleep 0.3; exit 1", "0", 1, false, term},
	} {
		t.Run(name, func(t *testing.T) {
			dir, env := fakes(t, map[string]string{"srun": c.srun, "scontrol": "", "scancel": ""})
			if code := bash(t, script, append(env, "SLURM_RESTART_COUNT="+c.restarts)); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if got := called(t, dir, "scontrol") == "requeue\x0077\x00\n"; got != c.requeued {
				t.Errorf("requeued %v, want %v", got, c.requeued)
			}
			if got := called(t, dir, "scancel"); got != c.signal {
				t.Errorf("scancel was given %q, want %q", got, c.signal)
			}
		})
	}
}

// What Slurm or Kubernetes would refuse, or read otherwise than it was meant, is one line that names the flag.
func TestRefused(t *testing.T) {
	for flag, change := range map[string]func(j *cluster.Job){
		"--name":           func(j *cluster.Job) { j.Name = "a\n#SBATCH --uid=0" },
		"--nodes":          func(j *cluster.Job) { j.Nodes = 0 },
		"--gpus":           func(j *cluster.Job) { j.GPUs = -1 },
		"--ranks-per-node": func(j *cluster.Job) { j.RanksPerNode = 3 },
		"--queue":          func(j *cluster.Job) { j.Queue = "a b" },
		"argument":         func(j *cluster.Job) { j.Arguments = []string{"a\x00b"} },
	} {
		j := job()
		change(&j)
		_, slurm := j.Slurm()
		_, kubernetes := j.Kubernetes()
		for _, err := range []error{slurm, kubernetes} {
			if err == nil || !strings.Contains(err.Error(), flag) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want one line that names it", flag, err)
			}
		}
	}
	for flag, change := range map[string]func(j *cluster.Job){
		"--time": func(j *cluster.Job) { j.Time = "1h" }, "--storage": func(j *cluster.Job) { j.Storage = "big" },
		"--claim": func(j *cluster.Job) { j.Claim = "A_b" }, "--image": func(j *cluster.Job) { j.Image = "" },
	} {
		j := job()
		change(&j)
		_, err := j.Kubernetes()
		if flag == "--time" {
			_, err = j.Slurm()
		}
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v, want a line that names it", flag, err)
		}
	}
}

// Pod 0 waits for every pod and starts all ranks; the others only open their door.
func TestRanksScript(t *testing.T) {
	home := t.TempDir()
	script, err := os.ReadFile("ranks.sh")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/etc/m6/ssh/id", home+"/id", "/run/sshd", home+"/sshd", "/usr/sbin/sshd", "sshd").Replace(string(script))
	for _, name := range []string{"id", "id.pub"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for index, want := range map[string]string{"0": "j-0.j:2,j-1.j:2", "1": ""} {
		dir, env := fakes(t, map[string]string{"sshd": "", "ssh": "", "ssh-keygen": "", "mpirun": "", "sleep": ""})
		cmd := exec.CommandContext(t.Context(), "sh", "-c", text, "m6-ranks", "pretrain", "--dir", "a b")
		cmd.Env = append(env, "HOME="+home, "JOB_COMPLETION_INDEX="+index, "M6_PODS=2", "M6_JOB=j", "M6_RANKS_PER_POD=2", "M6_GRACE=60")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		started := called(t, dir, "mpirun")
		if want == "" && started != "" || !strings.Contains(started, want) || want != "" && !strings.HasSuffix(started, "m6\x00pretrain\x00--dir\x00a b\x00\n") {
			t.Errorf("pod %s starts %q", index, started)
		}
		if called(t, dir, "sshd") == "" {
			t.Errorf("pod %s opens no door", index)
		}
	}
}
