package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
	"m6lab/scripts/setup"
)

// setupCommand is `m6 setup`: what the workbench needs beside Go modules.
func setupCommand() *cobra.Command {
	var notebooks, tests, cuda bool
	cmd := &cobra.Command{
		Use:   "setup [--notebooks] [--tests] [--cuda]",
		Short: "Install the XLA plugin and, if asked, the notebooks' environment",
		Long: `Install what is missing, without root and without doing anything twice.

The XLA plugin comes, in this order, from an existing GOMLX_BACKEND, from JAX's CUDA wheels where an NVIDIA GPU is present, from go-xla's own installer, or from a wheel with a fixed checksum; without any of them the pure-Go backend is used. pip's and Go's own configuration (mirrors, proxies) is respected.
With --notebooks also JupyterLab and the Go kernel, with --tests the Python packages that tests compare with: all inside the checkout's .cache.`,
		Example: "  m6 setup\n  m6 setup --notebooks",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := setup.Run(cmd.Context(), setup.Options{Notebooks: notebooks, Tests: tests, CUDA: cuda, Log: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			if warning := report.Backend.Warning; warning != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "m6: WARNING: "+warning)
			}
			return command.PrintResult(cmd, report, func(w io.Writer) error { return printSetup(w, report) })
		},
	}
	cmd.Flags().BoolVar(&notebooks, "notebooks", false, "also install JupyterLab and the Go kernel into .cache")
	cmd.Flags().BoolVar(&tests, "tests", false, "also install the Python packages that tests compare with into .cache")
	cmd.Flags().BoolVar(&cuda, "cuda", false, "the XLA plugin for CUDA, though no GPU is seen: for the image of a container")
	return cmd
}

func printSetup(w io.Writer, report setup.Report) error {
	for _, step := range report.Steps {
		word := "found"
		switch {
		case step.Failed:
			word = "NOT DONE"
		case step.Changed:
			word = "installed"
		}
		if _, err := fmt.Fprintf(w, "%-30s %-9s %s\n", step.Name, word, step.Result); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%-30s %-9s %s\n", "backend", "uses", report.Backend.Config+" ("+report.Backend.Reason+")")
	return err
}
