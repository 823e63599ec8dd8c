package main

import (
	"github.com/spf13/cobra"

	"m6lab/scripts/command"
)

// rootCommand is the whole command tree.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "m6-corpus",
		Short: "Builds the M6-Corpus: raw crawls to clean text and image-text pairs",
		Long: "m6-corpus turns raw sources into records for m6, by the rules of section 2 of the paper; every decision is counted and can be explained.\n" +
			"Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.",
		Example: "  m6-corpus build --in web=crawl/*.warc.gz --in encyclopedia=zhwiki.xml.bz2 --out runs/corpus\n" +
			"  m6-corpus explain --in web=crawl/*.warc.gz --doc ID\n  m6 pretrain --preset debug --data runs/corpus --dir runs/first",
		Version:       command.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().Bool("json", false, "print machine-readable results")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(buildCommand(), recipeCommand(), explainCommand(), ablateCommand(), lmCommand(), planCommand())
	return root
}
