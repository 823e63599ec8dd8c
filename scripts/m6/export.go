package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"m6lab/checkpoints"
	"m6lab/datasets/text"
	"m6lab/m6"
	"m6lab/scripts/command"
)

func exportCommand() *cobra.Command {
	var dir, out string
	var half bool
	cmd := &cobra.Command{
		Use:     "export --dir RUN --out M.safetensors",
		Short:   "Weights of a run as safetensors",
		Example: "  m6 export --dir runs/demo --out demo.safetensors\n  m6 export --dir runs/demo --out demo.bf16.safetensors --bf16",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m6.Export(m6.Folder(dir), out, half); err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "wrote", out)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the run")
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	cmd.Flags().BoolVar(&half, "bf16", false, "store bf16 instead of f32")
	command.Require(cmd, "dir", "out")
	return cmd
}

func importCommand() *cobra.Command {
	var dir, vocab string
	cmd := &cobra.Command{
		Use:     "import M.safetensors --dir RUN",
		Short:   "A run folder of exported weights",
		Long:    "A run folder of exported weights: they are the checkpoint of step 0, from which pretraining and every application go on.",
		Example: "  m6 import demo.safetensors --dir runs/again --vocab runs/demo/vocab.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var v *text.Vocab
			if vocab != "" {
				var err error
				if v, err = text.ReadVocab(vocab); err != nil {
					return err
				}
			}
			return m6.Import(args[0], m6.Folder(dir), v)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the new run")
	cmd.Flags().StringVar(&vocab, "vocab", "", "vocabulary of the model; the Chinese BERT's where it is not given")
	command.Require(cmd, "dir")
	return cmd
}

func logitsCommand() *cobra.Command {
	var dir, in, out string
	cmd := &cobra.Command{
		Use:   "logits --dir RUN --case C.safetensors --out L.safetensors",
		Short: "Raw forward pass of a case",
		Long: `Raw forward pass of a case, to compare with other implementations.

C holds patch_features [B,P,F], patch_lengths, masked_ids [B,M], masked_lengths, text_ids [B,T] and text_lengths (int32);
picture and masked text may be absent. L gets logits [B,T,V] in f32.`,
		Example: "  m6 logits --dir runs/demo --case case.safetensors --out logits.safetensors",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := checkpoints.ReadSafetensors(in)
			if err != nil {
				return err
			}
			defer f.Close()
			given, err := f.Tensors()
			if err != nil {
				return err
			}
			s, err := m6.OpenSaved(m6.Folder(dir))
			if err != nil {
				return err
			}
			logits, err := s.CaseLogits(given)
			if err != nil {
				return fmt.Errorf("%s: %w", in, err)
			}
			return checkpoints.WriteSafetensors(out, []checkpoints.Tensor{logits}, nil)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the run")
	cmd.Flags().StringVar(&in, "case", "", "safetensors file of the case")
	cmd.Flags().StringVar(&out, "out", "", "safetensors file to write")
	command.Require(cmd, "dir", "case", "out")
	return cmd
}
