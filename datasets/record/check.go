package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	stdimage "image"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"m6lab/datasets"
	_ "m6lab/datasets/image" // the formats of pictures
)

// Report is what Check found.
type Report struct {
	Dir        string            `json:"dir"`
	Splits     map[string]Counts `json:"splits"`          // of the rows that could be read
	Faults     []Fault           `json:"faults"`          // the first 1000
	FaultCount int               `json:"fault_count"`     // all of them
	Notes      []string          `json:"notes,omitempty"` // what is no fault: no manifest, missing optional columns
}

// Fault is one thing that is wrong, or the same thing in several rows of a file.
type Fault struct {
	File string `json:"file"`
	Row  int    `json:"row"`  // in the file, the first one; -1 where the file as a whole is meant
	Rows int    `json:"rows"` // how many
	What string `json:"what"`
}

// String returns the fault as one line.
func (f Fault) String() string {
	switch {
	case f.Row < 0:
		return f.File + ": " + f.What
	case f.Rows > 1:
		return fmt.Sprintf("%s: row %d and %d more: %s", f.File, f.Row, f.Rows-1, f.What)
	}
	return fmt.Sprintf("%s: row %d: %s", f.File, f.Row, f.What)
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return r.FaultCount == 0 }

// SplitNames returns the names of the splits in their usual order.
func (r Report) SplitNames() []string { return splitOrder(r.Splits) }

const maxFaults = 1000

func (r *Report) fault(f Fault) {
	r.FaultCount++
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, f)
	}
}

// Check audits the data set in dir: sizes and checksums against the manifest, every row of every shard, the headers of pictures, the index in the
// footers, counts, and that no id is there twice in any split. Faults are in the report; the error is for a dir that holds no data set at all.
// It takes about 26 bytes of memory per row.
func Check(dir string) (Report, error) {
	r := Report{Dir: dir, Splits: map[string]Counts{}, Faults: []Fault{}}
	splits, m, err := findSplits(dir)
	if err != nil {
		return r, err
	}
	a := audit{report: &r, ids: map[xxh3.Uint128]place{}}
	for _, name := range splitOrder(splits) {
		counted := a.split(name, splits[name])
		r.Splits[name] = counted.Counts
		if m != nil {
			r.compare(name, counted, m.Splits[name])
		}
	}
	if m != nil {
		r.strangers(m)
	}
	return r, nil
}

// compare adds a fault where the rows of a split are not what the manifest counts.
func (r *Report) compare(name string, got *Split, want *Split) {
	file := filepath.Join(r.Dir, ManifestName)
	if got.Counts != want.Counts {
		r.fault(Fault{file, -1, 1, fmt.Sprintf("split %s: it counts %+v, the shards hold %+v", name, want.Counts, got.Counts)})
	}
	sources := maps.Clone(want.Sources)
	maps.Copy(sources, got.Sources)
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		g, w := got.Sources[source], want.Sources[source]
		if g == nil || w == nil || *g != *w {
			r.fault(Fault{file, -1, 1, fmt.Sprintf("split %s, source %q: it counts %s, the shards hold %s", name, source, countsText(w), countsText(g))})
		}
	}
}

func countsText(c *Counts) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *c)
}

// strangers names the Parquet files of the folder that no manifest lists, and what a stopped writer left.
func (r *Report) strangers(m *Manifest) {
	listed := map[string]bool{}
	for _, split := range m.Splits {
		for _, s := range split.Shards {
			listed[filepath.Join(r.Dir, filepath.FromSlash(s.File))] = true
		}
	}
	entries, _ := os.ReadDir(r.Dir) // it was read before: what is gone meanwhile is no stranger
	dirs := []string{r.Dir}
	for _, e := range entries {
		switch {
		case strings.HasSuffix(e.Name(), partial):
			r.Notes = append(r.Notes, fmt.Sprintf("%s is being written, or was left by a stopped writer", filepath.Join(r.Dir, e.Name())))
		case e.IsDir():
			dirs = append(dirs, filepath.Join(r.Dir, e.Name()))
		}
	}
	for _, dir := range dirs {
		for _, path := range parquetFiles(dir) {
			if !listed[path] {
				r.fault(Fault{path, -1, 1, "not in " + ManifestName + ": readers pass over it"})
			}
		}
	}
}

// place is where an id was seen first.
type place struct {
	file int32 // number in audit.files
	row  int32
}

// audit goes through the shards of all splits.
type audit struct {
	report *Report
	ids    map[xxh3.Uint128]place
	files  []string
}

// split audits the shards of one split, several at a time, and returns what they hold.
func (a *audit) split(name string, files *shardFiles) *Split {
	a.report.Notes = append(a.report.Notes, files.notes...)
	audits := make([]shardAudit, len(files.paths))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range files.paths {
		g.Go(func() error {
			var want *Shard
			if files.listed != nil {
				want = &files.listed[i]
			}
			audits[i].path = path
			audits[i].run(name, want)
			return nil
		})
	}
	_ = g.Wait() // what goes wrong is in the audits
	total := &Split{Sources: map[string]*Counts{}}
	for i := range audits {
		a.shard(&audits[i])
		total.mergeSplit(&audits[i].counted)
	}
	return total
}

// shard takes over what was found in one shard.
func (a *audit) shard(s *shardAudit) {
	for _, f := range s.faults {
		a.report.fault(*f)
	}
	a.report.Notes = append(a.report.Notes, s.notes...)
	file := int32(len(a.files))
	a.files = append(a.files, s.path)
	for row, id := range s.ids {
		first, seen := a.ids[id]
		if !seen {
			a.ids[id] = place{file, int32(row)}
		} else if id != (xxh3.Uint128{}) {
			a.report.fault(Fault{s.path, row, 1, fmt.Sprintf("its id is that of row %d of %s", first.row, a.files[first.file])})
		}
	}
}

// mergeSplit adds what t counted.
func (s *Split) mergeSplit(t *Split) {
	s.Merge(t.Counts)
	for source, c := range t.Sources {
		if s.Sources[source] == nil {
			s.Sources[source] = &Counts{}
		}
		s.Sources[source].Merge(*c)
	}
}

// shardAudit is the audit of one shard.
type shardAudit struct {
	path    string
	counted Split
	ids     []xxh3.Uint128 // by row; zero where the row could not be read
	faults  []*Fault
	same    map[string]*Fault // by what is wrong
	notes   []string
}

func (a *shardAudit) fault(row int, err error) {
	what := err.Error()
	if f := a.same[what]; f != nil {
		f.Rows++
		return
	}
	f := &Fault{a.path, row, 1, what}
	if a.same == nil {
		a.same = map[string]*Fault{}
	}
	a.same[what], a.faults = f, append(a.faults, f)
}

// run audits the shard; want is its place in the manifest, nil without one.
func (a *shardAudit) run(split string, want *Shard) {
	if err := a.compareFile(want); err != nil {
		a.fault(-1, err)
		if errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	sh, err := openShard(a.path)
	if err != nil {
		a.fault(-1, err)
		return
	}
	if want != nil && sh.rows() != want.Rows {
		a.fault(-1, fmt.Errorf("it has %d rows, %s says %d", sh.rows(), ManifestName, want.Rows))
	}
	x, notes, err := sh.light(filepath.Base(filepath.Dir(a.path)))
	if err != nil {
		a.fault(-1, errors.Join(err, sh.close()))
		return
	}
	a.notes = notes
	if missing := sh.missing(); len(missing) > 0 {
		a.notes = append(a.notes, fmt.Sprintf("%s lacks the columns %s", a.path, strings.Join(missing, ", ")))
	}
	s := newSet(split, sh, x)
	for i := range s.Len() {
		a.row(s, i)
	}
	if err := s.Close(); err != nil {
		a.fault(-1, err)
	}
}

// newSet returns a set of one open shard.
func newSet(split string, sh *shard, x *index) *Set {
	s := &Set{
		dir: filepath.Dir(sh.path), split: split, paths: []string{sh.path}, starts: []int{0, sh.rows()},
		entries: x.entries, sources: x.sources, cache: pageCache{limit: smallCache},
	}
	s.shelf.shards = make([]*shelved, 1)
	s.shelf.offer(0, sh)
	return s
}

// smallCache is enough for rows in their order.
const smallCache = 4 << 20

// row audits one row.
func (a *shardAudit) row(s *Set, i int) {
	ex, err := s.Read(i)
	if err != nil {
		a.ids = append(a.ids, xxh3.Uint128{})
		a.fault(i, errors.Unwrap(err))
		return
	}
	a.ids = append(a.ids, xxh3.HashString128(ex.ID))
	a.counted.add(&ex)
	if err := validate(&ex); err != nil {
		a.fault(i, err)
	}
	if err := checkEntry(&ex, s.Entry(i)); err != nil {
		a.fault(i, err)
	}
	if len(ex.Image) > 0 {
		if err := checkHeader(ex.Image); err != nil {
			a.fault(i, err)
		}
	}
}

// checkEntry compares a row with the light index.
func checkEntry(ex *datasets.Example, got Entry) error {
	var x index
	if err := x.add(ex); err != nil {
		return err
	}
	one := Set{entries: x.entries, sources: x.sources}
	if want := one.Entry(0); got != want {
		return fmt.Errorf("the index in the footer says %+v, the row is %+v", got, want)
	}
	return nil
}

// checkHeader returns an error where a picture has no header of a known format.
func checkHeader(picture []byte) error {
	c, _, err := stdimage.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return fmt.Errorf("the picture has no readable header: %w", err)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return fmt.Errorf("the picture has %d x %d pixels", c.Width, c.Height)
	}
	return nil
}

// compareFile compares the file with the manifest, nil without one.
func (a *shardAudit) compareFile(want *Shard) error {
	if want == nil {
		return nil
	}
	f, err := os.Open(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("it is missing, %s names it: %w", ManifestName, os.ErrNotExist)
	}
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	if n != want.Bytes {
		return fmt.Errorf("it has %d bytes, %s says %d: truncated or replaced", n, ManifestName, want.Bytes)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.SHA256 {
		return fmt.Errorf("its SHA-256 is %.12s..., %s says %.12s...: its content has changed", got, ManifestName, want.SHA256)
	}
	return nil
}
