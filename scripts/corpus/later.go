package main

import "github.com/spf13/cobra"

func ablateCommand() *cobra.Command  { return &cobra.Command{Use: "ablate"} }
