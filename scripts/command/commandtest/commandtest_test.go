package commandtest

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestReader(t *testing.T) {
	work := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "m6"}
	doctor, tokenize := &cobra.Command{Use: "doctor", Run: work}, &cobra.Command{Use: "tokenize", Run: work}
	root.PersistentFlags().Bool("json", false, "")
	tokenize.Flags().String("vocab", "", "")
	root.AddCommand(doctor, tokenize)
	r := reader{root: root, targets: []string{"test", "demo"}}
	page := "Run `make test` or `m6 doctor --json`, not `other`.\n```sh\nmake demo   # minutes\nbin/m6 tokenize \\\n  --vocab V\nls\n```\n"
	got := r.shown(page)
	want := []string{"make demo", "bin/m6 tokenize    --vocab V", "make test", "m6 doctor --json"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range got {
		if problem := r.problem(line); problem != "" {
			t.Errorf("%q: %s", line, problem)
		}
	}
	for _, line := range []string{"make tset", "make demo tset", "m6 doctr", "m6 doctor --fast", "m6 --wrong"} {
		if r.problem(line) == "" {
			t.Errorf("%q was taken", line)
		}
	}
}
