package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"m6lab/checkpoints"
	"m6lab/datasets/record"
	"m6lab/scripts/command"
)

// checked is the result of `m6 check`: one of the reports, as the path is.
type checked struct {
	Path        string              `json:"path"`
	Kind        string              `json:"kind"` // data set, or what checkpoints.Report.Kind says
	OK          bool                `json:"ok"`
	Data        *record.Report      `json:"data,omitempty"`
	Checkpoints *checkpoints.Report `json:"checkpoints,omitempty"`
}

// checkCommand is `m6 check`: the audit of what lies at a path.
func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check PATH",
		Short: "Audit a data set, a run, a checkpoint or a safetensors file",
		Long: `Audit what lies at PATH: a data set's folder, the folder of a run or of one checkpoint, or a .safetensors file.

Data sets: checksums, every row, the headers of pictures, counts, ids that are there twice. Checkpoints: sizes, checksums, headers, and
whether the files of several processes are those of one save.
Exit code 1 when something is wrong.`,
		Example: "  m6 check runs/sample\n  m6 check runs/demo\n  m6 check model.safetensors --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := audit(args[0])
			if err != nil {
				return err
			}
			if err := command.PrintResult(cmd, c, func(w io.Writer) error { return c.print(w) }); err != nil {
				return err
			}
			if n := c.faults(); n > 0 {
				return fmt.Errorf("%s: %d faults", args[0], n)
			}
			return nil
		},
	}
}

// audit decides by what is at path.
func audit(path string) (checked, error) {
	c := checked{Path: path}
	saved, err := checkpoints.Check(path)
	if err == nil {
		c.Kind, c.Checkpoints, c.OK = saved.Kind, &saved, len(saved.Problems) == 0
		return c, nil
	}
	if !errors.Is(err, checkpoints.ErrForeign) {
		return c, err
	}
	data, err := record.Check(path)
	if err != nil {
		return c, fmt.Errorf("%s is neither a data set, a run, a checkpoint nor a .safetensors file: %w", path, err)
	}
	c.Kind, c.Data, c.OK = "data set", &data, data.OK()
	return c, nil
}

func (c checked) faults() int {
	if c.Data != nil {
		return c.Data.FaultCount
	}
	return len(c.Checkpoints.Problems)
}

func (c checked) print(w io.Writer) error {
	lines := c.lines()
	if c.OK {
		lines = append(lines, c.Path+": sound")
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// lines says what was looked at and what is wrong.
func (c checked) lines() []string {
	var lines []string
	if r := c.Checkpoints; r != nil {
		lines = append(lines, fmt.Sprintf("%s: %s, %d sound checkpoints, %d tensors, %s bytes", c.Path, c.Kind, len(r.Checkpoints), r.Tensors, command.Grouped(r.Bytes)))
		for _, n := range r.Notes {
			lines = append(lines, "note: "+n.String())
		}
		for _, p := range r.Problems {
			lines = append(lines, "fault: "+p.String())
		}
		return lines
	}
	r := c.Data
	for _, name := range r.SplitNames() {
		s := r.Splits[name]
		lines = append(lines, fmt.Sprintf("%s: %s rows, %s characters, %s pictures", name, command.Grouped(int64(s.Rows)), command.Grouped(s.Characters), command.Grouped(int64(s.Pictures))))
	}
	for _, n := range r.Notes {
		lines = append(lines, "note: "+n)
	}
	for _, f := range r.Faults {
		lines = append(lines, "fault: "+f.String())
	}
	if more := r.FaultCount - len(r.Faults); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more faults", more))
	}
	return lines
}
