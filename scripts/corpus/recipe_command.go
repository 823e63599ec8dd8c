package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
)

func recipeCommand() *cobra.Command {
	var f recipeFlags
	var paper, all, imagine bool
	cmd := &cobra.Command{
		Use:     "recipe [--paper | --default | --imagine]",
		Short:   "Prints a recipe, to be edited and given to --config",
		Long:    "Prints a recipe as JSON: the paper's, that with the additions, or that of pairs for generating pictures (section 4.1). --config and --set change it.",
		Example: "  m6-corpus recipe > recipe.json\n  m6-corpus recipe --default --set text.length.content=20",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen := 0
			for name, on := range map[string]bool{"paper": paper, "default": all, "imagine": imagine} {
				if on {
					f.name = name
					chosen++
				}
			}
			if chosen > 1 {
				return command.Usagef("choose one of --paper, --default and --imagine")
			}
			r, err := f.recipe()
			if err != nil {
				return err
			}
			return command.PrintResult(cmd, r, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, string(r.JSON()))
				return err
			})
		},
	}
	flags := cmd.Flags()
	f.add(flags)
	flags.BoolVar(&paper, "paper", false, "the rules of section 2 of the paper (as without any of the three)")
	flags.BoolVar(&all, "default", false, "the paper's rules and the additions")
	flags.BoolVar(&imagine, "imagine", false, "the paper's rules and the filters of its section 4.1")
	return cmd
}
