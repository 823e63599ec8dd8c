package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"m6lab/m6/strict"
	"m6lab/scripts/command"
	"m6lab/scripts/corpus/recipe"
	"m6lab/scripts/corpus/stages"
)

// recipeFlags choose a recipe.
type recipeFlags struct {
	name, file string
	settings   []string
}

func (f *recipeFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "recipe", "paper", "the recipe to begin with: paper, default (with the additions) or imagine")
	flags.StringVar(&f.file, "config", "", "recipe.json: keys that it lacks are the recipe's")
	flags.StringArrayVar(&f.settings, "set", nil, "a setting over the recipe, as text.length.content=20 (repeatable)")
}

// recipes by their names.
var recipes = map[string]func() recipe.Recipe{"paper": recipe.Paper, "default": recipe.Default, "imagine": recipe.Imagine}

// recipe is what the flags choose.
func (f *recipeFlags) recipe() (recipe.Recipe, error) {
	begin, ok := recipes[f.name]
	if !ok {
		names := []string{"paper", "default", "imagine"}
		return recipe.Recipe{}, command.Usagef("--recipe %q: did you mean %q? It is one of %s", f.name, strict.Nearest(f.name, names), strings.Join(names, ", "))
	}
	r := begin()
	if f.file != "" {
		data, err := os.ReadFile(f.file)
		if err != nil {
			return r, err
		}
		if err := r.Decode(data, f.file); err != nil {
			return r, err
		}
	}
	for _, setting := range f.settings {
		if err := r.Set(setting); err != nil {
			return r, err
		}
	}
	return r, r.Validate()
}

// inputFlags name sources.
type inputFlags struct {
	in     []string
	images string
}

func (f *inputFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.in, "in", nil, "a source: [ROW=][FORMAT:]ADDRESS, as web=warc:crawl/*.warc.gz (repeatable)")
	flags.StringVar(&f.images, "images", "", "a folder with pictures of pages, by HOST/PATH or PATH")
}

// buildFlags are the flags of `m6-corpus build`.
type buildFlags struct {
	inputFlags
	recipeFlags
	runnerFlags
	out     string
	workers int
	seed    uint64
	unit    int64
}

func buildCommand() *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "build --in SOURCE... --out DIR",
		Short: "Raw sources to records, with a report of every decision",
		Long: `Raw sources (WARC, WET, HTML, wiki dumps, jsonl, Parquet, plain text, WebDataset, picture folders, product tables; local, s3://, gs://, azblob://)
to Parquet records that m6 reads. DIR also gets report.html, report.json, recipe.json, quarantine.jsonl (records that could not be read)
and missing.jsonl (pictures that were not found). Without a recipe it is the paper's.

A build that was stopped goes on when the same command is given again. The same inputs and recipe give the same records, whatever the
runner and the number of workers.`,
		Example: "  m6-corpus build --in web=crawl/*.warc.gz --in encyclopedia=zhwiki.xml.bz2 --out runs/corpus\n" +
			"  m6-corpus build --in texts.jsonl.gz --recipe default --set text.words.lists='[{\"file\":\"spam.txt\",\"category\":\"spam\"}]' --out runs/corpus\n" +
			"  m6-corpus build --in s3://crawl/2021/*.warc.gz --out /shared/corpus --runner=universal --endpoint=flink:8099 --environment_type=LOOPBACK",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.recipe()
			if err != nil {
				return err
			}
			report, err := build(cmd, &f, r)
			if report == nil {
				return err
			}
			return errors.Join(command.PrintResult(cmd, report, func(w io.Writer) error { return summary(w, f.out, report) }), err)
		},
	}
	flags := cmd.Flags()
	f.inputFlags.add(flags)
	f.recipeFlags.add(flags)
	f.runnerFlags.add(flags)
	flags.StringVar(&f.out, "out", "", "folder of the data set")
	flags.IntVar(&f.workers, "workers", 0, "that run at the same time (default one for each core)")
	flags.Uint64Var(&f.seed, "seed", 7, "of the examples in the report")
	flags.Int64Var(&f.unit, "unit", 16<<20, "bytes of input of a piece of work, which becomes a shard; the records are the same whatever it is")
	command.Require(cmd, "in", "out")
	return cmd
}

// build makes the data set and returns its report.
func build(cmd *cobra.Command, f *buildFlags, r recipe.Recipe) (*stages.Report, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.workers < 0 {
		return nil, command.Usagef("--workers %d: want 1 or more, or 0 for one for each core", f.workers)
	}
	if f.unit < 0 {
		return nil, command.Usagef("--unit %d: want a number of bytes, or 0 for 16 MiB", f.unit)
	}
	// Untouched memory, which the system never gives: garbage is collected when the heap is twice as large as this and what lives together, so about four
	// times less often in a build of texts, where 25 MB live. It saves 8 % of the processor time and costs 60 MB, however large a build is.
	room := make([]byte, 64<<20)
	defer runtime.KeepAlive(room)
	start := time.Now()
	ctx := cmd.Context()
	job, err := stages.Prepare(ctx, stages.Options{In: f.in, Dir: f.out, Recipe: r, Workers: f.workers, Seed: f.seed, Images: f.images, Unit: f.unit})
	if err != nil {
		return nil, err
	}
	defer job.Close()
	if job.Complete() {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s holds this build already\n", f.out)
		return stages.ReadReport(filepath.Join(job.Dir, stages.ReportName))
	}
	stop := follow(ctx, cmd.ErrOrStderr(), job)
	err = f.run(ctx, job, cmd.ErrOrStderr())
	stop()
	if err != nil {
		return nil, err
	}
	if err := job.Failure(); err != nil {
		return nil, err
	}
	return job.Assemble(ctx, stages.Ran{Runner: f.runner, Workers: job.Workers, Seconds: time.Since(start).Seconds()}, writePage)
}

// summary is what a build says at its end.
func summary(w io.Writer, out string, r *stages.Report) error {
	rows := [][]string{{"source", "in", "out", "dropped", "quarantined"}}
	for _, s := range r.Sources {
		dropped := s.In - s.Out - s.Quarantined
		rows = append(rows, []string{s.Name, command.Grouped(s.In), command.Grouped(s.Out), command.Grouped(dropped), command.Grouped(s.Quarantined)})
	}
	if err := command.Columns(w, rows, 1); err != nil {
		return err
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, "note: "+note)
	}
	_, err := fmt.Fprintf(w, "%s in %.1f s: every record is accounted for. The report: %s\n", command.Plural(r.Records(), "record"), r.Ran.Seconds, filepath.Join(out, stages.PageName))
	return err
}

// follow tells how far a build is until stop is called: on a terminal a line that renews itself, elsewhere a plain line now and then.
func follow(ctx context.Context, out io.Writer, job *stages.Job) (stop func()) {
	const plainEvery, lineEvery = 15 * time.Second, time.Second / 4
	file, isFile := out.(*os.File)
	live := isFile && term.IsTerminal(int(file.Fd()))
	every := plainEvery
	if live {
		every = lineEvery
	}
	done, ended := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				if live {
					fmt.Fprint(out, "\r\033[K")
				}
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
				bar, line := progressLine(job, time.Since(start))
				if live {
					fmt.Fprint(out, "\r\033[K"+bar+" "+line)
				} else {
					fmt.Fprintln(out, line)
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

// progressLine says how far a build is, by its files.
func progressLine(job *stages.Job, since time.Duration) (bar, line string) {
	first, last := job.Progress()
	n := max(len(job.Units), 1)
	const width = 30
	if done, all := job.IndexProgress(); first == 0 && done < all {
		return "[" + strings.Repeat("·", width) + "]", fmt.Sprintf("looked for pictures in %d/%d units, %.0f s", done, all, since.Seconds())
	}
	filled := width * (first + last) / (2 * n)
	bar = "[" + strings.Repeat("█", filled) + strings.Repeat("·", width-filled) + "]"
	return bar, fmt.Sprintf("cleaned %d/%d, written %d/%d units of %.1f MB, %.0f s", first, n, last, n, float64(job.Bytes)/1e6/float64(n), since.Seconds())
}
