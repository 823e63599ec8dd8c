package page

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gogs/chardet"
)

// The fixtures of this file are made by scripts/reference/web_pages.py with Python's codecs, urllib and html5lib.

// load reads a JSON fixture.
func load(t testing.TB, name string, into any) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var in io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.NewDecoder(in).Decode(into); err != nil {
		t.Fatal(err)
	}
}

type charsetCase struct {
	Kind, Text, Charset, Header string
	Body                        []byte
	Bad                         int
}

// TestDecode: every text of at least 8 characters, and every one whose declaration is right, is read as it was written. Of shorter ones
// without a declaration most are: a few bytes can be sense in two charsets.
func TestDecode(t *testing.T) {
	var cases []charsetCase
	load(t, "charsets.json.gz", &cases)
	type score struct{ right, all, peer int }
	scores := map[string]*score{}
	var order []string
	detector := chardet.NewTextDetector()
	for i, c := range cases {
		text, used, bad := Decode(c.Body, c.Header)
		ok := text == c.Text && bad == c.Bad
		s := scores[c.Kind]
		if s == nil {
			s = &score{}
			scores[c.Kind] = s
			order = append(order, c.Kind)
		}
		s.all++
		if ok {
			s.right++
		}
		if strings.HasPrefix(c.Kind, "bare ") {
			if r, err := detector.DetectBest(c.Body); err == nil {
				if name, known := known(strings.ToLower(strings.ReplaceAll(r.Charset, "GB-18030", "GB18030"))); known && name == c.Charset {
					s.peer++
				}
			}
		}
		if !ok && c.Kind != "bare 2" && c.Kind != "bare 4" {
			t.Errorf("case %d (%s, header %q): read by %s with %d bad: %.80q; want %s with %d: %.80q", i, c.Kind, c.Header, used, bad, text, c.Charset, c.Bad, c.Text)
		}
	}
	for _, kind := range order {
		s := scores[kind]
		if strings.HasPrefix(kind, "bare ") {
			t.Logf("%-18s %d of %d read right; chardet alone: %d", kind, s.right, s.all, s.peer)
		}
		if least := map[string]int{"bare 2": 75, "bare 4": 90}[kind]; s.right*100 < s.all*least {
			t.Errorf("%s: %d of %d read right: want %d percent", kind, s.right, s.all, least)
		}
	}
}

// TestResolve: addresses are resolved as urllib.parse.urljoin does it, and escaped.
func TestResolve(t *testing.T) {
	var cases [][4]string
	load(t, "addresses.json", &cases)
	for _, c := range cases {
		b := newBase(c[0], c[1])
		got, reason := b.resolve(c[2])
		want := c[3]
		// urljoin is older than RFC 3986 in this one point: what leads above the root stays in the path.
		for strings.Contains(want, "/../") {
			want = strings.Replace(want, "/../", "/", 1)
		}
		if reason != "" || got != want {
			t.Errorf("page %s, base %q, reference %q: %q %s: want %q", c[0], c[1], c[2], got, reason, want)
		}
	}
}

// TestStripReference: the text of markup, whole and broken, is that of html5lib's tree, line by line. Where markup is misnested, ours has no
// adoption of formatting elements, which moves no text.
func TestStripReference(t *testing.T) {
	var cases []struct{ markup, lines any }
	var raw [][2]json.RawMessage
	load(t, "strip.json.gz", &raw)
	_ = cases
	for i, r := range raw {
		var markup string
		var want []string
		if json.Unmarshal(r[0], &markup) != nil || json.Unmarshal(r[1], &want) != nil {
			t.Fatal("the fixture is broken")
		}
		if got := strings.Split(Strip(markup), "\n"); !slices.Equal(got, want) && !(len(want) == 0 && got[0] == "") {
			t.Errorf("case %d: %q:\n got %q\nwant %q", i, markup, got, want)
		}
	}
}
