package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// tree writes files below a new folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const dot = "\x89PNG\r\n\x1a\n"

// mixed is a folder of everything.
func mixed() map[string]string {
	files := map[string]string{
		"www.example.cn/a/index.html": "<html>首页</html>", "www.example.cn/a/b.htm": "<html>二</html>", "www.example.cn/a/logo.png": dot,
		"help/text.html": "<html>帮助</html>", "help/empty.html": "", "help/page.xhtml": "<html/>",
		"pictures/1.png": dot + "1", "pictures/1.txt": "第一张\n又名一\n", "pictures/2.JPG": "\xff\xd8\xff2", "pictures/2.json": `{"caption":"第二张","license":"CC0"}`,
		"pictures/3.webp": "RIFFxxxxWEBP", "pictures/note.txt": "一个文件，没有图。",
		"体育/12.txt": "赛事标题\n　　正文第一段。\n　　第二段。\n", "体育/13.txt": "只有一行",
		"corpus.txt": "第一篇。\n还是第一篇。\n\n第二篇。\n \t\r\n\n第三篇。", "rows.jsonl": `{"text":"行一"}` + "\n" + `{"question":"问","answer":"答"}` + "\n",
		".hidden": "x", ".git/config": "x", "program.exe": "MZ", "crawl.warc": record("http://x/w", "<html>w", 0),
		"products.csv": "title,image\n商品,pictures/1.png\n",
	}
	for i := range 20 {
		files[fmt.Sprintf("many/%02d/%d.html", i%7, i)] = fmt.Sprint("<html>", i)
	}
	return files
}

// summary is a line for each document and fault, with names counted from dir.
func summary(dir string, documents []*Document, faults []*Fault) []string {
	var lines []string
	for _, d := range documents {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(d.ID, dir), "/")+" "+d.Source+" "+d.Title+"|"+string(d.Body)+"|"+d.Question)
	}
	for _, f := range faults {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(f.Address, dir), "/")+" "+f.Reason)
	}
	slices.Sort(lines)
	return lines
}

func TestFolder(t *testing.T) {
	dir := tree(t, mixed())
	if err := os.Symlink(filepath.Join(dir, "many"), filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	documents, faults := read(t, Options{}, plan(t, 0, dir)...)
	got := strings.Join(summary(dir, documents, faults), "\n") + "\n"
	for _, want := range []string{
		"www.example.cn/a/index.html web |<html>首页</html>|", "www.example.cn/a/logo.png picture without a caption", "help/empty.html empty",
		"pictures/1.png web |第一张|", "pictures/2.JPG web |第二张|", "pictures/3.webp picture without a caption", "pictures/note.txt#0 common_crawl |一个文件，没有图。|",
		"体育/12.txt common_crawl 赛事标题|　　正文第一段。\n　　第二段。\n|", "体育/13.txt common_crawl |只有一行|",
		"corpus.txt#0 common_crawl |第一篇。\n还是第一篇。|", "corpus.txt#33 common_crawl |第二篇。|", "corpus.txt#51 common_crawl |第三篇。|",
		"rows.jsonl#0 common_crawl |行一|", "rows.jsonl#18 community_qa ||问", ".hidden hidden file", ".git hidden file", "program.exe file of no known kind", "loop file of no known kind",
		"crawl.warc#0 web |<html>w|", "products.csv#12 ecommerce |商品|", "many/06/13.html web |<html>13|",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	addresses := map[string]string{}
	for _, d := range documents {
		addresses[strings.TrimPrefix(d.ID, dir+"/")] = d.Address
	}
	for id, want := range map[string]string{"www.example.cn/a/b.htm": "http://www.example.cn/a/b.htm", "help/text.html": "file:///help/text.html"} {
		if addresses[id] != want {
			t.Errorf("address of %s is %s, want %s", id, addresses[id], want)
		}
	}
	if len(documents) != 36 || len(faults) != 7 {
		t.Errorf("%d documents and %d faults", len(documents), len(faults))
	}
	for _, target := range []int64{1, 600, 2000, 1 << 20} { // the files' 512 bytes each included
		d, f := read(t, Options{}, plan(t, target, dir)...)
		if diff := cmp.Diff(summary(dir, documents, faults), summary(dir, d, f)); diff != "" {
			t.Errorf("target %d:\n%s", target, diff)
		}
	}
}

func TestFolderOfOneFormat(t *testing.T) {
	dir := tree(t, mixed())
	for format, want := range map[string]int{FormatHTML: 24, FormatTHUCTC: 5, FormatPictures: 2, FormatWARC: 1, FormatJSONL: 3, FormatText: 7} {
		documents, faults := read(t, Options{}, plan(t, 1500, format+":"+dir)...)
		if len(documents) != want {
			t.Errorf("%s: %d documents, want %d; %v", format, len(documents), want, reasons(faults))
		}
		if reasons(faults)[SkipKind] == 0 {
			t.Errorf("%s: no file of another kind was counted", format)
		}
	}
	documents, _ := read(t, Options{}, plan(t, 0, "forum="+dir)...)
	for _, d := range documents {
		if d.Source != "forum" {
			t.Errorf("%s counts for %s", d.ID, d.Source)
		}
	}
}

func TestLargeFilesInFolder(t *testing.T) {
	var text, lines strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&text, "第%d篇的第一行。\n%s\n\n", i, noise(200))
		fmt.Fprintf(&lines, "第%d行 %s\n", i, noise(200))
	}
	dir := tree(t, map[string]string{"a/corpus.txt": text.String(), "lines.txt": lines.String(), "b/small.html": "<html>", "z.jsonl": strings.Repeat(`{"text":"`+noise(500)+"\"}\n", 3000)})
	parts := plan(t, 300000, dir)
	documents, faults := read(t, Options{}, parts...)
	if len(documents) != 9000+9000+1+3000 || len(faults) > 0 || len(parts) < 15 {
		t.Errorf("%d documents, %d faults, %d parts", len(documents), len(faults), len(parts))
	}
	whole, _ := read(t, Options{}, plan(t, 1<<30, dir)...)
	if !reflect.DeepEqual(summary(dir, documents, nil), summary(dir, whole, nil)) {
		t.Error("the size of the parts changes the documents")
	}
}

func TestTextTitles(t *testing.T) {
	for in, want := range map[string]string{
		"一个像样的标题\n这里是正文，它比标题长得多，因此上面是标题。": "一个像样的标题",
		"短题\n这里是正文，它比标题长得多，因此上面是标题。":      "",
		"这是一句话。\n这里是正文，它比标题长得多，因此上面是标题。":  "",
		"一个像样的标题":                                                 "",
		"一个像样的标题\n短":                                              "",
		strings.Repeat("长", 41) + "\n" + strings.Repeat("文", 400): "",
	} {
		title, body := titled([]byte(in))
		if title != want || !strings.HasSuffix(in, string(body)) || len(title)+len(body) < len(in)-1 {
			t.Errorf("%q: title %q, body %q", in, title, body)
		}
	}
}

func TestGlob(t *testing.T) {
	dir := tree(t, map[string]string{"a/1.html": "<html>1", "a/2.html": "<html>2", "a/x.css": "x", "b/3.html": "<html>3", "b/c/4.html": "<html>4", "d.html": "<html>d", ".e/5.html": "<html>5"})
	for pattern, want := range map[string]string{
		"*.html": "d", "*/*.html": "1 2 3", "**/*.html": "1 2 3 4 d", "[ab]/?.html": "1 2 3", "a/*": "1 2", "b": "3 4", "b*": "3 4", ".e/*.html": "5", "*/c/4.html": "4",
	} {
		for _, target := range []int64{1, 1 << 20} {
			documents, faults := read(t, Options{}, plan(t, target, dir+"/"+pattern)...)
			var got []string
			for _, d := range documents {
				got = append(got, strings.TrimPrefix(string(d.Body), "<html>"))
			}
			slices.Sort(got)
			if strings.Join(got, " ") != want || len(damaged(faults)) > 0 {
				t.Errorf("%s: %v, want %s; %v", pattern, got, want, faults)
			}
		}
	}
}

// folderStore serves a folder as s3://.
type folderStore struct{ dir string }

func (f folderStore) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	return fileblob.OpenBucket(filepath.Join(f.dir, u.Host), &fileblob.Options{Metadata: fileblob.MetadataDontWrite})
}

// TestObjectStore: what is read from a bucket is what is read from a folder.
func TestObjectStore(t *testing.T) {
	files := mixed()
	for _, name := range []string{"crawl.warc.gz", "wiki_multi.xml.bz2", "samples.tar", "ours.parquet", "rows.jsonl", "products.tsv"} {
		files["raw/"+name] = string(fixture(t, name))
	}
	dir := tree(t, nil)
	if err := os.Rename(tree(t, files), filepath.Join(dir, "crawls")); err != nil {
		t.Fatal(err)
	}
	blob.DefaultURLMux().RegisterBucket("tests3", folderStore{dir})
	local := filepath.Join(dir, "crawls")
	for _, at := range []string{"", "/", "/raw/", "/raw/*", "/raw/crawl.warc.gz", "/many", "/many/*/*.html", "/products.csv", "/raw/*.gz?region=x"} {
		plain, _, _ := strings.Cut(at, "?")
		for _, target := range []int64{4000, 1 << 20} {
			wantDocuments, wantFaults := read(t, Options{}, plan(t, target, local+plain)...)
			parts := plan(t, target, "tests3://crawls"+at)
			documents, faults := read(t, Options{}, parts...)
			want := summary(local, wantDocuments, wantFaults)
			got := summary("tests3://crawls", documents, faults)
			for i := range got {
				got[i] = strings.Replace(got[i], "?region=x", "", 1)
			}
			if diff := cmp.Diff(want, got); diff != "" || len(documents) == 0 {
				t.Errorf("%s, target %d:\n%s", at, target, diff)
			}
		}
	}
	if _, err := Plan(t.Context(), []Spec{{Address: "tests3://crawls/nowhere"}}, 0); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error %v", err)
	}
	images, err := OpenFolderImages(t.Context(), "tests3://crawls", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if data, ok, err := images.Get("http://www.example.cn/a/logo.png"); !ok || err != nil || string(data) != dot {
		t.Errorf("%q %v %v", data, ok, err)
	}
	if _, ok, err := images.Get("http://www.example.cn/a/none.png"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

func TestWARCImages(t *testing.T) {
	want := map[string][]byte{}
	for _, name := range []string{"crawl.warc", "crawl.warc.gz", "whole.warc.gz"} {
		notes := crawlNotes(t, 1, "testdata/"+name)
		images := openCrawl(t, crawlFiles(t, notes))
		for _, at := range []string{"http://www.example.cn/图/1.png", "http://www.example.cn/%E5%9B%BE/2.png", "HTTP://WWW.example.cn:80/图/2.png#x"} {
			data, ok, err := images.Get(at)
			if err != nil || !ok || !bytes.HasPrefix(data, []byte(dot)) || !bytes.HasSuffix(data, []byte("IEND\xaeB`\x82")) {
				t.Errorf("%s: %s: %d bytes, %v, %v", name, at, len(data), ok, err)
			}
			key := at[len(at)-9:]
			if want[key] == nil {
				want[key] = data
			}
			if !bytes.Equal(want[key], data) {
				t.Errorf("%s: %s differs", name, at)
			}
		}
		if _, ok, err := images.Get("http://www.example.cn/plain"); ok || err != nil {
			t.Errorf("a page is taken for a picture: %v", err)
		}
		one, _, _ := images.Get("http://www.example.cn/图/1.png")
		var g sync.WaitGroup
		for range 8 {
			g.Go(func() {
				for range 5 {
					if again, ok, err := images.Get("http://www.example.cn/图/1.png"); !ok || err != nil || !bytes.Equal(one, again) {
						t.Errorf("many at once: %v %v", ok, err)
					}
				}
			})
		}
		g.Wait()
		few := NewCrawlJoin(Options{MaxImages: 1})
		var err error
		for _, packed := range slices.Concat(notes[0], notes[0]) {
			err = errors.Join(err, few.Add(packed))
		}
		if err == nil || !strings.Contains(err.Error(), "raise read.max_images") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestFolderImages(t *testing.T) {
	dir := tree(t, map[string]string{"www.x.cn/a/1.png": "one", "www.x.cn/a/1.png?v=2": "two", "b/3.png": "three", "图.png": "four", "secret": "s"})
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	images, err := OpenFolderImages(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"http://www.x.cn/a/1.png": "one", "https://www.x.cn:8080/a/1.png": "one", "http://www.x.cn/a/1.png?v=2": "two", "http://www.x.cn/a/1.png?v=3": "one",
		"http://other.cn/b/3.png": "three", "file:///b/3.png": "three", "file:///%E5%9B%BE.png": "four", "http://www.x.cn/a/": "", "http://x/../../../etc/passwd": "",
		"http://www.x.cn/a/../../b/3.png": "three", "mailto:x": "", "%zz": "", "http://x/\x00": "", "http://x/" + strings.Repeat("n", 5000): "", "http://www.x.cn/a/1.png/x": "",
	} {
		data, ok, err := images.Get(at)
		if string(data) != want || ok != (want != "") || err != nil {
			t.Errorf("%s: %q %v %v, want %q", at, data, ok, err, want)
		}
	}
	if data, ok, _ := images.Get("http://x/out/passwd"); ok {
		t.Errorf("a link leads out: %q", data)
	}
	if _, err := OpenFolderImages(t.Context(), filepath.Join(dir, "nowhere"), Options{}); err == nil {
		t.Error("a folder that is not there is opened")
	}
}
