package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"m6lab/checkpoints"
	"m6lab/m6"
	"m6lab/scripts/command"
)

func runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "What runs there are, and how they differ",
		Long:    "What runs there are, and how they differ.",
		Example: "  m6 runs list\n  m6 runs compare runs/first runs/second --out compare.svg",
	}
	cmd.AddCommand(runsListCommand(), runsCompareCommand())
	return cmd
}

func runsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [DIR...]",
		Short: "A table of the runs in folders (default runs)",
		Long: `A table of the runs in folders (default runs): every folder below them that has a run.json, newest first.

State: running, where a process holds its checkpoints; finished, where all its steps are saved; stopped, where the last logged step is saved;
failed, where the log goes on behind the newest checkpoint, so that steps were lost. The same m6 pretrain command goes on with the last two.
Age is the time since something was last written.`,
		Example: "  m6 runs list\n  m6 runs list runs/lab --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"runs"}
			}
			rows := []runRow{}
			for _, dir := range args {
				found, err := runFolders(dir)
				if err != nil {
					return err
				}
				for _, folder := range found {
					row, err := runRowOf(folder, time.Now())
					if err != nil {
						fmt.Fprintf(cmd.ErrOrStderr(), "left out: %v\n", err)
						continue
					}
					rows = append(rows, row)
				}
			}
			slices.SortStableFunc(rows, func(a, b runRow) int { return cmp.Compare(a.Age, b.Age) })
			return command.PrintResult(cmd, rows, func(w io.Writer) error { return printRuns(w, rows) })
		},
	}
}

// runRow is a run in the list. What a run does not have yet is null in JSON.
type runRow struct {
	Name       string   `json:"name"` // its folder
	Preset     string   `json:"preset"`
	Parameters int64    `json:"parameters"` // without the picture encoder
	Step       int64    `json:"step"`       // done
	Steps      int64    `json:"steps"`      // of the whole run
	Loss       *float64 `json:"loss"`       // last logged
	Valid      *float64 `json:"valid"`      // lowest on the validation set
	Speed      *float64 `json:"tokens_per_second"`
	State      string   `json:"state"` // running, finished, stopped, failed
	Holder     string   `json:"holder,omitempty"`
	Age        float64  `json:"age_seconds"`
}

// runFolders are the run folders below a folder, or the folder itself where it is one.
func runFolders(dir string) ([]m6.Folder, error) {
	var out []m6.Folder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			return nil
		}
		if _, err := os.Stat(filepath.Join(path, "run.json")); err == nil {
			out = append(out, m6.Folder(path))
			return fs.SkipDir
		}
		if path != dir && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no folder of runs: %w", err)
	}
	return out, err
}

// runRowOf looks at a run's folder, without disturbing a process that trains there.
func runRowOf(dir m6.Folder, now time.Time) (runRow, error) {
	r, err := dir.Run()
	if err != nil {
		return runRow{}, err
	}
	row := runRow{Name: string(dir), Preset: r.Preset, Parameters: r.Model.Ledger().Total, Steps: r.Train.Steps}
	records, err := metrics(dir)
	if err != nil {
		return row, err
	}
	for _, record := range records {
		row.Step = int64(record["step"])
		row.Loss, row.Speed = orEarlier(record, "loss", row.Loss), orEarlier(record, "tokens_per_second", row.Speed)
		if valid, ok := record["valid_loss"]; ok && (row.Valid == nil || valid < *row.Valid) {
			row.Valid = &valid
		}
	}
	saved, err := checkpoints.List(dir.Checkpoints())
	if err != nil {
		return row, err
	}
	if row.Holder, err = checkpoints.Holder(dir.Checkpoints()); err != nil {
		return row, err
	}
	var step int64
	if len(saved) > 0 {
		step = saved[0].Step
	}
	row.State = runState(row, step)
	row.Step = max(row.Step, step)
	row.Age = now.Sub(lastWritten(dir, saved)).Seconds()
	return row, nil
}

// orEarlier is a record's number, or what an earlier one had.
func orEarlier(record map[string]float64, name string, earlier *float64) *float64 {
	if value, ok := record[name]; ok {
		return &value
	}
	return earlier
}

// runState says how a run stands whose newest checkpoint is of a step.
func runState(row runRow, saved int64) string {
	switch {
	case row.Holder != "":
		return "running"
	case saved >= row.Steps:
		return "finished"
	case saved >= row.Step:
		return "stopped"
	}
	return "failed"
}

// lastWritten is when a run last wrote its config, its log or a checkpoint.
func lastWritten(dir m6.Folder, saved []checkpoints.Info) (last time.Time) {
	for _, name := range []string{"run.json", "metrics.jsonl"} {
		if info, err := os.Stat(dir.Path(name)); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	for _, s := range saved {
		if s.Written.After(last) {
			last = s.Written
		}
	}
	return last
}

func printRuns(w io.Writer, rows []runRow) error {
	cells := [][]string{{"run", "preset", "parameters", "steps", "loss", "best valid", "tokens/s", "state", "age"}}
	for _, r := range rows {
		cells = append(cells, []string{r.Name, r.Preset, command.Grouped(r.Parameters), fmt.Sprintf("%d/%d", r.Step, r.Steps),
			known(r.Loss, 3), known(r.Valid, 3), known(r.Speed, 0), r.State, ageText(r.Age)})
	}
	return printCells(w, cells)
}

// printCells writes rows in columns, which are of words and numbers alike.
func printCells(w io.Writer, rows [][]string) error {
	return command.Columns(w, rows, len(rows[0]))
}

// known writes a number with some decimals, "-" where there is none.
func known(x *float64, decimals int) string {
	if x == nil {
		return "-"
	}
	return strconv.FormatFloat(*x, 'f', decimals, 64)
}

// ageText writes seconds in the largest unit of which there is at least one.
func ageText(seconds float64) string {
	for _, unit := range []struct {
		name    string
		seconds float64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}} {
		if seconds >= unit.seconds {
			return fmt.Sprintf("%d %s", int(seconds/unit.seconds), unit.name)
		}
	}
	return fmt.Sprintf("%.0f s", max(0, seconds))
}
