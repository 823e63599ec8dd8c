package sample

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
	"m6lab/datasets/record"
	"m6lab/datasets/text"
)

// row is an example with its split and its meta taken apart.
type row struct {
	datasets.Example
	split string
	meta  meta
}

// meta has the fields of all sources.
type meta struct {
	Form, Ground, Relation, Type, Combination, Licence, Set string
	Count                                                   int
	Items                                                   []item
	Name, Code, Family                                      string
	Tags                                                    []string
	Twin                                                    bool
	Title, Author, Dynasty, Body, Series                    string
	Lines, Characters                                       int
	Page, Kind                                              string
}

type item struct {
	Kind, Name, Set string
	X, Y, Size      int
}

var rows = sync.OnceValues(func() ([]row, error) {
	var all []row
	for _, split := range Splits() {
		for ex, err := range Examples(split) {
			if err != nil {
				return nil, err
			}
			r := row{Example: ex, split: split}
			if err := json.Unmarshal([]byte(ex.Meta), &r.meta); err != nil {
				return nil, fmt.Errorf("%s: meta: %w", ex.ID, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
})

// of returns the rows of some sources, all when none is named.
func of(t *testing.T, sources ...string) []row {
	t.Helper()
	all, err := rows()
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !slices.Contains(sources, r.Source) })
}

func TestCounts(t *testing.T) {
	got := map[string][3]int{}
	for _, r := range of(t) {
		n := got[r.Source]
		n[slices.Index(Splits(), r.split)]++
		got[r.Source] = n
	}
	want := map[string][3]int{ // train, valid, test, as README.md has them
		"scenes": {20000, 400, 800}, "scenes_vqa": {6000, 200, 400}, "emoji": {3167, 294, 344},
		"poems": {5953, 290, 291}, "help": {5520, 275, 226}, "qa": {1688, 104, 121},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows of source by split (-want +got):\n%s", d)
	}
}

func TestIDsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range of(t) {
		if seen[r.ID] {
			t.Errorf("id %q occurs twice", r.ID)
		}
		seen[r.ID] = true
	}
}

// TestNothingCrosses proves from the rows alone that no key of a row occurs in two splits.
func TestNothingCrosses(t *testing.T) {
	keys := []struct {
		name    string
		sources []string
		of      func(r row) []string
	}{
		{"combination that a scene shows", []string{"scenes", "scenes_vqa"}, func(r row) []string { return []string{shown(r.meta.Items)} }},
		{"pair that a question names", []string{"scenes_vqa"}, named},
		{"caption", []string{"scenes"}, func(r row) []string { return r.References }},
		{"emoji name", []string{"emoji"}, func(r row) []string { return []string{r.meta.Name} }},
		{"emoji code", []string{"emoji"}, func(r row) []string { return []string{r.meta.Code} }},
		{"picture", []string{"scenes", "emoji"}, func(r row) []string { return []string{string(r.Image)} }},
		{"text", []string{"emoji", "poems", "help", "qa"}, func(r row) []string { return []string{r.Text} }},
		{"poem or series", []string{"poems"}, func(r row) []string { return []string{r.meta.Series, r.meta.Author + r.meta.Title, r.meta.Body} }},
		{"line of a poem", []string{"poems"}, func(r row) []string { return verses(r.meta.Body) }},
		{"question", []string{"qa"}, func(r row) []string { return []string{r.Question} }},
		{"answer or paragraph", []string{"qa", "help"}, func(r row) []string { return []string{r.Answer + "|", r.Text} }},
		{"poet", []string{"qa"}, func(r row) []string { return nonEmpty(r.meta.Name) }},
		{"page of the help", []string{"help", "qa"}, func(r row) []string { return helpPage(r) }},
	}
	for _, k := range keys {
		t.Run(k.name, func(t *testing.T) {
			at := map[string]string{}
			for _, r := range of(t, k.sources...) {
				for _, key := range k.of(r) {
					if at[key] != "" && at[key] != r.split && key != "|" {
						t.Errorf("%s: %.80q is in %s and in %s", r.ID, key, at[key], r.split)
					}
					at[key] = r.split
				}
			}
			if len(at) < 30 {
				t.Errorf("only %d keys: the test looks at nothing", len(at))
			}
		})
	}
}

// shown names what items show apart from places, drawings and colours.
func shown(items []item) string {
	var names []string
	for _, it := range items {
		names = append(names, it.Name)
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// named gives the pairs of a thing in the picture and a thing that the question asks for.
func named(r row) []string {
	asked := strings.TrimSuffix(strings.TrimPrefix(r.Question, "图里有"), "吗？")
	var pairs []string
	for _, it := range r.meta.Items {
		if r.meta.Type == "detection" && asked != it.Name && r.split == "train" {
			pairs = append(pairs, shown([]item{it, {Name: asked}}))
		}
		if r.split != "train" && len(r.meta.Items) == 2 && r.meta.Form == "relation" {
			pairs = append(pairs, shown(r.meta.Items))
		}
	}
	return pairs
}

func verses(body string) []string {
	return strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune("，。！？；：、", r) })
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// helpPage is the page of the help that a row comes from; the Debian FAQ is split by question, not by page.
func helpPage(r row) []string {
	if r.meta.Kind == "faq" {
		return nil
	}
	return nonEmpty(r.meta.Page)
}

// TestHeldOutIsBalanced: every number, place and colour is held out both in valid and in test, half of the scenes are counts.
func TestHeldOutIsBalanced(t *testing.T) {
	for _, split := range []string{"valid", "test"} {
		seen, counts, n := map[string]int{}, 0, 0
		for _, r := range of(t, "scenes") {
			if r.split != split {
				continue
			}
			n++
			seen[r.meta.Ground]++
			if r.meta.Form == "count" {
				counts++
				seen[fmt.Sprint(r.meta.Count)]++
			} else {
				seen[r.meta.Relation]++
			}
		}
		if counts*2 != n {
			t.Errorf("%s: %d of %d scenes are counts, want half", split, counts, n)
		}
		for _, want := range []string{"1", "2", "3", "左边", "右边", "上面", "下面", "红色", "黄色", "蓝色", "绿色", "白色", "灰色"} {
			if seen[want]*20 < n {
				t.Errorf("%s: %s occurs %d times in %d scenes, want at least 5 %%", split, want, seen[want], n)
			}
		}
	}
}

func TestPoemsObeyTheForm(t *testing.T) {
	for _, r := range of(t, "poems") {
		if want := r.meta.Title + " 作者: 唐 " + r.meta.Author + " 正文: " + r.meta.Body; r.Text != want {
			t.Errorf("%s: text %q, want %q", r.ID, r.Text, want)
		}
		lines := verses(r.meta.Body)
		if len(lines) < 4 || len(lines)%2 != 0 || len(lines) != r.meta.Lines {
			t.Errorf("%s: %d lines, meta says %d", r.ID, len(lines), r.meta.Lines)
		}
		for _, l := range lines {
			if n := utf8.RuneCountInString(l); n != r.meta.Characters || n != 5 && n != 7 {
				t.Errorf("%s: line %q has %d characters, meta says %d", r.ID, l, n, r.meta.Characters)
			}
		}
	}
}

func TestEmojiTexts(t *testing.T) {
	families := map[string]int{}
	for _, r := range of(t, "emoji") {
		want := r.meta.Name
		if len(r.meta.Tags) > 0 {
			want += "，" + strings.Join(r.meta.Tags, "、")
		}
		if r.Text != want || r.meta.Twin != (r.meta.Family != "") || r.meta.Set != "google" && r.meta.Set != "twitter" {
			t.Errorf("%s: text %q, want %q; meta %s", r.ID, r.Text, want, r.Meta)
		}
		if strings.Contains(r.meta.Name, "按键：") != (r.meta.Family == "keycap") {
			t.Errorf("%s: %s has family %q", r.ID, r.meta.Name, r.meta.Family)
		}
		families[r.meta.Family]++
	}
	for _, want := range []struct{ a, b string }{{"1F468-200D-1F373", "1F469-200D-1F373"}, {"1F46E", "1F46E-200D-2640-FE0F"}} {
		got := map[string]bool{}
		for _, r := range of(t, "emoji") {
			if r.meta.Code == want.a || r.meta.Code == want.b {
				got[r.meta.Family] = true
			}
		}
		if len(got) != 1 || got[""] {
			t.Errorf("%s and %s: families %v, want one and the same", want.a, want.b, got)
		}
	}
}

func TestQuestions(t *testing.T) {
	for _, r := range of(t) {
		asks := r.Source == "qa" || r.Source == "scenes_vqa"
		if asks != (r.Question != "" && r.Answer != "") {
			t.Errorf("%s: question %q, answer %q", r.ID, r.Question, r.Answer)
		}
		if asks && (r.Text != r.Question+"回答："+r.Answer || !strings.HasSuffix(r.Question, "？")) {
			t.Errorf("%s: text %q is not the prompt of %q with %q", r.ID, r.Text, r.Question, r.Answer)
		}
	}
}

// TestBiographiesAreToldOnce: the collection has many lives twice.
func TestBiographiesAreToldOnce(t *testing.T) {
	n := 0
	for _, r := range of(t, "qa") {
		if r.meta.Kind != "person" {
			continue
		}
		n++
		if strings.Count(r.Answer, r.meta.Name+"，") != 1 || strings.ContainsAny(r.Answer, "（(〖□[") {
			t.Errorf("%s: %s", r.ID, r.Answer)
		}
	}
	if n < 1000 {
		t.Errorf("%d biographies, want at least 1000", n)
	}
}

// TestTextsAreClean looks for what conversion and extraction leave behind.
func TestTextsAreClean(t *testing.T) {
	for _, r := range of(t) {
		for _, bad := range []string{"<", ">", "http", "\n", "\t", "  ", "\u00ad", "\uFFFD", "\uE000", "。。", "乾隆隆", "為", "爲", "說", "後來", "這", "個人們", "命令Ctrl"} {
			if strings.Contains(r.Text, bad) {
				t.Errorf("%s (%s): %q in %q", r.ID, r.Source, bad, r.Text)
			}
		}
		if r.Text == "" || strings.TrimSpace(r.Text) != r.Text {
			t.Errorf("%s (%s): text %q", r.ID, r.Source, r.Text)
		}
	}
}

// TestVocabulary: every text fits into the debug preset's 128 positions, and little of it is unknown.
func TestVocabulary(t *testing.T) {
	v, err := text.ParseVocab(Vocab())
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 4096 || v.Pad() != 0 {
		t.Errorf("%d tokens and [PAD] %d, want 4096 and 0", v.Len(), v.Pad())
	}
	tokenizer := text.New(v, text.Options{Lower: true})
	unknown, tokens := map[string]int{}, map[string]int{}
	for _, r := range of(t) {
		ids := tokenizer.Encode(r.Text)
		if len(ids) > 126 {
			t.Errorf("%s: %d tokens, want at most 126", r.ID, len(ids))
		}
		key := r.Source + " " + r.split
		tokens[key] += len(ids)
		for _, id := range ids {
			if id == v.Unk() {
				unknown[key]++
			}
		}
	}
	for key, n := range tokens {
		rate := float64(unknown[key]) / float64(n)
		t.Logf("%-16s %7d tokens, %.3f %% unknown", key, n, 100*rate)
		if rate > 0.005 {
			t.Errorf("%s: %d of %d tokens are unknown", key, unknown[key], n)
		}
	}
}

func TestNoticeNamesEveryLicence(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range of(t) {
		seen[r.meta.Licence] = true
	}
	want := map[string]string{"Apache-2.0": "Apache License 2.0", "CC-BY-4.0": "CC-BY 4.0", "Apache-2.0 (google), CC-BY-4.0 (twitter)": "Twemoji",
		"public domain (collection: MIT)": "JackeyGao, MIT License", "MPL-2.0": "Mozilla Public License 2.0", "Debian FAQ notice": "permission notice identical to this one"}
	for licence := range seen {
		if want[licence] == "" || !strings.Contains(Notice(), want[licence]) {
			t.Errorf("NOTICE says nothing of licence %q", licence)
		}
	}
}

func TestSizeOfTheCommittedFiles(t *testing.T) {
	total := int64(0)
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		total += info.Size()
		return err
	})
	if err != nil || total > 16_000_000 {
		t.Errorf("%d bytes (%v), want at most 16 MB", total, err)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	set, err := record.Open(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	i := 0
	for want, err := range Examples("test") {
		if err != nil {
			t.Fatal(err)
		}
		got, err := set.Read(i)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) { // cmp.Diff takes a millisecond per picture
			t.Fatalf("row %d (-want +got):\n%s", i, cmp.Diff(want, got))
		}
		i++
	}
	if set.Len() != i {
		t.Errorf("%d rows in the set, %d in the sample", set.Len(), i)
	}
	testWriteAgain(t, dir)
}

// testWriteAgain: a complete set stays as it is, one that misses a file is refused rather than overwritten.
func testWriteAgain(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "vocab.txt")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(dir); err != nil {
		t.Errorf("a second Write: %v", err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the second Write made the files anew (%v)", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir); err == nil {
		t.Error("Write into a damaged set: no error")
	}
}

func TestUnknownSplit(t *testing.T) {
	for _, err := range Examples("dev") {
		if err == nil || !strings.Contains(err.Error(), `no split "dev"`) {
			t.Errorf("error %v", err)
		}
	}
}
