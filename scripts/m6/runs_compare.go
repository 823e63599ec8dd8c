package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/m6/strict"
	"m6lab/scripts/command"
	"m6lab/viz"
)

func runsCompareCommand() *cobra.Command {
	var metric, out string
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Which config keys of runs differ, their final figures, and their curves in one figure",
		Long: `Which config keys of runs differ, and their final figures side by side, each with its difference from the first run's.

With --out the curves of all runs are drawn into one figure: a name that ends in .svg or .png is the figure alone, .html a page with the tables.
Any number of metrics.jsonl can be drawn: --metric loss_caption, step_seconds_p99, mfu.`,
		Example: "  m6 runs compare runs/first runs/second\n  m6 runs compare runs/first runs/second --metric loss_caption --out compare.svg",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return command.Usagef("runs compare wants two runs or more, got %d", len(args))
			}
			c, err := compareRuns(args, metric)
			if err != nil {
				return err
			}
			if out != "" {
				if err := c.draw(out); err != nil {
					return err
				}
				fmt.Fprintln(cmd.ErrOrStderr(), "drew "+out)
			}
			return command.PrintResult(cmd, c, c.print)
		},
	}
	cmd.Flags().StringVar(&metric, "metric", "loss", "what is drawn: a number of metrics.jsonl")
	cmd.Flags().StringVar(&out, "out", "", "file of the figure: .svg, .png or .html")
	return cmd
}

// comparison is what `m6 runs compare` tells.
type comparison struct {
	Runs    []string           `json:"runs"`
	Metric  string             `json:"metric"`
	Config  []configDifference `json:"config"`
	Figures []finalFigure      `json:"figures"`

	curve, valid []viz.Series
}

// configDifference is a key that is not the same in all runs.
type configDifference struct {
	Key    string   `json:"key"`
	Values []string `json:"values"` // of each run; "-" where it has no such key
}

// finalFigure is a figure of each run. What a run does not have is null.
type finalFigure struct {
	Name   string     `json:"name"`
	Values []*float64 `json:"values"`
	Differ []*float64 `json:"differences"` // from the first run
}

// compareRuns reads the runs of folders.
func compareRuns(dirs []string, metric string) (*comparison, error) {
	c := &comparison{Runs: runNames(dirs), Metric: metric, Config: []configDifference{}}
	var configs []map[string]string
	var logs [][]map[string]float64
	measured := map[string]bool{}
	for i, dir := range dirs {
		r, err := m6.Folder(dir).Run()
		if err != nil {
			return nil, err
		}
		flat, err := flatConfig(r)
		if err != nil {
			return nil, err
		}
		records, err := metrics(m6.Folder(dir))
		if err != nil {
			return nil, err
		}
		configs, logs = append(configs, flat), append(logs, records)
		c.curve = append(c.curve, seriesOf(records, c.Runs[i], metric))
		if valid := seriesOf(records, c.Runs[i], "valid_"+metric); strings.HasPrefix(metric, "loss") && len(valid.X) > 0 {
			c.valid = append(c.valid, valid)
		}
		for _, record := range records {
			for name := range record {
				measured[name] = true
			}
		}
	}
	if !measured[metric] {
		names := slices.Sorted(maps.Keys(measured))
		if len(names) == 0 {
			return nil, fmt.Errorf("none of %s has a logged step yet", strings.Join(dirs, ", "))
		}
		return nil, fmt.Errorf("no run has logged %q: did you mean %q? (%s)", metric, strict.Nearest(metric, names), strings.Join(names, ", "))
	}
	c.Config = append(c.Config, configDifferences(configs)...)
	c.figures(logs)
	return c, nil
}

// runNames are the folders' own names, or whole paths where two share a name.
func runNames(dirs []string) []string {
	var out []string
	for _, dir := range dirs {
		name := filepath.Base(filepath.Clean(dir))
		if slices.Contains(out, name) {
			return dirs
		}
		out = append(out, name)
	}
	return out
}

// flatConfig is a config by dotted keys, each value as JSON.
func flatConfig(r m6.Run) (map[string]string, error) {
	var tree map[string]any
	if err := json.Unmarshal(r.JSON(), &tree); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	out := map[string]string{}
	var walk func(prefix string, value any) error
	walk = func(prefix string, value any) error {
		if group, ok := value.(map[string]any); ok {
			for name, inner := range group {
				if err := walk(strings.TrimPrefix(prefix+"."+name, "."), inner); err != nil {
					return err
				}
			}
			return nil
		}
		text, err := json.Marshal(value)
		out[prefix] = strings.Trim(string(text), `"`)
		return err
	}
	return out, walk("", tree)
}

// configDifferences are the keys that differ, in order.
func configDifferences(configs []map[string]string) (out []configDifference) {
	keys := map[string]bool{}
	for _, config := range configs {
		for key := range config {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		d := configDifference{Key: key}
		for _, config := range configs {
			value, ok := config[key]
			if !ok {
				value = "-"
			}
			d.Values = append(d.Values, value)
		}
		if len(slices.Compact(slices.Clone(d.Values))) > 1 {
			out = append(out, d)
		}
	}
	return out
}

// seriesOf is one number of a log over its steps.
func seriesOf(records []map[string]float64, name, metric string) viz.Series {
	s := viz.Series{Name: name}
	for _, r := range records {
		if y, ok := r[metric]; ok {
			s.X, s.Y = append(s.X, r["step"]), append(s.Y, y)
		}
	}
	return s
}

// figures makes the final figures of logs.
func (c *comparison) figures(logs [][]map[string]float64) {
	type of func(values []float64) float64
	last := func(v []float64) float64 { return v[len(v)-1] }
	middle := func(v []float64) float64 { return slices.Sorted(slices.Values(v))[(len(v)-1)/2] }
	add := func(name, metric string, value of) {
		f := finalFigure{Name: name}
		for _, records := range logs {
			var x, difference *float64
			if values := seriesOf(records, "", metric).Y; len(values) > 0 {
				v := value(values)
				x = &v
			}
			if f.Values = append(f.Values, x); x != nil && f.Values[0] != nil {
				d := *x - *f.Values[0]
				difference = &d
			}
			f.Differ = append(f.Differ, difference)
		}
		if slices.ContainsFunc(f.Values, func(x *float64) bool { return x != nil }) {
			c.Figures = append(c.Figures, f)
		}
	}
	add("steps", "step", last)
	add("last loss", "loss", last)
	add("best valid loss", "valid_loss", slices.Min[[]float64])
	if c.Metric != "loss" && c.Metric != "step" {
		add("last "+c.Metric, c.Metric, last)
	}
	add("median tokens/s", "tokens_per_second", middle)
	add("median MFU", "mfu", middle)
	add("median s/step", "seconds_per_step", middle)
	add("skipped steps", "skipped_steps", func(v []float64) (all float64) {
		for _, n := range v {
			all += n
		}
		return all
	})
}

// print writes the tables as text.
func (c *comparison) print(w io.Writer) error {
	if len(c.Config) == 0 {
		fmt.Fprintln(w, "the configs are the same")
	} else if err := printCells(w, append([][]string{append([]string{"config"}, c.Runs...)}, c.configCells()...)); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return printCells(w, append([][]string{append([]string{"figure"}, c.Runs...)}, c.figureCells()...))
}

func (c *comparison) configCells() (out [][]string) {
	for _, d := range c.Config {
		out = append(out, append([]string{d.Key}, d.Values...))
	}
	return out
}

func (c *comparison) figureCells() (out [][]string) {
	for _, f := range c.Figures {
		row := []string{f.Name}
		for i, x := range f.Values {
			row = append(row, besideFirst(x, f.Differ[i], f.Values[0], i == 0))
		}
		out = append(out, row)
	}
	return out
}

// besideFirst writes a figure with its difference from the first run's: "2.31 (-0.12, -4.9 %)".
func besideFirst(x, difference, from *float64, first bool) string {
	switch {
	case x == nil:
		return "-"
	case first || difference == nil:
		return fmt.Sprintf("%.4g", *x)
	case *from == 0:
		return fmt.Sprintf("%.4g (%+.3g)", *x, *difference)
	}
	return fmt.Sprintf("%.4g (%+.3g, %+.1f %%)", *x, *difference, 100**difference / *from)
}

// draw writes the figure, or the page, whole or not at all.
func (c *comparison) draw(path string) error {
	label := c.Metric
	if strings.HasPrefix(label, "loss") {
		label += ", nats per token"
	}
	o := viz.CurvesOptions{Title: fmt.Sprintf("%s of %d runs", c.Metric, len(c.Runs)), XLabel: "step", YLabel: label, Series: c.curve, HeldOut: c.valid, Smooth: 0.8}
	o.LogY = strings.HasPrefix(c.Metric, "loss") || strings.HasPrefix(c.Metric, "valid")
	var file bytes.Buffer
	var err error
	switch kind := strings.ToLower(filepath.Ext(path)); kind {
	case ".svg", ".png":
		err = viz.Curves(&file, viz.Format(kind[1:]), o)
	case ".html":
		err = c.page(&file, o)
	default:
		return command.Usagef("--out %s: want a name that ends in .svg, .png or .html", path)
	}
	if err != nil {
		return err
	}
	return writeWhole(path, file.Bytes())
}

// page writes the figure with the tables.
func (c *comparison) page(w io.Writer, figure viz.CurvesOptions) error {
	head := append([]string{""}, c.Runs...)
	numeric := slices.Repeat([]bool{true}, len(head))
	numeric[0] = false
	config := []viz.Block{viz.Prose("The configs are the same.")}
	if len(c.Config) > 0 {
		config = []viz.Block{viz.Cells{Head: head, Rows: c.configCells(), Numeric: numeric}}
	}
	return viz.Report(w, viz.ReportOptions{
		Title: "Runs: " + strings.Join(c.Runs, ", "), Lead: "Differences in brackets are from the first run, " + c.Runs[0] + ".",
		Sections: []viz.Section{
			{Title: "Curves", Blocks: []viz.Block{figure}},
			{Title: "Final figures", Blocks: []viz.Block{viz.Cells{Head: head, Rows: c.figureCells(), Numeric: numeric}}},
			{Title: "Config keys that differ", Blocks: config},
		},
		Foot: "Made by m6 runs compare.",
	})
}
