package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/scripts/command"
)

func upcycleCommand() *cobra.Command {
	var from, dir string
	var set []string
	cmd := &cobra.Command{
		Use:   "upcycle --from RUN --dir RUN2 --set model.experts=8",
		Short: "A run with experts out of a dense one",
		Long: `A run with experts out of a dense one (sparse upcycling): every expert starts as a copy of its block's feed-forward network, routers start
anew, and the first step has the dense model's loss as long as no token is dropped. Settings are those of the dense run under every --set in turn;
of the model they change what belongs to experts. m6 pretrain goes on from there, at step 0 and with a new optimizer.`,
		Example: `  m6 upcycle --from runs/demo --dir runs/experts --set model.experts=8
  m6 upcycle --from runs/demo --dir runs/experts --set model.experts=8 --set model.router=top2 --set model.expert_every=2
  m6 pretrain --dir runs/experts --data runs/sample`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m6.Upcycle(m6.Folder(from), m6.Folder(dir), set); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "made %s: m6 pretrain --dir %s --data DIR goes on with it\n", dir, dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "folder of the dense run")
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the new run")
	cmd.Flags().StringArrayVar(&set, "set", nil, "one setting, such as model.experts=8 (repeatable)")
	command.Require(cmd, "from", "dir")
	return cmd
}
