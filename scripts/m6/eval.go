package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/m6/strict"
	"m6lab/scripts/command"
	"m6lab/tasks"
	"m6lab/tasks/caption"
	"m6lab/tasks/denoise"
	"m6lab/tasks/lm"
	"m6lab/tasks/vqa"
)

// evaluation measures one task.
type evaluation func(context.Context, *tasks.Model, *tasks.Data, tasks.Options) (tasks.Result, error)

// evaluations are the tasks that can be evaluated, in the order of the report.
var evaluations = []struct {
	name, about string
	run         evaluation
}{
	{"lm", "perplexity per character beside a character 3-gram", lm.Evaluate},
	{"caption", "captions beside the best constant one and the nearest neighbour", caption.Evaluate},
	{"vqa", "answers beside the most frequent one of the question's type", vqa.Evaluate},
	{"denoise", "masked text beside the most frequent filling and a 3-gram's, and with a wrong picture", denoise.Evaluate},
}

// evaluationNames lists the tasks.
func evaluationNames() []string {
	var names []string
	for _, e := range evaluations {
		names = append(names, e.name)
	}
	return names
}

// evaluationOf finds a task by name, or says the nearest valid one.
func evaluationOf(name string) (evaluation, error) {
	for _, e := range evaluations {
		if e.name == name {
			return e.run, nil
		}
	}
	names := evaluationNames()
	return nil, command.Usagef("unknown task %q: did you mean %q? (%s)", name, strict.Nearest(name, names), strings.Join(names, ", "))
}

func evalCommand() *cobra.Command {
	var dir, data, split string
	var cases bool
	o := tasks.Options{Seed: 1}
	about := ""
	for _, e := range evaluations {
		about += fmt.Sprintf("\n  %-8s %s", e.name, e.about)
	}
	cmd := &cobra.Command{
		Use:   "eval TASK --dir RUN --data DIR",
		Short: "Held-out figures of a trained model beside their baselines",
		Long: "Held-out figures of a trained model beside their baselines, which learn from the training split. The tasks:\n" + about + `

± is half the width of a 95 % interval over examples. go doc m6lab/tasks/TASK says exactly what is counted.`,
		Example: "  m6 eval lm --dir runs/demo --data runs/sample\n  m6 eval caption --dir runs/demo --data runs/sample --split valid --limit 200 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := evaluationOf(args[0])
			if err != nil {
				return err
			}
			if o.Limit < 0 || o.Train < 0 {
				return command.Usagef("--limit and --train-limit count rows: want 0 (all) or more")
			}
			result, err := evaluate(cmd, run, dir, data, split, o)
			if err != nil {
				return fmt.Errorf("eval %s: %w", args[0], err)
			}
			if !cases {
				result.Cases = nil
			}
			return command.PrintResult(cmd, result, func(w io.Writer) error { return printEvaluation(w, result) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "", "folder of the run whose model is evaluated")
	flags.StringVar(&data, "data", "", "folder of the data set")
	flags.StringVar(&split, "split", "test", "the held-out split: test or valid")
	flags.IntVar(&o.Limit, "limit", 0, "held-out rows of each source, drawn by --seed; 0 is all")
	flags.IntVar(&o.Train, "train-limit", 0, "training rows of each source that the baselines see; 0 is all")
	flags.StringSliceVar(&o.Sources, "source", nil, "only these sources")
	flags.Uint64Var(&o.Seed, "seed", 1, "of what is drawn")
	flags.IntVar(&o.Beams, "beams", 0, "caption: beam search over so many captions; 0 takes the most probable token")
	flags.BoolVar(&cases, "cases", false, "print each text that the model wrote, too")
	command.Require(cmd, "dir", "data")
	return cmd
}

// evaluate opens what an evaluation needs and runs it. The data is looked at first: it fails faster than a model loads.
func evaluate(cmd *cobra.Command, run evaluation, dir, data, split string, o tasks.Options) (tasks.Result, error) {
	d, err := tasks.OpenData(data, split)
	if err != nil {
		return tasks.Result{}, err
	}
	defer d.Close()
	if err := knownSources(d, o.Sources); err != nil {
		return tasks.Result{}, err
	}
	m, err := tasks.Open(m6.Folder(dir))
	if err != nil {
		return tasks.Result{}, err
	}
	for _, line := range m.Skips {
		fmt.Fprintln(cmd.ErrOrStderr(), line)
	}
	return run(cmd.Context(), m, d, o)
}

// knownSources is an error that names the nearest source for one that the data does not have.
func knownSources(d *tasks.Data, wanted []string) error {
	has := d.Held.Sources()
	for _, source := range wanted {
		if !slices.Contains(has, source) {
			return command.Usagef("unknown source %q: did you mean %q? (%s)", source, strict.Nearest(source, has), strings.Join(has, ", "))
		}
	}
	return nil
}

func printEvaluation(w io.Writer, result tasks.Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "source\tmeasure\tn\tmodel\tbaselines")
	for _, f := range result.Figures {
		source := f.Source
		if f.Part != "" {
			source += ", " + f.Part
		}
		line := fmt.Sprintf("%s\t%s\t%d\t%s", source, unit(f), f.N, figure(f.Model))
		for _, b := range f.Baselines {
			line += "\t" + b.Name + " " + figure(b)
		}
		fmt.Fprintln(t, line)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, note := range result.Notes {
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	return nil
}

// unit is a measure with its unit.
func unit(f tasks.Figure) string {
	if f.Unit == "" {
		return f.Measure
	}
	return f.Measure + ", " + f.Unit
}

// figure writes a value with three digits or so, and its margin alike.
func figure(s tasks.Score) string {
	digits := 2
	if s.Value >= 100 {
		digits = 0
	} else if s.Value >= 10 {
		digits = 1
	}
	out := fmt.Sprintf("%.*f", digits, s.Value)
	if s.Margin > 0 {
		out += fmt.Sprintf(" ±%.*f", digits, s.Margin)
	}
	return out
}
