package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"m6lab/datasets/clean"
	"m6lab/scripts/command"
	"m6lab/scripts/corpus/stages"
)

// trained is what `m6-corpus lm` says.
type trained struct {
	Out     string  `json:"out"`
	Order   int     `json:"order"`
	NGrams  []int   `json:"ngrams"` // of 1, 2, ... characters
	Bytes   int64   `json:"bytes"`
	HeldOut int64   `json:"held_out"` // sentences, by which percentiles are known
	P50     float64 `json:"p50"`      // perplexity of a character of held-out sentences
	P95     float64 `json:"p95"`
	Seconds float64 `json:"seconds"`
}

func lmCommand() *cobra.Command {
	var in inputFlags
	var f recipeFlags
	var out string
	o := clean.DefaultLMOptions()
	cmd := &cobra.Command{
		Use:   "lm --in SOURCE... --out model.lm",
		Short: "Trains the language model of the rule of perplexity",
		Long: `Trains a model of characters (interpolated modified Kneser-Ney) on good text, for text.perplexity.model. The sentences go through the recipe's
other rules first, so that the model sees what the rule will see. An --out that ends in .arpa is written in the ARPA format.`,
		Example: "  m6-corpus lm --in encyclopedia=zhwiki.xml.bz2 --out zh.lm\n  m6-corpus build --in crawl/*.wet.gz --set text.perplexity.model=zh.lm --out runs/corpus",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return command.Usagef("%v", err)
			}
			r, err := f.recipe()
			if err != nil {
				return err
			}
			if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
				return fmt.Errorf("--out %s: there is no folder %s: make it first", out, filepath.Dir(out))
			}
			start := time.Now()
			sentences, failed, err := stages.Sentences(cmd.Context(), stages.Options{In: in.in, Recipe: r, Workers: runtime.GOMAXPROCS(0)})
			if err != nil {
				return err
			}
			m, err := clean.TrainLM(sentences, o)
			if own := failed(); own != nil {
				return own
			}
			if err != nil {
				return err
			}
			if err := writeLM(m, out); err != nil {
				return err
			}
			t := &trained{Out: out, Order: m.Order(), NGrams: m.NGrams(), Bytes: m.Bytes(), HeldOut: m.HeldOut(), Seconds: time.Since(start).Seconds()}
			if m.HeldOut() > 0 {
				t.P50, t.P95 = m.Quantile(0.5), m.Quantile(0.95)
			}
			return command.PrintResult(cmd, t, t.write)
		},
	}
	flags := cmd.Flags()
	in.add(flags)
	f.add(flags)
	flags.StringVar(&out, "out", "", "file of the model")
	flags.IntVar(&o.Order, "order", o.Order, "characters of the longest n-grams")
	flags.IntSliceVar(&o.Prune, "prune", o.Prune, "n-grams of 1, 2, ... characters that were seen so often or less are left out; the last counts for longer ones")
	flags.IntVar(&o.HeldOut, "held-out", o.HeldOut, "one sentence in so many is measured instead of trained on; 0 for none")
	flags.IntVar(&o.MaxCharacters, "characters", o.MaxCharacters, "most characters to train on, at about 70 bytes of memory each")
	command.Require(cmd, "in", "out")
	return cmd
}

// writeLM writes the model aside and renames it.
func writeLM(m *clean.LM, out string) error {
	var b bytes.Buffer
	var err error
	if filepath.Ext(out) == ".arpa" {
		err = m.WriteARPA(&b)
	} else {
		_, err = m.WriteTo(&b)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(out+".new", b.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(out+".new", out)
}

func (t *trained) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: order %d, n-grams %v, %s, in %.1f s; perplexity of a character on %s held-out sentences: %.1f in the middle, %.1f at 95 %%\n",
		t.Out, t.Order, t.NGrams, bytesText(float64(t.Bytes)), t.Seconds, command.Grouped(t.HeldOut), t.P50, t.P95)
	return err
}
