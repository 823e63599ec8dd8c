package main

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type document struct{ ID, URL, Text string }

// documents reads all files of a folder of jsonl.
func documents(t *testing.T, dir string) []document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	check(t, err)
	var out []document
	for _, file := range files {
		data, err := os.ReadFile(file)
		check(t, err)
		for line := range strings.Lines(string(data)) {
			var d document
			check(t, json.Unmarshal([]byte(line), &d))
			out = append(out, d)
		}
	}
	return out
}

// TestLines: the shares of repeats, the lengths, and the same bytes again; a bigger input begins with the files of a smaller one.
func TestLines(t *testing.T) {
	small, again, big := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
	check(t, write(options{out: small, form: "jsonl", size: 8, part: 4, seed: 3}))
	check(t, write(options{out: again, form: "jsonl", size: 8, part: 4, seed: 3}))
	check(t, write(options{out: big, form: "jsonl", size: 13, part: 4, seed: 3}))
	for _, name := range []string{"part-00000.jsonl", "part-00001.jsonl"} {
		a, err := os.ReadFile(filepath.Join(small, name))
		check(t, err)
		for _, other := range []string{again, big} {
			b, err := os.ReadFile(filepath.Join(other, name))
			check(t, err)
			if !bytes.Equal(a, b) {
				t.Errorf("%s differs in %s", name, other)
			}
		}
	}
	docs := documents(t, small)
	seen, text, repeated, short, advertised := map[string]bool{}, 0, 0, 0, 0
	for _, d := range docs {
		if !utf8.ValidString(d.Text) {
			t.Fatalf("%s is no UTF-8: %q", d.ID, d.Text)
		}
		text += len(d.Text)
		if seen[d.Text] {
			repeated++
		}
		seen[d.Text] = true
		if utf8.RuneCountInString(d.Text) < 15 {
			short++
		} else if n := len(d.Text); n < 512 || n > 5600 {
			t.Errorf("%s has %d bytes", d.ID, n)
		}
		if strings.Contains(d.Text, words[0]) {
			advertised++
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(len(docs)) }
	if s := share(repeated); s < 3 || s > 7 {
		t.Errorf("%.1f %% of the documents are repeats, want about 5 %%", s)
	}
	if s := share(short); s < 0.3 || s > 2 {
		t.Errorf("%.1f %% of the documents are short, want about 1 %%", s)
	}
	if advertised == 0 {
		t.Error("no document has an advertisement")
	}
	var counts struct {
		Documents int
		Text      int `json:"text_bytes"`
	}
	data, err := os.ReadFile(filepath.Join(small, "input.json"))
	check(t, err)
	check(t, json.Unmarshal(data, &counts))
	if counts.Documents != len(docs) || counts.Text != text {
		t.Errorf("input.json says %+v: there are %d documents of %d bytes", counts, len(docs), text)
	}
}

// TestQuoted: what is written as JSON is read as it was.
func TestQuoted(t *testing.T) {
	for _, s := range []string{"", "字\n\"\\\t\x01</p>", "a\\"} {
		var got string
		check(t, json.Unmarshal(quoted(nil, []byte(s)), &got))
		if got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}

func TestNumbered(t *testing.T) {
	pictures, err := drawPictures()
	check(t, err)
	a, b := numbered(pictures[0], 1), numbered(pictures[0], 2)
	config, err := jpeg.DecodeConfig(bytes.NewReader(a))
	check(t, err)
	if bytes.Equal(a, b) || config.Width != 256 || config.Height != 256 {
		t.Errorf("pictures of %d by %d, equal: %t", config.Width, config.Height, bytes.Equal(a, b))
	}
}
