package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"m6lab/datasets/record"
	"m6lab/datasets/text"
	"m6lab/m6"
	"m6lab/m6/hosts"
	"m6lab/m6/strict"
	"m6lab/m6/watch"
	"m6lab/scripts/command"
)

// pretrainFlags are all flags that `m6 pretrain` will ever have: settings go through --set.
type pretrainFlags struct {
	preset, config, data, dir string
	set                       []string
}

func pretrainCommand() *cobra.Command {
	var f pretrainFlags
	cmd := &cobra.Command{
		Use:   "pretrain --preset P --data DIR --dir RUN",
		Short: "Pretraining with the four tasks in the mixture of the config",
		Long: `Pretraining with the four tasks (text denoising, language modelling, captioning, image-based text denoising) in the mixture of the config.

The config is the preset, then --config, then every --set in turn; it is saved as run.json in the run's folder.
A folder that already has a checkpoint is resumed: the same command goes on where the run stopped, and its weights are those of a run that never stopped.
An interrupt (Ctrl-C, SIGTERM) saves and ends with exit code 0.

Looking after a long run: --set watch.address=localhost:9464 serves Prometheus metrics at /metrics, and /healthz (--set watch.pprof=true also
/debug/pprof/); --set watch.log=json writes standard error as JSON lines. Where no step finishes for long (watch.hang_seconds, by default 20
times the slowest step and at least 5 minutes), the stacks of all goroutines are written into the run's folder; with watch.hang_exit=true the
process then ends with exit code 75, so that a scheduler starts it again. --set train.rollback.times=3 lets a run whose loss runs away go back
to its last good checkpoint and on behind the data since, up to 3 times.

Under srun --mpi=pmix or mpirun, a build with -tags mpi trains over all ranks: train.batch is the batch of all together. m6 launch writes such jobs.`,
		Example: `  m6 pretrain --preset debug --data runs/sample --dir runs/first --set train.steps=200
  m6 pretrain --dir runs/first --data runs/sample`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return pretrain(cmd, f) },
	}
	f.add(cmd)
	return cmd
}

// add declares the flags.
func (f *pretrainFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.preset, "preset", "", "the model: debug, debug-moe, base, 10b, 100b, 100b-all")
	cmd.Flags().StringVar(&f.config, "config", "", "JSON file of settings over the preset's")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "one setting, such as train.steps=1000 (repeatable)")
	cmd.Flags().StringVar(&f.data, "data", "", "folder of a data set")
	cmd.Flags().StringVar(&f.dir, "dir", "", "folder of the run")
	command.Require(cmd, "data", "dir")
}

// run is the config that the flags ask for: of a run that exists, where no preset and no config is given.
func (f pretrainFlags) run() (m6.Run, error) {
	dir := m6.Folder(f.dir)
	var r m6.Run
	var err error
	_, statErr := os.Stat(dir.Path("run.json"))
	switch exists := statErr == nil; {
	case f.preset == "" && exists:
		r, err = dir.Run()
	case f.preset == "" && f.config == "":
		return r, command.Usagef("pretrain: a new run wants --preset (%v)", m6.Presets())
	case f.preset == "":
		r, err = m6.NewRun("debug")
	default:
		r, err = m6.NewRun(f.preset)
	}
	if err != nil {
		return r, err
	}
	if f.config != "" {
		data, err := os.ReadFile(f.config)
		if err != nil {
			return r, fmt.Errorf("--config: %w", err)
		}
		if err := strict.Decode(&r, data, f.config); err != nil {
			return r, err
		}
	}
	if err := strict.Override(&r, f.set); err != nil {
		return r, err
	}
	return r, r.Validate()
}

func pretrain(cmd *cobra.Command, f pretrainFlags) error {
	group, err := hosts.Join()
	if err != nil {
		return err
	}
	defer func() {
		if cause := recover(); cause != nil { // the other ranks wait for this one: it cannot just end
			fmt.Fprintf(cmd.ErrOrStderr(), "m6: rank %d of %d: %s\n", group.Rank(), group.Size(), command.OneLine(fmt.Sprint(cause)))
			group.Abort(1)
			panic(cause)
		}
		group.Close()
	}()
	out := cmd.ErrOrStderr()
	if group.Rank() > 0 {
		out = io.Discard // rank 0 tells what all have in common; errors are every rank's
	}
	r, err := f.run()
	progress := newProgress(out, m6.Folder(f.dir), r, group.Rank())
	var vocab *text.Vocab
	if err == nil {
		vocab, err = vocabulary(f.data, m6.Folder(f.dir), r.Model, progress.line)
	}
	if err := hosts.Agree(group, err); err != nil {
		return err
	}
	o := m6.TrainOptions{Run: r, Dir: m6.Folder(f.dir), Data: f.data, Vocab: vocab, Hosts: group, Log: progress.warn, OnRecord: progress.record}
	if r.Watch.HangExit {
		o.OnHang = func(watch.Hang) { os.Exit(watch.HangExitCode) }
	}
	t, err := m6.OpenTraining(o)
	if err != nil {
		return err
	}
	defer t.Close()
	progress.ranks = group.Size()
	return train(cmd.Context(), t, progress)
}

// train takes the run's steps and saves, also when it is told to stop.
func train(ctx context.Context, t *m6.Training, progress *progress) error {
	if t.Finished() {
		progress.line(fmt.Sprintf("the run is finished: %d of %d steps; --set train.steps wants a new --dir", t.State.Step, t.Run.Train.Steps))
		return nil
	}
	if err := t.Fit(ctx); err != nil {
		if ctx.Err() != nil {
			progress.line("stopped before the first step; the same command begins again")
			return nil
		}
		return err
	}
	progress.begin(t)
	err := t.Steps(ctx, t.Run.Train.Steps)
	progress.end()
	if err != nil {
		progress.failed(err)
		return err
	}
	if err := t.Save(); err != nil {
		return err
	}
	if !t.Finished() {
		progress.line(fmt.Sprintf("stopped and saved at step %d of %d; the same command goes on", t.State.Step, t.Run.Train.Steps))
	}
	return nil
}

// vocabulary finds the vocabulary of a new run: the data set's vocab.txt, the Chinese BERT's for a model of its size, or one that is
// trained on the data set's own text. A run that exists has its own: nil.
func vocabulary(data string, dir m6.Folder, c m6.Config, log func(line string)) (*text.Vocab, error) {
	if _, err := os.Stat(dir.Path("run.json")); err == nil {
		return nil, nil
	}
	path := filepath.Join(data, "vocab.txt")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return text.ReadVocab(path)
	}
	if bert := text.BertChinese(); bert.Len() == c.Vocabulary {
		return bert, nil
	}
	return trainVocabulary(data, c, log)
}

// trainVocabulary trains a WordPiece vocabulary of the model's size on the training texts.
func trainVocabulary(data string, c m6.Config, log func(line string)) (*text.Vocab, error) {
	set, err := record.Open(data, "train")
	if err != nil {
		return nil, err
	}
	defer set.Close()
	start := time.Now()
	var failed error
	texts := func(yield func(string) bool) {
		for i := range set.Len() {
			ex, err := set.Read(i)
			if err != nil {
				failed = err
				return
			}
			for _, s := range []string{ex.Text, ex.Question, ex.Answer} {
				if s != "" && !yield(s) {
					return
				}
			}
		}
	}
	v, err := text.Train(texts, c.Vocabulary, text.Options{Lower: c.Lower, KeepPunctuation: true, Fill: true})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("training a vocabulary on %s: %w", data, err)
	}
	log(fmt.Sprintf("%s has no vocab.txt: trained one of %d entries on its text in %.1f s", data, v.Len(), time.Since(start).Seconds()))
	return v, nil
}
