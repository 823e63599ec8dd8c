package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"m6lab/datasets"
	"m6lab/datasets/image"
)

// FolderOptions says how [Folder] splits.
type FolderOptions struct {
	Seed  uint64
	Valid float64 // share of the rows that go into valid/
	Test  float64 // and into test/
}

// FolderReport says what [Folder] made, and what it left out and why.
type FolderReport struct {
	Rows    map[string]int      `json:"rows"`    // by split
	LeftOut map[string][]string `json:"leftOut"` // reason to the names of what it holds for, each a file or file:line
}

// Folder makes a data set of a folder of one's own, with all that lies below it: pictures with captions in .txt files of the same
// stem, .jsonl files (text, image, question, answer, references; image is a path beside the file), and other .txt files, whose paragraphs
// (between empty lines) are a row each. The split follows from the seed and the content: the same picture or the same text never lies in two splits.
func Folder(source, out string, o FolderOptions) (FolderReport, error) {
	report := FolderReport{Rows: map[string]int{}, LeftOut: map[string][]string{}}
	if o.Valid < 0 || o.Test < 0 || o.Valid+o.Test >= 1 {
		return report, fmt.Errorf("valid %g and test %g: want shares that leave something to train on", o.Valid, o.Test)
	}
	c := collector{root: source, report: &report, used: map[string]bool{}, seen: map[string]bool{}}
	if err := c.walk(); err != nil {
		return report, err
	}
	if len(c.rows) == 0 {
		return report, fmt.Errorf("%s gives no row: it wants pictures with .txt captions of the same name, .jsonl or .txt files (%d things left out)", source, len(report.LeftOut))
	}
	return report, c.write(out, o)
}

// collector gathers the rows of a folder.
type collector struct {
	root   string
	report *FolderReport
	rows   []datasets.Example
	used   map[string]bool // .txt files that are captions
	seen   map[string]bool // contents
}

func (c *collector) skip(reason, name string) {
	c.report.LeftOut[reason] = append(c.report.LeftOut[reason], name)
}

var pictureEndings = []string{".png", ".jpg", ".jpeg", ".gif", ".webp"}

func (c *collector) walk() error {
	var texts, lines []string
	err := filepath.WalkDir(c.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return nil
		}
		ending := strings.ToLower(filepath.Ext(path))
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			c.skip("a symbolic link", path)
		case slices.Contains(pictureEndings, ending):
			c.picture(path)
		case ending == ".txt":
			texts = append(texts, path)
		case ending == ".jsonl":
			lines = append(lines, path)
		default:
			c.skip("neither a picture nor .txt nor .jsonl", path)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("folder of data: %w", err)
	}
	for _, path := range texts {
		if !c.used[path] {
			c.text(path)
		}
	}
	for _, path := range lines {
		c.jsonl(path)
	}
	return nil
}

// picture adds a picture with the caption of the same stem.
func (c *collector) picture(path string) {
	caption := strings.TrimSuffix(path, filepath.Ext(path)) + ".txt"
	text, err := os.ReadFile(caption)
	if errors.Is(err, fs.ErrNotExist) {
		c.skip("a picture without a .txt of its name", path)
		return
	}
	c.used[caption] = true
	if err != nil || !utf8.Valid(text) {
		c.skip("a caption that is no UTF-8 text", caption)
		return
	}
	c.add(path, datasets.Example{Text: strings.TrimSpace(string(text)), ImagePath: path})
}

// text adds the paragraphs of a text file.
func (c *collector) text(path string) {
	content, err := os.ReadFile(path)
	if err != nil || !utf8.Valid(content) {
		c.skip("a text that is no UTF-8", path)
		return
	}
	for i, paragraph := range strings.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			c.add(fmt.Sprintf("%s#%d", path, i+1), datasets.Example{Text: paragraph})
		}
	}
}

// jsonl adds the rows of a .jsonl file.
func (c *collector) jsonl(path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		c.skip("a file that cannot be read", path)
		return
	}
	for i, line := range bytes.Split(content, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		name := fmt.Sprintf("%s:%d", path, i+1)
		var row struct {
			Text, Image, Question, Answer string
			References                    []string
		}
		if !utf8.Valid(line) || json.Unmarshal(line, &row) != nil {
			c.skip("a line that is no JSON object", name)
			continue
		}
		ex := datasets.Example{Text: row.Text, Question: row.Question, Answer: row.Answer, References: row.References}
		if row.Image != "" {
			if !filepath.IsLocal(row.Image) {
				c.skip("a picture outside the folder", name)
				continue
			}
			ex.ImagePath = filepath.Join(filepath.Dir(path), row.Image)
		}
		c.add(name, ex)
	}
}

// add takes a row if it can be used.
func (c *collector) add(name string, ex datasets.Example) {
	if ex.Text == "" && ex.Question == "" {
		c.skip("no text", name)
		return
	}
	if ex.ImagePath != "" {
		data, err := os.ReadFile(ex.ImagePath)
		if err == nil {
			_, err = image.Decode(data, image.Limits{})
		}
		if err != nil {
			c.skip("a picture that cannot be decoded", fmt.Sprintf("%s (%v)", name, err))
			return
		}
		ex.Image, ex.ImagePath = data, filepath.Base(ex.ImagePath)
	}
	content := fmt.Sprintf("%x\x00%s\x00%s\x00%s", contentHash(string(ex.Image), 0), ex.Text, ex.Question, ex.Answer)
	if c.seen[content] {
		c.skip("a duplicate", name)
		return
	}
	c.seen[content] = true
	relative, err := filepath.Rel(c.root, name)
	if err != nil {
		relative = name
	}
	ex.ID, ex.Source = filepath.ToSlash(relative), filepath.Base(filepath.Clean(c.root))
	c.rows = append(c.rows, ex)
}

func contentHash(s string, seed uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\x00%s", seed, s)
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	return x ^ x>>33
}

// groups numbers the rows so that those which share a picture or a text have the same number.
func (c *collector) groups() []int {
	first, parent := map[string]int{}, make([]int, len(c.rows))
	var find func(i int) int
	find = func(i int) int {
		if parent[i] != i {
			parent[i] = find(parent[i])
		}
		return parent[i]
	}
	for i, ex := range c.rows {
		parent[i] = i
		for _, key := range []string{"i" + string(ex.Image), "t" + ex.Text} {
			if len(key) == 1 {
				continue
			}
			if j, ok := first[key]; ok {
				parent[find(i)] = find(j)
			} else {
				first[key] = i
			}
		}
	}
	for i := range parent {
		parent[i] = find(i)
	}
	return parent
}

// write makes the data set, whole or not at all.
func (c *collector) write(out string, o FolderOptions) error {
	groups := c.groups()
	splitOf := func(i int) string {
		at := float64(contentHash(c.rows[groups[i]].ID, o.Seed)>>11) / (1 << 53)
		switch {
		case at < o.Test:
			return "test"
		case at < o.Test+o.Valid:
			return "valid"
		}
		return "train"
	}
	return Whole(out, func(dir string) error {
		for _, split := range []string{"train", "valid", "test"} {
			w, err := Create(dir, split, WriterOptions{})
			if err != nil {
				return err
			}
			for i, ex := range c.rows {
				if splitOf(i) != split {
					continue
				}
				if err := w.Write(ex); err != nil {
					return errors.Join(err, w.Discard())
				}
				c.report.Rows[split]++
			}
			if err := w.Close(); err != nil {
				return err
			}
		}
		return nil
	})
}
