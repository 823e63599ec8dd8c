// Package look shows the built-in data in a notebook: rows, pictures, poems, tokens and patches. It knows no model, so a cell that
// only looks compiles and starts in a moment.
//
// Functions draw below the cell that calls them; outside a notebook they draw nothing. What cannot be shown ends the cell with one
// sentence.
package look

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"

	"github.com/janpfeifer/gonb/gonbui"

	"m6lab/viz"
)

// Figure draws a figure of package viz below the cell.
func Figure(f viz.Figure) {
	html, err := figureHTML(f)
	if err != nil {
		Fail(err)
	}
	HTML(html)
}

func figureHTML(f viz.Figure) (string, error) {
	var b bytes.Buffer
	err := viz.Draw(&b, viz.HTML, f)
	return distinct(b.String()), err
}

// blockNames are the names that viz gives to the blocks of one drawing, counted from 1.
var blockNames = regexp.MustCompile(`\bm6-(\d{1,3})\b`)

// distinct gives the blocks of a drawing names of their own: the drawings of all cells share one page, and with it styles and selectors.
func distinct(html string) string {
	sum := sha256.Sum256([]byte(html))
	return blockNames.ReplaceAllString(html, fmt.Sprintf("m6-%x-$1", sum[:4]))
}

// HTML shows a piece of HTML below the cell.
func HTML(html string) {
	gonbui.DisplayHTML(html)
	gonbui.Sync()
}

// Place is a place below the cell whose content can be replaced while the cell runs.
type Place struct{ id string }

// NewPlace makes an empty place. Each cell needs one of its own: the notebook keeps the old ones.
func NewPlace() Place { return Place{"m6lab-" + gonbui.UniqueId()} }

// Figure draws f in place of what was there.
func (p Place) Figure(f viz.Figure) error {
	html, err := figureHTML(f)
	if err == nil && gonbui.IsNotebook {
		gonbui.UpdateHTML(p.id, html)
	}
	return err
}

// Fail ends the cell with one sentence. It is for what a reader of the notebook can mend; the notebook stops there.
func Fail(err error) {
	if gonbui.IsNotebook {
		gonbui.Sync()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
