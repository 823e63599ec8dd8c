package record

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// Statistics says how much a data set holds.
type Statistics struct {
	Dir    string                `json:"dir"`
	Total  Stat                  `json:"total"`
	Splits map[string]SplitStats `json:"splits"`
	Notes  []string              `json:"notes,omitempty"` // what the shards lack or have in another form
}

// SplitStats says how much a split holds.
type SplitStats struct {
	Stat
	Sources map[string]Stat `json:"sources"`
}

// Stat says how much some rows hold.
type Stat struct {
	Counts
	Bytes            int64   `json:"bytes,omitempty"`    // of the files; not known for one source
	MeanCharacters   float64 `json:"mean_characters"`    // of the rows with a text
	MeanPictureBytes float64 `json:"mean_picture_bytes"` // of the rows with a picture
}

// newStat adds the means to counts.
func newStat(c Counts, bytes int64) Stat {
	s := Stat{Counts: c, Bytes: bytes}
	if c.Texts > 0 {
		s.MeanCharacters = float64(c.Characters) / float64(c.Texts)
	}
	if c.Pictures > 0 {
		s.MeanPictureBytes = float64(c.PictureBytes) / float64(c.Pictures)
	}
	return s
}

// Stats counts the data set in dir, by split and source: from its manifest where it has one, else by reading every row.
func Stats(dir string) (Statistics, error) {
	st := Statistics{Dir: dir, Splits: map[string]SplitStats{}}
	splits, m, err := findSplits(dir)
	if err != nil {
		return st, err
	}
	var total Counts
	var bytes int64
	for _, name := range splitOrder(splits) {
		counted, size, err := st.count(dir, name, splits[name], m)
		if err != nil {
			return st, err
		}
		split := SplitStats{Stat: newStat(counted.Counts, size), Sources: map[string]Stat{}}
		for source, c := range counted.Sources {
			split.Sources[source] = newStat(*c, 0)
		}
		st.Splits[name] = split
		total.Merge(counted.Counts)
		bytes += size
	}
	st.Total = newStat(total, bytes)
	return st, nil
}

// count returns what a split holds and the size of its files.
func (st *Statistics) count(dir, name string, files *shardFiles, m *Manifest) (*Split, int64, error) {
	if m == nil {
		counted, size, notes, err := countSplit(dir, name)
		st.Notes = append(st.Notes, notes...)
		return counted, size, err
	}
	st.Notes = append(st.Notes, files.notes...)
	var size int64
	for i, s := range files.listed {
		if err := compareSize(files.paths[i], s); err != nil {
			return nil, 0, err
		}
		size += s.Bytes
	}
	return m.Splits[name], size, nil
}

// SplitNames returns the names of the splits in their usual order.
func (st Statistics) SplitNames() []string { return splitOrder(st.Splits) }

// SourceNames returns the names of the sources, in order.
func (s SplitStats) SourceNames() []string { return slices.Sorted(maps.Keys(s.Sources)) }

// countSplit reads all rows of a split.
func countSplit(dir, split string) (*Split, int64, []string, error) {
	s, err := OpenCached(dir, split, smallCache)
	if err != nil {
		return nil, 0, nil, err
	}
	counted := &Split{}
	for i := range s.Len() {
		ex, err := s.Read(i)
		if err != nil {
			return nil, 0, nil, errors.Join(fmt.Errorf("counting: %w", err), s.Close())
		}
		counted.add(&ex)
	}
	var bytes int64
	for _, path := range s.paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, 0, nil, errors.Join(fmt.Errorf("counting: %w", err), s.Close())
		}
		bytes += info.Size()
	}
	return counted, bytes, s.Notes(), s.Close()
}
