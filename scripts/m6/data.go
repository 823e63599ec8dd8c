package main

import "github.com/spf13/cobra"

// dataCommand is `m6 data`: data sets made of what is there.
func dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data KIND",
		Short:   "Data sets: the built-in sample",
		Example: "  m6 data sample --out runs/sample",
	}
	cmd.AddCommand(dataSampleCommand())
	return cmd
}
