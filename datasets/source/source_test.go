package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read reads parts to their end. Errors that are no faults fail the test.
func read(t testing.TB, o Options, parts ...Part) (documents []*Document, faults []*Fault) {
	t.Helper()
	for _, p := range parts {
		for d, err := range Read(context.Background(), p, o) {
			var f *Fault
			switch {
			case errors.As(err, &f):
				faults = append(faults, f)
			case err != nil:
				t.Fatalf("part %+v: %v", p, err)
			default:
				documents = append(documents, d)
			}
		}
	}
	return documents, faults
}

func plan(t testing.TB, target int64, specs ...string) []Part {
	t.Helper()
	parsed := make([]Spec, len(specs))
	for i, s := range specs {
		var err error
		if parsed[i], err = ParseSpec(s); err != nil {
			t.Fatal(err)
		}
	}
	parts, err := Plan(context.Background(), parsed, target)
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// reasons counts faults.
func reasons(faults []*Fault) map[string]int {
	m := map[string]int{}
	for _, f := range faults {
		m[f.Reason]++
	}
	return m
}

// damaged leaves out the faults of sound records.
func damaged(faults []*Fault) []*Fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f *Fault) bool { return f.Skip() })
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data := fixtureOf(name)
	if data == nil {
		t.Fatal(name)
	}
	return data
}

func fixtureOf(name string) []byte {
	data, _ := os.ReadFile(filepath.Join("testdata", name))
	return data
}

// expectation is a document as Python reads it.
type expectation struct {
	ID                                                    int
	Address, Date, License, Title, Media, Charset, Source string
	Body, Image                                           []byte
	Path, Question, Answer                                string
	References                                            []string
}

func expectations(t testing.TB) map[string][]expectation {
	t.Helper()
	var all map[string][]expectation
	if err := json.Unmarshal(fixture(t, "expected.json"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFixtures: what independent programs have written is read as they read it, whatever the size of the parts.
func TestFixtures(t *testing.T) {
	for name, want := range expectations(t) {
		t.Run(name, func(t *testing.T) {
			var whole []*Document
			var wholeFaults []*Fault
			for _, target := range []int64{1 << 30, 30000, 9000, 3001, 1024, 513} {
				parts := plan(t, target, "testdata/"+name)
				got, faults := read(t, Options{}, parts...)
				if bad := damaged(faults); len(bad) > 0 {
					t.Fatalf("target %d: %v", target, bad[0])
				}
				if whole == nil {
					whole, wholeFaults = got, faults
					compare(t, name, got, want)
					continue
				}
				if cut := len(parts) > 1; target == 1024 && cut != divides(name) {
					t.Errorf("target %d: %d parts", target, len(parts))
				}
				if !reflect.DeepEqual(got, whole) {
					t.Fatalf("target %d, %d parts: %d documents differ from the %d of the whole", target, len(parts), len(got), len(whole))
				}
				if diff := cmp.Diff(reasons(wholeFaults), reasons(faults)); diff != "" {
					t.Errorf("target %d: faults differ:\n%s", target, diff)
				}
			}
			seen := map[string]bool{}
			for _, d := range whole {
				if seen[d.ID] || !strings.HasPrefix(d.ID, "testdata/"+name) {
					t.Errorf("id %s is not unique, or not of the file", d.ID)
				}
				seen[d.ID] = true
			}
		})
	}
}

// divides reports whether a fixture can be cut.
func divides(name string) bool {
	switch name {
	case "whole.warc.gz", "rows.jsonl.gz", "rows.jsonl.zst", "wiki_single.xml.bz2", "shop/products.csv", "products.tsv", "text.warc.wet.gz":
		return false // the last is too small
	}
	return true
}

func compare(t *testing.T, name string, got []*Document, want []expectation) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d documents, want %d", len(got), len(want))
	}
	isWARC, isWiki := strings.Contains(name, ".warc"), strings.Contains(name, "wiki")
	for i, w := range want {
		g := got[i]
		if w.Address != "" && g.Address != w.Address || g.Date != w.Date || g.License != w.License || g.Title != w.Title || g.Question != w.Question || g.Answer != w.Answer {
			t.Errorf("document %d: %+v, want %+v", i, g, w)
		}
		if string(g.Body) != string(w.Body) {
			t.Errorf("document %d (%s): body %.80q..., want %.80q...", i, g.Address, g.Body, w.Body)
		}
		if isWARC && !strings.Contains(name, "wet") && (g.Media != w.Media || g.Charset != w.Charset) {
			t.Errorf("document %d: %s %q, want %s %q", i, g.Media, g.Charset, w.Media, w.Charset)
		}
		if isWiki && !strings.HasSuffix(g.ID, "#"+strconv.Itoa(w.ID)) {
			t.Errorf("document %d: id %s, want page %d", i, g.ID, w.ID)
		}
		if w.Source != "" && g.Source != w.Source {
			t.Errorf("document %d: source %s, want %s", i, g.Source, w.Source)
		}
		if diff := cmp.Diff(w.References, g.References); diff != "" {
			t.Errorf("document %d: references:\n%s", i, diff)
		}
		switch {
		case len(w.Image) == 0 && len(g.Images) > 0, len(w.Image) > 0 && len(g.Images) != 1:
			t.Errorf("document %d has %d pictures", i, len(g.Images))
		case len(w.Image) > 0 && (string(g.Images[0].Bytes) != string(w.Image) || g.Images[0].Path != w.Path):
			t.Errorf("document %d: picture %q of %d bytes, want %q of %d", i, g.Images[0].Path, len(g.Images[0].Bytes), w.Path, len(w.Image))
		}
	}
}

// TestAccounts: every record of the fixtures is a document or is counted by its reason.
func TestAccounts(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"crawl.warc.gz":       {SkipInfo: 1, SkipRequest: 15, SkipMetadata: 15, SkipRevisit: 1, SkipStatus: 1, SkipPicture: 2, SkipMedia: 1},
		"wiki_multi.xml.bz2":  {SkipRedirect: 4, SkipNamespace: 4},
		"wiki_blocks.xml.bz2": {SkipRedirect: 4, SkipNamespace: 4},
		"rows.jsonl":          {},
	} {
		_, faults := read(t, Options{}, plan(t, 0, "testdata/"+name)...)
		if diff := cmp.Diff(want, reasons(faults)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestParseSpec(t *testing.T) {
	for in, want := range map[string]Spec{
		"crawl/":                        {Address: "crawl/"},
		"web=warc:crawl/*.warc.gz":      {Address: "crawl/*.warc.gz", Format: "warc", Source: "web"},
		"encyclopedia=zhwiki.xml.bz2":   {Address: "zhwiki.xml.bz2", Source: "encyclopedia"},
		"s3://bucket/a=b/*.gz?region=x": {Address: "s3://bucket/a=b/*.gz?region=x"},
		"wet:gs://bucket/x":             {Address: "gs://bucket/x", Format: "wet"},
		"./a=b.jsonl":                   {Address: "./a=b.jsonl"},
		"./x:y":                         {Address: "./x:y"},
		"a=./b:c":                       {Address: "./b:c", Source: "a"},
		"file:///data/x.tar":            {Address: "file:///data/x.tar"},
	} {
		if got, err := ParseSpec(in); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"":            "no address",
		"web=":        "no address",
		"web=wrac:x":  "no format is called wrac",
		"s3://":       "want SCHEME://bucket/key",
		"file://host": "want file:///path",
		"web=warc:":   "no address",
	} {
		if _, err := ParseSpec(in); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", in, err, want)
		}
	}
}

func TestPartsAreData(t *testing.T) {
	parts := plan(t, 5000, "testdata/crawl.warc.gz", "shop=testdata/shop/", "testdata/*.jsonl", "encyclopedia=testdata/wiki.xml")
	data, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	var back []Part
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parts, back); diff != "" {
		t.Error(diff)
	}
	if again := plan(t, 5000, "testdata/crawl.warc.gz", "shop=testdata/shop/", "testdata/*.jsonl", "encyclopedia=testdata/wiki.xml"); !reflect.DeepEqual(parts, again) {
		t.Error("a second plan differs")
	}
	sources := map[string]bool{}
	for _, p := range parts {
		if one, _ := json.Marshal(p); len(one) > 400 {
			t.Errorf("a part of %d bytes: %s", len(one), one)
		}
		documents, _ := read(t, Options{}, p)
		for _, d := range documents {
			sources[d.Source] = true
		}
	}
	if want := map[string]bool{"web": true, "shop": true, "common_crawl": true, "encyclopedia": true}; !reflect.DeepEqual(sources, want) {
		t.Errorf("sources %v, want %v", sources, want)
	}
}

func TestPlanErrors(t *testing.T) {
	empty := t.TempDir()
	for in, want := range map[string]string{
		"nowhere.jsonl":                  "no such file",
		"nowhere/*.gz":                   "fits no file",
		empty:                            "is empty",
		"nosuch://bucket/x":              "nosuch",
		write(t, "unknown", []byte("x")): "name it, as in warc:",
		"testdata/[":                     "pattern",
	} {
		_, err := Plan(context.Background(), []Spec{{Address: in}}, 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", in, err, want)
		}
	}
}

func TestStopAndCancel(t *testing.T) {
	p := plan(t, 0, "testdata/rows.jsonl")[0]
	n := 0
	for range Read(context.Background(), p, Options{}) {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n = 0
	var last error
	for _, err := range Read(ctx, p, Options{}) {
		n++
		last = err
		if n == 5 {
			cancel()
		}
	}
	if n != 6 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d steps, last error %v: want 6 and the context's", n, last)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{MaxDocument: -1}, {MaxImages: -1}, {MaxDocument: 1 << 40}} {
		if o.Validate() == nil {
			t.Errorf("%+v is taken", o)
		}
		n := 0
		for _, err := range Read(context.Background(), Part{Address: "testdata/rows.jsonl"}, o) {
			if n++; err == nil {
				t.Errorf("%+v is taken", o)
			}
		}
		if n != 1 {
			t.Errorf("%+v: %d steps", o, n)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	if _, faults := read(t, Options{MaxDocument: 60}, Part{Address: "testdata/rows.jsonl"}); reasons(faults)[FaultLarge] == 0 {
		t.Error("a limit of 60 bytes changes nothing")
	}
}

func ExampleRead() {
	specs := []Spec{{Address: "testdata/wiki_multi.xml.bz2"}, {Address: "testdata/shop/", Source: "ecommerce"}}
	parts, err := Plan(context.Background(), specs, 32<<20)
	if err != nil {
		fmt.Println(err)
		return
	}
	documents, faults := map[string]int{}, map[string]int{}
	for _, part := range parts {
		for d, err := range Read(context.Background(), part, Options{}) {
			var f *Fault
			switch {
			case errors.As(err, &f):
				faults[f.Reason]++
			case err != nil:
				fmt.Println(err)
			default:
				documents[d.Source]++
			}
		}
	}
	fmt.Println(len(parts), documents)
	fmt.Println(faults)
	// Output:
	// 2 map[ecommerce:9 encyclopedia:32]
	// map[page of another namespace:4 picture without a caption:9 redirect:4]
}
