package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/scripts/cluster"
	"m6lab/scripts/command"
)

// launchFlags are the job and the pretraining that it runs.
type launchFlags struct {
	cluster.Job
	pretrain          pretrainFlags
	slurm, k8s, print bool
}

func launchCommand() *cobra.Command {
	var f launchFlags
	cmd := &cobra.Command{
		Use:   "launch --slurm|--k8s [--dry-run] --nodes N --data DIR --dir RUN",
		Short: "Pretraining on a cluster: a job for Slurm or Kubernetes",
		Long: `Pretraining on a cluster: a job for Slurm or Kubernetes.

The flags of m6 pretrain say what is trained. The ranks share every batch; a rank takes the GPUs of its share of a node as a mesh, which splits the batch unless the config has a mesh of that size.
--dry-run prints the job. Without it the job is handed to sbatch or kubectl. Where the time limit comes near, the ranks save and the job goes back into the queue, and where a rank was killed too: the same command resumes.`,
		Example: `  m6 launch --slurm --dry-run --nodes 4 --gpus 8 --time 24:00:00 --preset base --data data/m6 --dir runs/base --set mesh.data=8
  m6 launch --k8s --dry-run --nodes 4 --gpus 8 --image m6:1 --claim m6-runs --queue team --preset base --data /runs/data --dir /runs/base`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.launch(cmd) },
	}
	f.pretrain.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.slurm, "slurm", false, "a batch script for Slurm")
	flags.BoolVar(&f.k8s, "k8s", false, "manifests for Kubernetes")
	flags.BoolVar(&f.print, "dry-run", false, "print the job instead of handing it over")
	flags.StringVar(&f.Name, "name", "m6", "of the job")
	flags.IntVar(&f.Nodes, "nodes", 1, "hosts, or pods")
	flags.IntVar(&f.RanksPerNode, "ranks-per-node", 1, "processes on each node, which share its GPUs")
	flags.IntVar(&f.GPUs, "gpus", 0, "GPUs of a node")
	flags.IntVar(&f.CPUs, "cpus", 0, "processor cores of a rank; 0 leaves them to the cluster")
	flags.StringVar(&f.Time, "time", "24:00:00", "Slurm: time limit of one run of the job")
	flags.IntVar(&f.Grace, "grace", 300, "seconds in which the ranks may save before the cluster ends them")
	flags.IntVar(&f.Restarts, "restarts", 10, "how often a job whose ranks were killed goes back into the queue")
	flags.StringVar(&f.Queue, "queue", "", "Slurm's partition, Kueue's local queue")
	flags.StringVar(&f.Program, "program", "bin/m6", "Slurm: path of m6 on the nodes, a build with -tags mpi")
	flags.StringVar(&f.Image, "image", "", "Kubernetes: an image of scripts/cluster/Dockerfile")
	flags.StringVar(&f.Claim, "claim", "m6-runs", "Kubernetes: volume claim that the pods have at /runs")
	flags.StringVar(&f.Storage, "storage", "500Gi", "Kubernetes: size of the claim")
	cmd.MarkFlagsOneRequired("slurm", "k8s")
	cmd.MarkFlagsMutuallyExclusive("slurm", "k8s")
	return cmd
}

// launch prints the job, or hands it over.
func (f launchFlags) launch(cmd *cobra.Command) error {
	if err := f.complete(); err != nil {
		return err
	}
	text, take, err := "", []string{"sbatch"}, error(nil)
	if f.slurm {
		text, err = f.Slurm()
	} else {
		text, err = f.Kubernetes()
		take = []string{"kubectl", "apply", "-f", "-"}
	}
	if err != nil {
		return command.Usagef("%w", err)
	}
	if f.print {
		_, err := fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	}
	if _, err := exec.LookPath(take[0]); err != nil {
		return fmt.Errorf("there is no %s here to take the job: run this where there is one, or keep what --dry-run prints", take[0])
	}
	c := exec.CommandContext(cmd.Context(), take[0], take[1:]...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(text), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(take, " "), err)
	}
	return nil
}

// complete checks the run that the job is for against what the job asks for, and writes its command line.
func (f *launchFlags) complete() error {
	r, err := f.pretrain.run()
	if err != nil {
		return err
	}
	if f.RanksPerNode < 1 || f.Nodes < 1 {
		return command.Usagef("launch: %d nodes of %d ranks: want at least 1 of each", f.Nodes, f.RanksPerNode)
	}
	share := f.GPUsPerRank()
	switch devices := r.Mesh.Devices(); {
	case share > 1 && devices == 1:
		f.pretrain.set = append(f.pretrain.set, fmt.Sprintf("mesh.data=%d", share))
		r.Mesh.Data = share
	case share > 0 && devices != share:
		return command.Usagef("launch: the mesh has %d devices, but a rank has %d GPUs", devices, share)
	}
	if err := r.ValidateRanks(f.Nodes * f.RanksPerNode); err != nil {
		return err
	}
	config := f.pretrain.config
	if config != "" && f.k8s { // the pods do not have this machine's files
		text, err := os.ReadFile(config)
		if err != nil {
			return fmt.Errorf("--config: %w", err)
		}
		f.Config, config = string(text), cluster.ConfigPath
	}
	f.Arguments = []string{"pretrain"}
	for _, flag := range [][2]string{{"preset", f.pretrain.preset}, {"config", config}, {"data", f.pretrain.data}, {"dir", f.pretrain.dir}} {
		if flag[1] != "" {
			f.Arguments = append(f.Arguments, "--"+flag[0], flag[1])
		}
	}
	for _, set := range f.pretrain.set {
		f.Arguments = append(f.Arguments, "--set", set)
	}
	return nil
}
