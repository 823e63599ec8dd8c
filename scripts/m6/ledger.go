package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/scripts/command"
)

func ledgerCommand() *cobra.Command {
	var preset string
	cmd := &cobra.Command{
		Use:   "ledger --preset P",
		Short: "Parameters by part, without allocating a weight",
		Long: `Parameters by part, without allocating a weight.

The total is the Transformer's own; the picture encoder counts on a line of its own.`,
		Example: "  m6 ledger --preset 100b\n  m6 ledger --preset base --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := m6.Preset(preset)
			if err != nil {
				return err
			}
			l := config.Ledger()
			return command.PrintResult(cmd, l, func(w io.Writer) error { return printLedger(w, l) })
		},
	}
	cmd.Flags().StringVar(&preset, "preset", "", "the model: "+strings.Join(m6.Presets(), ", "))
	command.Require(cmd, "preset")
	return cmd
}

func printLedger(w io.Writer, l m6.Ledger) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(part string, tensors int, parameters int64) {
		fmt.Fprintf(t, "%s\t%d\t%s\t%.1f %%\t\n", part, tensors, command.Grouped(parameters), 100*float64(parameters)/float64(l.Total))
	}
	fmt.Fprint(t, "part\ttensors\tparameters\tshare\t\n")
	tensors := 0
	for _, p := range l.Parts {
		row(p.Part, p.Tensors, p.Parameters)
		tensors += p.Tensors
	}
	row("total", tensors, l.Total)
	fmt.Fprintf(t, "picture encoder (beside the total)\t\t%s\t\t\n", command.Grouped(l.Encoder))
	return t.Flush()
}
