package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
	"m6lab/scripts/setup"
)

// rootCommand is the whole command tree.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "m6",
		Short: "A workbench for M6, a Chinese multimodal pretrainer",
		Long: "m6 is a workbench for M6, \"A Chinese Multimodal Pretrainer\": data, pretraining, generation, evaluation.\n" +
			"Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.",
		Example:       "  m6 doctor\n  m6 data sample --out runs/sample\n  m6 pretrain --preset debug --data runs/sample --dir runs/first\n  m6 report --dir runs/first --data runs/sample",
		Version:       command.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,

		PersistentPreRun: chooseBackend,
	}
	root.PersistentFlags().Bool("json", false, "print machine-readable results")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		doctorCommand(),
		setupCommand(),
		tokenizeCommand(),
		scoreCommand(),
		pretrainCommand(),
		launchCommand(),
		runsCommand(),
		ledgerCommand(),
		planCommand(),
		featuresCommand(),
		logitsCommand(),
		exportCommand(),
		importCommand(),
		upcycleCommand(),
		captionCommand(),
		vqaCommand(),
		qaCommand(),
		poemCommand(),
		evalCommand(),
		reportCommand(),
		dataCommand(),
		checkCommand(),
	)
	return root
}

// chooseBackend fixes the backend before a command opens a device. Set-up looks for itself: what
// the user has set must not be mixed up with what was chosen here.
func chooseBackend(cmd *cobra.Command, _ []string) {
	if cmd.Name() == "setup" {
		return
	}
	if b := setup.UseBackend(); b.Warning != "" && cmd.Name() != "doctor" {
		fmt.Fprintln(cmd.ErrOrStderr(), "m6: WARNING: "+b.Warning)
	}
}
