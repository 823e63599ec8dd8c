package main

import (
	"fmt"
	"io"

	"m6lab/scripts/corpus/stages"
)

func writePage(w io.Writer, r *stages.Report) error {
	_, err := fmt.Fprintln(w, r.Key)
	return err
}
