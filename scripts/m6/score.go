package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
	"m6lab/tasks/score"
)

// captionMetrics are the metrics of `m6 score caption`, in the order of its table.
var captionMetrics = []string{"bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider_d"}

// scoreCommand is `m6 score`: metrics of predictions that some model, ours or another, has written.
func scoreCommand() *cobra.Command {
	var references, predictions string
	cmd := &cobra.Command{
		Use:   "score KIND --references R.json --predictions P.json",
		Short: "Metrics of predictions",
		Long: `Metrics of predictions against references.

R.json maps an id to a list of texts, P.json an id to a text; both must have the same ids.
KIND is caption: BLEU-1 to BLEU-4, ROUGE-L and CIDEr-D over characters (a run of letters and digits counts as one), as the COCO caption evaluation computes them.`,
		Example:   `  m6 score caption --references references.json --predictions predictions.json --json`,
		ValidArgs: []string{"caption"},
		Args:      scoreKind,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scores, err := scoreCaptions(references, predictions)
			if err != nil {
				return err
			}
			asJSON, err := cmd.Flags().GetBool("json")
			if err != nil {
				return err
			}
			return printScores(cmd.OutOrStdout(), scores, asJSON)
		},
	}
	cmd.Flags().StringVar(&references, "references", "", "JSON file: id to a list of texts")
	cmd.Flags().StringVar(&predictions, "predictions", "", "JSON file: id to a text")
	command.Require(cmd, "references", "predictions")
	return cmd
}

// scoreKind accepts the one kind there is and says which it is otherwise.
func scoreKind(cmd *cobra.Command, args []string) error {
	kinds := strings.Join(cmd.ValidArgs, ", ")
	if len(args) != 1 {
		return fmt.Errorf("score: want one KIND (%s), got %d arguments", kinds, len(args))
	}
	if err := cobra.OnlyValidArgs(cmd, args); err != nil {
		return fmt.Errorf("score: unknown kind %q: it must be %s", args[0], kinds)
	}
	return nil
}

func scoreCaptions(referencesPath, predictionsPath string) (map[string]float64, error) {
	var references map[string][]string
	if err := readScoreFile(referencesPath, &references); err != nil {
		return nil, fmt.Errorf("read references (an object of id to list of texts): %w", err)
	}
	var predictions map[string]string
	if err := readScoreFile(predictionsPath, &predictions); err != nil {
		return nil, fmt.Errorf("read predictions (an object of id to text): %w", err)
	}
	return score.Caption(references, predictions)
}

// readScoreFile decodes the file at path into value.
func readScoreFile(path string, value any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// printScores writes one JSON object or a line per metric.
func printScores(w io.Writer, scores map[string]float64, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(scores)
	}
	for _, name := range captionMetrics {
		if _, err := fmt.Fprintf(w, "%-8s %.4f\n", name, scores[name]); err != nil {
			return err
		}
	}
	return nil
}
