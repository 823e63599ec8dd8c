package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// crawlNotes packs the parts, each with its input's number, and returns what was packed by bucket.
func crawlNotes(t *testing.T, buckets int, specs ...string) [][][]byte {
	t.Helper()
	return crawlNotesOf(t, buckets, 0, specs...)
}

func crawlNotesOf(t *testing.T, buckets int, target int64, specs ...string) [][][]byte {
	t.Helper()
	notes := make([][][]byte, buckets)
	for input, spec := range specs {
		found := false
		for _, p := range plan(t, target, spec) {
			holds, err := HoldsArchives(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			found = found || holds
			k, err := NewCrawlKeys(Options{}, buckets, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Add(t.Context(), p, input); err != nil {
				t.Fatal(err)
			}
			for i := range notes {
				if b := k.Bucket(i); b != nil {
					notes[i] = append(notes[i], b)
					if !holds {
						t.Errorf("%+v has pictures and is said to hold no archive", p)
					}
				}
			}
			k.Reset()
			for i := range notes {
				if k.Bucket(i) != nil {
					t.Error("it holds entries after Reset")
				}
			}
		}
		if !found {
			t.Errorf("%s is said to hold no archives", spec)
		}
	}
	return notes
}

// crawlFiles joins the buckets into files, "" for empty ones.
func crawlFiles(t *testing.T, notes [][][]byte) []string {
	t.Helper()
	dir := t.TempDir()
	names := make([]string, len(notes))
	for i, packed := range notes {
		if len(packed) == 0 {
			continue
		}
		j := NewCrawlJoin(Options{})
		for _, p := range packed {
			if err := j.Add(p); err != nil {
				t.Fatal(err)
			}
		}
		var b bytes.Buffer
		if n, err := j.WriteTo(&b); err != nil || n != int64(b.Len()) {
			t.Fatal(n, b.Len(), err)
		}
		names[i] = filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(names[i], b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func openCrawl(t *testing.T, names []string) *Crawl {
	t.Helper()
	c, err := OpenCrawl(t.Context(), Options{}, names)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// lead is what a URL leads to, as expected.json has it.
func lead(t *testing.T, c Lookup, url string) string {
	t.Helper()
	data, ok, err := c.Get(url)
	switch {
	case errors.Is(err, ErrRevisit) && !ok:
		return "revisit"
	case err != nil:
		return err.Error()
	case !ok:
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// TestCrawl: pages, pictures and revisits in three files, as warcio wrote them, by any number of buckets, in any order, cut or not.
func TestCrawl(t *testing.T) {
	var want map[string]string
	data, err := os.ReadFile("testdata/crawl/expected.json")
	if err == nil {
		err = json.Unmarshal(data, &want)
	}
	if err != nil || len(want) < 15 {
		t.Fatal(err)
	}
	const folder = "testdata/crawl"
	for name, specs := range map[string][]string{"folder": {folder}, "pattern": {folder + "/*.warc*"}, "warc": {"warc:" + folder + "/*.warc*"},
		"files": {folder + "/a-pages.warc.gz", folder + "/b-pictures.warc", folder + "/c-later.warc.gz"}} {
		for _, buckets := range []int{1, 4, 64} {
			for _, target := range []int64{0, 500} {
				notes := crawlNotesOf(t, buckets, target, specs...)
				for _, packed := range notes {
					slices.Reverse(packed) // no order counts
				}
				c := openCrawl(t, crawlFiles(t, notes))
				var g sync.WaitGroup
				for url, sum := range want {
					g.Go(func() {
						if got := lead(t, c, url); got != sum {
							t.Errorf("%s, %d buckets, parts of %d: %s leads to %q, want %q", name, buckets, target, url, got, sum)
						}
					})
				}
				g.Wait()
			}
		}
	}
}

// TestCrawlOrder: of several captures that of the first input counts, then of the first file.
func TestCrawlOrder(t *testing.T) {
	const dir, url = "testdata/crawl/", "http://www.example.cn/two.png"
	both := openCrawl(t, crawlFiles(t, crawlNotes(t, 4, dir+"b-pictures.warc", dir+"c-later.warc.gz")))
	later := openCrawl(t, crawlFiles(t, crawlNotes(t, 4, dir+"c-later.warc.gz")))
	turned := openCrawl(t, crawlFiles(t, crawlNotes(t, 4, dir+"c-later.warc.gz", dir+"b-pictures.warc")))
	a, b, c := lead(t, both, url), lead(t, later, url), lead(t, turned, url)
	if len(a) != 64 || len(b) != 64 || a == b || c != b {
		t.Errorf("%s, %s alone, %s turned round", a, b, c)
	}
	// without the file that has it, a revisit is named as such
	if got := lead(t, openCrawl(t, crawlFiles(t, crawlNotes(t, 2, dir+"a-pages.warc.gz"))), "http://www.example.cn/digest.png"); got != "revisit" {
		t.Errorf("a revisit without its picture: %q", got)
	}
	// cut or not, the files of the index are the same
	var files [2]string
	for i, target := range []int64{0, 400} {
		data, err := os.ReadFile(crawlFiles(t, crawlNotesOf(t, 1, target, dir+"*.warc*"))[0])
		if err != nil {
			t.Fatal(err)
		}
		files[i] = string(data)
	}
	if files[0] != files[1] {
		t.Error("the index depends on how the files are cut")
	}
}

// TestCrawlDamage: an index that is cut off or changed is an error or finds nothing, and never more.
func TestCrawlDamage(t *testing.T) {
	notes := crawlNotes(t, 1, "testdata/crawl")
	file := crawlFiles(t, notes)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for n := range whole {
		if err := os.WriteFile(file, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCrawl(t.Context(), Options{}, []string{file})
		if err != nil {
			refused++
			continue
		}
		lead(t, c, "http://www.example.cn/two.png")
		c.Close()
	}
	if refused < len(whole)*9/10 {
		t.Errorf("%d of %d indexes that are cut off are refused", refused, len(whole))
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x81
		if err := os.WriteFile(file, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		if c, err := OpenCrawl(t.Context(), Options{}, []string{file}); err == nil {
			lead(t, c, "http://www.example.cn/digest.png")
			c.Close()
		}
	}
	for n := range notes[0][0] {
		if err := NewCrawlJoin(Options{}).Add(notes[0][0][:n]); err == nil && (len(notes[0][0])-n)%crawlEntrySize != 0 {
			t.Errorf("notes cut off at %d of %d are taken", n, len(notes[0][0]))
		}
	}
	if err := NewCrawlJoin(Options{MaxImages: 1}).Add(notes[0][0]); err == nil || !strings.Contains(err.Error(), "raise read.max_images") {
		t.Errorf("too many pictures: %v", err)
	}
	for _, buckets := range []int{0, 3, 512} {
		if _, err := NewCrawlKeys(Options{}, buckets, nil); err == nil {
			t.Errorf("%d buckets are taken", buckets)
		}
		if _, err := OpenCrawl(t.Context(), Options{}, make([]string, buckets)); err == nil {
			t.Errorf("%d buckets are opened", buckets)
		}
	}
}

// TestHoldsArchives goes by names alone.
func TestHoldsArchives(t *testing.T) {
	dir := tree(t, map[string]string{"pages/a.html": "x", "pages/b.txt": "y", "mixed/a.html": "x", "mixed/z/c.warc.gz": "w"})
	for spec, want := range map[string]bool{"pages": false, "mixed": true, "mixed/*": false, "mixed/z/*": true, "mixed/z/c.warc.gz": true, "pages/b.txt": false} {
		s, err := ParseSpec(filepath.Join(dir, spec))
		if err != nil {
			t.Fatal(err)
		}
		parts, err := Plan(t.Context(), []Spec{s}, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := false
		for _, p := range parts {
			holds, err := HoldsArchives(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			got = got || holds
		}
		if got != want {
			t.Errorf("%s holds archives: %v, want %v", spec, got, want)
		}
	}
}

func FuzzCrawlJoin(f *testing.F) {
	f.Add([]byte("\x01\x00\x01a"), []byte("\x02\x00\x01a\x01\x01b"))
	f.Add(append([]byte("\x01\x00\x01a"), make([]byte, crawlEntrySize)...), []byte{0})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		j := NewCrawlJoin(Options{MaxImages: 100})
		added := 0
		for _, packed := range [][]byte{a, b} {
			if j.Add(packed) == nil {
				added += len(packed) / crawlEntrySize
			}
		}
		file := filepath.Join(t.TempDir(), "x")
		var out bytes.Buffer
		if _, err := j.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCrawl(t.Context(), Options{}, []string{file})
		if err != nil {
			t.Fatalf("what was joined cannot be opened: %v", err)
		}
		defer c.Close()
		if c.Len() > added {
			t.Errorf("%d entries of %d", c.Len(), added)
		}
	})
}
