package clean

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var updateTables = flag.Bool("update-tables", false, "rewrite the outputs of testdata/rules/*.txt with what comes out; review the difference")

// entry is a case of a table: a command line, an input, ----, and the output up to an empty line. In lines with a backslash it begins an
// escape of Go's strings.
type entry struct {
	line          int
	command       string
	input, output []string
}

func readTable(t *testing.T, file string) (comments []string, entries []entry) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" || lines[i][0] == '#' {
			if len(entries) == 0 && lines[i] != "" {
				comments = append(comments, lines[i])
			}
			continue
		}
		e := entry{line: i + 1, command: lines[i]}
		for i++; i < len(lines) && lines[i] != "----"; i++ {
			e.input = append(e.input, lines[i])
		}
		for i++; i < len(lines) && lines[i] != ""; i++ {
			e.output = append(e.output, lines[i])
		}
		entries = append(entries, e)
	}
	return comments, entries
}

func unescape(t *testing.T, lines []string) string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line
		if strings.Contains(line, `\`) {
			s, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			out[i] = s
		}
	}
	return strings.Join(out, "\n")
}

// tableOptions are those of a command: a rule alone, `paper` or `default`, and JSON that changes them.
func tableOptions(t *testing.T, command string) Options {
	name, changes, _ := strings.Cut(command, " ")
	var o Options
	switch name {
	case "paper":
		o = Paper()
	case "default", "explain", "counts", "sentences":
		o = Default()
	default:
		o = one(Default(), name)
	}
	if changes != "" {
		d := json.NewDecoder(strings.NewReader(changes))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
	}
	if len(o.Words.Lists) == 0 {
		o.Words.Lists = []WordList{{File: "testdata/words/neutral.txt", Category: "spam"}}
	}
	return o
}

// TestTables runs testdata/rules/*.txt: a case is a rule, an input and an output, so that anyone can add one.
func TestTables(t *testing.T) {
	files, err := filepath.Glob("testdata/rules/*.txt")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d tables, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			comments, entries := readTable(t, file)
			var updated strings.Builder
			for _, c := range comments {
				fmt.Fprintln(&updated, c)
			}
			for _, e := range entries {
				got := runEntry(t, e)
				if want := strings.Join(e.output, "\n"); got != want && !*updateTables {
					t.Errorf("%s:%d: %s\n%s\ngave\n%s\nwant\n%s", file, e.line, e.command, strings.Join(e.input, "\n"), got, want)
				}
				fmt.Fprintf(&updated, "\n%s\n%s\n----\n", e.command, strings.Join(e.input, "\n"))
				if got != "" {
					fmt.Fprintln(&updated, got)
				}
			}
			if *updateTables {
				if err := os.WriteFile(file, []byte(updated.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func runEntry(t *testing.T, e entry) string {
	text := Text{Source: "encyclopedia"}
	input := e.input
	for len(input) > 0 {
		if v, ok := strings.CutPrefix(input[0], "title: "); ok {
			text.Title = v
		} else if v, ok := strings.CutPrefix(input[0], "source: "); ok {
			text.Source = v
		} else {
			break
		}
		input = input[1:]
	}
	titled := text.Title != ""
	text.Body = unescape(t, input)
	var out strings.Builder
	name, _, _ := strings.Cut(e.command, " ")
	if name == "sentences" {
		for s := range Sentences(text.Body) {
			fmt.Fprintf(&out, "[%s]\n", strings.ReplaceAll(s, "\n", `\n`))
		}
		return strings.TrimRight(out.String(), "\n")
	}
	c, err := New(tableOptions(t, e.command), testModel)
	if err != nil {
		t.Fatalf("%s: %v", e.command, err)
	}
	var w Watch
	if name == "explain" {
		w = func(rule, before, after string) {
			fmt.Fprintf(&out, "%s: %s -> %s\n", rule, strconv.Quote(before), strconv.Quote(after))
		}
	}
	var counts Counts
	text.Counts = &counts
	reason := c.Clean(&text, w)
	if err := counts.Check(); err != nil {
		t.Errorf("%s: %v", e.command, err)
	}
	if name == "counts" {
		for _, n := range counts.Rules {
			if n.Dropped+n.Changed+n.SentencesDropped > 0 {
				n.Reasons, n.Kinds = nonNil(n.Reasons), nonNil(n.Kinds)
				fmt.Fprintf(&out, "%s: in %d, out %d, dropped %d %v, changed %d, sentences dropped %d, bytes %d to %d, %v\n",
					n.Rule, n.In, n.Out, n.Dropped, n.Reasons, n.Changed, n.SentencesDropped, n.BytesIn, n.BytesOut, n.Kinds)
			}
		}
		return strings.TrimRight(out.String(), "\n")
	}
	if reason != "" {
		fmt.Fprintf(&out, "dropped: %s", reason)
	} else {
		if titled {
			fmt.Fprintf(&out, "title: %s\n", text.Title)
		}
		out.WriteString(escapeOutput(text.Body))
	}
	return out.String()
}

func nonNil(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}

// escapeOutput writes what cannot be seen as escapes, and empty lines, which would end the case.
func escapeOutput(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		quoted := strconv.Quote(line)
		quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
		if lines[i] = quoted; line == "" {
			lines[i] = `\n`
		}
	}
	if s == "" {
		return ""
	}
	return strings.Join(lines, "\n")
}

// lengthModel finds a sentence more surprising the more letters "乱" it has.
type lengthModel struct{}

func (lengthModel) Sentence(s string) float64 { return 10 + 100*float64(strings.Count(s, "乱")) }

func (lengthModel) Quantile(q float64) float64 { return 1000 * q }

func testModel(file string) (Perplexity, error) {
	if file == "missing" {
		return nil, os.ErrNotExist
	}
	return lengthModel{}, nil
}

func TestTableReader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.txt")
	if err := os.WriteFile(file, []byte("# about\n\ncmd {\"a\":1}\nin\n\nmore\n----\nout\n\ncmd\n----\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	comments, entries := readTable(t, file)
	if len(comments) != 1 || len(entries) != 2 || !bytes.Equal([]byte(strings.Join(entries[0].input, "|")), []byte("in||more")) || entries[0].output[0] != "out" || entries[1].output != nil {
		t.Fatalf("%q %+v", comments, entries)
	}
}

// TestLetters: what counts characters many at a time counts as the table of classes has it.
func TestLetters(t *testing.T) {
	slow := func(s string) (n int) {
		for _, r := range s {
			if k := classOf(r); k != classSpace && k != classNewline {
				n++
			}
		}
		return n
	}
	for r := range rune(0x20000) {
		if r >= 0xD800 && r <= 0xDFFF {
			continue
		}
		for _, side := range []string{"", "中", "ab ", "。\u3000、\u00a0"} {
			s := side + string(r) + "字\t" + string(r) + string(r) + side
			if got, want := letters(s), slow(s); got != want {
				t.Fatalf("%+q has %d letters, want %d", s, got, want)
			}
		}
	}
}
