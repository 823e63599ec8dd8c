package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/scripts/command"
	"m6lab/tasks"
	"m6lab/viz"
)

// reportFlags are the flags of `m6 report`.
type reportFlags struct {
	dir, data, out, split string
	limit, train          int
	seed                  uint64
}

func reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report --dir RUN --data DIR",
		Short: "A page about a trained model: curves, mask, pictures, text, held-out figures",
		Long: `A page about a trained model, judged on held-out data: loss curves, the three-part attention mask, pictures with captions (right and wrong
ones, drawn by the seed), attention of a caption's words over the picture, a poem, filled masks, and the table of held-out figures beside their
baselines. All figures are in report.json beside the page.`,
		Example: "  m6 report --dir runs/demo --data runs/sample\n  m6 report --dir runs/demo --data runs/sample --limit 0 --out full.html",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.limit < 0 || f.train < 0 {
				return command.Usagef("--limit and --train-limit count rows: want 0 (all) or more")
			}
			if f.out == "" {
				f.out = m6.Folder(f.dir).Path("report.html")
			}
			figures, err := report(cmd, f)
			if err != nil {
				return fmt.Errorf("report: %w", err)
			}
			return command.PrintResult(cmd, figures, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, f.out)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "folder of the run")
	flags.StringVar(&f.data, "data", "", "folder of the data set")
	flags.StringVar(&f.out, "out", "", "file of the page (default report.html in the run's folder)")
	flags.StringVar(&f.split, "split", "test", "the held-out split: test or valid")
	flags.IntVar(&f.limit, "limit", 192, "held-out rows of each source and task; 0 is all")
	flags.IntVar(&f.train, "train-limit", 0, "training rows of each source that the baselines see; 0 is all")
	flags.Uint64Var(&f.seed, "seed", 7, "of everything that is drawn")
	command.Require(cmd, "dir", "data")
	return cmd
}

// reportFigures is report.json.
type reportFigures struct {
	Run        string         `json:"run"`
	Preset     string         `json:"preset"`
	Step       int64          `json:"step"`
	Steps      int64          `json:"steps"`
	Parameters int64          `json:"parameters"` // without the picture encoder
	Encoder    int64          `json:"encoder"`
	Split      string         `json:"split"`
	Limit      int            `json:"limit"`
	Seed       uint64         `json:"seed"`
	Seconds    float64        `json:"seconds"` // that the report took
	Figures    []tasks.Figure `json:"figures"`
	Shown      []tasks.Case   `json:"shown"` // cases on the page
	Poem       string         `json:"poem,omitempty"`
	Notes      []string       `json:"notes"`
}

// reporter gathers a report.
type reporter struct {
	reportFlags
	model   *tasks.Model
	data    *tasks.Data
	results map[string]tasks.Result
	figures reportFigures
	log     io.Writer
}

// report writes the page and the figures beside it.
func report(cmd *cobra.Command, f reportFlags) (*reportFigures, error) {
	start := time.Now()
	d, err := tasks.OpenData(f.data, f.split)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	m, err := tasks.Open(m6.Folder(f.dir))
	if err != nil {
		return nil, err
	}
	r := &reporter{reportFlags: f, model: m, data: d, results: map[string]tasks.Result{}, log: cmd.ErrOrStderr()}
	ledger := m.Run.Model.Ledger()
	r.figures = reportFigures{
		Run: f.dir, Preset: m.Run.Preset, Step: m.State.Step, Steps: m.Run.Train.Steps, Parameters: ledger.Total, Encoder: ledger.Encoder,
		Split: f.split, Limit: f.limit, Seed: f.seed, Notes: append([]string{}, m.Skips...),
	}
	if err := r.evaluate(cmd); err != nil {
		return nil, err
	}
	sections, err := r.sections(cmd)
	if err != nil {
		return nil, err
	}
	r.figures.Seconds = time.Since(start).Seconds()
	return &r.figures, r.write(sections)
}

// evaluate runs every evaluation that the model and the data allow; one that they do not is a note.
func (r *reporter) evaluate(cmd *cobra.Command) error {
	for _, e := range evaluations {
		start := time.Now()
		o := tasks.Options{Limit: r.limit, Train: r.train, Seed: r.seed, Brief: true}
		result, err := e.run(cmd.Context(), r.model, r.data, o)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			r.figures.Notes = append(r.figures.Notes, fmt.Sprintf("%s was not evaluated: %v", e.name, err))
		}
		r.results[e.name] = result
		r.figures.Figures = append(r.figures.Figures, result.Figures...)
		r.figures.Notes = append(r.figures.Notes, result.Notes...)
		fmt.Fprintf(r.log, "evaluated %s in %.1f s\n", e.name, time.Since(start).Seconds())
	}
	return nil
}

// sections are the parts of the page.
func (r *reporter) sections(cmd *cobra.Command) ([]viz.Section, error) {
	var out []viz.Section
	for _, section := range []struct {
		title string
		make  func() ([]viz.Block, error)
	}{
		{"Held-out figures", r.scores},
		{"Training", r.training},
		{"Pictures and captions", r.pictures},
		{"Attention over a picture", r.looking},
		{"Writing", func() ([]viz.Block, error) { return r.writing(cmd.Context()) }},
		{"The model", r.anatomy},
		{"Next steps", r.next},
		{"Notes", r.notes},
	} {
		blocks, err := section.make()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section.title, err)
		}
		if len(blocks) > 0 {
			out = append(out, viz.Section{Title: section.title, Blocks: blocks})
		}
	}
	return out, nil
}

// write writes the page and report.json, each whole or not at all.
func (r *reporter) write(sections []viz.Section) error {
	var page bytes.Buffer
	err := viz.Report(&page, viz.ReportOptions{
		Title: "M6 · " + filepath.Base(filepath.Clean(r.dir)),
		Lead:  fmt.Sprintf("What the %s model learned in %s steps, judged on the %s split, which it never saw.", r.model.Run.Preset, command.Grouped(r.model.State.Step), r.split),
		Facts: r.facts(), Sections: sections,
		Foot: fmt.Sprintf("Made by m6 report in %.0f s. All figures are in report.json beside this page.", r.figures.Seconds),
	})
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(r.figures, "", "  ")
	if err != nil {
		return fmt.Errorf("report.json: %w", err)
	}
	if err := writeWhole(filepath.Join(filepath.Dir(r.out), "report.json"), append(data, '\n')); err != nil {
		return err
	}
	return writeWhole(r.out, page.Bytes())
}

// writeWhole writes a file aside and renames it.
func writeWhole(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
