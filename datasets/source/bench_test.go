package source

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Measured: see the package's figures in MB/s of input as it lies on disk, and of text where that is another number.
//
//	go test -run '^$' -bench . ./datasets/source

// prose is text of Chinese words that compresses as text does, about three to one.
func prose(n, seed int) string {
	words := []string{"江南", "可", "采莲", "莲叶", "何", "田田", "鱼戏", "莲叶", "间", "东", "西", "南", "北", "，", "。", "network", "2024", "的", "是", "在", "有", "一个", "我们", "他们", "中国", "文化", "历史"}
	var b strings.Builder
	x := uint32(seed)*2654435761 + 1
	for b.Len() < n {
		x = x*1664525 + 1013904223
		b.WriteString(words[x>>16%uint32(len(words))])
		if x>>28 == 0 {
			fmt.Fprintf(&b, "%d。\n", x)
		}
	}
	return b.String()
}

func benchmark(b *testing.B, name string, data []byte, text int) {
	b.Helper()
	file := write(b, name, data)
	p := plan(b, 1<<40, file)[0]
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	total := 0
	before := processorTime(b)
	for b.Loop() {
		documents := 0
		for d, err := range Read(b.Context(), p, Options{}) {
			if err != nil {
				if f, is := err.(*Fault); is && f.Skip() {
					continue
				}
				b.Fatal(err)
			}
			documents++
			total += len(d.Body)
		}
		if documents == 0 {
			b.Fatal("no documents")
		}
	}
	used := processorTime(b) - before // a busy machine does not count
	b.ReportMetric(float64(len(data))*float64(b.N)/1e6/used, "MB/core-s")
	if text > 0 {
		b.ReportMetric(float64(text)*float64(b.N)/1e6/used, "text-MB/core-s")
	}
}

// processorTime returns the seconds of processor time that the process has used.
func processorTime(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// crawl is WARC records, one page of about 40 KB with its request and metadata each.
func crawl(n int) []string {
	var records []string
	for i := range n {
		records = append(records, record(fmt.Sprintf("http://x/%d", i), "<html><body><p>"+prose(40000, i)+"</p></body></html>", 0))
		records = append(records, strings.Replace(record(fmt.Sprintf("http://x/%d", i), "", 0), "response", "request", 1))
	}
	return records
}

func BenchmarkWARC(b *testing.B) {
	data := strings.Join(crawl(500), "")
	benchmark(b, "f.warc", []byte(data), 0)
}

func BenchmarkWARCGzip(b *testing.B) {
	records := crawl(300)
	benchmark(b, "f.warc.gz", []byte(zipEach(records...)), len(strings.Join(records, "")))
}

func BenchmarkJSONL(b *testing.B) {
	var lines strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&lines, `{"id":%d,"text":"%s","url":"http://x/%d","date":"2024-05-06T07:08:09Z","meta":{"a":[1,2,3]}}`+"\n", i, strings.ReplaceAll(prose(2500, i), "\n", `\n`), i)
	}
	benchmark(b, "f.jsonl", []byte(lines.String()), 0)
}

func BenchmarkJSONLGzip(b *testing.B) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	n := 0
	for i := range 4000 {
		k, _ := fmt.Fprintf(w, `{"id":%d,"text":"%s","url":"http://x/%d"}`+"\n", i, strings.ReplaceAll(prose(2500, i), "\n", `\n`), i)
		n += k
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	benchmark(b, "f.jsonl.gz", packed.Bytes(), n)
}

// article is wikitext with the markup of an article.
func article(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{{Infobox|name=甲%d|image=[[File:x.png]]}}\n'''甲%d'''（{{lang-en|Article}}）", i, i)
	for k := range 8 {
		fmt.Fprintf(&b, "\n== 第%d节 ==\n%s[[链接%d|文字]]%s&lt;ref&gt;{{cite web|url=http://x/%d|title=来源}}&lt;/ref&gt;\n* 项目[[甲]]\n", k, prose(700, i*8+k), k, prose(300, k), k)
	}
	b.WriteString("\n{| class=\"wikitable\"\n|-\n| 甲 || 乙\n|}\n[[Category:分类]]")
	return b.String()
}

func BenchmarkWiki(b *testing.B) {
	var dump strings.Builder
	dump.WriteString("<mediawiki><siteinfo><base>https://zh.wikipedia.org/wiki/X</base></siteinfo>")
	for i := range 1000 {
		fmt.Fprintf(&dump, "<page><title>甲%d</title><ns>0</ns><id>%d</id><revision><timestamp>2024-05-06T07:08:09Z</timestamp><text xml:space=\"preserve\">%s</text></revision></page>\n", i, i+1, article(i))
	}
	dump.WriteString("</mediawiki>")
	benchmark(b, "f.xml", []byte(dump.String()), 0)
}

// BenchmarkWikiBzip2 takes a real dump where WIKI_DUMP names one, else the small fixture: bzip2 has no writer in Go.
func BenchmarkWikiBzip2(b *testing.B) {
	data := fixture(b, "wiki_single.xml.bz2")
	if name := os.Getenv("WIKI_DUMP"); name != "" {
		var err error
		if data, err = os.ReadFile(name); err != nil {
			b.Fatal(err)
		}
	}
	benchmark(b, "f.xml.bz2", data, 0)
}
