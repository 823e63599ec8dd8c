package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/datasets/record"
	"m6lab/scripts/command"
	"m6lab/scripts/corpus/recipe"
	"m6lab/scripts/corpus/stages"
)

// ablation is ablate.json: a build with a rule and one without.
type ablation struct {
	Without string      `json:"without"` // the rule's key
	In      []string    `json:"in"`
	Sources []compared  `json:"sources"`
	Rules   []ruleDelta `json:"rules"`           // that count otherwise
	Train   *trainings  `json:"train,omitempty"` // with --train
}

// compared is a source in both builds.
type compared struct {
	Name    string `json:"name"`
	In      int64  `json:"in"`
	Full    counts `json:"full"`
	Variant counts `json:"variant"`
}

type counts struct {
	Out       int64            `json:"out"`
	Dropped   map[string]int64 `json:"dropped"`
	Tokens    int64            `json:"tokens"`
	Images    int64            `json:"images"`
	TextBytes int64            `json:"text_bytes"`
}

// ruleDelta is a rule that dropped, changed or removed otherwise.
type ruleDelta struct {
	Source  string        `json:"source"`
	Kind    string        `json:"kind"`
	Rule    string        `json:"rule"`
	Full    stages.Funnel `json:"full"`
	Variant stages.Funnel `json:"variant"`
}

// trainings are the losses of two runs on one held-out set: the valid split of the full build.
type trainings struct {
	HeldOut string  `json:"held_out"`
	Rows    int     `json:"held_out_rows"`
	Steps   int64   `json:"steps"`
	Full    float64 `json:"full"`
	Variant float64 `json:"variant"`
}

// ablateFlags are the flags of `m6-corpus ablate`.
type ablateFlags struct {
	buildFlags
	without, train, m6 string
}

func ablateCommand() *cobra.Command {
	var f ablateFlags
	cmd := &cobra.Command{
		Use:   "ablate --without RULE --in SOURCE... --out DIR",
		Short: "A build with a rule beside one without it, and what the rule is worth in training",
		Long: `Builds DIR/full by the recipe and DIR/without-RULE by the same recipe with one rule off, and puts the counts side by side. With --train, m6 pretrains
a model on each, and the losses of both on one held-out set stand beside them: the valid split of the full build. A document's split is by the
hash of its content, so no document of that set is in the training data of either; both runs have the vocabulary of the full build. RULE is a key of the recipe that has an on, such as
text.words, picture.blur or duplicates.exact.`,
		Example: "  m6-corpus ablate --without perplexity --in texts.jsonl --set text.perplexity.model=zh.lm --out runs/ablation\n" +
			"  m6-corpus ablate --without duplicates.texts --recipe default --in texts.jsonl --out runs/ablation --train run.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := f.ablate(cmd)
			if err != nil {
				return err
			}
			return command.PrintResult(cmd, a, a.write)
		},
	}
	flags := cmd.Flags()
	f.inputFlags.add(flags)
	f.recipeFlags.add(flags)
	f.runnerFlags.add(flags)
	flags.StringVar(&f.without, "without", "", "the rule that the variant lacks")
	flags.StringVar(&f.out, "out", "", "folder of both builds and of ablate.json")
	flags.IntVar(&f.workers, "workers", 0, "that run at the same time (default one for each core)")
	flags.Uint64Var(&f.seed, "seed", 7, "of the examples in the reports")
	flags.StringVar(&f.train, "train", "", "config of m6 pretrain: trains a model on each")
	flags.StringVar(&f.m6, "m6", "", "the m6 binary (default: beside this one, then on the path)")
	command.Require(cmd, "without", "in", "out")
	return cmd
}

func (f *ablateFlags) ablate(cmd *cobra.Command) (*ablation, error) {
	full, err := f.recipe()
	if err != nil {
		return nil, err
	}
	variant, rule, err := full.Without(f.without)
	if err != nil {
		return nil, command.Usagef("--without: %v", err)
	}
	m6 := ""
	if f.train != "" {
		if _, err := os.Stat(f.train); err != nil {
			return nil, err
		}
		if m6, err = f.binary(); err != nil {
			return nil, err
		}
	}
	folder := filepath.Join(f.out, "without-"+rule)
	reports := make([]*stages.Report, 2)
	for i, x := range []struct {
		dir string
		r   recipe.Recipe
	}{{filepath.Join(f.out, "full"), full}, {folder, variant}} {
		one := f.buildFlags
		one.out = x.dir
		fmt.Fprintf(cmd.ErrOrStderr(), "building %s\n", x.dir)
		if reports[i], err = build(cmd, &one, x.r); err != nil && !errors.Is(err, stages.ErrEmpty) {
			return nil, fmt.Errorf("%s: %w", x.dir, err)
		}
	}
	a := compare(rule, f.in, reports[0], reports[1])
	if f.train != "" {
		if a.Train, err = f.trainBoth(cmd, m6, folder); err != nil {
			return nil, err
		}
	}
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, err
	}
	return a, os.WriteFile(filepath.Join(f.out, "ablate.json"), append(data, '\n'), 0o644)
}

// compare puts two reports side by side.
func compare(rule string, in []string, full, variant *stages.Report) *ablation {
	a := &ablation{Without: rule, In: in, Sources: []compared{}, Rules: []ruleDelta{}}
	for _, s := range full.Sources {
		c := compared{Name: s.Name, In: s.In, Full: countsOf(s)}
		for _, t := range variant.Sources {
			if t.Name == s.Name {
				c.Variant = countsOf(t)
			}
		}
		a.Sources = append(a.Sources, c)
	}
	for _, x := range full.Funnel {
		for _, y := range variant.Funnel {
			if x.Source == y.Source && x.Kind == y.Kind && x.Rule == y.Rule && x != y {
				a.Rules = append(a.Rules, ruleDelta{x.Source, x.Kind, x.Rule, x, y})
			}
		}
	}
	return a
}

func countsOf(s *stages.Source) counts {
	c := counts{Out: s.Out, Dropped: s.Dropped}
	for _, row := range s.Rows {
		c.Tokens += row.Tokens
		c.Images += row.Images
		c.TextBytes += row.TextBytes
	}
	return c
}

// binary finds m6.
func (f *ablateFlags) binary() (string, error) {
	if f.m6 != "" {
		_, err := os.Stat(f.m6)
		return f.m6, err
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "m6")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath("m6")
	if err != nil {
		return "", errors.New("--train wants m6, which is neither beside m6-corpus nor on the path: name it by --m6")
	}
	return path, nil
}

// trainBoth pretrains on both builds and reads the losses on the full build's valid split.
func (f *ablateFlags) trainBoth(cmd *cobra.Command, m6, variant string) (*trainings, error) {
	full := filepath.Join(f.out, "full")
	m, err := record.ReadManifest(full)
	if err != nil {
		return nil, err
	}
	valid := m.Splits["valid"]
	if valid == nil {
		return nil, fmt.Errorf("%s has no valid split to measure on: raise split.valid or give more documents", full)
	}
	data := filepath.Join(f.out, "data-"+filepath.Base(variant))
	if err := heldOutOf(full, variant, data); err != nil {
		return nil, err
	}
	t := &trainings{HeldOut: filepath.Join(full, "valid"), Rows: valid.Rows}
	for _, x := range []struct {
		data string
		loss *float64
	}{{full, &t.Full}, {data, &t.Variant}} {
		dir := filepath.Join(f.out, "run-"+strings.TrimPrefix(filepath.Base(x.data), "data-"))
		if err := pretrain(cmd.Context(), cmd.ErrOrStderr(), m6, f.train, x.data, dir); err != nil {
			return nil, err
		}
		if x.loss == &t.Full { // losses compare only where words are cut in the same way
			if err := copyFile(filepath.Join(dir, vocabulary), filepath.Join(data, vocabulary)); err != nil {
				return nil, err
			}
		}
		if *x.loss, t.Steps, err = lastLoss(filepath.Join(dir, "metrics.jsonl")); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// heldOutOf makes a data set of the variant's training split and the full build's held-out splits.
func heldOutOf(full, variant, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	m := &record.Manifest{Splits: map[string]*record.Split{}, Made: map[string]any{"train": variant, "held_out": full}}
	for _, x := range []struct {
		from   string
		splits []string
	}{{variant, []string{"train"}}, {full, []string{"valid", "test"}}} {
		its, err := record.ReadManifest(x.from)
		if err != nil {
			return err
		}
		for _, name := range x.splits {
			split := its.Splits[name]
			if split == nil {
				continue
			}
			m.Splits[name] = split
			for _, s := range split.Shards {
				file := filepath.Join(to, filepath.FromSlash(s.File))
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					return err
				}
				if err := os.Link(filepath.Join(x.from, filepath.FromSlash(s.File)), file); err != nil {
					return err
				}
			}
		}
	}
	return record.WriteManifest(to, m)
}

// vocabulary is the file of a run's and of a data set's vocabulary.
const vocabulary = "vocab.txt"

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// pretrain runs m6 pretrain; a run that is there goes on.
func pretrain(ctx context.Context, log io.Writer, m6, config, data, dir string) error {
	fmt.Fprintf(log, "training %s on %s\n", dir, data)
	args := []string{"pretrain", "--data", data, "--dir", dir}
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err != nil {
		args = append(args, "--config", config)
	}
	c := exec.CommandContext(ctx, m6, args...)
	var said strings.Builder
	c.Stderr = io.MultiWriter(log, &said)
	if err := c.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("m6 pretrain in %s: %w: %s", dir, err, lines[len(lines)-1])
	}
	return nil
}

// lastLoss is the last valid_loss of a run, and its step.
func lastLoss(path string) (loss float64, step int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	lines, found := bufio.NewScanner(f), false
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			Step  int64    `json:"step"`
			Valid *float64 `json:"valid_loss"`
		}
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Valid != nil {
			loss, step, found = *r.Valid, r.Step, true
		}
	}
	if err := lines.Err(); err != nil {
		return 0, 0, err
	}
	if !found {
		return 0, 0, fmt.Errorf("%s has no valid_loss: set train.eval_every above 0 in the config", path)
	}
	return loss, step, nil
}

// write says it for people.
func (a *ablation) write(w io.Writer) error {
	fmt.Fprintf(w, "without %s\n\n", a.Without)
	rows := [][]string{{"source", "in", "out, full", "out, without", "tokens, full", "tokens, without", "images, full", "images, without"}}
	for _, s := range a.Sources {
		rows = append(rows, []string{s.Name, command.Grouped(s.In), command.Grouped(s.Full.Out), command.Grouped(s.Variant.Out), command.Grouped(s.Full.Tokens), command.Grouped(s.Variant.Tokens), command.Grouped(s.Full.Images), command.Grouped(s.Variant.Images)})
	}
	if err := command.Columns(w, rows, 1); err != nil {
		return err
	}
	rows = [][]string{{"dropped", "full", "without"}}
	for _, s := range a.Sources {
		var reasons []string
		for reason := range s.Full.Dropped {
			reasons = append(reasons, reason)
		}
		for reason := range s.Variant.Dropped {
			if _, both := s.Full.Dropped[reason]; !both {
				reasons = append(reasons, reason)
			}
		}
		slices.Sort(reasons)
		for _, reason := range reasons {
			rows = append(rows, []string{s.Name + ": " + reason, command.Grouped(s.Full.Dropped[reason]), command.Grouped(s.Variant.Dropped[reason])})
		}
	}
	fmt.Fprintln(w)
	if err := command.Columns(w, rows, 1); err != nil {
		return err
	}
	if t := a.Train; t != nil {
		_, err := fmt.Fprintf(w, "\nloss after %d steps on %s (%d rows): full %.4f, without %.4f (%+.4f)\n", t.Steps, t.HeldOut, t.Rows, t.Full, t.Variant, t.Variant-t.Full)
		return err
	}
	return nil
}
