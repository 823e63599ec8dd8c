// Package sample is the built-in data: composed scenes, emoji, Tang poems, modern text and questions, small enough to be part of the program.
//
// It is M6-shaped, not of M6's scale and not of its domain: every kind of row that the paper's training needs is here, so that the whole way from records to a
// captioning, answering and rhyming model can be walked in minutes, but no shop pictures, no photographs and no web crawl. README.md beside this file has the
// tables, NOTICE the licences and attributions.
//
// # Sources
//
//	scenes      composed pictures and exact captions: drawings are real, the layout is synthetic
//	scenes_vqa  the same pictures with a question of the paper's four types and its answer
//	emoji       drawings of two sets with name and tags, split by name
//	poems       Tang poems of the paper's form after the paper's prompt
//	help        paragraphs of an office suite's help
//	qa          questions and answers: poets, functions, how-to, Debian
//
// Rows with a question have it and its answer in fields of their own; their text is the paper's prompt filled in, `图里有几只青蛙？回答：三只`. A captioner must
// leave them out, or it learns to ask.
//
// # Held out
//
// Train, valid and test are fixed and disjoint: in kinds and numbers that a scene shows, in unordered pairs of kinds, in names of emoji and poets, in series and
// lines of poems, in pages of the help. The tests prove it from the rows alone.
package sample

import (
	"archive/tar"
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"m6lab/datasets"
)

//go:embed data/*.tar.zst
var data embed.FS

//go:embed vocab.txt
var vocab []byte

//go:embed NOTICE
var notice []byte

// archives are the files of data; each has one licence.
var archives = []string{"scenes", "emoji", "poems", "help", "faq"}

// Sources returns the values of Example.Source that the sample has.
func Sources() []string {
	return []string{"scenes", "scenes_vqa", "emoji", "poems", "help", "qa"}
}

// Splits returns the names of the splits.
func Splits() []string { return []string{"train", "valid", "test"} }

// Vocab returns the WordPiece vocabulary of the `debug` preset, a token a line: 4,096 tokens trained on the sample's training texts, lower case.
func Vocab() []byte { return bytes.Clone(vocab) }

// Notice returns the licences and attributions of everything in the sample.
func Notice() string { return string(notice) }

// Examples returns the rows of a split (train, valid or test), source by source, always in the same order. Pictures are PNG. The first error ends the rows.
func Examples(split string) iter.Seq2[datasets.Example, error] {
	return func(yield func(datasets.Example, error) bool) {
		if !slices.Contains(Splits(), split) {
			yield(datasets.Example{}, fmt.Errorf("sample: no split %q: it has train, valid and test", split))
			return
		}
		for _, name := range archives {
			err := readArchive("data/"+name+".tar.zst", split, func(ex datasets.Example) bool { return yield(ex, nil) })
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(datasets.Example{}, fmt.Errorf("sample: archive %s: %w", name, err))
				return
			}
		}
	}
}

var errStopped = errors.New("stopped by the reader")

// stored is a row in an archive: NAME.json holds the rows that share the picture NAME.png.
type stored struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	Text       string          `json:"text"`
	References []string        `json:"references"`
	Question   string          `json:"question"`
	Answer     string          `json:"answer"`
	Meta       json.RawMessage `json:"meta"`
}

// readArchive passes the rows of one split to yield. A split's rows lie together, so nothing after them is read.
func readArchive(path, split string, yield func(datasets.Example) bool) error {
	file, err := data.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	var picture []byte
	var found bool
	var k packer
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !strings.HasPrefix(h.Name, split+"/") {
			if found {
				return nil
			}
			continue
		}
		found = true
		content := make([]byte, h.Size)
		if _, err := io.ReadFull(r, content); err != nil {
			return err
		}
		if strings.HasSuffix(h.Name, ".png") {
			if picture, err = k.repack(content); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
			continue
		}
		if err := yieldRows(content, picture, yield); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		picture = nil
	}
}

func yieldRows(content, picture []byte, yield func(datasets.Example) bool) error {
	var rows []stored
	if err := json.Unmarshal(content, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		ex := datasets.Example{ID: r.ID, Source: r.Source, Text: r.Text, Image: picture, References: r.References,
			Question: r.Question, Answer: r.Answer, Meta: string(r.Meta)}
		if picture != nil {
			ex.ImagePath = rows[0].ID + ".png"
		}
		if !yield(ex) {
			return errStopped
		}
	}
	return nil
}
