package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchPages are the pages of the benchmarks: the .html files under PAGES, up to 32 MB in the order of their names, else those of testdata.
func benchPages(b *testing.B) (pages [][]byte, size int64) {
	root := os.Getenv("PAGES")
	if root == "" {
		root = "testdata/pages"
	}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".html") || strings.HasSuffix(path, "expected.html") || size > 32<<20 {
			return err
		}
		data, err := os.ReadFile(path)
		pages, size = append(pages, data), size+int64(len(data))
		return err
	})
	if err != nil || len(pages) == 0 {
		b.Fatalf("no pages in %s: %v", root, err)
	}
	return pages, size
}

// BenchmarkParse reads pages with main text and pairs, by each rule.
func BenchmarkParse(b *testing.B) {
	pages, size := benchPages(b)
	for _, rule := range []string{MainDensity, MainStrip, MainReadability} {
		b.Run(rule, func(b *testing.B) {
			o := Default()
			o.Main = rule
			b.SetBytes(size)
			b.ReportAllocs()
			pictures, texts := 0, 0
			for b.Loop() {
				pictures, texts = 0, 0
				for _, page := range pages {
					p, err := Parse(page, "https://www.example.com/news/a.html", "", o)
					if err != nil {
						b.Fatal(err)
					}
					pictures += len(p.Pictures)
					for _, pic := range p.Pictures {
						texts += len(pic.Texts)
					}
				}
			}
			b.ReportMetric(float64(len(pages)), "pages")
			b.ReportMetric(float64(pictures), "pictures")
			b.ReportMetric(float64(texts), "texts")
		})
	}
}

// BenchmarkDecode reads text in each charset, declared and not.
func BenchmarkDecode(b *testing.B) {
	text := strings.Repeat(string(readFile(b, "pages", "news.txt")), 400)
	for _, name := range []string{utf8Name, gbName, big5Name} {
		body := []byte(text)
		if name != utf8Name {
			encoded, err := encodingOf(name).NewEncoder().Bytes([]byte(strings.Map(func(r rune) rune {
				if name == big5Name && r > 0x7f {
					return '的'
				}
				return r
			}, text)))
			if err != nil {
				b.Fatal(err)
			}
			body = encoded
		}
		for _, header := range []string{"", name} {
			b.Run(name+"/header="+header, func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					if _, used, bad := Decode(body, header); used != name || bad != 0 {
						b.Fatal(used, bad)
					}
				}
			})
		}
	}
}
