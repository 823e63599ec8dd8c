package record

import (
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
	"m6lab/datasets/image"
)

// put makes a folder of files and returns it.
func put(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "我的数据")
	check(t, os.Mkdir(dir, 0o777))
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(path), 0o777))
		check(t, os.WriteFile(path, []byte(content), 0o666))
	}
	return dir
}

// shot is a small picture, another for every n.
func shot(t testing.TB, n int) string {
	return string(drawing(t, 3, 5, color.RGBA{uint8(n), uint8(n >> 8), 9, 255}))
}

// readAll returns the examples of all splits by id, and the split of each.
func readAll(t testing.TB, dir string) (examples map[string]datasets.Example, split map[string]string) {
	t.Helper()
	examples, split = map[string]datasets.Example{}, map[string]string{}
	names, err := Splits(dir)
	check(t, err)
	for _, name := range names {
		s, err := Open(dir, name)
		check(t, err)
		for i := range s.Len() {
			ex, err := s.Read(i)
			check(t, err)
			examples[ex.ID], split[ex.ID] = ex, name
		}
		check(t, s.Close())
	}
	return examples, split
}

func TestFolderRows(t *testing.T) {
	one, two := shot(t, 1), shot(t, 2)
	dir := put(t, map[string]string{
		"图/青蛙.png":  one,
		"图/青蛙.txt":  "\ufeff 一只青蛙。 \r\n",
		"b.JPEG":    two,
		"b.txt":     "两种说法\n\n  第二种\n",
		"小说.txt":    "\ufeff第一段\r\n接着说\r\n \r\n\u3000\u3000第二段\n\n\n第三段",
		"lines.txt": "第一行\n第二行\n",
		"t/rows.jsonl": `{"text": "看图", "image": "../图/青蛙.png", "url": "https://example.com/1", "n": 3}` + "\r\n\n" + `{"image":"../b.JPEG","question":" 几只？","answer":"一只"}` + "\n" +
			`{"text": ["甲", "乙"], "image": null}` + "\n" + `{"references":["丙","丁"]}` + "\n" + `{"text":"戊","references":"己","question":"问","answer":"答"}`,
	})
	out := filepath.Join(t.TempDir(), "new", "out")
	r, err := Folder(dir, out, FolderOptions{})
	check(t, err)
	if len(r.LeftOut) > 0 {
		t.Errorf("left out: %v, want nothing", r.LeftOut)
	}
	frog, second := []byte(one), []byte(two)
	want := map[string]datasets.Example{}
	for _, ex := range []datasets.Example{
		{ID: "图/青蛙.png", Text: "一只青蛙。", Image: frog, ImagePath: "图/青蛙.png"},
		{ID: "b.JPEG", Text: "两种说法", References: []string{"两种说法", "第二种"}, Image: second, ImagePath: "b.JPEG"},
		{ID: "小说.txt:1", Text: "第一段\n接着说"},
		{ID: "小说.txt:4", Text: "第二段"},
		{ID: "小说.txt:7", Text: "第三段"},
		{ID: "lines.txt:1", Text: "第一行"},
		{ID: "lines.txt:2", Text: "第二行"},
		{ID: "t/rows.jsonl:1", Text: "看图", Image: frog, ImagePath: "图/青蛙.png", Meta: `{"n":3,"url":"https://example.com/1"}`},
		{ID: "t/rows.jsonl:3", Question: "几只？", Answer: "一只", Image: second, ImagePath: "b.JPEG"},
		{ID: "t/rows.jsonl:4", Text: "甲", References: []string{"甲", "乙"}},
		{ID: "t/rows.jsonl:5", Text: "丙", References: []string{"丙", "丁"}},
		{ID: "t/rows.jsonl:6", Text: "戊", References: []string{"己"}, Question: "问", Answer: "答"},
	} {
		ex.Source = "我的数据"
		want[ex.ID] = ex
	}
	got, _ := readAll(t, out)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"train": len(want)}, r.Rows); diff != "" {
		t.Errorf("rows by split (-want +got):\n%s", diff)
	}
	report, err := Check(out)
	check(t, err)
	if !report.OK() {
		t.Errorf("Check finds %v", report.Faults)
	}
}

func TestFolderLeavesOut(t *testing.T) {
	one := shot(t, 1)
	dir := put(t, map[string]string{
		"good.png": one, "good.txt": "好图",
		"same.png": one, "same.txt": "好图",
		"lonely.png": shot(t, 2),
		"broken.jpg": "no picture", "broken.txt": "坏图",
		"cut.png": one[:len(one)-20], "cut.txt": "半张图",
		"blank.png": shot(t, 3), "blank.txt": " \n ",
		"gbkcaption.png": shot(t, 4), "gbkcaption.txt": "\xb4\xba\xc3\xdf",
		"big.png": string(drawing(t, 40, 40, color.Black)), "big.txt": "大图",
		"gbk.txt":   "ascii\n\xb4\xba\xc3\xdf\n",
		"empty.txt": "\n\n",
		"long.txt":  "短\n\n" + strings.Repeat("长", 40) + "\n" + strings.Repeat("长", 40) + "\n\n也短",
		"a.pdf":     "x", ".DS_Store": "x", ".git/config": "x",
		"rows.jsonl": strings.Join([]string{
			`{"text": "好行"}`, `{broken`, `[1]`, `null`, `{"text": 5}`, `{"text": "x", "image": ["a"]}`, `{"text": ""}`, `{"question": "只有问题"}`,
			`{"text": "外", "image": "../x.png"}`, `{"text": "外", "image": "/etc/passwd"}`, `{"text": "无", "image": "none.png"}`, `{"text": "坏", "image": "broken.jpg"}`,
			"{\"text\": \"\xb4\xba\"}", `{"text": "半\ud83d个"}`, `{"text": "好行"}`, `{"text": "` + strings.Repeat("长", 100) + `"}`, `{"text": "夹", "image": "a.pdf"}`, `{"text": "x"} {`,
		}, "\n"),
	})
	outside := put(t, map[string]string{"secret.png": one, "secret.txt": "外面的"})
	check(t, os.Symlink(filepath.Join(outside, "secret.png"), filepath.Join(dir, "link.png")))
	check(t, os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, "link.txt")))
	check(t, os.Symlink(outside, filepath.Join(dir, "links")))
	check(t, os.Symlink("nowhere", filepath.Join(dir, "nowhere.txt")))
	out := filepath.Join(t.TempDir(), "out")
	r, err := Folder(dir, out, FolderOptions{MaxText: 200, Limits: image.Limits{Pixels: 1000}})
	check(t, err)
	want := map[string][]string{ // reason to the beginnings of what is named
		LeftDuplicate:  {"same.png: the same as good.png", "rows.jsonl:15: the same as rows.jsonl:1"},
		LeftEmpty:      {"blank.png", "rows.jsonl:7", "empty.txt"},
		LeftEncoding:   {"gbkcaption.png: at byte 0", "rows.jsonl:13: at byte 10", "gbk.txt: line 2; convert it"},
		LeftHalf:       {"rows.jsonl:8"},
		LeftHidden:     {".DS_Store", ".git"},
		LeftKind:       {"a.pdf"},
		LeftLarge:      {"rows.jsonl:16: more than 200 bytes", "long.txt:3: more than 200 bytes", "big.png: 40 x 40 pixels, the limit is 1000"},
		LeftLine:       {"rows.jsonl:2: invalid character", "rows.jsonl:3: a array where", "rows.jsonl:4: null", `rows.jsonl:5: "text": a number`, `rows.jsonl:6: "image": a array`, "rows.jsonl:14: half of a surrogate", "rows.jsonl:18: invalid character"},
		LeftLink:       {"link.png", "link.txt", "links"},
		LeftMissing:    {"rows.jsonl:11: none.png"},
		LeftNoCaption:  {"lonely.png"},
		LeftOutside:    {"rows.jsonl:9: ../x.png", "rows.jsonl:10: /etc/passwd"},
		LeftPicture:    {"broken.jpg: ", "cut.png: ", "rows.jsonl:12: broken.jpg: ", "rows.jsonl:17: a.pdf: "},
		LeftUnreadable: {"nowhere.txt: a link to nowhere"},
	}
	for reason := range want {
		got := r.LeftOut[reason]
		if len(got) != len(want[reason]) {
			t.Errorf("%s: %q, want %d", reason, got, len(want[reason]))
			continue
		}
		for i, name := range want[reason] {
			if !strings.HasPrefix(got[i], name) || strings.Contains(got[i], "\n") {
				t.Errorf("%s: %q, want it to begin with %q", reason, got[i], name)
			}
		}
	}
	for reason, names := range r.LeftOut {
		if want[reason] == nil {
			t.Errorf("%s: %q, want none", reason, names)
		}
	}
	got, _ := readAll(t, out)
	for _, id := range []string{"good.png", "rows.jsonl:1", "long.txt:1", "long.txt:6"} {
		if _, ok := got[id]; !ok {
			t.Errorf("row %s is missing", id)
		}
		delete(got, id)
	}
	if len(got) > 0 {
		t.Errorf("rows that should not be there: %v", got)
	}
	m, err := ReadManifest(out)
	check(t, err)
	if got := m.Made["left_out"].(map[string]any)[LeftLine]; got != 7.0 {
		t.Errorf("the manifest counts %v unreadable lines, want 7", got)
	}
}

// TestFolderSplits: the shares are met, the same texts and pictures stay together, and the split follows from contents and seed alone.
func TestFolderSplits(t *testing.T) {
	files, renamed := map[string]string{}, map[string]string{}
	var table strings.Builder
	for i := range 101 {
		files[fmt.Sprintf("p%03d.png", i)] = shot(t, i%83) // some twice, with other captions
		files[fmt.Sprintf("p%03d.txt", i)] = fmt.Sprintf("说明%d", i)
		renamed[fmt.Sprintf("z/q%03d.png", 100-i)] = files[fmt.Sprintf("p%03d.png", i)]
		renamed[fmt.Sprintf("z/q%03d.txt", 100-i)] = files[fmt.Sprintf("p%03d.txt", i)]
	}
	for i := range 211 {
		space := strings.Repeat(" ", i/199) // some texts twice, with other white space
		fmt.Fprintf(&table, `{"text": "文%s字%d", "answer": "答%d", "question": "问%d"}`+"\n", space, i%199, i, i)
	}
	files["t.jsonl"], renamed["a.jsonl"] = table.String(), table.String()
	o := FolderOptions{Seed: 5, Valid: 0.1, Test: 0.2}
	dir, out := put(t, files), filepath.Join(t.TempDir(), "out")
	r, err := Folder(dir, out, o)
	check(t, err)
	examples, split := readAll(t, out)
	const n = 101 + 211
	if diff := cmp.Diff(map[string]int{"train": n - 31 - 62, "valid": 31, "test": 62}, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	where := map[string]string{}
	for id, ex := range examples {
		for _, key := range []string{string(ex.Image), strings.ReplaceAll(ex.Text, " ", "")} {
			if before, ok := where[key]; ok && before != split[id] && key != "" {
				t.Errorf("a text or picture of %s is in %s and %s", id, before, split[id])
			}
			where[key] = split[id]
		}
	}

	again := filepath.Join(t.TempDir(), "again")
	_, err = Folder(dir, again, o)
	check(t, err)
	first, err := os.ReadFile(filepath.Join(out, ManifestName))
	check(t, err)
	second, err := os.ReadFile(filepath.Join(again, ManifestName))
	check(t, err)
	if string(first) != string(second) {
		t.Error("a second run gives another manifest, and so other checksums")
	}

	moved := filepath.Join(t.TempDir(), "moved")
	_, err = Folder(put(t, renamed), moved, o)
	check(t, err)
	if !reflect.DeepEqual(contents(t, out), contents(t, moved)) {
		t.Error("with other names of the files the split is another")
	}

	o.Seed++
	other := filepath.Join(t.TempDir(), "other")
	_, err = Folder(dir, other, o)
	check(t, err)
	if reflect.DeepEqual(contents(t, out), contents(t, other)) {
		t.Error("another seed gives the same split")
	}
}

// contents returns the split of every picture and text.
func contents(t *testing.T, dir string) map[string]string {
	examples, split := readAll(t, dir)
	where := map[string]string{}
	for id, ex := range examples {
		where[string(ex.Image)+ex.Text+ex.Answer] = split[id]
	}
	return where
}

func TestFolderErrors(t *testing.T) {
	full := put(t, map[string]string{"x": "x"})
	good := put(t, map[string]string{"a.txt": "一\n二\n三"})
	tests := []struct {
		name, source, out string
		o                 FolderOptions
		want              string
	}{
		{"full output", good, full, FolderOptions{}, "is not empty (it holds x): choose another name or remove it"},
		{"no source", filepath.Join(full, "none"), filepath.Join(t.TempDir(), "o"), FolderOptions{}, "opening the folder of data: open "},
		{"a file", filepath.Join(full, "x"), filepath.Join(t.TempDir(), "o"), FolderOptions{}, "not a directory"},
		{"nothing to take", full, filepath.Join(t.TempDir(), "o"), FolderOptions{}, "gives no rows: it wants pictures with .txt captions of the same name, .jsonl or .txt files (left out: neither a picture nor .txt nor .jsonl: 1, first x)"},
		{"shares", good, filepath.Join(t.TempDir(), "o"), FolderOptions{Valid: 0.5, Test: 0.5}, "valid 0.5 and test 0.5: want shares"},
		{"negative", good, filepath.Join(t.TempDir(), "o"), FolderOptions{Valid: -0.5}, "valid -0.5"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Folder(test.source, test.out, test.o)
			wantLine(t, err, test.want)
		})
	}
}

// TestFolderTooFew: a share that no group can fill is named.
func TestFolderTooFew(t *testing.T) {
	dir := put(t, map[string]string{"a.txt": "一\n二"})
	r, err := Folder(dir, filepath.Join(t.TempDir(), "o"), FolderOptions{Valid: 0.1, Test: 0.1})
	check(t, err)
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "the split valid is empty") {
		t.Errorf("notes = %q, want one about valid", r.Notes)
	}
	if r.Rows["train"] != 1 || r.Rows["test"] != 1 {
		t.Errorf("rows = %v, want one in train and one in test", r.Rows)
	}
}

func TestEachLine(t *testing.T) {
	tests := []struct {
		in   string
		want []textLine
	}{
		{"", nil},
		{"\n", []textLine{{1, 0, 0, []byte{}, false}}},
		{"ab\n\ncdefgh\nx", []textLine{{1, 0, 2, []byte("ab"), false}, {2, 3, 0, []byte{}, false}, {3, 4, 6, []byte("cdef"), true}, {4, 11, 1, []byte("x"), false}}},
		{strings.Repeat("长", 50_000) + "\ny", []textLine{{1, 0, 150_000, []byte("长")[:3:3], true}, {2, 150_001, 1, []byte("y"), false}}},
	}
	for _, test := range tests {
		var got []textLine
		err := eachLine(strings.NewReader(test.in), 4, func(l textLine) {
			l.data = append([]byte{}, l.data...)
			got = append(got, l)
		})
		check(t, err)
		if len(test.in) > 1000 {
			test.want[0].data = []byte(test.in[:4])
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(textLine{})); diff != "" {
			t.Errorf("%.20q (-want +got):\n%s", test.in, diff)
		}
	}
}

// FuzzJSONLine: any line gives an example that can be written, or a reason.
func FuzzJSONLine(f *testing.F) {
	for _, s := range []string{`{"text": "好"}`, `{"text": ["a", "b"], "image": "a.png", "url": {"x": [1]}}`, `{"references": "a", "question": "q", "answer": null}`, `{"text": "\ud800"}`, `null`, `[`, "{\"text\": \"\xff\"}", `{"text":"a","text":"b"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		ex, picture, why := parse(jsonLine, line)
		if why != nil {
			if why.reason == "" {
				t.Error("left out without a reason")
			}
			return
		}
		if picture != "" {
			ex.Image = []byte{1}
		}
		ex.ID = "x"
		if err := validate(&ex); err != nil {
			t.Errorf("%q gives an example that cannot be written: %v", line, err)
		}
		if ex.Meta != "" && !json.Valid([]byte(ex.Meta)) {
			t.Errorf("%q gives the meta %q", line, ex.Meta)
		}
		if len(textKeys(&ex, picture != "")) == 0 && picture == "" {
			t.Errorf("%q gives a row without a text to split by", line)
		}
	})
}
