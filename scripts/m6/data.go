package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"m6lab/datasets/record"
)

// dataCommand is `m6 data`: data sets made of what is there.
func dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data KIND",
		Short:   "Data sets: the built-in sample, a folder of your own",
		Example: "  m6 data sample --out runs/sample\n  m6 data folder my-folder --out runs/mine",
	}
	cmd.AddCommand(dataSampleCommand(), dataFolderCommand())
	return cmd
}

// dataFolderCommand is `m6 data folder`: a folder of one's own as a data set.
func dataFolderCommand() *cobra.Command {
	var out string
	o := record.FolderOptions{}
	cmd := &cobra.Command{
		Use:   "folder SOURCE --out DIR",
		Short: "A folder of pictures and texts as a data set",
		Long: `A folder of pictures and texts as a data set, with all that lies below it:
pictures with captions in .txt files of the same stem; .jsonl files (text, image, question, answer, references); other .txt files, a row for each paragraph.

The split follows from the seed; the same picture or text never lies in two splits. What is left out is named with its reason.`,
		Example: "  m6 data folder my-folder --out runs/mine --valid 0.05 --test 0.05",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := record.Folder(args[0], out, o)
			if err != nil {
				return err
			}
			return printResult(cmd, report, func(w io.Writer) error { return printFolder(w, report) })
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to make")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "of the split")
	cmd.Flags().Float64Var(&o.Valid, "valid", 0.1, "share of the rows for validation")
	cmd.Flags().Float64Var(&o.Test, "test", 0.1, "share of the rows for tests")
	require(cmd, "out")
	return cmd
}

func printFolder(w io.Writer, r record.FolderReport) error {
	fmt.Fprintf(w, "train %d, valid %d, test %d rows\n", r.Rows["train"], r.Rows["valid"], r.Rows["test"])
	for _, reason := range slices.Sorted(maps.Keys(r.LeftOut)) {
		names := r.LeftOut[reason]
		fmt.Fprintf(w, "left out, %s: %d\n", reason, len(names))
		for _, name := range names {
			if _, err := fmt.Fprintln(w, "  "+name); err != nil {
				return err
			}
		}
	}
	return nil
}
