package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/net/html"

	"m6lab/scripts/sample/origin"
)

// songFiles is how many of the 255 files of Song poems, of a thousand poems each, are taken.
const songFiles = 5

// line is a document of a jsonl file.
type line struct {
	ID       string `json:"id"`
	URL      string `json:"url,omitempty"`
	Title    string `json:"title,omitempty"`
	Author   string `json:"author,omitempty"`
	Text     string `json:"text,omitempty"`
	Question string `json:"question,omitempty"`
	Answer   string `json:"answer,omitempty"`
	License  string `json:"license,omitempty"`
}

// writeTexts writes what needs no crawl: poems as jsonl and as plain text, biographies and questions as jsonl.
func writeTexts(s *shelf, dir string) ([]input, error) {
	var out []input
	if poetry := s.folder(origin.Poetry); poetry != "" {
		made, err := writePoetry(filepath.Join(poetry, "dist/quantangshi"), dir)
		if err != nil {
			return nil, err
		}
		out = made
	}
	if faq := s.folder(origin.DebianFAQ); faq != "" {
		made, err := writeQuestions(filepath.Join(faq, "usr/share/doc/debian/FAQ/zh-cn"), dir)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	return out, nil
}

func writePoetry(from, dir string) ([]input, error) {
	tang, err := writePoems(from, filepath.Join(dir, "poems", "tang.jsonl.gz"))
	if err != nil {
		return nil, err
	}
	song, err := writeSong(from, filepath.Join(dir, "poems", "song"))
	if err != nil {
		return nil, err
	}
	people, err := writePeople(from, filepath.Join(dir, "encyclopedia", "people.jsonl"))
	if err != nil {
		return nil, err
	}
	return []input{
		{In: "poems=poems/tang.jsonl.gz", Format: "jsonl", Documents: tang},
		{In: "poems=thuctc:poems/song", Format: "plain text as THUCTC has it: a document a file, the first line is its title", Documents: song},
		{In: "encyclopedia=encyclopedia/people.jsonl", Format: "jsonl", Documents: people},
	}, nil
}

type poem struct {
	ID, Author, Title string
	Paragraphs        []string
}

// poemFiles lists the files of a dynasty, in the order of their numbers.
func poemFiles(from, dynasty string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(from, "poet."+dynasty+".*.json"))
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return files, err
}

func readJSON(file string, v any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

func writePoems(from, to string) (int, error) {
	files, err := poemFiles(from, "tang")
	if err != nil {
		return 0, err
	}
	return writeLines(to, func(add func(line) error) error {
		for _, file := range files {
			var poems []poem
			if err := readJSON(file, &poems); err != nil {
				return err
			}
			for _, p := range poems {
				if err := add(line{ID: p.ID, Title: p.Title, Author: p.Author, Text: strings.Join(p.Paragraphs, "\n"), License: "public domain"}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// writeSong writes a folder for each of the package's files and a file for each poem, as THUCTC lies: the title, then the text.
func writeSong(from, to string) (int, error) {
	files, err := poemFiles(from, "song")
	if err != nil {
		return 0, err
	}
	n := 0
	for i, file := range files[:min(len(files), songFiles)] {
		var poems []poem
		if err := readJSON(file, &poems); err != nil {
			return 0, err
		}
		folder := filepath.Join(to, fmt.Sprintf("%03d", i))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return 0, err
		}
		for j, p := range poems {
			text := p.Title + "\n" + strings.Join(p.Paragraphs, "\n") + "\n"
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.txt", j)), []byte(text), 0o644); err != nil {
				return 0, err
			}
			n++
		}
	}
	return n, nil
}

func writePeople(from, to string) (int, error) {
	return writeLines(to, func(add func(line) error) error {
		for _, dynasty := range []string{"tang", "song"} {
			var people []struct{ ID, Name, Desc string }
			if err := readJSON(filepath.Join(from, "authors."+dynasty+".json"), &people); errors.Is(err, os.ErrNotExist) {
				continue
			} else if err != nil {
				return err
			}
			for i, p := range people {
				id := cmp.Or(p.ID, fmt.Sprintf("%s-%d", dynasty, i))
				if err := add(line{ID: id, Title: p.Name, Text: p.Desc, License: "MIT"}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// writeLines writes a jsonl file, packed if its name ends in .gz.
func writeLines(to string, fill func(add func(line) error) error) (n int, err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return 0, err
	}
	file, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	encoder := json.NewEncoder(out)
	z := gzip.NewWriter(out)
	if strings.HasSuffix(to, ".gz") {
		encoder = json.NewEncoder(z)
	}
	encoder.SetEscapeHTML(false)
	err = fill(func(l line) error {
		n++
		return encoder.Encode(l)
	})
	if err == nil && strings.HasSuffix(to, ".gz") {
		err = z.Close()
	}
	return n, errors.Join(err, out.Flush())
}

// writeQuestions takes every section of the FAQ whose heading is a question; the answer keeps its markup, as forums export theirs.
func writeQuestions(from, dir string) (input, error) {
	files, err := filepath.Glob(filepath.Join(from, "*.html"))
	if err != nil {
		return input{}, err
	}
	slices.Sort(files)
	n, err := writeLines(filepath.Join(dir, "qa", "faq.jsonl"), func(add func(line) error) error {
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			doc, err := html.Parse(f)
			f.Close()
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".zh-cn.html")
			if err := addQuestions(doc, name, add); err != nil {
				return err
			}
		}
		return nil
	})
	return input{In: "community_qa=qa/faq.jsonl", Format: "jsonl (question, answer; the answers are fragments of HTML)", Documents: n}, err
}

func addQuestions(doc *html.Node, page string, add func(line) error) error {
	n := 0
	for section := range doc.Descendants() {
		if section.Type != html.ElementNode || section.Data != "div" || class(section) != "section" {
			continue
		}
		question, answer := "", strings.Builder{}
		for c := section.FirstChild; c != nil; c = c.NextSibling {
			switch {
			case class(c) == "titlepage":
				question = sectionNumber(strings.TrimSpace(plain(c)))
			case class(c) != "section":
				if err := html.Render(&answer, c); err != nil {
					return err
				}
			}
		}
		if !strings.HasSuffix(question, "？") || strings.TrimSpace(answer.String()) == "" {
			continue
		}
		n++
		err := add(line{ID: fmt.Sprintf("faq-%s-%d", page, n), URL: "https://faq.example/" + page + ".html", Question: question,
			Answer: strings.TrimSpace(answer.String()), License: "Debian FAQ notice"})
		if err != nil {
			return err
		}
	}
	return nil
}

func class(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "class" {
			return a.Val
		}
	}
	return ""
}

func plain(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// sectionNumber takes the number off a heading: "3.1.2. 标题".
func sectionNumber(s string) string {
	return strings.TrimLeft(s, "0123456789. \u00a0")
}
