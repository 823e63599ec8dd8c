// Package corpustest has small raw sources of several formats, and compares builds of them.
package corpustest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m6lab/datasets/record"
	"m6lab/scripts/corpus/proof/warc"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Sentence is a Chinese sentence of its own for every number.
func Sentence(n int) string {
	words := []string{"今天", "公园", "孩子", "老师", "天气", "学习", "图书", "河流", "城市", "音乐", "电影", "春天", "火车", "医生", "花园", "故事"}
	var b strings.Builder
	b.WriteString("关于")
	for i := range 6 {
		b.WriteString(words[(n>>(2*i)+5*i+n)%len(words)])
	}
	fmt.Fprintf(&b, "的第%d句话。", n)
	return b.String()
}

// Drawing is a PNG of w x h pixels with structure that depends on seed.
func Drawing(t testing.TB, w, h, seed int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			block := (x*4/w)*7 + (y*4/h)*13 + seed*31
			m.SetRGBA(x, y, color.RGBA{uint8(block * 53), uint8(block*97 + x%5*11), uint8(block*29 + y%3*17), 255})
		}
	}
	var b bytes.Buffer
	check(t, png.Encode(&b, m))
	return b.Bytes()
}

// Inputs writes sources of several formats into a folder and returns them as a build is given them.
func Inputs(t testing.TB) (dir string, in []string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name string, data []byte) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(path), 0o777))
		check(t, os.WriteFile(path, data, 0o666))
	}
	var lines bytes.Buffer
	for i := range 40 {
		x := map[string]any{"text": Sentence(3*i) + Sentence(3*i+1) + "<b>" + Sentence(3*i+2) + "</b>！！！", "title": "标题" + Sentence(i)}
		if i%10 == 9 {
			x = map[string]any{"text": "太短。"} // dropped: 4 of them
		}
		data, err := json.Marshal(x)
		check(t, err)
		lines.Write(append(data, '\n'))
	}
	lines.WriteString("{\"text\": \"broken\n") // quarantined
	write("texts.jsonl", lines.Bytes())

	var qa bytes.Buffer
	for i := range 7 {
		data, err := json.Marshal(map[string]any{"question": Sentence(100 + i), "answer": Sentence(200+i) + Sentence(300+i)})
		check(t, err)
		qa.Write(append(data, '\n'))
	}
	write("qa.jsonl", qa.Bytes())

	var plain []string
	for i := range 11 {
		plain = append(plain, Sentence(400+2*i)+Sentence(401+2*i))
	}
	write("plain.txt", []byte(strings.Join(plain, "\n\n")+"\n"))

	for i := range 5 { // pages: of each one picture that is kept, one that is too small, one that is missing
		write(fmt.Sprintf("pages/%d.html", i), fmt.Appendf(nil, `<html><head><meta charset="utf-8"><title>网页%d</title></head><body><article><h1>%s</h1><p>%s%s</p>
<figure><img src="img/a%d.png" alt="%s"><figcaption>%s</figcaption></figure><p>%s</p><img src="img/small.png" alt="%s"><p>%s</p><img src="img/lost%d.png" alt="%s"></article></body></html>`,
			i, Sentence(500+i), Sentence(510+i), Sentence(520+i), i, Sentence(530+i), Sentence(540+i), Sentence(550+i), Sentence(560+i), Sentence(570+i), i, Sentence(580+i)))
		write(fmt.Sprintf("pages/img/a%d.png", i), Drawing(t, 100, 80, i))
	}
	write("pages/img/small.png", Drawing(t, 20, 20, 99))

	for i := range 4 {
		write(fmt.Sprintf("photos/p%d.png", i), Drawing(t, 90, 90, 10+i))
		write(fmt.Sprintf("photos/p%d.txt", i), []byte(Sentence(600+i)))
	}
	write("photos/bad.png", []byte("\x89PNG\r\n\x1a\nnot a picture"))
	write("photos/bad.txt", []byte(Sentence(610)))

	crawl(t, filepath.Join(dir, "crawl"))
	return dir, []string{
		"crawl=" + filepath.Join(dir, "crawl", "pages.warc.gz"), "crawl=" + filepath.Join(dir, "crawl", "pictures-*.warc.gz"),
		"forum=" + filepath.Join(dir, "texts.jsonl"), "community_qa=" + filepath.Join(dir, "qa.jsonl"),
		"common_crawl=text:" + filepath.Join(dir, "plain.txt"), "web=html:" + filepath.Join(dir, "pages"), "ecommerce=pictures:" + filepath.Join(dir, "photos"),
	}
}

// crawl writes a crawl of six pages in one file, of which each names a picture of its own and one that is nowhere. The first has its picture beside
// it, four have theirs in other files, one of them behind a revisit, and the sixth's is nothing but a revisit.
func crawl(t testing.TB, dir string) {
	t.Helper()
	check(t, os.MkdirAll(dir, 0o777))
	const site = "http://www.example.cn/"
	write := func(name string, do func(w *warc.Writer)) {
		w, err := warc.Create(filepath.Join(dir, name), 6)
		check(t, err)
		do(w)
		check(t, w.Close(false))
	}
	answer := func(media string, body []byte) warc.Answer {
		return warc.Answer{Status: "200 OK", Media: media, Body: body}
	}
	picture := func(seed int) warc.Answer { return answer("image/png", Drawing(t, 110, 80, 30+seed)) }
	write("pages.warc.gz", func(w *warc.Writer) {
		for i := range 6 {
			w.Visit(fmt.Sprintf("%s%d.html", site, i), answer("text/html; charset=utf-8", fmt.Appendf(nil, `<html><head><title>抓取%d</title></head><body><article><p>%s%s</p>
<figure><img src="img/%d.png"><figcaption>%s</figcaption></figure><p>%s</p><img src="img/lost%d.png" alt="%s"><p>%s</p></article></body></html>`,
				i, Sentence(700+i), Sentence(710+i), i, Sentence(720+i), Sentence(730+i), i, Sentence(740+i), Sentence(750+i))))
		}
		w.Visit(site+"img/0.png", picture(0))
	})
	write("pictures-1.warc.gz", func(w *warc.Writer) {
		w.Visit(site+"img/1.png", picture(1))
		w.Visit(site+"img/1.png", picture(8)) // another one, later
		w.Visit(site+"img/2.png", picture(2))
		w.Again(site+"img/4.png", picture(4))
		w.Again(site+"img/5.png", picture(5))
	})
	write("pictures-2.warc.gz", func(w *warc.Writer) {
		w.Visit(site+"img/2.png", picture(9))
		w.Visit(site+"img/3.png", picture(3))
		w.Visit("http://mirror.example.cn/4.png", picture(4))
	})
}

// CrawlPictures are the pictures of the pages of the crawl of Inputs: by the page's number, none for the sixth.
func CrawlPictures(t testing.TB) map[int]string {
	out := map[int]string{}
	for i := range 5 {
		out[i] = string(Drawing(t, 110, 80, 30+i))
	}
	return out
}

// Row is a record without what differs.
type Row struct {
	Source, Text, Question, Answer, Meta, Image, ImagePath, Split string
}

// Rows reads all records of a set by id.
func Rows(t testing.TB, dir string) map[string]Row {
	t.Helper()
	out := map[string]Row{}
	m, err := record.ReadManifest(dir)
	check(t, err)
	for split := range m.Splits {
		s, err := record.Open(dir, split)
		check(t, err)
		for i := range s.Len() {
			x, err := s.Read(i)
			check(t, err)
			if _, twice := out[x.ID]; twice {
				t.Errorf("the id %q is there twice", x.ID)
			}
			out[x.ID] = Row{x.Source, x.Text, x.Question, x.Answer, x.Meta, string(x.Image), x.ImagePath, split}
		}
		check(t, s.Close())
	}
	return out
}

// Files reads the files of a finished build, without those that hold times.
func Files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "report.json" || e.Name() == "report.html" {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(data)
		return err
	}))
	return out
}

// Same compares the files of two builds.
func Same(t testing.TB, a, b string) {
	t.Helper()
	x, y := Files(t, a), Files(t, b)
	if len(x) == 0 || !slices.Equal(keys(x), keys(y)) {
		t.Fatalf("%s holds %v, %s holds %v", a, keys(x), b, keys(y))
	}
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s differs between %s and %s", name, a, b)
		}
	}
}
