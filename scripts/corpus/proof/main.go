package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"m6lab/datasets/record"
)

// version changes whenever this program writes other bytes of the same packages.
const version = "1"

func main() {
	out := flag.String("out", filepath.Join("runs", "corpus-demo", "raw"), "`folder` that is made")
	cache := flag.String("cache", filepath.Join(os.TempDir(), "m6lab-sample"), "`folder` that keeps the downloaded packages")
	more := flag.Bool("more", false, "also the manual of the circuit editor: 500 pictures of screens, 19 MB more to fetch")
	flag.Parse()
	if err := run(*out, clients(*cache), *more); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

// manifest says what was made of what.
type manifest struct {
	Made     string            `json:"made"`     // this program's version and the choice of packages
	Packages []used            `json:"packages"` // in the order of their use
	Missing  map[string]string `json:"missing,omitempty"`
	Inputs   []input           `json:"inputs"`
	Crawls   map[string]counts `json:"crawls"`
	Files    []fileEntry       `json:"files"` // of the crawls
	Notes    []string          `json:"notes"`
}

// input is one --in of the builder, relative to the folder.
type input struct {
	In        string `json:"in"`
	Format    string `json:"format"`
	Documents int    `json:"documents"`
}

type fileEntry struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
	Records int    `json:"records"`
}

// notes are said of every output.
var notes = []string{
	"texts and pictures are real; addresses are of reserved domains, since the packages are no web sites; dates are made",
	"charsets, lazy loading, packing, repeats and broken records were made by hashes of the addresses, in the numbers given here",
	"no package has forum discussions: that row of the paper's table stays empty",
	"titles of products are composed: caption, category, English name",
}

// run makes the folder, whole or not at all. A folder that was made by this version of the same choice is left as it is.
func run(out string, get fetch, more bool) error {
	made := fmt.Sprintf("proof %s, more %t", version, more)
	if old, err := os.ReadFile(filepath.Join(out, "manifest.json")); err == nil {
		var m manifest
		if json.Unmarshal(old, &m) == nil && m.Made == made && len(m.Missing) == 0 {
			fmt.Fprintf(os.Stderr, "proof: %s is made already\n", out)
			return nil
		}
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	s := &shelf{fetch: get, missing: map[string]string{}, folders: map[string]string{}}
	var m *manifest
	err := record.Whole(out, func(dir string) (err error) {
		m, err = write(s, dir, more)
		if err != nil {
			return err
		}
		m.Made = made
		return writeJSON(filepath.Join(dir, "manifest.json"), m)
	})
	if err != nil {
		return err
	}
	m.print(os.Stderr, out)
	return nil
}

func write(s *shelf, dir string, more bool) (*manifest, error) {
	m := &manifest{Crawls: map[string]counts{}, Notes: notes}
	if err := os.MkdirAll(filepath.Join(dir, "crawl"), 0o755); err != nil {
		return nil, err
	}
	all, err := crawls(s, more)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		n, files, err := c.record(filepath.Join(dir, "crawl"))
		if err != nil {
			return nil, fmt.Errorf("crawl %s: %w", c.name, err)
		}
		if len(files) == 0 {
			continue
		}
		m.Crawls[c.name] = n
		m.Files = append(m.Files, files...)
		m.Inputs = append(m.Inputs, input{c.row + "=warc:crawl/" + c.name + "-*.warc.gz", "WARC", n.Pages})
	}
	for _, f := range []func(*shelf, string) ([]input, error){writeTexts, writeStamps} {
		made, err := f(s, dir)
		if err != nil {
			return nil, err
		}
		m.Inputs = append(m.Inputs, made...)
	}
	if len(m.Inputs) == 0 {
		return nil, fmt.Errorf("no package could be had: %s", firstReason(s.missing))
	}
	for i := range m.Files {
		if err := m.Files[i].sum(dir); err != nil {
			return nil, err
		}
	}
	m.Packages, m.Missing = s.used, s.missing
	return m, nil
}

func firstReason(missing map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		return missing[name]
	}
	return "none was asked for"
}

func (f *fileEntry) sum(dir string) error {
	file, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	f.Bytes, err = io.Copy(h, file)
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	return err
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// print tells in a few lines what is there.
func (m *manifest) print(w io.Writer, out string) {
	for _, in := range m.Inputs {
		fmt.Fprintf(w, "%7d documents  --in %s\n", in.Documents, in.In)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Missing)) {
		fmt.Fprintf(w, "left out: %s: %s\n", name, m.Missing[name])
	}
	size, broken := int64(0), 0
	for _, c := range m.Crawls {
		for _, n := range c.Broken {
			broken += n
		}
	}
	filepath.WalkDir(out, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	fmt.Fprintf(w, "%s: %.1f MB, %d records broken or unwelcome on purpose; manifest.json has the numbers\n", out, float64(size)/1e6, broken)
}
