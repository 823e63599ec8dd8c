package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/scripts/sample/origin"
)

var keep = flag.String("keep", "", "leave the small output in this `folder`, for scripts/reference/warc_records.py")

// tinyCache is a cache of packages that has a few files of each: what the clients would have left there.
func tinyCache(t *testing.T) string {
	t.Helper()
	cache := t.TempDir()
	put := func(p origin.Package, name, data string) {
		t.Helper()
		file := filepath.Join(cache, p.Name+"-"+strings.ReplaceAll(p.Version, ":", "_"), filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(file), 0o755))
		check(t, os.WriteFile(file, []byte(data), 0o644))
	}
	picture := tinyPicture(t)
	for i := range 40 {
		words := strings.Repeat(fmt.Sprintf("第%d页说明了怎样使用菜单中的命令。", i), 3)
		put(origin.OfficeHelp, fmt.Sprintf("usr/share/libreoffice/help/zh-CN/text/shared/guide/p%02d.html", i),
			`<html><head><base href="../../../../"><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><title>页</title></head><body><p>`+words+
				`</p><img src="media/a.png" alt="图标"><img src="media/none.png"><img src="https://other.example/b.png"></body></html>`)
		put(manualPages, fmt.Sprintf("usr/share/man/zh_TW/man1/m%02d.1.gz", i), zipped(t, ".TH M 1\n.SH 名稱\n指令說明與使用方法第"+fmt.Sprint(i)+"項\n"))
	}
	for _, language := range []string{"zh-CN", "zh-TW"} {
		folder := "usr/share/doc/debian-handbook/html/" + language
		put(handbook, folder+"/images/b.png", picture+language)
		put(handbook, folder+"/a.html", `<?xml version="1.0" encoding="UTF-8" standalone="no"?><html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />`+
			`</head><body><p>`+language+` 安裝系統的步驟</p><img src="images//b.png" alt="圖" /></body></html>`)
	}
	put(origin.DebianReference, "usr/share/debian-reference/ch01.zh-cn.html", `<html><head><title>章</title></head><body><p>命令行的基本用法。</p></body></html>`)
	put(manualPages, "usr/share/man/zh_CN/man1/ls.1.gz", zipped(t, ".TH LS 1\n.SH 名称\nls \\- 列出目录内容\n"))
	put(manualPages, "usr/share/man/zh_CN/man1/dir.1.gz", zipped(t, ".so man1/ls.1\n"))
	put(manualPages, "usr/share/doc/manpages-zh/changelog.Debian.gz", zipped(t, "manpages-zh (9.9-1) unstable; urgency=low\n"))
	put(officeMedia, "usr/share/libreoffice/help/media/a.png", picture)
	put(officeMedia, "usr/share/libreoffice/help/media/zh-CN/a.png", picture+"zh")
	put(origin.DebianFAQ, "usr/share/doc/debian/FAQ/zh-cn/basic.zh-cn.html", `<html><body><div class="section"><div class="titlepage"><h2>1.1. 什么是它？</h2></div>`+
		`<p>它是<em>一个</em>系统。</p><div class="section"><div class="titlepage"><h3>1.1.1. 说明</h3></div><p>不是问题。</p></div></div></body></html>`)
	put(origin.Poetry, "dist/quantangshi/poet.tang.0.json", `[{"id":"a","author":"甲","title":"詩","paragraphs":["一二三四五，六七八九十。","又一行。"]}]`)
	put(origin.Poetry, "dist/quantangshi/poet.song.0.json", `[{"id":"b","author":"乙","title":"題","paragraphs":["山山水水。"]}]`)
	put(origin.Poetry, "dist/quantangshi/authors.tang.json", `[{"id":"c","name":"甲","desc":"甲，字乙，某地人。"}]`)
	for i := range 8 {
		name := fmt.Sprintf("usr/share/tuxpaint/stamps/animals/a%d", i)
		put(origin.Stamps, name+".png", picture)
		put(origin.Stamps, name+".txt", "An animal.\nzh_CN.utf8=一只动物。\n")
	}
	return cache
}

func tinyPicture(t *testing.T) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 7, 5))
	m.SetGray(3, 2, color.Gray{200})
	var b bytes.Buffer
	check(t, png.Encode(&b, m))
	return b.String()
}

func zipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(s))
	check(t, err)
	check(t, z.Close())
	return b.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cached fetches from a prepared cache, and never with a client.
func cached(cache string) fetch {
	return func(p origin.Package) (string, error) {
		dir := filepath.Join(cache, p.Name+"-"+strings.ReplaceAll(p.Version, ":", "_"))
		if _, err := os.Stat(dir); err != nil {
			return "", errors.New("no network in this test")
		}
		return dir, nil
	}
}

func tinyOutput(t *testing.T, without ...origin.Package) (string, manifest) {
	t.Helper()
	out, cache := filepath.Join(t.TempDir(), "raw"), tinyCache(t)
	for _, p := range without {
		check(t, os.RemoveAll(filepath.Join(cache, p.Name+"-"+p.Version)))
	}
	check(t, run(out, cached(cache), false))
	var m manifest
	check(t, readJSON(filepath.Join(out, "manifest.json"), &m))
	return out, m
}

// tree is every file below dir by name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	check(t, filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		name, _ := filepath.Rel(dir, file)
		files[filepath.ToSlash(name)] = string(data)
		return err
	}))
	return files
}

// seen is a record as a reader found it.
type seen struct {
	Type    string `json:"type"` // "damaged": a member that does not unpack
	Address string `json:"address,omitempty"`
	Status  string `json:"status,omitempty"`
	Media   string `json:"media,omitempty"`
	Bytes   int    `json:"bytes"` // of the answer, unpacked
	SHA1    string `json:"sha1,omitempty"`
}

// readMembers is a plain reader of this test's own: gzip members, header lines, net/http.
func readMembers(t *testing.T, file string) []seen {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	var out []seen
	for len(data) > 0 {
		block, size := member(data)
		if block == nil {
			next := bytes.Index(data[1:], []byte("\x1f\x8b\x08"))
			for next >= 0 {
				if b, _ := member(data[1+next:]); b != nil {
					break
				}
				more := bytes.Index(data[next+2:], []byte("\x1f\x8b\x08"))
				if more < 0 {
					next = -1
				} else {
					next += 1 + more
				}
			}
			out = append(out, seen{Type: "damaged"})
			if next < 0 {
				return out
			}
			data = data[1+next:]
			continue
		}
		out = append(out, readRecord(t, block))
		data = data[size:]
	}
	return out
}

// member unpacks one member; nil if it is damaged or no WARC record.
func member(data []byte) (block []byte, size int) {
	in := bytes.NewReader(data)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, 0
	}
	z.Multistream(false)
	block, err = io.ReadAll(z)
	if err != nil || !bytes.HasPrefix(block, []byte("WARC/1.")) {
		return nil, 0
	}
	return block, len(data) - in.Len()
}

func readRecord(t *testing.T, block []byte) seen {
	t.Helper()
	head, rest, ok := bytes.Cut(block, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("a record without an end of its header: %.80q", block)
	}
	fields := map[string]string{}
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		fields[name] = value
	}
	s := seen{Type: fields["WARC-Type"], Address: fields["WARC-Target-URI"]}
	if s.Type != "response" {
		return s
	}
	var length int
	_, err := fmt.Sscan(fields["Content-Length"], &length)
	check(t, err)
	rest = rest[:min(length, len(rest))]
	rest = bytes.Replace(rest, []byte("\r\nContent-Length: "), []byte("\r\nX-Length: "), 1) // the record's length counts, as with warcio
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(rest)), nil)
	if err != nil {
		s.Status = "none"
		return s
	}
	s.Status, s.Media = fmt.Sprint(answer.StatusCode), answer.Header.Get("Content-Type")
	body := io.Reader(answer.Body)
	if answer.Header.Get("Content-Encoding") == "gzip" {
		body, err = gzip.NewReader(body)
		check(t, err)
	}
	h := sha1.New()
	n, _ := io.Copy(h, body)
	s.Bytes, s.SHA1 = int(n), hex.EncodeToString(h.Sum(nil))
	return s
}

// TestWarcio holds the crawls to what PyPI's warcio finds in them (testdata/warcio.json, made by scripts/reference/warc_records.py).
func TestWarcio(t *testing.T) {
	out, m := tinyOutput(t)
	if *keep != "" {
		check(t, os.CopyFS(*keep, os.DirFS(out)))
	}
	var want map[string][]seen
	check(t, readJSON("testdata/warcio.json", &want))
	got := map[string][]seen{}
	for _, f := range m.Files {
		got[filepath.Base(f.Name)] = readMembers(t, filepath.Join(out, f.Name))
		if n := len(got[filepath.Base(f.Name)]); n != f.Records {
			t.Errorf("%s: %d records, the manifest says %d", f.Name, n, f.Records)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("records as warcio found them (-) and as they are (+):\n%s", d)
	}
}

// TestWarcioNow asks warcio itself, where there is one.
func TestWarcioNow(t *testing.T) {
	python := "python3"
	if p := os.Getenv("PYTHON"); p != "" {
		python = p
	}
	if err := exec.Command(python, "-c", "import warcio").Run(); err != nil {
		t.Skip("warcio: this Python has none (pip install warcio==1.8.1); testdata/warcio.json stands for it")
	}
	out, _ := tinyOutput(t)
	cmd := exec.Command(python, "../../reference/warc_records.py", filepath.Join(out, "crawl"))
	cmd.Stderr = os.Stderr
	data, err := cmd.Output()
	check(t, err)
	var got, want map[string][]seen
	check(t, json.Unmarshal(data, &got))
	check(t, readJSON("testdata/warcio.json", &want))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("testdata/warcio.json (-) and warcio (+):\n%s", d)
	}
}

// TestSameAgain: the same packages give the same bytes, and a folder that is made is left alone.
func TestSameAgain(t *testing.T) {
	first, _ := tinyOutput(t)
	second, _ := tinyOutput(t)
	if d := cmp.Diff(tree(t, first), tree(t, second)); d != "" {
		t.Errorf("two runs differ:\n%s", d)
	}
	check(t, os.Remove(filepath.Join(first, "qa", "faq.jsonl")))
	check(t, run(first, func(origin.Package) (string, error) { return "", errors.New("asked for a package") }, false))
	if _, err := os.Stat(filepath.Join(first, "qa", "faq.jsonl")); err == nil {
		t.Error("a folder that was made was made again")
	}
}

// TestManifest: its numbers are those of the files.
func TestManifest(t *testing.T) {
	out, m := tinyOutput(t, handbook, origin.DebianReference)
	if len(m.Missing) != 2 || m.Missing[handbook.Name] == "" || m.Missing[origin.DebianReference.Name] == "" {
		t.Errorf("missing %v, want the handbook and the reference", m.Missing)
	}
	for _, p := range m.Packages {
		if p.Name == "manpages-zh" && (p.Version != "9.9-1" || p.Pinned) {
			t.Errorf("manpages-zh is named with version %s, pinned %t: its change log says 9.9-1", p.Version, p.Pinned)
		}
	}
	for name, pages := range map[string]int{"guides": 40, "manuals": 41} {
		c := m.Crawls[name]
		charsets := 0
		for _, n := range c.Charsets {
			charsets += n
		}
		if c.Pages != pages || charsets != pages {
			t.Errorf("%s: %d pages, %d by charset, want %d", name, c.Pages, charsets, pages)
		}
		for _, f := range faults {
			if c.Broken[f.kind] != f.times {
				t.Errorf("%s: %d of %q, want %d", name, c.Broken[f.kind], f.kind, f.times)
			}
		}
	}
	if c := m.Crawls["guides"]; c.Pictures != 1 || c.Links["kept"] != 40 || c.Links["not in the package"] != 40 || c.Links["of another site"] != 40 {
		t.Errorf("pictures %d, links %v: want one picture, 40 links of each kind", c.Pictures, c.Links)
	}
	documents := map[string]int{}
	for _, in := range m.Inputs {
		documents[in.In] = in.Documents
	}
	files := tree(t, out)
	if n := strings.Count(files["qa/faq.jsonl"], "\n"); n != 1 || documents["community_qa=qa/faq.jsonl"] != 1 || !strings.Contains(files["qa/faq.jsonl"], "<em>一个</em>") {
		t.Errorf("questions: %q", files["qa/faq.jsonl"])
	}
	if want := "題\n山山水水。\n"; files["poems/song/000/00000.txt"] != want {
		t.Errorf("a poem as plain text: %q, want %q", files["poems/song/000/00000.txt"], want)
	}
	if n := documents["stamps=pictures:stamps"] + documents["ecommerce=shop/products.csv"]; n != 8 {
		t.Errorf("%d stamps, want 8", n)
	}
	if !strings.Contains(files["shop/products.csv"], "一只动物 动物图案贴纸 An animal.") {
		t.Errorf("products: %q", files["shop/products.csv"])
	}
}

func TestNothingToHave(t *testing.T) {
	out := filepath.Join(t.TempDir(), "raw")
	err := run(out, func(origin.Package) (string, error) { return "", errors.New("no client") }, true)
	if err == nil || !strings.Contains(err.Error(), "no client") {
		t.Errorf("got error %v, want one that tells why no package could be had", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was left")
	}
}
