package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"m6lab/datasets/record"
	"m6lab/scripts/command"
)

// dataCommand is `m6 data`: data sets made of what is there.
func dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data KIND",
		Short:   "Data sets: the built-in sample, a folder of your own, their statistics",
		Example: "  m6 data sample --out runs/sample\n  m6 data folder my-folder --out runs/mine\n  m6 data stats runs/mine",
	}
	cmd.AddCommand(dataSampleCommand(), dataFolderCommand(), dataStatsCommand())
	return cmd
}

// dataFolderCommand is `m6 data folder`: a folder of one's own as a data set.
func dataFolderCommand() *cobra.Command {
	var out string
	o := record.FolderOptions{}
	cmd := &cobra.Command{
		Use:   "folder SOURCE --out DIR",
		Short: "A folder of pictures and texts as a data set",
		Long: `A folder of pictures and texts, with all folders below it, as a data set:

  picture + .txt of the same stem   each line of the .txt is a caption; the first is the text, several are the references
  .jsonl                            one object a line: text, image (a path beside the .jsonl), question, answer, references;
                                    other keys are kept in the column meta
  any other .txt                    a row for each paragraph where empty lines divide the file, else for each line

Pictures are PNG, JPEG, GIF and WebP; texts are UTF-8. Rows with the same text or picture go into the same split, and the split follows from the
contents and the seed alone. What is left out is named with its reason: the first of each here, all with --json.`,
		Example: "  m6 data folder my-folder --out runs/mine --valid 0.05 --test 0.05",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(o.Valid >= 0 && o.Test >= 0 && o.Valid+o.Test < 1) {
				return command.Usagef("--valid %g and --test %g: give shares of the rows that leave some to train on, like 0.05", o.Valid, o.Test)
			}
			report, err := record.Folder(args[0], out, o)
			if err != nil {
				return err
			}
			return command.PrintResult(cmd, report, func(w io.Writer) error { return printFolder(w, report) })
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to make; it must be empty or not exist")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "of the split")
	cmd.Flags().Float64Var(&o.Valid, "valid", 0.1, "share of the rows for validation")
	cmd.Flags().Float64Var(&o.Test, "test", 0.1, "share of the rows for tests")
	cmd.Flags().StringVar(&o.Source, "source", "", "source that the rows name (default: the folder's name)")
	command.Require(cmd, "out")
	return cmd
}

// named is how many of the things left out for one reason are printed.
const named = 5

func printFolder(w io.Writer, r record.FolderReport) error {
	fmt.Fprintf(w, "train %d, valid %d, test %d rows\n", r.Rows["train"], r.Rows["valid"], r.Rows["test"])
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	for _, reason := range r.Reasons() {
		names := r.LeftOut[reason]
		fmt.Fprintf(w, "left out, %s: %d\n", reason, len(names))
		for _, name := range names[:min(named, len(names))] {
			fmt.Fprintln(w, "  "+name)
		}
		if len(names) > named {
			fmt.Fprintf(w, "  and %d more\n", len(names)-named)
		}
	}
	return nil
}

// dataStatsCommand is `m6 data stats`: how much a data set holds.
func dataStatsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats DIR",
		Short: "How much a data set holds, by split and source",
		Long: `How much a data set holds, by split and source: rows, characters, pictures, questions, bytes, mean lengths.

The figures are those of the manifest; a folder of Parquet files without one is read as a whole.`,
		Example: "  m6 data stats runs/sample\n  m6 data stats runs/sample --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := record.Stats(args[0])
			if err != nil {
				return err
			}
			for _, note := range st.Notes {
				fmt.Fprintln(cmd.ErrOrStderr(), note)
			}
			return command.PrintResult(cmd, st, func(w io.Writer) error { return printStats(w, st) })
		},
	}
}

func printStats(w io.Writer, st record.Statistics) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(split, source string, s record.Stat) {
		bytes := s.PictureBytes
		if source == "" {
			bytes = s.Bytes
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.1f\t%s\t%.0f\t%s\t%s\t\n", split, source, command.Grouped(int64(s.Rows)), command.Grouped(s.Characters), s.MeanCharacters,
			command.Grouped(int64(s.Pictures)), s.MeanPictureBytes, command.Grouped(int64(s.Questions)), command.Grouped(bytes))
	}
	fmt.Fprint(t, "split\tsource\trows\tcharacters\tmean\tpictures\tmean bytes\tquestions\tbytes\t\n")
	for _, name := range st.SplitNames() {
		split := st.Splits[name]
		row(name, "", split.Stat)
		for _, source := range split.SourceNames() {
			row("", source, split.Sources[source])
		}
	}
	row("all", "", st.Total)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "bytes: of a split its files, of a source its pictures")
	return err
}
