//go:build services

package cluster_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"m6lab/checkpoints"
	"m6lab/m6"
)

// config is a run so small that it compiles soon, with enough steps to be disturbed.
const config = `{
	"model": {"layers": 1, "width": 32, "heads": 2, "ffn": 64, "vocabulary": 64, "dropout": 0.1, "encoder": {"kind": "none", "grid": 2}},
	"train": {"steps": 300, "batch": 8, "learning_rate": 0.01, "optimizer": "adafactor", "log_every": 1, "eval_every": 100, "eval_batches": 2},
	"data": {"text_buckets": [24], "tasks": {"lm": 1, "text_denoise": 0, "caption": 0, "image_denoise": 0}},
	"checkpoint": {"every": 20}
}`

// A real Slurm with real MPI on this machine.
func TestServiceSlurm(t *testing.T) {
	s := startSlurm(t)
	m6 := buildMPI(t, s)
	prepare(t, s, m6)
	pretrain := []string{"pretrain", "--preset", "debug", "--config", "run.json", "--data", "data"}
	two := append([]string{"--mpi=pmix", "-n2", m6}, pretrain...)
	s.must("srun", append(two, "--dir", "two")...)

	t.Run("TwoRanksAreOne", func(t *testing.T) {
		s.must(m6, append(pretrain, "--dir", "one")...)
		compare(t, s, "two", "one", 1e-4)
		compareLosses(t, s, "two", "one")
	})
	t.Run("KilledAndRequeued", func(t *testing.T) {
		launch := append([]string{"launch", "--slurm", "--ranks-per-node", "2", "--program", m6, "--time", "60", "--dir", "killed"}, pretrain[1:]...)
		disturb(t, s, strings.Fields(s.must(m6, launch...)))
		compare(t, s, "killed", "two", 0)
		compareLosses(t, s, "killed", "two")
	})
	t.Run("AnotherConfig", func(t *testing.T) {
		command := m6 + " " + strings.Join(pretrain, " ") + " --dir other --set train.seed=$((1 + SLURM_PROCID))"
		out := told(t, s, "srun", "--mpi=pmix", "-n2", "sh", "-c", command)
		if n := strings.Count(out, "m6: rank 1 of 2: train.seed is 2, but 1 on rank 0: give every rank the same config\n"); n != 2 {
			t.Errorf("%d ranks name the key, want both:\n%s", n, out)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "other")); err == nil {
			t.Error("a run that was refused left a folder behind")
		}
	})
	t.Run("AnotherProgram", func(t *testing.T) {
		program, err := os.ReadFile(m6)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(m6+"1", append(program, 0), 0o755); err != nil {
			t.Fatal(err)
		}
		command := "[ $SLURM_PROCID = 0 ] && program=" + m6 + " || program=" + m6 + "1; $program " + strings.Join(pretrain, " ") + " --dir other"
		out := told(t, s, "srun", "--mpi=pmix", "-n2", "sh", "-c", command)
		if n := strings.Count(out, "m6: rank 1 of 2: the program is xxh3 "); n != 2 || strings.Count(out, "copy one build to every host\n") != 2 {
			t.Errorf("%d ranks say that the programs differ, want both:\n%s", n, out)
		}
	})
	t.Run("WithoutPMIx", func(t *testing.T) {
		out := told(t, s, "srun", append([]string{"--mpi=none", "-n2", m6}, append(pretrain, "--dir", "none")...)...)
		if n := strings.Count(out, "srun --mpi=pmix"); n != 2 {
			t.Errorf("%d ranks name the mend, want both:\n%s", n, out)
		}
	})
	t.Run("MPI", func(t *testing.T) {
		if out := s.must("srun", "--mpi=pmix", "-n2", hostsTest(t, s), "-test.run", "TestMPI", "-test.v"); strings.Count(out, "--- PASS: TestMPI") != 2 {
			t.Errorf("m6/hosts over MPI:\n%s", out)
		}
	})
}

// buildMPI builds the command with MPI.
func buildMPI(t *testing.T, s *slurm) string {
	t.Helper()
	return goBuild(t, "build", "-tags", "mpi", "-o", filepath.Join(s.dir, "m6"), "m6lab/scripts/m6")
}

// hostsTest builds the tests of m6/hosts with MPI.
func hostsTest(t *testing.T, s *slurm) string {
	t.Helper()
	return goBuild(t, "test", "-c", "-tags", "mpi", "-o", filepath.Join(s.dir, "hosts.test"), "m6lab/m6/hosts")
}

func goBuild(t *testing.T, args ...string) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return args[len(args)-2]
}

// prepare writes the data set and the config.
func prepare(t *testing.T, s *slurm, m6 string) {
	t.Helper()
	source := filepath.Join(s.dir, "source")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	poem, lines := []rune("春眠不觉晓处处闻啼鸟夜来风雨声花落知多少红豆生南国"), ""
	for i := range 20 {
		lines += string(poem[i:i+5]) + "。\n"
	}
	for path, text := range map[string]string{filepath.Join(source, "lines.txt"): lines, filepath.Join(s.dir, "run.json"): config} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.must(m6, "data", "folder", source, "--out", "data", "--valid", "0.2", "--test", "0")
}

// told is what a command that must fail writes, within a minute or two.
func told(t *testing.T, s *slurm, name string, args ...string) string {
	t.Helper()
	start := time.Now()
	out, err := s.run("timeout", append([]string{"120", name}, args...)...)
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v after %v, want exit code 1:\n%s", err, time.Since(start), out)
	}
	return out
}

// disturb kills a rank of a job in the middle of its run, later tells the job that its time is nearly up, and waits until it is done.
func disturb(t *testing.T, s *slurm, submitted []string) {
	t.Helper()
	id := submitted[len(submitted)-1]
	s.wait(3*time.Minute, "step 70", func() bool { return reached(s, "killed") > 70 })
	pid := s.rank(id, 1)
	if pid == 0 {
		t.Fatal("rank 1 is not to be found")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.goOn(id, "1")
	s.wait(3*time.Minute, "step 170 after the kill", func() bool { return reached(s, "killed") > 170 })
	s.must("scancel", "--batch", "--signal=USR1", id)
	s.goOn(id, "2")
	s.wait(3*time.Minute, "the end of the job", func() bool { return s.job(id, "JobState") == "COMPLETED" })
	out, _ := os.ReadFile(filepath.Join(s.dir, "slurm-"+id+".out"))
	for _, want := range []string{"the ranks ended with exit code 137: back into the queue", "stopped and saved at step", "the time is nearly up: back into the queue"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the job did not say %q:\n%s", want, out)
		}
	}
}

// goOn waits until a job was put back into the queue for the n-th time, and spares it most of Slurm's waiting time: two minutes, in which
// the node forgets the run before.
func (s *slurm) goOn(id, n string) {
	s.t.Helper()
	s.wait(2*time.Minute, "requeue "+n+" of the job", func() bool { return s.job(id, "Restarts") == n && s.job(id, "JobState") != "COMPLETING" })
	time.Sleep(5 * time.Second)
	s.output("scontrol", "update", "JobId="+id, "StartTime=now")
}

// reached is the last step that a run has logged.
func reached(s *slurm, dir string) float64 {
	lines, err := m6.Folder(filepath.Join(s.dir, dir)).Metrics()
	if err != nil || len(lines) == 0 {
		return 0
	}
	return lines[len(lines)-1]["step"]
}

// compare fails where the final weights and moments of two runs differ by more than limit. The true gradient of a key's bias is 0: where
// rounding may differ (limit over 0), steps of its own rounding are all it makes.
func compare(t *testing.T, s *slurm, got, want string, limit float64) {
	t.Helper()
	load := func(dir string) checkpoints.State {
		state, _, err := checkpoints.Load(m6.Folder(filepath.Join(s.dir, dir)).Checkpoints())
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(state.Tensors, func(a, b checkpoints.Tensor) int { return strings.Compare(a.Name, b.Name) }) // each rank writes its own
		return state
	}
	a, b := load(got), load(want)
	if a.Step != b.Step || len(a.Tensors) != len(b.Tensors) {
		t.Fatalf("%s ends at step %d with %d tensors, %s at %d with %d", got, a.Step, len(a.Tensors), want, b.Step, len(b.Tensors))
	}
	for i, w := range b.Tensors {
		if limit > 0 && strings.HasSuffix(w.Name, "attn.key.bias") {
			continue
		}
		x, errX := a.Tensors[i].Float32s()
		y, errY := w.Float32s()
		if errX != nil || errY != nil || len(x) != len(y) {
			t.Fatalf("%s: %v %v", w.Name, errX, errY)
		}
		for j := range y {
			if d := math.Abs(float64(x[j]) - float64(y[j])); !(d <= limit) {
				t.Errorf("%s[%d] is %g in %s, %g in %s", w.Name, j, x[j], got, y[j], want)
				break
			}
		}
	}
}

// compareLosses fails where two runs' logs differ in steps, or in losses by more than 1e-4.
func compareLosses(t *testing.T, s *slurm, got, want string) {
	t.Helper()
	a, errA := m6.Folder(filepath.Join(s.dir, got)).Metrics()
	b, errB := m6.Folder(filepath.Join(s.dir, want)).Metrics()
	if errA != nil || errB != nil || len(a) != len(b) {
		t.Fatalf("%d lines, %v, want %d, %v", len(a), errA, len(b), errB)
	}
	for i := range b {
		for _, name := range []string{"step", "loss", "valid_loss"} {
			if d := math.Abs(a[i][name] - b[i][name]); !(d <= 1e-4) {
				t.Errorf("line %d: %s is %g in %s, %g in %s", i, name, a[i][name], got, b[i][name], want)
			}
		}
	}
}
