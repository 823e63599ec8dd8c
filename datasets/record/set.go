package record

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"m6lab/datasets"
)

// DefaultCache is how many bytes of decoded pages a Set keeps, unless told otherwise.
const DefaultCache = 128 << 20

// Set is one split of a data set, open for reading. Its methods are safe for concurrent use.
//
// In memory it has 8 bytes per row and a bounded number of decoded pages; everything else stays in the files.
type Set struct {
	dir, split string
	paths      []string
	starts     []int // first row of each shard, and the number of rows
	entries    []entry
	sources    []string
	notes      []string
	cache      pageCache
	shelf      shelf
}

// Open opens a split (train, valid, test) of the data set in dir. A folder of Parquet files without manifest.json, made by others, is taken
// too, and Notes says so. A split without rows, a shard that is missing, truncated or lacks a required column is an error.
func Open(dir, split string) (*Set, error) { return OpenCached(dir, split, DefaultCache) }

// OpenCached is Open with another bound, in bytes, for the decoded pages that are kept.
func OpenCached(dir, split string, cache int) (*Set, error) {
	files, err := findSplit(dir, split)
	if err != nil {
		return nil, err
	}
	s := &Set{dir: dir, split: split, paths: files.paths, notes: files.notes, cache: pageCache{limit: cache}}
	s.shelf.shards = make([]*shelved, len(s.paths))
	if err := s.load(files); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.Len() == 0 {
		return nil, errors.Join(fmt.Errorf("split %s of %s has no rows", split, dir), s.Close())
	}
	return s, nil
}

// load opens all shards, several at a time, and joins their indices.
func (s *Set) load(files *shardFiles) error {
	indices := make([]*index, len(s.paths))
	notes := make([][]string, len(s.paths))
	missing := make([]string, len(s.paths))
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range s.paths {
		g.Go(func() (err error) {
			indices[i], notes[i], missing[i], err = s.loadShard(i, files)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("opening split %s of %s: %w", s.split, s.dir, err)
	}
	s.starts = append(s.starts, 0)
	var joined index
	for i, x := range indices {
		if err := joined.join(x); err != nil {
			return fmt.Errorf("opening split %s of %s: %w", s.split, s.dir, err)
		}
		s.starts = append(s.starts, len(joined.entries))
		s.notes = append(s.notes, notes[i]...)
	}
	s.entries, s.sources = joined.entries, joined.sources
	s.noteMissing(missing)
	return nil
}

// noteMissing says which optional columns the shards lack, once for all shards that lack the same.
func (s *Set) noteMissing(missing []string) {
	shards := map[string][]string{}
	for i, columns := range missing {
		if columns != "" {
			shards[columns] = append(shards[columns], s.paths[i])
		}
	}
	for _, columns := range slices.Sorted(maps.Keys(shards)) {
		s.notes = append(s.notes, fmt.Sprintf("%d of %d shards lack the columns %s (the first is %s)", len(shards[columns]), len(missing), columns, shards[columns][0]))
	}
}

// loadShard opens the i-th shard, compares it with the manifest and returns its index.
func (s *Set) loadShard(i int, files *shardFiles) (x *index, notes []string, missing string, err error) {
	if files.listed != nil {
		if err := compareSize(s.paths[i], files.listed[i]); err != nil {
			return nil, nil, "", err
		}
	}
	sh, err := openShard(s.paths[i])
	if err != nil {
		return nil, nil, "", fmt.Errorf("%s: %w", s.paths[i], err)
	}
	defer func() {
		if err != nil || !s.shelf.offer(i, sh) {
			err = errors.Join(err, sh.close())
		}
	}()
	if files.listed != nil && files.listed[i].Rows != sh.rows() {
		return nil, nil, "", fmt.Errorf("%s has %d rows, the manifest says %d: make the data set again", s.paths[i], sh.rows(), files.listed[i].Rows)
	}
	x, notes, err = sh.light(filepath.Base(s.dir))
	if err != nil {
		return nil, nil, "", fmt.Errorf("%s: %w", s.paths[i], err)
	}
	return x, notes, strings.Join(sh.missing(), ", "), nil
}

// compareSize returns an error where a shard is not of the size that the manifest says.
func compareSize(path string, want Shard) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the shard %s, which %s names, is missing: copy it again or make the data set again", path, ManifestName)
	}
	if err != nil {
		return fmt.Errorf("looking at a shard: %w", err)
	}
	if info.Size() != want.Bytes {
		return fmt.Errorf("%s has %d bytes, %s says %d: truncated or replaced, copy it again", path, info.Size(), ManifestName, want.Bytes)
	}
	return nil
}

// join appends the entries of y, whose sources get the numbers that they have in x.
func (x *index) join(y *index) error {
	numbers := make([]uint32, len(y.sources))
	for i, name := range y.sources {
		n, err := x.sourceNumber(name)
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	for _, e := range y.entries {
		e.what = e.what&(1<<sourceShift-1) | numbers[e.source()]<<sourceShift
		x.entries = append(x.entries, e)
	}
	return nil
}

// Len returns the number of rows.
func (s *Set) Len() int { return len(s.entries) }

// Dir returns the folder of the data set.
func (s *Set) Dir() string { return s.dir }

// Split returns the name of the split.
func (s *Set) Split() string { return s.split }

// Notes says, one sentence each, what the set lacks or has in another form: no manifest, columns that are missing, pictures without bytes.
func (s *Set) Notes() []string { return slices.Clone(s.notes) }

// Sources returns the names of all sources, in the order of their first rows.
func (s *Set) Sources() []string { return slices.Clone(s.sources) }

// Source returns the name of row i's source, for i in [0, Len()).
func (s *Set) Source(i int) string { return s.sources[s.entries[i].source()] }

// Entry returns what is known of row i, for i in [0, Len()), without reading it.
func (s *Set) Entry(i int) Entry {
	e := s.entries[i]
	return Entry{
		Source: s.sources[e.source()], Text: int(e.characters), HasText: e.has(hasText), HasImage: e.has(hasImage),
		HasQA: e.has(hasQuestion) && e.has(hasAnswer), HasRefs: e.has(hasReferences),
	}
}

// Index returns the entries of all rows.
func (s *Set) Index() []Entry {
	entries := make([]Entry, s.Len())
	for i := range entries {
		entries[i] = s.Entry(i)
	}
	return entries
}

// Read returns row i. The example shares no memory with the set.
func (s *Set) Read(i int) (datasets.Example, error) {
	if i < 0 || i >= s.Len() {
		return datasets.Example{}, fmt.Errorf("row %d of split %s of %s: it has the rows 0 to %d", i, s.split, s.dir, s.Len()-1)
	}
	n := sort.SearchInts(s.starts, i+1) - 1
	sh, release, err := s.shelf.take(n, s.open)
	if err != nil {
		return datasets.Example{}, fmt.Errorf("row %d of split %s: %w", i, s.split, err)
	}
	defer release()
	r := reader{s: s, sh: sh, number: n, e: s.entries[i]}
	r.group, r.row = sh.group(i - s.starts[n])
	ex := r.example()
	if r.err != nil {
		return datasets.Example{}, fmt.Errorf("row %d of split %s, %s: %w", i, s.split, s.paths[n], r.err)
	}
	return ex, nil
}

// open opens the i-th shard again after it was closed for want of room.
func (s *Set) open(i int) (*shard, error) {
	sh, err := openShard(s.paths[i])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.paths[i], err)
	}
	if sh.rows() != s.starts[i+1]-s.starts[i] {
		return nil, errors.Join(fmt.Errorf("%s was replaced while the set was open", s.paths[i]), sh.close())
	}
	return sh, nil
}

// Close closes the files. No other method may be called afterwards.
func (s *Set) Close() error { return s.shelf.close() }
