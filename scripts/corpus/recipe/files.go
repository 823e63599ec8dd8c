package recipe

import (
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/zeebo/xxh3"

	"m6lab/datasets/source"
)

// File is a file that the recipe names, with the hash of its content.
type File struct {
	Key  string `json:"key"`  // of the recipe
	Path string `json:"path"` // as the recipe has it
	Hash string `json:"hash"` // 128 bits, of the content; of a folder over names and content
}

// Files hashes the files that rules which are on name, in the order of their keys. One that is missing is an error that names its key.
func (r Recipe) Files() ([]File, error) {
	var files []File
	add := func(on bool, key, path string) {
		if on && path != "" {
			files = append(files, File{Key: key, Path: path})
		}
	}
	for i, list := range r.Text.Words.Lists {
		add(r.Text.Words.On, fmt.Sprintf("text.words.lists[%d].file", i), list.File)
	}
	add(r.Text.Perplexity.On, "text.perplexity.model", r.Text.Perplexity.Model)
	add(r.Text.Perplexity.On, "text.perplexity.held_out", r.Text.Perplexity.HeldOut)
	add(r.Picture.Text.On, "picture.text.model.path", r.Picture.Text.Model.Path)
	add(r.Picture.Quality.On, "picture.quality.model.path", r.Picture.Quality.Model.Path)
	for i, m := range r.Picture.Illegal.Models {
		add(r.Picture.Illegal.On, fmt.Sprintf("picture.illegal.models[%d].path", i), m.Path)
	}
	for i, set := range r.Decontaminate.Sets {
		if spec, err := source.ParseSpec(set); err == nil {
			set = spec.Address
		}
		add(r.Decontaminate.On, fmt.Sprintf("decontaminate.sets[%d]", i), set)
	}
	slices.SortFunc(files, func(a, b File) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	for i := range files {
		sum, err := hashPath(files[i].Path)
		if err != nil {
			return nil, fmt.Errorf("recipe: %s: %w", files[i].Key, err)
		}
		files[i].Hash = sum
	}
	return files, nil
}

// hashPath hashes the content of a file, or names and content of all files of a folder.
func hashPath(path string) (string, error) {
	h := xxh3.New()
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		relative, err := filepath.Rel(path, name)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(h, "%q\n", relative)
		_, err = io.Copy(h, f)
		return err
	})
	if err != nil {
		return "", err
	}
	sum := h.Sum128().Bytes()
	return hex.EncodeToString(sum[:]), nil
}
