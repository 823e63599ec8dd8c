package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"m6lab/datasets"
	"m6lab/datasets/runes"
)

// ManifestName is the file in a data set's folder that says what the folder holds.
const ManifestName = "manifest.json"

// manifestFormat is the name and version of the layout that this package writes.
const manifestFormat = "m6lab/records/1"

// Manifest is the content of DIR/manifest.json. It holds no times, so that the same rows give the same file.
type Manifest struct {
	Format string            `json:"format"`         // "m6lab/records/1"
	Splits map[string]*Split `json:"splits"`         // train, valid, test
	Made   map[string]any    `json:"made,omitempty"` // how the data set was made: the maps of all its writers
}

// Split is the part of a manifest about one split.
type Split struct {
	Counts
	Sources map[string]*Counts `json:"sources"`
	Shards  []Shard            `json:"shards"`
}

// Shard is one Parquet file of a split.
type Shard struct {
	File   string `json:"file"`   // path relative to the data set's folder, with slashes
	Rows   int    `json:"rows"`   // at least 1
	Bytes  int64  `json:"bytes"`  // size of the file
	SHA256 string `json:"sha256"` // of the whole file, hexadecimal
}

// Counts says how much some rows hold.
type Counts struct {
	Rows         int   `json:"rows"`
	Characters   int64 `json:"characters"`    // code points of `text`
	Texts        int   `json:"texts"`         // rows whose text is not empty
	Pictures     int   `json:"pictures"`      // rows with a picture
	PictureBytes int64 `json:"picture_bytes"` // encoded
	Questions    int   `json:"questions"`     // rows with a question
	References   int   `json:"references"`    // strings in all lists of references
}

// Add counts one example.
func (c *Counts) Add(ex *datasets.Example) {
	c.Rows++
	c.Characters += int64(runes.Count(ex.Text))
	if ex.Text != "" {
		c.Texts++
	}
	if len(ex.Image) > 0 {
		c.Pictures++
		c.PictureBytes += int64(len(ex.Image))
	}
	if ex.Question != "" {
		c.Questions++
	}
	c.References += len(ex.References)
}

// Merge adds what d counted.
func (c *Counts) Merge(d Counts) {
	c.Rows += d.Rows
	c.Characters += d.Characters
	c.Texts += d.Texts
	c.Pictures += d.Pictures
	c.PictureBytes += d.PictureBytes
	c.Questions += d.Questions
	c.References += d.References
}

// add counts one example under its source as well.
func (s *Split) add(ex *datasets.Example) {
	var one Counts
	one.Add(ex)
	s.Counts.Merge(one)
	if s.Sources == nil {
		s.Sources = map[string]*Counts{}
	}
	if s.Sources[ex.Source] == nil {
		s.Sources[ex.Source] = &Counts{}
	}
	s.Sources[ex.Source].Merge(one)
}

// ReadManifest reads DIR/manifest.json. The error wraps fs.ErrNotExist where there is none.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%s is not a manifest: %w; make the data set again", path, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("%s has format %q, this program reads %q: make the data set again", path, m.Format, manifestFormat)
	}
	for name, split := range m.Splits {
		if split == nil {
			return nil, fmt.Errorf("%s: split %q is null; make the data set again", path, name)
		}
	}
	return m, nil
}

// WriteManifest replaces DIR/manifest.json in one step: readers see the old file or the new one.
func WriteManifest(dir string, m *Manifest) error {
	m.Format = manifestFormat
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest of %s: %w", dir, err)
	}
	return writeFile(filepath.Join(dir, ManifestName), append(data, '\n'))
}

// addSplit puts a finished split into the manifest of dir. The folder is locked meanwhile, since other splits may be finished by other processes.
func addSplit(dir, name string, split *Split, made map[string]any) error {
	unlock, err := lock(dir, true)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		m, err = &Manifest{}, nil
	}
	if err != nil {
		return err
	}
	if m.Splits == nil {
		m.Splits = map[string]*Split{}
	}
	m.Splits[name] = split
	if m.Made == nil && len(made) > 0 {
		m.Made = map[string]any{}
	}
	maps.Copy(m.Made, made)
	return WriteManifest(dir, m)
}
