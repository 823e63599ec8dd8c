// Package cluster writes the jobs by which a cluster pretrains: a batch script for Slurm, manifests for Kubernetes. Both are templates
// that stand beside this file as they are filled in.
package cluster

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/template"
)

// Job is what a cluster is asked for.
type Job struct {
	Name         string   // of the job
	Nodes        int      // hosts, or pods
	RanksPerNode int      // processes on each
	GPUs         int      // of each node; 0 asks for none
	CPUs         int      // processor cores of a rank; 0 leaves them to the cluster
	Time         string   // Slurm: time limit, such as 24:00:00
	Grace        int      // seconds in which the ranks may save before the cluster ends them
	Restarts     int      // how often a job whose ranks were killed goes back into the queue
	Queue        string   // Slurm's partition, Kueue's local queue; may be empty
	Program      string   // Slurm: the path of m6 on the nodes
	Image        string   // Kubernetes: the image of Dockerfile
	Claim        string   // Kubernetes: the volume claim that every pod has at /runs
	Storage      string   // Kubernetes: the size of the claim, such as 500Gi
	Config       string   // Kubernetes: run.json's text, which the pods have at ConfigPath; may be empty
	Arguments    []string // of m6
}

// ConfigPath is where the pods of a Kubernetes job find [Job.Config].
const ConfigPath = "/etc/m6/config/run.json"

// Command is the program with its arguments.
func (j Job) Command() []string { return append([]string{j.Program}, j.Arguments...) }

// GPUsPerRank is a rank's share of its node's GPUs.
func (j Job) GPUsPerRank() int { return j.GPUs / j.RanksPerNode }

// CPUsPerNode is what the ranks of a node have together.
func (j Job) CPUsPerNode() int { return j.CPUs * j.RanksPerNode }

//go:embed pretrain.sbatch
var sbatch string

//go:embed pretrain.yaml
var manifests string

var functions = template.FuncMap{"quote": Quote, "json": asJSON}

// Slurm is the job as a script for sbatch, or an error that says what is wrong with the job.
func (j Job) Slurm() (string, error) {
	if err := j.check(); err != nil {
		return "", err
	}
	if !slurmTime.MatchString(j.Time) {
		return "", fmt.Errorf("--time %q: want minutes, hours:minutes:seconds or days-hours:minutes:seconds", j.Time)
	}
	if j.Queue != "" && !word.MatchString(j.Queue) {
		return "", fmt.Errorf("--queue %q: want the name of a partition", j.Queue)
	}
	return j.fill(sbatch)
}

// Kubernetes is the job as manifests for kubectl, or an error that says what is wrong with the job.
func (j Job) Kubernetes() (string, error) {
	if err := j.check(); err != nil {
		return "", err
	}
	for _, f := range []struct {
		flag, value string
		empty       bool
	}{{"--name", j.Name, false}, {"--claim", j.Claim, false}, {"--queue", j.Queue, true}} {
		if !(f.value == "" && f.empty) && !label.MatchString(f.value) {
			return "", fmt.Errorf("%s %q: Kubernetes wants lower-case letters, digits and -, 63 at most", f.flag, f.value)
		}
	}
	if j.Image == "" {
		return "", fmt.Errorf("--image is missing: name the image that scripts/cluster/Dockerfile builds")
	}
	if !quantity.MatchString(j.Storage) {
		return "", fmt.Errorf("--storage %q: want a size such as 500Gi", j.Storage)
	}
	return j.fill(manifests)
}

var (
	slurmTime = regexp.MustCompile(`^(?:\d+-)?\d+(?::\d\d){0,2}$`)
	word      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.,-]*$`)
	quantity  = regexp.MustCompile(`^[1-9][0-9]*[KMGTP]i$`)
	label     = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// check is what both kinds of job want.
func (j Job) check() error {
	if !word.MatchString(j.Name) {
		return fmt.Errorf("--name %q: want letters, digits, - and _", j.Name)
	}
	for _, f := range []struct {
		flag         string
		value, least int
	}{{"--nodes", j.Nodes, 1}, {"--ranks-per-node", j.RanksPerNode, 1}, {"--gpus", j.GPUs, 0}, {"--cpus", j.CPUs, 0}, {"--grace", j.Grace, 1}} {
		if f.value < f.least {
			return fmt.Errorf("%s is %d: want at least %d", f.flag, f.value, f.least)
		}
	}
	if j.GPUs%j.RanksPerNode != 0 {
		return fmt.Errorf("--ranks-per-node %d does not divide --gpus %d", j.RanksPerNode, j.GPUs)
	}
	for _, a := range j.Command() {
		if strings.ContainsRune(a, 0) {
			return fmt.Errorf("argument %q holds a zero byte, which no program can be given", a)
		}
	}
	return nil
}

func (j Job) fill(text string) (string, error) {
	t, err := template.New("job").Funcs(functions).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, j)
	return out.String(), err
}

// Quote is s as one word of a POSIX shell, whatever it holds but zero bytes.
func Quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// asJSON is a string of JSON, which is a string of YAML too.
func asJSON(s string) (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}
