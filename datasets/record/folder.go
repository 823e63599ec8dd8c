package record

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"m6lab/datasets"
	"m6lab/datasets/image"
)

// FolderOptions says how Folder splits and what it takes. The zero value puts all rows into train.
type FolderOptions struct {
	Seed    uint64       // of the split
	Valid   float64      // share of the rows for the split valid
	Test    float64      // share of the rows for the split test
	Source  string       // the column `source` of all rows; "" is the folder's name
	MaxText int          // bytes of one text; 0: 1 MiB
	Limits  image.Limits // of a picture
}

// FolderReport says what Folder made, and what it left out and why.
type FolderReport struct {
	Rows    map[string]int      `json:"rows"`            // by split
	LeftOut map[string][]string `json:"left_out"`        // by reason, one of the Left constants: the file or file:line, and what is wrong with it
	Notes   []string            `json:"notes,omitempty"` // about the split
}

// The reasons for which Folder leaves something out.
const (
	LeftDuplicate  = "duplicate"
	LeftEmpty      = "no text"
	LeftEncoding   = "not UTF-8"
	LeftHalf       = "a question or an answer alone"
	LeftHidden     = "hidden"
	LeftKind       = "neither a picture nor .txt nor .jsonl"
	LeftLarge      = "too large"
	LeftLine       = "unreadable JSON line"
	LeftLink       = "a link out of the folder, or to a folder"
	LeftMissing    = "no such picture"
	LeftNoCaption  = "a picture without a caption"
	LeftOutside    = "a path outside the folder"
	LeftPicture    = "undecodable picture"
	LeftUnreadable = "unreadable file"
)

const defaultMaxText = 1 << 20

// Folder makes the data set out of the user's own folder source, with all folders below it:
//
//   - a picture (.png .jpg .jpeg .gif .webp) with a .txt file of the same stem: each line that is not empty is a caption; the first is the text,
//     and where there are several, all are the references;
//   - .jsonl: one object a line, with `text` (or a list of texts, as if they were captions), `image` (a path relative to the .jsonl file), `question` and
//     `answer`, `references`. Other keys go into the column `meta`;
//   - any other .txt: each paragraph is a row where empty lines divide the file, else each line.
//
// Rows with the same text (white space aside), reference or picture go into the same split; questions without a picture count as texts. The split
// depends on the contents and the seed alone. What is left out is in the report. out must not exist, or be empty; it appears whole or not at all.
func Folder(source, out string, o FolderOptions) (FolderReport, error) {
	r := FolderReport{Rows: map[string]int{}, LeftOut: map[string][]string{}}
	if !(o.Valid >= 0 && o.Test >= 0 && o.Valid+o.Test < 1) || o.MaxText < 0 {
		return r, fmt.Errorf("valid %g and test %g: want shares of the rows that leave some for train", o.Valid, o.Test)
	}
	if err := mustBeFree(out); err != nil {
		return r, err
	}
	root, err := os.OpenRoot(source)
	if err != nil {
		return r, fmt.Errorf("opening the folder of data: %w", err)
	}
	o.MaxText = orDefault(o.MaxText, defaultMaxText)
	c := collector{root: root, source: source, o: o, report: &r, pictures: map[string]*pictureFile{}, texts: map[string]bool{}}
	if c.o.Source == "" {
		c.o.Source = sourceName(source)
	}
	err = c.collect()
	if err == nil && len(c.items) == 0 {
		err = fmt.Errorf("%s gives no rows: it wants pictures with .txt captions of the same name, .jsonl or .txt files%s", source, r.reasons())
	}
	if err == nil {
		err = c.write(out)
	}
	return r, errors.Join(err, root.Close())
}

// sourceName is the name of a folder, as a source.
func sourceName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return strings.ToValidUTF8(filepath.Base(dir), "?")
}

// Reasons returns the reasons of LeftOut, in order.
func (r FolderReport) Reasons() []string {
	reasons := make([]string, 0, len(r.LeftOut))
	for reason := range r.LeftOut {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	return reasons
}

// reasons says in brackets how much was left out, "" where nothing was.
func (r FolderReport) reasons() string {
	var parts []string
	for _, reason := range r.Reasons() {
		parts = append(parts, fmt.Sprintf("%s: %d, first %s", reason, len(r.LeftOut[reason]), r.LeftOut[reason][0]))
	}
	if parts == nil {
		return ""
	}
	return " (left out: " + strings.Join(parts, "; ") + ")"
}

// leftOut is why something is not in the data set.
type leftOut struct {
	reason, detail string
}

// leave notes that name is left out.
func (c *collector) leave(name string, why leftOut) {
	if why.detail != "" {
		name += ": " + why.detail
	}
	c.report.LeftOut[why.reason] = append(c.report.LeftOut[why.reason], name)
}

// write makes the data set of what was collected.
func (c *collector) write(out string) error {
	splits := c.divide()
	made := map[string]any{
		"folder": c.o.Source, "seed": c.o.Seed, "valid": c.o.Valid, "test": c.o.Test, "left_out": map[string]int{},
	}
	for reason, names := range c.report.LeftOut {
		made["left_out"].(map[string]int)[reason] = len(names)
	}
	return Whole(out, func(dir string) error {
		writers := map[string]*Writer{}
		for _, split := range splits {
			if writers[split] != nil {
				continue
			}
			w, err := Create(dir, split, WriterOptions{Made: made})
			if err != nil {
				return err
			}
			defer w.Discard() // does nothing after Close
			writers[split] = w
		}
		if err := c.writeRows(writers, splits); err != nil {
			return err
		}
		for _, split := range splitOrder(writers) {
			c.report.Rows[split] = writers[split].Counts().Rows
			if err := writers[split].Close(); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeRows reads every item again and writes it to its split.
func (c *collector) writeRows(writers map[string]*Writer, splits []string) error {
	in := itemReader{c: c}
	defer in.close()
	for i := range c.items {
		it := &c.items[i]
		ex, err := in.example(it)
		if err != nil {
			return fmt.Errorf("reading %s again: %w", it.name(), err)
		}
		ex.ID, ex.Source = it.name(), c.o.Source
		if err := writers[splits[i]].Write(ex); err != nil {
			return err
		}
	}
	return nil
}

// itemReader reads the contents of items, keeping the file of the last one open.
type itemReader struct {
	c    *collector
	name string
	file *os.File
}

func (r *itemReader) close() {
	if r.file != nil {
		_ = r.file.Close() // opened for reading only: nothing can be lost
		r.file = nil
	}
}

var errChanged = errors.New("it has changed meanwhile: start again")

// example returns the example of an item, or errChanged where it is not what it was at first.
func (r *itemReader) example(it *item) (datasets.Example, error) {
	if r.file == nil || r.name != it.file {
		r.close()
		f, err := r.c.root.Open(it.file)
		if err != nil {
			return datasets.Example{}, err
		}
		r.name, r.file = it.file, f
	}
	raw := make([]byte, it.size)
	if _, err := r.file.ReadAt(raw, it.offset); err != nil {
		return datasets.Example{}, errors.Join(errChanged, err)
	}
	ex, _, why := parse(it.kind, raw)
	if why != nil || contentKey(&ex) != it.content {
		return datasets.Example{}, errChanged
	}
	if it.picture == "" {
		return ex, nil
	}
	data, err := r.c.root.ReadFile(it.picture)
	if err != nil {
		return datasets.Example{}, err
	}
	if hash128(data) != r.c.pictures[it.picture].key {
		return datasets.Example{}, errChanged
	}
	ex.Image, ex.ImagePath = data, path.Clean(it.picture)
	return ex, nil
}
