package main

import "github.com/spf13/cobra"

func explainCommand() *cobra.Command { return &cobra.Command{Use: "explain"} }
func ablateCommand() *cobra.Command  { return &cobra.Command{Use: "ablate"} }
func lmCommand() *cobra.Command      { return &cobra.Command{Use: "lm"} }
