package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The printed job runs the very pretraining that the flags name; what a cluster would refuse, or the ranks after hours of waiting, is one
// line at once.
func TestLaunch(t *testing.T) {
	config := filepath.Join(t.TempDir(), "my config.json")
	if err := os.WriteFile(config, []byte(`{"train": {"batch": 96}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // without sbatch and kubectl
	base := []string{"launch", "--preset", "base", "--data", "d", "--dir", "it's a run"}
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"slurm": {[]string{"--slurm", "--dry-run", "--nodes", "4", "--gpus", "8"}, 0,
			[]string{"#SBATCH --nodes=4\n", "#SBATCH --gpus-per-node=8\n", `bin/m6 pretrain --preset base --data d --dir 'it'\''s a run' --set mesh.data=8 &`}},
		"a mesh of one's own": {[]string{"--slurm", "--dry-run", "--gpus", "8", "--set", "mesh.model=8"}, 0, []string{"--set mesh.model=8 &\n"}},
		"a rank each GPU":     {[]string{"--slurm", "--dry-run", "--gpus", "8", "--ranks-per-node", "8"}, 0, []string{"--gpus-per-task=1 ", "'it'\\''s a run' &\n"}},
		"config on Slurm":     {[]string{"--slurm", "--dry-run", "--config", config}, 0, []string{"--config '" + config + "' "}},
		"config in the pods":  {[]string{"--k8s", "--dry-run", "--image", "m6", "--config", config}, 0, []string{`run.json: "{\"train\": {\"batch\": 96}}"`, `- "/etc/m6/config/run.json"`}},
		"other mesh":          {[]string{"--slurm", "--gpus", "8", "--set", "mesh.model=4"}, 2, []string{"the mesh has 4 devices, but a rank has 8 GPUs"}},
		"batch":               {[]string{"--slurm", "--nodes", "3", "--gpus", "8"}, 1, []string{"3 ranks of mesh.data * mesh.expert = 8 do not divide train.batch / train.accumulate 256"}},
		"no image":            {[]string{"--k8s"}, 2, []string{"--image is missing"}},
		"neither":             {nil, 2, []string{"slurm k8s"}},
		"unknown key":         {[]string{"--slurm", "--set", "train.stepps=3"}, 1, []string{"train.steps"}},
		"no sbatch":           {[]string{"--slurm"}, 1, []string{"there is no sbatch here to take the job"}},
		"no kubectl":          {[]string{"--k8s", "--image", "m6"}, 1, []string{"there is no kubectl here to take the job"}},
	} {
		code, stdout, stderr := runM6(t, rootCommand(), append(base, c.args...)...)
		if code != c.code || code != 0 && (stdout != "" || strings.Count(stderr, "\n") != 1) {
			t.Errorf("%s: exit code %d, want %d:\n%s%s", name, code, c.code, stdout, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%s: want %q in\n%s%s", name, want, stdout, stderr)
			}
		}
	}
}
