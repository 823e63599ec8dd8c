package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Plural is a number with a noun of which there is one or more: "1 record", "2,000 records".
func Plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Grouped(n) + " " + noun
}

// Columns writes rows as columns two blanks apart: the cells of the first left columns begin below each other, those of the others end so. A Chinese character is as wide as two letters.
func Columns(w io.Writer, rows [][]string, left int) error {
	var widths []int
	for _, row := range rows {
		widths = append(widths, make([]int, max(0, len(row)-len(widths)))...)
		for i, cell := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			if i < left {
				line.WriteString(runewidth.FillRight(cell, widths[i]))
			} else {
				line.WriteString(runewidth.FillLeft(cell, widths[i]))
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
