package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
	"m6lab/scripts/corpus/stages"
)

func explainCommand() *cobra.Command {
	var in inputFlags
	var f recipeFlags
	var id string
	cmd := &cobra.Command{
		Use:   "explain --in SOURCE... --doc ID",
		Short: "What each rule did with one document, sentence by sentence",
		Long: `Takes one document through the recipe and tells which rule changed or removed which sentence, before and after, what every rule on pictures
says of each of its pictures, and what became of it. ID is that of a document (quarantine.jsonl, missing.jsonl) or of a record.`,
		Example: "  m6-corpus explain --in web=crawl/*.warc.gz --doc crawl/1.warc.gz#48230\n  m6-corpus explain --in texts.jsonl --recipe default --doc texts.jsonl#17 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := f.recipe()
			if err != nil {
				return err
			}
			e, err := stages.Explain(cmd.Context(), stages.Options{In: in.in, Recipe: r, Images: in.images}, id)
			if err != nil {
				return err
			}
			return command.PrintResult(cmd, e, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, strings.Join(e.Lines(), "\n"))
				return err
			})
		},
	}
	flags := cmd.Flags()
	in.add(flags)
	f.add(flags)
	flags.StringVar(&id, "doc", "", "id of the document or of one of its records")
	command.Require(cmd, "in", "doc")
	return cmd
}
