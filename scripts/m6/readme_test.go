package main

import (
	"testing"

	"m6lab/scripts/command/commandtest"
)

// TestReadme: every command that the READMEs show exists, with its flags.
func TestReadme(t *testing.T) {
	for _, page := range []string{"../../README.md", "../../README.zh.md"} {
		commandtest.Readme(t, rootCommand(), page)
	}
}
