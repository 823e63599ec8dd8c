package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"m6lab/datasets"
	"m6lab/datasets/runes"
)

// The columns of a shard, as indices into the tables below.
const (
	colID = iota
	colSource
	colText
	colBytes
	colPath
	colReferences
	colQuestion
	colAnswer
	colMeta
	numColumns
)

// columnNames are the columns as messages name them.
var columnNames = [numColumns]string{"id", "source", "text", "image.bytes", "image.path", "references", "question", "answer", "meta"}

// requiredColumns are those without which a shard is not a data set of examples.
var requiredColumns = []int{colID, colText}

// features is the value of the key "huggingface": with it Python's `datasets` shows the column `image` as pictures. The list of one feature
// is the notation of a list that old and new versions of `datasets` share.
const features = `{"info": {"features": {` +
	`"id": {"dtype": "string", "_type": "Value"}, ` +
	`"source": {"dtype": "string", "_type": "Value"}, ` +
	`"text": {"dtype": "string", "_type": "Value"}, ` +
	`"image": {"_type": "Image"}, ` +
	`"references": [{"dtype": "string", "_type": "Value"}], ` +
	`"question": {"dtype": "string", "_type": "Value"}, ` +
	`"answer": {"dtype": "string", "_type": "Value"}, ` +
	`"meta": {"dtype": "string", "_type": "Value"}}}}`

// picture is the column `image`.
type picture struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

// row is one row of a shard; its fields are the columns in their order. Every column may be null, as in files that pyarrow writes.
type row struct {
	ID         *string  `parquet:"id,optional"`
	Source     *string  `parquet:"source,optional,dict"`
	Text       *string  `parquet:"text,optional"`
	Image      *picture `parquet:"image,optional"`
	References []string `parquet:"references,list" parquet-element:",optional"`
	Question   *string  `parquet:"question,optional"`
	Answer     *string  `parquet:"answer,optional"`
	Meta       *string  `parquet:"meta,optional"`
}

// noMeta is the column `meta` of an example without any.
const noMeta = "{}"

// newRow lays ex out as a row that shares its memory.
func newRow(ex *datasets.Example) row {
	r := row{ID: &ex.ID, Source: &ex.Source, Text: &ex.Text, References: ex.References, Question: orNull(&ex.Question), Answer: orNull(&ex.Answer), Meta: orNull(&ex.Meta)}
	if len(ex.Image) > 0 {
		r.Image = &picture{Bytes: ex.Image, Path: ex.ImagePath}
	}
	if r.Meta == nil {
		empty := noMeta
		r.Meta = &empty
	}
	return r
}

// orNull returns s, or nil where *s is empty.
func orNull(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}

// validate returns what makes ex unfit to be a row: the field and the mend.
func validate(ex *datasets.Example) error {
	if ex.ID == "" {
		return errors.New("the id is empty: give every example an id that is unique in the data set")
	}
	if err := validateText(ex); err != nil {
		return err
	}
	if ex.Text == "" && len(ex.Image) == 0 && ex.Question == "" && ex.Answer == "" {
		return errors.New("neither text, picture, question nor answer: leave the example out")
	}
	if len(ex.Image) == 0 && ex.ImagePath != "" {
		return fmt.Errorf("image path %q without a picture: give the picture's bytes or no path", ex.ImagePath)
	}
	if ex.Meta != "" && !isObject([]byte(ex.Meta)) {
		return fmt.Errorf("meta %.60q is not a JSON object", ex.Meta)
	}
	return nil
}

// validateText returns an error that names the first field that is not UTF-8.
func validateText(ex *datasets.Example) error {
	fields := [...]struct{ name, value string }{
		{"id", ex.ID}, {"source", ex.Source}, {"text", ex.Text}, {"image path", ex.ImagePath},
		{"question", ex.Question}, {"answer", ex.Answer}, {"meta", ex.Meta},
	}
	for _, f := range fields {
		if !runes.Valid(f.value) {
			return fmt.Errorf("field %s is not valid UTF-8 at byte %d: convert it first", f.name, invalidAt(f.value))
		}
	}
	for i, s := range ex.References {
		if !runes.Valid(s) {
			return fmt.Errorf("field references, number %d, is not valid UTF-8 at byte %d: convert it first", i, invalidAt(s))
		}
	}
	return nil
}

// invalidAt returns the offset of the first byte of s that is not UTF-8, or -1.
func invalidAt(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// isObject reports whether data is one JSON object.
func isObject(data []byte) bool {
	return json.Valid(data) && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte{'{'})
}

// payload returns the bytes of ex's own content, the measure of shard sizes.
func payload(ex *datasets.Example) int {
	n := len(ex.ID) + len(ex.Source) + len(ex.Text) + len(ex.Image) + len(ex.ImagePath) + len(ex.Question) + len(ex.Answer) + len(ex.Meta)
	for _, s := range ex.References {
		n += len(s)
	}
	return n
}
