package record

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// splitAliases are the names that others give to splits, by the names that we give.
var splitAliases = map[string]string{"training": "train", "validation": "valid", "val": "valid", "dev": "valid", "testing": "test"}

// shardFiles are the files of one split, as they are found in a folder.
type shardFiles struct {
	paths  []string // in order
	listed []Shard  // of the manifest, in step with paths; nil without one
	notes  []string
}

// Splits returns the names of the splits of the data set in dir: train first, then valid, test and others by name.
func Splits(dir string) ([]string, error) {
	files, _, err := findSplits(dir)
	if err != nil {
		return nil, err
	}
	return splitOrder(files), nil
}

// splitOrder returns the names of splits in their usual order.
func splitOrder[T any](splits map[string]T) []string {
	rank := map[string]int{"train": -3, "valid": -2, "test": -1}
	return slices.SortedFunc(maps.Keys(splits), func(a, b string) int {
		if d := rank[a] - rank[b]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

// findSplit returns the files of one split.
func findSplit(dir, split string) (*shardFiles, error) {
	splits, _, err := findSplits(dir)
	if err != nil {
		return nil, err
	}
	files := splits[split]
	if files == nil {
		files = splits[splitAliases[split]]
	}
	if files == nil {
		return nil, fmt.Errorf("data set %s has no split %q: it has %s", dir, split, strings.Join(splitOrder(splits), ", "))
	}
	return files, nil
}

// findSplits returns the files of all splits of the data set in dir, and its manifest, nil where there is none.
func findSplits(dir string) (map[string]*shardFiles, *Manifest, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("no data set there: %w", err)
	}
	if !info.IsDir() {
		return nil, nil, fmt.Errorf("%s is a file: a data set is a folder with %s or with Parquet files", dir, ManifestName)
	}
	m, err := ReadManifest(dir)
	found := map[string]*shardFiles{}
	if errors.Is(err, fs.ErrNotExist) {
		err = unlisted(dir, found)
	} else if err == nil {
		err = listed(dir, m, found)
	}
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s holds no data set: neither %s nor Parquet files", dir, ManifestName)
	}
	return found, m, err
}

// listed fills found by the manifest.
func listed(dir string, m *Manifest, found map[string]*shardFiles) error {
	for name, split := range m.Splits {
		files := &shardFiles{listed: split.Shards}
		known := map[string]bool{}
		for _, s := range split.Shards {
			path := filepath.FromSlash(s.File)
			if !filepath.IsLocal(path) {
				return fmt.Errorf("%s names the shard %q, which is not inside the data set", filepath.Join(dir, ManifestName), s.File)
			}
			files.paths = append(files.paths, filepath.Join(dir, path))
			known[files.paths[len(files.paths)-1]] = true
		}
		for _, path := range parquetFiles(filepath.Join(dir, name)) {
			if !known[path] {
				files.notes = append(files.notes, fmt.Sprintf("%s is not in %s and is left out", path, ManifestName))
			}
		}
		found[name] = files
	}
	return nil
}

// unlisted fills found with the Parquet files of a folder that others made: one folder per split, or files whose names begin with the split's in the
// folder or in its folder `data`, or files with any names, which are `train`.
func unlisted(dir string, found map[string]*shardFiles) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking into the data set: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "data" && !strings.HasPrefix(e.Name(), ".") {
			addFiles(found, splitOf(e.Name()), parquetFiles(filepath.Join(dir, e.Name()))...)
		}
	}
	flat := append(parquetFiles(dir), parquetFiles(filepath.Join(dir, "data"))...)
	named := map[string]*shardFiles{}
	for _, path := range flat {
		if split := splitPrefix(filepath.Base(path)); split != "" {
			addFiles(named, split, path)
		}
	}
	switch {
	case len(named) > 0:
		for split, files := range named {
			addFiles(found, split, files.paths...)
		}
	case len(found) == 0:
		addFiles(found, "train", flat...)
	}
	for _, files := range found {
		files.notes = append(files.notes, fmt.Sprintf("%s has no %s: all its Parquet files are taken, and checksums cannot be compared", dir, ManifestName))
	}
	return nil
}

// addFiles appends paths to those of a split.
func addFiles(found map[string]*shardFiles, split string, paths ...string) {
	if len(paths) == 0 {
		return
	}
	if found[split] == nil {
		found[split] = &shardFiles{}
	}
	found[split].paths = append(found[split].paths, paths...)
}

// splitOf returns our name of a split.
func splitOf(name string) string {
	if ours := splitAliases[name]; ours != "" {
		return ours
	}
	return name
}

// splitPrefix returns the split that a file's name begins with, as in train-00000-of-00001.parquet, or "".
func splitPrefix(name string) string {
	word := name[:len(name)-len(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz"))]
	switch ours := splitOf(word); ours {
	case "train", "valid", "test":
		return ours
	}
	return ""
}

// parquetFiles returns the paths of the Parquet files in a folder, in order; none where there is no such folder.
func parquetFiles(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".parquet") && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}
