package main

import (
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"m6lab/scripts/command"
	"m6lab/scripts/corpus/stages"
)

// The paper's corpus (section 2, Table 1): 292.4 GB of text and 1.9 TB of pictures, read as powers of ten.
const (
	paperText     = 292.4e9
	paperPictures = 1.9e12
)

// planFlags are the flags of `m6-corpus plan`.
type planFlags struct {
	report         string
	text, pictures float64
	days           float64
	cores          int
}

// estimate is what `m6-corpus plan` says.
type estimate struct {
	Report             string  `json:"report"`
	TextBytes          float64 `json:"text_bytes"` // of the corpus that is planned
	PictureBytes       float64 `json:"picture_bytes"`
	MeasuredText       int64   `json:"measured_text_bytes"` // raw text in, of the build that was measured
	MeasuredPictures   int64   `json:"measured_picture_bytes"`
	TextPerCore        float64 `json:"text_bytes_per_core_second"`
	PicturesPerCore    float64 `json:"picture_bytes_per_core_second"`
	Yield              float64 `json:"yield"`          // text out over text in
	RawText            float64 `json:"raw_text_bytes"` // that must be read for the text that is wanted
	CoreHoursText      float64 `json:"core_hours_text"`
	CoreHoursPictures  float64 `json:"core_hours_pictures"`
	CoreHours          float64 `json:"core_hours"`
	Days               float64 `json:"days"`
	Cores              int     `json:"cores"`
	Machines           int     `json:"machines"`
	CoresOfMachine     int     `json:"cores_of_machine"`
	ReadBytesPerSecond float64 `json:"read_bytes_per_second"` // of all machines together
}

func planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan --report report.json",
		Short: "What the paper's corpus would take, by the measured speed of a build",
		Long: `Extrapolates the measured speed of a build to the paper's 292.4 GB of text and 1.9 TB of pictures: core-hours, and the cluster that does it in a
number of days. Time is linear in the input, which the benchmarks show up to 8 times a size.`,
		Example: "  m6-corpus plan --report runs/corpus/report.json --days 2",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(f.days > 0) || f.cores < 1 || !(f.text >= 0) || !(f.pictures >= 0) {
				return command.Usagef("--days, --cores, --text and --pictures: want numbers above 0")
			}
			r, err := stages.ReadReport(f.report)
			if err != nil {
				return err
			}
			e, err := f.estimate(r)
			if err != nil {
				return err
			}
			return command.PrintResult(cmd, e, e.write)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.report, "report", "report.json", "report.json of a build")
	flags.Float64Var(&f.text, "text", paperText, "bytes of text of the corpus that is planned")
	flags.Float64Var(&f.pictures, "pictures", paperPictures, "bytes of pictures")
	flags.Float64Var(&f.days, "days", 1, "in which it is to be done")
	flags.IntVar(&f.cores, "cores", 64, "of one machine")
	return cmd
}

// estimate extrapolates. The text of the corpus is what comes out, so the raw text that must be read is more by the measured yield.
func (f *planFlags) estimate(r *stages.Report) (*estimate, error) {
	e := &estimate{Report: f.report, TextBytes: f.text, PictureBytes: f.pictures, Days: f.days, CoresOfMachine: f.cores}
	var out int64
	for _, s := range r.Sources {
		e.MeasuredText += s.Bytes - s.AttachedBytes
		e.MeasuredPictures += s.ImageBytes
	}
	for _, row := range r.Table1 {
		out += row.TextBytes
	}
	c := r.CoreSeconds
	if e.MeasuredText == 0 || c.Text <= 0 || out == 0 {
		return nil, fmt.Errorf("%s is of a build without text: there is nothing to extrapolate from", f.report)
	}
	e.Yield = float64(out) / float64(e.MeasuredText)
	e.RawText = f.text / e.Yield
	e.TextPerCore = float64(e.MeasuredText) / (c.Index + c.Text + c.Write)
	e.CoreHoursText = e.RawText / e.TextPerCore / 3600
	if f.pictures > 0 {
		if e.MeasuredPictures == 0 || c.Pictures <= 0 {
			return nil, fmt.Errorf("%s is of a build without pictures: give --pictures 0, or the report of a build with some", f.report)
		}
		e.PicturesPerCore = float64(e.MeasuredPictures) / c.Pictures
		e.CoreHoursPictures = f.pictures / e.PicturesPerCore / 3600
	}
	e.CoreHours = e.CoreHoursText + e.CoreHoursPictures
	e.Cores = int(math.Ceil(e.CoreHours / (24 * f.days)))
	e.Machines = (e.Cores + f.cores - 1) / f.cores
	e.ReadBytesPerSecond = (e.RawText + f.pictures) / (f.days * 86400)
	return e, nil
}

func (e *estimate) write(w io.Writer) error {
	err := command.Columns(w, [][]string{
		{"", "measured", "a core", "planned", "core-hours"},
		{"text, raw", bytesText(float64(e.MeasuredText)), bytesText(e.TextPerCore) + "/s", bytesText(e.RawText), fmt.Sprintf("%.0f", e.CoreHoursText)},
		{"pictures", bytesText(float64(e.MeasuredPictures)), bytesText(e.PicturesPerCore) + "/s", bytesText(e.PictureBytes), fmt.Sprintf("%.0f", e.CoreHoursPictures)},
		{"together", "", "", "", fmt.Sprintf("%.0f", e.CoreHours)},
	}, 1)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s of clean text at a yield of %.0f %% of the raw text.\nIn %g days: %d cores, %d machines of %d; they read %s/s together.\n",
		bytesText(e.TextBytes), 100*e.Yield, e.Days, e.Cores, e.Machines, e.CoresOfMachine, bytesText(e.ReadBytesPerSecond))
	return err
}

// bytesText writes a number of bytes with a decimal prefix.
func bytesText(n float64) string {
	for _, u := range []struct {
		from float64
		name string
	}{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= u.from {
			return fmt.Sprintf("%.1f %s", n/u.from, u.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}
