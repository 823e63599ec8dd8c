package source

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// record is one WARC record with a page; length is what Content-Length claims beyond the truth.
func record(uri, body string, length int, http ...string) string {
	block := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + strings.Join(append(http, ""), "\r\n") + "\r\n" + body
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: %s\r\nWARC-Date: 2024-05-06T07:08:09Z\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", uri, len(block)+length, block)
}

func zipped(data string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, data)
	_ = w.Close()
	return b.String()
}

func zipEach(records ...string) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString(zipped(r))
	}
	return b.String()
}

// noise is text that does not compress to nothing.
func noise(n int) string {
	var b strings.Builder
	for x := uint32(n); b.Len() < n; {
		x = x*1664525 + 1013904223
		fmt.Fprintf(&b, "%x ", x)
	}
	return b.String()[:n]
}

// ends are the last parts of the documents' addresses.
func ends(documents []*Document) string {
	var names []string
	for _, d := range documents {
		names = append(names, d.Address[strings.LastIndexByte(d.Address, '/')+1:])
	}
	return strings.Join(names, " ")
}

// outcome is what a damaged input gives.
type outcome struct {
	file   string
	data   string
	want   string // of ends
	faults map[string]int
}

func (c outcome) check(t *testing.T, o Options) {
	t.Helper()
	parts := plan(t, 0, write(t, c.file, []byte(c.data)))
	documents, faults := read(t, o, parts...)
	if got := ends(documents); got != c.want {
		t.Errorf("documents %q, want %q; faults %v", got, c.want, faults)
	}
	if got := reasons(faults); c.faults != nil && !reflect.DeepEqual(got, c.faults) {
		t.Errorf("faults %v, want %v", faults, c.faults)
	}
	for _, f := range faults {
		if !strings.HasPrefix(f.Address, parts[0].Address) || strings.Contains(f.Error(), "\n") {
			t.Errorf("fault %q: want one line that begins with the file", f)
		}
	}
}

func TestDamagedWARC(t *testing.T) {
	a, b, c := record("http://x/a", noise(900), 0), record("http://x/b", noise(1900), 0), record("http://x/c", noise(700), 0)
	zb := zipped(b)
	flipped := []byte(zb)
	flipped[len(flipped)/2] ^= 0x55
	sum := []byte(zb)
	sum[len(sum)-6] ^= 1
	embedded := record("http://x/e", "see\r\n\r\n"+record("http://x/inner", "inner", 0)+"tail", 0)
	for name, test := range map[string]outcome{
		"sound":                     {"f.warc", a + b + c, "a b c", map[string]int{}},
		"truncated record":          {"f.warc", a + b[:len(b)-700], "a", map[string]int{FaultTruncated: 1}},
		"truncated header":          {"f.warc", a + b[:60], "a", map[string]int{FaultHeader: 1}},
		"length too large":          {"f.warc", a + record("http://x/b", noise(900), 300) + c, "a c", map[string]int{FaultLength: 1}},
		"length far too large":      {"f.warc", a + record("http://x/b", noise(900), 1e6) + c, "a c", map[string]int{FaultLength: 1}},
		"length too small":          {"f.warc", a + record("http://x/b", noise(900), -300) + c, "a c", map[string]int{FaultLength: 1}},
		"length larger than 2^63":   {"f.warc", a + strings.Replace(b, "Content-Length: 1", "Content-Length: 99999999999999999999", 1) + c, "a c", map[string]int{FaultLength: 1}},
		"length larger than memory": {"f.warc", a + strings.Replace(b, "Content-Length: 1", "Content-Length: 99999999999999", 1) + c, "a c", map[string]int{FaultLength: 1}},
		"negative length":           {"f.warc", a + strings.Replace(b, "Content-Length: 1", "Content-Length: -1", 1) + c, "a c", map[string]int{FaultLength: 1}},
		"no length":                 {"f.warc", a + strings.Replace(b, "Content-Length", "Content-Largth", 1) + c, "a c", map[string]int{FaultLength: 1}},
		"garbage between":           {"f.warc", a + "garbage\r\n\x00\x01" + "\r\n" + b + c, "a b c", map[string]int{FaultHeader: 1}},
		"no line ends between":      {"f.warc", strings.TrimSuffix(a, "\r\n\r\n") + b + c, "a b c", map[string]int{}},
		"lines of LF":               {"f.warc", a + strings.ReplaceAll(b, "\r\n", "\n") + c, "a c", map[string]int{FaultLength: 1}},
		"record inside a record":    {"f.warc", a + embedded + c, "a e c", map[string]int{}},
		"members":                   {"f.warc.gz", zipEach(a, b, c), "a b c", map[string]int{}},
		"truncated gzip":            {"f.warc.gz", zipEach(a) + zb[:len(zb)/2], "a", map[string]int{FaultCut: 1}},
		"truncated in gzip header":  {"f.warc.gz", zipEach(a) + zb[:7], "a", map[string]int{FaultCut: 1}},
		"corrupt member":            {"f.warc.gz", zipEach(a) + string(flipped) + zipEach(c), "a c", map[string]int{FaultCompress: 1}},
		"wrong checksum":            {"f.warc.gz", zipEach(a) + string(sum) + zipEach(c), "a c", map[string]int{FaultCompress: 1}},
		"garbage between members":   {"f.warc.gz", zipEach(a) + "garbage" + zipEach(b, c), "a b c", map[string]int{FaultCompress: 1}},
		"zeros at the end":          {"f.warc.gz", zipEach(a, b) + strings.Repeat("\x00", 700), "a b", map[string]int{}},
		"wrong length in a member":  {"f.warc.gz", zipEach(a, record("http://x/b", noise(900), 300), c), "a c", map[string]int{FaultLength: 1}},
		"whole gzip":                {"f.warc.gz", zipped(a + b + c), "a b c", map[string]int{}},
		"truncated whole gzip":      {"f.warc.gz", func() string { z := zipped(a + b + c); return z[:len(z)-300] }(), "a b", map[string]int{FaultCut: 1}},
		"two in a member":           {"f.warc.gz", zipEach(a, b+c), "a b c", map[string]int{}},
		"empty member":              {"f.warc.gz", zipEach(a, "", b), "a b", map[string]int{}},
		"zstd":                      {"f.warc.zst", zstdOf(a + b + c), "a b c", map[string]int{}},
		"truncated zstd":            {"f.warc.zst", zstdOf(a + b + c)[:500], "", map[string]int{FaultCut: 1}},
		"too large":                 {"f.warc", a + record("http://x/b", noise(400000), 0) + c, "a c", map[string]int{FaultLarge: 1}},
		"too large in a member":     {"f.warc.gz", zipEach(a, record("http://x/b", noise(400000), 0), c), "a c", map[string]int{FaultLarge: 1}},
		"too large and truncated":   {"f.warc", a + record("http://x/b", noise(400000), 9), "a", map[string]int{FaultTruncated: 1}},
		"too large, wrong length":   {"f.warc", a + record("http://x/b", noise(400000), -9) + c, "a c", map[string]int{FaultLength: 1}},
		"empty body":                {"f.warc", a + record("http://x/b", "", 0) + c, "a c", map[string]int{FaultEmpty: 1}},
		"empty":                     {"f.warc", "", "", map[string]int{FaultEmpty: 1}},
		"no WARC":                   {"f.warc", "hello", "", map[string]int{FaultHeader: 1}},
		"no gzip after all":         {"f.warc.gz", a + b, "a b", map[string]int{}},
		"no status":                 {"f.warc", a + strings.Replace(b, "200 OK", "abc OK", 1) + c, "a c", map[string]int{FaultHeader: 1}},
	} {
		t.Run(name, func(t *testing.T) { test.check(t, Options{MaxDocument: 20000}) })
	}
}

func zstdOf(data string) string {
	w, _ := zstd.NewWriter(nil)
	return string(w.EncodeAll([]byte(data), nil))
}

func TestDamagedResponses(t *testing.T) {
	page := "<html>" + noise(3000)
	z := zipped(page)
	bomb := zipped("<html>" + strings.Repeat("\x00", 50<<20))
	for name, test := range map[string]struct {
		body   string
		http   []string
		reason string // "" gives the page
	}{
		"chunks":           {fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(page), page), []string{"Transfer-Encoding: chunked"}, ""},
		"chunks, trailer":  {fmt.Sprintf("%X;a=b\r\n%s\r\n0\r\nTrailer: x\r\n\r\n", len(page), page), []string{"transfer-encoding: Chunked"}, ""},
		"chunk too long":   {fmt.Sprintf("5\r\n<html\r\n%x\r\n%s", len(page)+7, page), []string{"Transfer-Encoding: chunked"}, FaultChunks},
		"huge chunk":       {"5\r\n<html\r\nffffffff\r\n" + page, []string{"Transfer-Encoding: chunked"}, FaultChunks},
		"no last chunk":    {fmt.Sprintf("%x\r\n%s\r\n", len(page), page), []string{"Transfer-Encoding: chunked"}, FaultChunks},
		"chunk end":        {fmt.Sprintf("%x\r\n%sXX0\r\n\r\n", len(page), page), []string{"Transfer-Encoding: chunked"}, FaultChunks},
		"not chunked":      {page, []string{"Transfer-Encoding: chunked"}, ""},
		"gzip":             {z, []string{"Content-Encoding: gzip"}, ""},
		"gzip twice":       {zipped(z), []string{"Content-Encoding: gzip, x-gzip"}, ""},
		"not gzip":         {page, []string{"Content-Encoding: gzip"}, ""},
		"unknown encoding": {page, []string{"Content-Encoding: utf-8"}, ""},
		"truncated gzip":   {z[:len(z)/2], []string{"Content-Encoding: gzip"}, FaultEncoding},
		"bomb":             {bomb, []string{"Content-Encoding: gzip"}, FaultLarge},
		"bad br":           {"\xff\xff\xff\xff" + z, []string{"Content-Encoding: br"}, FaultEncoding},
		"zstd":             {zstdOf(page), []string{"Content-Encoding: zstd"}, ""},
	} {
		for _, truncated := range []bool{false, true} {
			r := record("http://x/a", test.body, 0, test.http...)
			if truncated {
				r = strings.Replace(r, "\r\n", "\r\nWARC-Truncated: length\r\n", 1)
			}
			documents, faults := read(t, Options{}, plan(t, 0, write(t, "f.warc", []byte(r)))...)
			switch {
			case truncated && test.reason != "" && test.reason != FaultLarge && test.reason != FaultEncoding:
				if len(documents) != 1 || !strings.HasPrefix(string(documents[0].Body), "<html") {
					t.Errorf("%s, truncated by the crawler: %d documents, faults %v: want what there is", name, len(documents), faults)
				}
			case test.reason == "" && (len(documents) != 1 || string(documents[0].Body) != page):
				t.Errorf("%s: %d documents, faults %v", name, len(documents), faults)
			case test.reason != "" && !truncated && (len(faults) != 1 || faults[0].Reason != test.reason):
				t.Errorf("%s: faults %v, want %s", name, faults, test.reason)
			}
		}
	}
}

// TestCutsAnywhere: a WARC of which some records hold gzip members of WARC records themselves is cut at every place without loss or repetition.
func TestCutsAnywhere(t *testing.T) {
	var plain, members strings.Builder
	for i := range 40 {
		body := noise(50 + 37*i)
		if i%9 == 4 {
			body = zipEach(record("http://inner/1", noise(300), 0), record("http://inner/2", noise(200), 0)) + "\r\n\r\n" + record("http://inner/3", "x", 0)
		}
		r := record(fmt.Sprintf("http://x/%d", i), body, 0)
		plain.WriteString(r)
		members.WriteString(zipped(r))
	}
	for name, data := range map[string]string{"f.warc": plain.String(), "f.warc.gz": members.String()} {
		file := write(t, name, []byte(data))
		whole, _ := read(t, Options{}, plan(t, 1<<30, file)...)
		if len(whole) != 40 {
			t.Fatalf("%s: %d documents", name, len(whole))
		}
		for at := 1; at < len(data); at += 211 {
			got, faults := read(t, Options{}, Part{Address: file, Format: FormatWARC, End: int64(at)}, Part{Address: file, Format: FormatWARC, Start: int64(at)})
			if ends(got) != ends(whole) || len(faults) > 0 {
				t.Fatalf("%s cut at %d: %s; %v", name, at, ends(got), faults)
			}
		}
	}
}

func TestDamagedText(t *testing.T) {
	line := func(name string) string { return `{"text":"` + noise(300) + `","url":"http://x/` + name + `"}` + "\n" }
	a, b, c := line("a"), line("b"), line("c")
	z := zipped(b)
	flipped := []byte(z)
	flipped[10] |= 6 // a kind of block that there is not
	for name, test := range map[string]outcome{
		"sound":                    {"f.jsonl", a + b + c, "a b c", map[string]int{}},
		"byte order mark":          {"f.jsonl", "\xef\xbb\xbf" + a + b, "a b", map[string]int{}},
		"CRLF, blank lines":        {"f.jsonl", strings.ReplaceAll(a+"\n  \n"+b, "\n", "\r\n"), "a b", map[string]int{}},
		"no line end at the end":   {"f.jsonl", a + strings.TrimSpace(b), "a b", map[string]int{}},
		"truncated line":           {"f.jsonl", a + b[:100], "a", map[string]int{FaultJSON: 1}},
		"no object":                {"f.jsonl", a + "[1]\n17\nnull\n" + b, "a b", map[string]int{FaultJSON: 3}},
		"two objects":              {"f.jsonl", a + "{}{}\n" + b, "a b", map[string]int{FaultJSON: 1}},
		"no text":                  {"f.jsonl", a + `{"url":"x"}` + "\n" + b, "a b", map[string]int{FaultEmpty: 1}},
		"not UTF-8":                {"f.jsonl", a + strings.Replace(b, "text\":\"", "text\":\"\xc4\xe3", 1) + c, "a c", map[string]int{FaultUTF8: 1}},
		"half a pair":              {"f.jsonl", a + strings.Replace(b, "text\":\"", `text":"\ud800`, 1) + c, "a c", map[string]int{FaultJSON: 1}},
		"deep":                     {"f.jsonl", a + `{"x":` + strings.Repeat("[", 15000) + "\n" + b, "a b", map[string]int{FaultJSON: 1}},
		"megabyte line":            {"f.jsonl", a + `{"text":"` + strings.Repeat("长", 1<<20) + "\"}\n" + b, "a b", map[string]int{FaultLarge: 1}},
		"megabytes without end":    {"f.jsonl", a + strings.Repeat("x", 3<<20), "a", map[string]int{FaultLarge: 1}},
		"empty":                    {"f.jsonl", "", "", map[string]int{FaultEmpty: 1}},
		"blank":                    {"f.jsonl", "\n\n \n", "", map[string]int{FaultEmpty: 1}},
		"gzip":                     {"f.jsonl.gz", zipEach(a, b, c), "a b c", map[string]int{}},
		"truncated gzip":           {"f.jsonl.gz", zipped(a) + z[:len(z)-30], "a", map[string]int{FaultCut: 1}},
		"corrupt member":           {"f.jsonl.gz", zipped(a) + string(flipped) + zipped(c), "a c", map[string]int{FaultCompress: 1}},
		"gzip with garbage behind": {"f.jsonl.gz", zipped(a) + "garbage", "a", map[string]int{FaultCompress: 1}},
		"bomb of gzip":             {"f.jsonl.gz", zipped(a + strings.Repeat(" ", 150<<20) + "\n" + b), "a", map[string]int{FaultLarge: 1, FaultBomb: 1}},
		"bomb of zstd":             {"f.jsonl.zst", zstdOf(a + strings.Repeat(" ", 150<<20) + "\n" + b), "a", map[string]int{FaultLarge: 1, FaultBomb: 1}},
		"truncated zstd":           {"f.jsonl.zst", zstdOf(a + b + c)[:100], "", map[string]int{FaultCut: 1}},
		"no bzip2 after all":       {"f.jsonl", "BZh9" + a + b, "", map[string]int{FaultCompress: 1}},
		"list":                     {"f.json", "[\n " + a + ",\n" + b + "]\n", "a b", map[string]int{}},
		"list in a line":           {"f.json", "[" + strings.TrimSpace(a) + "," + strings.TrimSpace(b) + "]", "a b", map[string]int{}},
		"object over lines":        {"f.json", strings.ReplaceAll(a, ",", ",\n")[:1] + "\n" + a[1:], "a", map[string]int{}},
		"list, bad element":        {"f.json", "[\n" + a + ",\n{\"text\": 1 2},\n" + b + "]", "a b", map[string]int{FaultJSON: 1}},
		"truncated list":           {"f.json", "[\n" + a + ",\n" + b[:60], "a", map[string]int{FaultTruncated: 1}},
		"empty list":               {"f.json", "[]", "", map[string]int{FaultEmpty: 1}},
		"list with megabytes":      {"f.json", "[\n" + a + ",\n{\"text\":\"" + strings.Repeat("长", 1<<20) + "\"},\n" + b + "]", "a b", map[string]int{FaultLarge: 1}},
		"csv":                      {"f.csv", "title,url\n\"a,\"\"b\",http://x/a\nb,http://x/b\n", "a b", map[string]int{}},
		"csv, fields":              {"f.csv", "title,url\na,http://x/a,\nb,http://x/b\n", "b", map[string]int{FaultRow: 1}},
		"csv, open quote":          {"f.csv", "title,url\na,http://x/a\n\"b,http://x/b\nc,http://x/c\n", "a c", map[string]int{FaultRow: 1}},
		"csv, quote within":        {"f.csv", "title,url\na,http://x/a\n\"b\"b,http://x/b\nc,http://x/c\n", "a c", map[string]int{FaultRow: 1}},
		"csv, megabytes in quotes": {"f.csv", "title,url\na,http://x/a\n\"" + strings.Repeat("长", 2<<20) + "\nc,http://x/c\n", "a c", map[string]int{FaultLarge: 1}},
		"csv without header":       {"f.csv", "1,2\n3,4\n", "", map[string]int{FaultRow: 1}},
		"csv, not UTF-8":           {"f.csv", "title,url\n\xc4\xe3,http://x/a\nb,http://x/b\n", "b", map[string]int{FaultUTF8: 1}},
		"csv, header alone":        {"f.csv", "title,url\n", "", map[string]int{FaultEmpty: 1}},
		"tsv":                      {"f.tsv", "title\turl\n\"a\thttp://x/a\nb\thttp://x/b", "a b", map[string]int{}},
		"picture is missing":       {"f.csv", "title,url,image\na,http://x/a,nowhere.png\nb,http://x/b,\n", "b", map[string]int{FaultPicture: 1}},
		"picture out of folder":    {"f.csv", "title,url,image\na,http://x/a,../../etc/passwd\nb,http://x/b,/etc/passwd\nc,http://x/c,\n", "c", map[string]int{FaultPicture: 2}},
		"parquet":                  {"f.parquet", "PAR1" + noise(100) + "PAR1", "", map[string]int{FaultRow: 1}},
		"parquet, empty":           {"f.parquet", "", "", map[string]int{FaultEmpty: 1}},
	} {
		t.Run(name, func(t *testing.T) { test.check(t, Options{MaxDocument: 500000}) })
	}
}

// TestDamagedParquet: a Parquet file of which bytes are changed gives rows or faults.
func TestDamagedParquet(t *testing.T) {
	for _, name := range []string{"ours.parquet", "foreign.parquet"} {
		sound := fixture(t, name)
		file := write(t, name, nil)
		for at := 0; at < len(sound); at += 97 {
			data := bytes.Clone(sound)
			data[at] ^= 0xa5
			if at%3 == 0 {
				data = data[:len(data)-at]
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			read(t, Options{}, Part{Address: file, Format: FormatParquet})
		}
	}
}

func TestDamagedWiki(t *testing.T) {
	page := func(n int) string {
		return fmt.Sprintf("<page><title>P%d</title><ns>0</ns><id>%d</id><revision><text>%s</text></revision></page>\n", n, n, noise(500))
	}
	head := "<mediawiki><siteinfo><base>http://x/wiki/Main</base></siteinfo>\n"
	multi := string(fixture(t, "wiki_multi.xml.bz2"))
	second := 1 + strings.Index(multi[1:], "BZh9")
	third := second + 1 + strings.Index(multi[second+1:], "BZh9")
	flipped := []byte(multi)
	flipped[second+60] ^= 0x10
	bomb, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWbUiZb8BX44QAMAAAAggADCATUZCoCWpCoCXMUFZJlNZ4tbcCgEi9lAAoABAAAAIIAAwzAUppxhKpCNgSqQjxdyRThQkIiSF3UA=") // 80 MB of spaces
	if err != nil {
		t.Fatal(err)
	}
	rest := func(data string) string { // what the streams of data say
		documents, _ := read(t, Options{}, plan(t, 0, write(t, "rest.xml.bz2", []byte(data)))...)
		return ends(documents)
	}
	for name, test := range map[string]outcome{
		"sound":              {"f.xml", head + page(1) + page(2), "P1 P2", map[string]int{}},
		"truncated":          {"f.xml", head + page(1) + page(2)[:300], "P1", map[string]int{FaultTruncated: 1}},
		"truncated in a tag": {"f.xml", head + page(1) + page(2)[:50], "P1", map[string]int{FaultTruncated: 1}},
		"no end":             {"f.xml", head + strings.Replace(page(1), "</page>", "", 1) + page(2), "P2", map[string]int{FaultXML: 1}},
		"no title":           {"f.xml", head + strings.Replace(page(1), "title", "tilte", 2) + page(2), "P2", map[string]int{FaultXML: 1}},
		"no text":            {"f.xml", head + strings.Replace(page(1), "text", "texd", 2) + page(2), "P2", map[string]int{FaultXML: 1}},
		"empty text":         {"f.xml", head + "<page><title>E</title><id>7</id><text /></page>" + page(2), "P2", map[string]int{FaultEmpty: 1}},
		"not UTF-8":          {"f.xml", head + strings.Replace(page(1), "<text>", "<text>\xff", 1) + page(2), "P2", map[string]int{FaultUTF8: 1}},
		"too large":          {"f.xml", head + strings.Replace(page(1), "<text>", "<text>"+noise(30000), 1) + page(2), "P2", map[string]int{FaultLarge: 1}},
		"much too large":     {"f.xml", head + strings.Replace(page(1), "<text>", "<text>"+noise(300000), 1) + page(2), "P2", map[string]int{FaultLarge: 1}},
		"pages without end":  {"f.xml", head + page(1) + strings.Repeat("<page>", 100000), "P1", map[string]int{FaultLarge: 2, FaultTruncated: 2}},
		"no pages":           {"f.xml", head, "", map[string]int{FaultEmpty: 1}},
		"truncated bzip2":    {"f.xml.bz2", multi[:third+50], rest(multi[:third]), map[string]int{FaultCut: 1, SkipRedirect: 1, SkipNamespace: 1}},
		"bomb":               {"f.xml.bz2", multi[:third] + string(bomb), rest(multi[:third]), map[string]int{FaultBomb: 1, SkipRedirect: 1, SkipNamespace: 1}},
		"corrupt stream":     {"f.xml.bz2", string(flipped), rest(multi[:second] + multi[third:]), map[string]int{FaultCompress: 1, SkipRedirect: 3, SkipNamespace: 3}},
	} {
		t.Run(name, func(t *testing.T) { test.check(t, Options{MaxDocument: 20000}) })
	}
	if _, err := io.Copy(io.Discard, bzip2.NewReader(bytes.NewReader(flipped))); err == nil {
		t.Error("the changed stream is sound: the test shows nothing")
	}
}

// tarFile writes entries with the standard library.
func tarFile(t *testing.T, entries ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		body := h.PAXRecords["body"]
		h.PAXRecords = nil
		if h.Typeflag == tar.TypeReg || h.Typeflag == 0 {
			h.Size = int64(len(body))
		}
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			_, _ = io.WriteString(w, body)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func entryOf(name, body string) tar.Header {
	return tar.Header{Name: name, PAXRecords: map[string]string{"body": body}, Typeflag: tar.TypeReg}
}

func TestDamagedTar(t *testing.T) {
	sample := func(name string) []tar.Header {
		return []tar.Header{entryOf(name+".png", "\x89PNG\r\n\x1a\n"+noise(1300+int(name[0]))), entryOf(name+".json", `{"caption":"图`+name+`","url":"http://x/`+name+`"}`)}
	}
	abc := append(append(sample("a"), sample("b")...), sample("c")...)
	sound := tarFile(t, abc...)
	broken := []byte(sound)
	broken[strings.Index(sound, "b.png")] ^= 0xff
	for name, test := range map[string]outcome{
		"sound":               {"f.tar", sound, "a b c", map[string]int{}},
		"without end":         {"f.tar", sound[:len(sound)-1024], "a b c", map[string]int{}},
		"corrupt header":      {"f.tar", string(broken), "a c", nil},
		"truncated in a file": {"f.tar", sound[:3*(2048+1024)-1024-100], "a b", map[string]int{FaultTruncated: 1}},
		"garbage":             {"f.tar", noise(10000), "", map[string]int{FaultHeader: 1}},
		"empty":               {"f.tar", "", "", map[string]int{FaultEmpty: 1}},
		"no entries":          {"f.tar", strings.Repeat("\x00", 10240), "", map[string]int{FaultEmpty: 1}},
		"traversal": {"f.tar", tarFile(t, append([]tar.Header{entryOf("../evil.txt", "x"), entryOf("/etc/evil.txt", "x"), entryOf("a/../../evil.txt", "x"),
			entryOf(`..\evil.txt`, "x"), entryOf(strings.Repeat("long/", 40)+"../evil.txt", "x")}, abc...)...), "a b c", map[string]int{FaultPath: 5}},
		"links": {"f.tar", tarFile(t, append([]tar.Header{{Name: "l.png", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}, {Name: "d/", Typeflag: tar.TypeDir},
			{Name: "h.png", Linkname: "a.png", Typeflag: tar.TypeLink}, {Name: "f", Typeflag: tar.TypeFifo}}, abc...)...), "a b c", map[string]int{SkipKind: 3}},
		"too large":      {"f.tar", tarFile(t, append([]tar.Header{entryOf("z.png", noise(30000)), entryOf("z.txt", "text")}, abc...)...), "a b c", map[string]int{FaultLarge: 1}},
		"no caption":     {"f.tar", tarFile(t, append(abc[:2:2], entryOf("z.png", "\x89PNG"))...), "a", map[string]int{SkipCaption: 1}},
		"no picture":     {"f.tar", tarFile(t, append(abc[:2:2], entryOf("z.cls", "7"))...), "a", map[string]int{SkipKind: 1}},
		"bad json":       {"f.tar", tarFile(t, append(abc[:2:2], entryOf("z.png", "\x89PNG"), entryOf("z.json", "{"))...), "a", map[string]int{FaultJSON: 1}},
		"gzip":           {"f.tar.gz", zipped(sound), "a b c", map[string]int{}},
		"truncated gzip": {"f.tgz", func() string { z := zipped(sound); return z[:len(z)-100] }(), "a b", map[string]int{FaultCut: 1}},
		"bomb":           {"f.tar.gz", zipped(tarFile(t, append(abc[:2:2], entryOf("z.bin", strings.Repeat("\x00", 150<<20)))...) + sound), "a", map[string]int{FaultBomb: 1}},
		"claim of much": {"f.tar", func() string {
			h := tar.Header{Name: "z.png", Size: 1 << 40, Mode: 0o644, Typeflag: tar.TypeReg}
			var b bytes.Buffer
			_ = tar.NewWriter(&b).WriteHeader(&h)
			return sound[:2048+1024] + b.String() + noise(5000)
		}(), "a", map[string]int{FaultTruncated: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.faults == nil { // the rest of the sample is one without a picture
				documents, faults := read(t, Options{MaxDocument: 20000}, plan(t, 0, write(t, test.file, []byte(test.data)))...)
				if reasons(faults)[FaultHeader] != 1 || !strings.HasPrefix(ends(documents), "a ") || !strings.HasSuffix(ends(documents), " c") {
					t.Errorf("documents %q, faults %v", ends(documents), faults)
				}
				return
			}
			test.check(t, Options{MaxDocument: 20000})
		})
	}
}

// TestMemory: reading large inputs, sound and not, takes memory that does not depend on them.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200 MB")
	}
	r := record("http://x/a", noise(30000), 0)
	dir := t.TempDir()
	big := filepath.Join(dir, "big.warc")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		_, _ = io.WriteString(f, r)
	}
	_, _ = io.WriteString(f, strings.Replace(r, "Content-Length: 3", "Content-Length: 900000000003", 1))
	for range 1000 {
		_, _ = io.WriteString(f, r)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, n := uint64(0), 0
	for range Read(t.Context(), plan(t, 1<<40, big)[0], Options{MaxDocument: 1 << 20}) {
		if n++; n%500 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
		}
	}
	if grown := int64(peak) - int64(before.HeapInuse); grown > 32<<20 || n < 3000 {
		t.Errorf("%d MB of memory for 120 MB of input, %d records", grown>>20, n)
	}
}

func TestMediaTypes(t *testing.T) {
	for _, test := range []struct{ media, found, body, want, charset string }{
		{"text/html;charset=GB2312", "", "x", "text/html", "gb2312"},
		{`Text/HTML; charset="utf-8"; x=y`, "", "x", "text/html", "utf-8"},
		{"text/html; charset=utf-8; charset=gbk", "", "x", "text/html", "utf-8"},
		{"text/html;; charset='big5'", "", "x", "text/html", "big5"},
		{"text/plain", "", "x", "text/plain", ""},
		{"", "text/html", "x", "text/html", ""},
		{"application/octet-stream", "text/html", "x", "text/html", ""},
		{"", "", " \n<!DOCTYPE HTML><p>", "text/html", ""},
		{"", "", "binary", SkipMedia, ""},
		{"application/pdf", "", "<html>", SkipMedia, ""},
		{"application/octet-stream", "", "\x89PNG\r\n\x1a\n", SkipPicture, ""},
		{"image/x-unknown", "", "x", SkipPicture, ""},
	} {
		r := record("http://x/a", test.body, 0)
		r = strings.Replace(r, "Content-Type: text/html\r\n", "Content-Type: "+strings.Repeat(" ", len("text/html"))+"\r\n", 1)
		pad := len(test.media) - len("text/html")
		r = strings.Replace(r, "Content-Type: "+strings.Repeat(" ", len("text/html")), "Content-Type: "+test.media, 1)
		var n int
		_, after, _ := strings.Cut(r, "Content-Length: ")
		if _, err := fmt.Sscan(after, &n); err != nil {
			t.Fatal(err)
		}
		r = strings.Replace(r, fmt.Sprint("Content-Length: ", n), fmt.Sprint("WARC-Identified-Payload-Type: ", test.found, "\r\nContent-Length: ", n+pad), 1)
		if test.found == "" {
			r = strings.Replace(r, "WARC-Identified-Payload-Type: \r\n", "", 1)
		}
		documents, faults := read(t, Options{}, plan(t, 0, write(t, "f.warc", []byte(r)))...)
		got, charset := "", ""
		if len(documents) == 1 {
			got, charset = documents[0].Media, documents[0].Charset
		} else if len(faults) == 1 {
			got = faults[0].Reason
		}
		if got != test.want || charset != test.charset {
			t.Errorf("%q %q %q: %q %q, want %q %q; %v", test.media, test.found, test.body, got, charset, test.want, test.charset, faults)
		}
	}
}
