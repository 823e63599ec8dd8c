package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
)

// example returns the i-th of a family of examples in which every field is absent somewhere.
func example(i int) datasets.Example {
	ex := datasets.Example{ID: fmt.Sprintf("例/%d", i), Source: []string{"poems", "scenes", "web"}[i%3], Text: strings.Repeat("红绿蓝", i%7)}
	if i%2 == 0 {
		ex.Image = fmt.Appendf(nil, "\x89PNG picture %d %s", i, strings.Repeat("x", i%113))
	}
	if i%4 == 0 {
		ex.ImagePath = fmt.Sprintf("图/%d.png", i)
	}
	for j := range i % 5 {
		ex.References = append(ex.References, fmt.Sprintf("说法%d.%d", i, j))
	}
	if i%3 == 0 || ex.Text == "" {
		ex.Question = fmt.Sprintf("第%d个是什么？", i)
	}
	if i%6 == 0 {
		ex.Answer = fmt.Sprintf("答案%d", i)
	}
	if i%11 == 0 {
		ex.Meta = fmt.Sprintf(`{"n": %d}`, i)
	}
	return ex
}

// write makes a split with the examples numbered from first to before end.
func write(t testing.TB, dir, split string, first, end int, o WriterOptions) {
	t.Helper()
	w, err := Create(dir, split, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := first; i < end; i++ {
		if err := w.Write(example(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// small is a layout with many shards, row groups and pages.
var small = WriterOptions{RowsPerShard: 307, RowGroup: 53, PageBytes: 211}

func TestRoundTrip(t *testing.T) {
	layouts := map[string]WriterOptions{"one page": {}, "many shards, groups and pages": small, "shards by bytes": {BytesPerShard: 9973}}
	for name, o := range layouts {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			const n = 1009
			write(t, dir, "train", 0, n, o)
			s, err := Open(dir, "train")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := s.Len(); got != n {
				t.Fatalf("Len() = %d, want %d", got, n)
			}
			for _, i := range rand.Perm(n) {
				got, err := s.Read(i)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(example(i), got); diff != "" {
					t.Fatalf("row %d (-want +got):\n%s", i, diff)
				}
			}
			if got := s.Notes(); len(got) != 0 {
				t.Errorf("Notes() = %q, want none", got)
			}
		})
	}
}

func TestIndex(t *testing.T) {
	dir := t.TempDir()
	const n = 101
	write(t, dir, "train", 0, n, small)
	s, err := Open(dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, got := range s.Index() {
		ex := example(i)
		want := Entry{
			Source: ex.Source, Text: len([]rune(ex.Text)), HasText: ex.Text != "", HasImage: ex.Image != nil,
			HasQA: ex.Question != "" && ex.Answer != "", HasRefs: len(ex.References) > 0,
		}
		if got != want {
			t.Errorf("entry %d = %+v, want %+v", i, got, want)
		}
		if s.Source(i) != ex.Source {
			t.Errorf("Source(%d) = %q, want %q", i, s.Source(i), ex.Source)
		}
	}
	if diff := cmp.Diff([]string{"poems", "scenes", "web"}, s.Sources()); diff != "" {
		t.Errorf("Sources() (-want +got):\n%s", diff)
	}
}

// TestScannedIndex compares the index in the footer with the one made from the columns.
func TestScannedIndex(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train", 0, 307, small)
	sh, err := openShard(filepath.Join(dir, "train", shardName(0)))
	if err != nil {
		t.Fatal(err)
	}
	defer sh.close()
	want, _, err := sh.light("name")
	if err != nil {
		t.Fatal(err)
	}
	sh.file.Metadata().CreatedBy = "another program"
	got, notes, err := sh.light("name")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(index{}, entry{})); diff != "" {
		t.Errorf("scanned index (-footer +scan):\n%s", diff)
	}
	if len(notes) != 0 {
		t.Errorf("notes = %q, want none", notes)
	}
}

func TestBoundedCacheAndShelf(t *testing.T) {
	dir := t.TempDir()
	const n = maxOpen + 31
	write(t, dir, "train", 0, n, WriterOptions{RowsPerShard: 1})
	s, err := OpenCached(dir, "train", 3000)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			for _, i := range rand.Perm(n) {
				got, err := s.Read(i)
				if err != nil {
					t.Error(err)
					return
				}
				if !cmp.Equal(example(i), got) {
					t.Errorf("row %d differs under concurrent reading", i)
				}
			}
		})
	}
	wg.Wait()
	if s.cache.size > 3000 || s.cache.size != sumSizes(&s.cache) {
		t.Errorf("cache holds %d bytes (%d by its pages), the limit is 3000", s.cache.size, sumSizes(&s.cache))
	}
	if got := s.shelf.recent.Len(); got > maxOpen {
		t.Errorf("%d shards are open, want at most %d", got, maxOpen)
	}
}

func sumSizes(c *pageCache) int {
	n := 0
	for _, e := range c.pages {
		n += e.Value.(*cached).p.size
	}
	return n
}

func TestOpenErrors(t *testing.T) {
	tests := []struct {
		name, split string
		harm        func(t *testing.T, dir string)
		want        string
	}{
		{"no folder", "train", func(t *testing.T, dir string) { check(t, os.RemoveAll(dir)) }, "no data set there"},
		{"empty folder", "train", func(t *testing.T, dir string) {
			check(t, os.RemoveAll(dir))
			check(t, os.Mkdir(dir, 0o777))
		}, "holds no data set: neither manifest.json nor Parquet files"},
		{"unknown split", "dev", func(*testing.T, string) {}, `has no split "dev": it has train`},
		{"truncated shard", "train", func(t *testing.T, dir string) { check(t, os.Truncate(shardPath(dir, 1), 100)) }, "00001.parquet has 100 bytes, manifest.json says"},
		{"truncated shard without manifest", "train", func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, ManifestName)))
			check(t, os.Truncate(shardPath(dir, 1), 100))
		}, "00001.parquet: no Parquet footer at the end of the file: truncated"},
		{"missing shard", "train", func(t *testing.T, dir string) { check(t, os.Remove(shardPath(dir, 1))) }, "00001.parquet, which manifest.json names, is missing"},
		{"manifest cut", "train", func(t *testing.T, dir string) { check(t, os.Truncate(filepath.Join(dir, ManifestName), 50)) }, "is not a manifest"},
		{"manifest of another program", "train", func(t *testing.T, dir string) {
			check(t, os.WriteFile(filepath.Join(dir, ManifestName), []byte(`{"name": "app"}`), 0o666))
		}, `has format ""`},
		{"shard outside", "train", func(t *testing.T, dir string) {
			check(t, WriteManifest(dir, &Manifest{Splits: map[string]*Split{"train": {Shards: []Shard{{File: "../x.parquet"}}}}}))
		}, `names the shard "../x.parquet", which is not inside the data set`},
		{"no shards", "train", func(t *testing.T, dir string) {
			check(t, WriteManifest(dir, &Manifest{Splits: map[string]*Split{"train": {}}}))
		}, "has no rows"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			write(t, dir, "train", 0, 1000, small)
			test.harm(t, dir)
			s, err := Open(dir, test.split)
			if err == nil {
				s.Close()
				t.Fatal("opened, want an error")
			}
			wantLine(t, err, test.want)
		})
	}
}

func shardPath(dir string, i int) string { return filepath.Join(dir, "train", shardName(i)) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantLine checks that err is one line with want in it.
func wantLine(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", want)
	}
	if got := err.Error(); !strings.Contains(got, want) || strings.Contains(got, "\n") {
		t.Errorf("error = %q, want one line with %q", got, want)
	}
}

// memorySet returns a set of the one shard in data.
func memorySet(data []byte) (*Set, error) {
	sh, err := newShard(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	x, _, err := sh.light("memory")
	if err != nil {
		return nil, err
	}
	s := &Set{dir: "memory", split: "train", paths: []string{"memory"}, starts: []int{0, sh.rows()}, entries: x.entries, sources: x.sources, cache: pageCache{limit: DefaultCache}}
	s.shelf.shards = make([]*shelved, 1)
	s.shelf.offer(0, sh)
	return s, nil
}

// shardOf returns the bytes of a shard with n examples.
func shardOf(t testing.TB, n int, o WriterOptions) []byte {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "train", 0, n, o)
	data, err := os.ReadFile(shardPath(dir, 0))
	check(t, err)
	return data
}

// TestFlippedBits flips single bits: a read gives the right row or an error, never a panic or a wrong row. A third of this small file is the
// description for other programs, where a flip changes no row.
func TestFlippedBits(t *testing.T) {
	whole := shardOf(t, 23, WriterOptions{RowGroup: 11, PageBytes: 211})
	rng := rand.New(rand.NewPCG(1, 2))
	failed := 0
	const flips = 1000
	for range flips {
		harmed := bytes.Clone(whole)
		harmed[rng.IntN(len(harmed))] ^= byte(1 << rng.IntN(8))
		s, err := memorySet(harmed)
		for i := 0; err == nil && i < s.Len(); i++ {
			var got datasets.Example
			got, err = s.Read(i)
			if err == nil && !cmp.Equal(got, example(i)) {
				t.Fatalf("row %d after a flipped bit (-want +got):\n%s", i, cmp.Diff(example(i), got))
			}
		}
		if err != nil {
			failed++
		}
	}
	if failed < flips/3 {
		t.Errorf("only %d of %d flipped bits were seen", failed, flips)
	}
}

// FuzzShard reads damaged shards: rows or an error, never a panic.
func FuzzShard(f *testing.F) {
	f.Add(shardOf(f, 23, WriterOptions{RowGroup: 11, PageBytes: 211}))
	f.Add(shardOf(f, 3, WriterOptions{}))
	f.Add([]byte("PAR1PAR1"))
	files, err := filepath.Glob("testdata/python/*.parquet")
	check(f, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		check(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := memorySet(data)
		for i := 0; err == nil && i < min(s.Len(), 100); i++ {
			_, err = s.Read(i)
		}
	})
}

func TestReadOutside(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train", 0, 7, WriterOptions{})
	s, err := Open(dir, "train")
	check(t, err)
	defer s.Close()
	for _, i := range []int{-1, 7} {
		_, err := s.Read(i)
		wantLine(t, err, fmt.Sprintf("row %d of split train", i))
	}
}

// TestForeignLayouts opens folders as other programs lay them out.
func TestForeignLayouts(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]int // path to number of the shard to put there
		want  map[string]int // rows by split
	}{
		{"folders", map[string]int{"train/a.parquet": 0, "validation/b.parquet": 1}, map[string]int{"train": 307, "valid": 307, "validation": 307}},
		{"hub", map[string]int{"data/train-00000-of-00002.parquet": 0, "data/train-00001-of-00002.parquet": 1, "data/test-00000-of-00001.parquet": 2}, map[string]int{"train": 614, "test": 307}},
		{"any names", map[string]int{"x.parquet": 0, "y.parquet": 1}, map[string]int{"train": 614}},
		{"hidden files", map[string]int{"x.parquet": 0, ".y.parquet": 1, ".valid.partial/z.parquet": 1}, map[string]int{"train": 307}},
	}
	from := t.TempDir()
	write(t, from, "train", 0, 1000, small)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, i := range test.files {
				data, err := os.ReadFile(shardPath(from, i))
				check(t, err)
				check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
				check(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
			}
			for split, want := range test.want {
				s, err := Open(dir, split)
				check(t, err)
				if got := s.Len(); got != want {
					t.Errorf("split %s has %d rows, want %d", split, got, want)
				}
				if notes := s.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "has no manifest.json") {
					t.Errorf("notes = %q, want one about the manifest", notes)
				}
				check(t, s.Close())
			}
		})
	}
}

func TestSplits(t *testing.T) {
	dir := t.TempDir()
	for i, split := range []string{"zero", "test", "extra", "valid", "train"} {
		write(t, dir, split, 10*i, 10*i+3, WriterOptions{})
	}
	got, err := Splits(dir)
	check(t, err)
	if diff := cmp.Diff([]string{"train", "valid", "test", "extra", "zero"}, got); diff != "" {
		t.Errorf("Splits (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, ".train.partial")); !os.IsNotExist(err) {
		t.Errorf("the folder written aside is still there: %v", err)
	}
}
