package clean

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	builtin "m6lab/datasets/sample"
)

// pages are documents as a crawl has them, of the sample's modern text: paragraphs of 200 to 4000 bytes, one in eight with remains of
// markup, doubled marks, emoji, a phone number or a listed word.
var pages = sync.OnceValue(func() []string {
	var out []string
	var b strings.Builder
	n := 0
	for ex, err := range builtin.Examples("train") {
		if err != nil {
			panic(err)
		}
		if ex.Source != "help" && ex.Source != "qa" {
			continue
		}
		text := ex.Text
		if n++; n%8 == 0 {
			text = []string{"<p class=\"a\">" + text + "</p>&nbsp;", text + "！！！真的。。。", "😀" + text + "🎉🎉", text + "电话：13800138000。", text + "加微信领取赠品。"}[n/8%5]
		}
		b.WriteString(text)
		b.WriteByte('\n')
		if b.Len() > 200+n%40*100 {
			out = append(out, b.String())
			b.Reset()
		}
	}
	return out
})

// cpuSeconds is what this process has used, in seconds: on a busy machine the clock says little.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func benchList(t testing.TB) WordList {
	file := filepath.Join(t.TempDir(), "words.txt")
	var b strings.Builder
	b.WriteString("加微信\ncasino\n")
	for i := range 5000 { // words that begin as Chinese text does, and are not in it
		fmt.Fprintf(&b, "%c%c%c%c\n", 0x4E00+i*7%6000, 0x4E00+i*13%9000, 0x9F00+i%90, 0x4E00+i)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return WordList{File: file, Category: "spam"}
}

func benchOptions(b testing.TB) Options {
	o := Default()
	o.Words.Lists = []WordList{benchList(b)}
	return o
}

// one returns options with one rule alone.
func one(o Options, rule string) Options {
	for _, name := range RuleNames() {
		if err := o.Switch(name, name == rule); err != nil {
			panic(err)
		}
	}
	return o
}

func BenchmarkClean(b *testing.B) {
	all := benchOptions(b)
	paper := all
	paper.Language.On, paper.Simplify.On, paper.Personal.On = false, false, false
	run := func(name string, o Options, texts []string) {
		c, err := New(o)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			size := 0
			for _, text := range texts {
				size += len(text)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var counts Counts
			start := cpuSeconds()
			defer func() {
				b.ReportMetric(float64(size*b.N)/1e6/(cpuSeconds()-start), "MB/cpu-s")
			}()
			for b.Loop() {
				for _, text := range texts {
					t := Text{Body: text, Counts: &counts}
					c.Clean(&t, nil)
				}
			}
		})
	}
	texts := pages()
	run("all", all, texts)
	run("paper", paper, texts)
	run("traditional", all, traditionalPages(b))
	for _, name := range RuleNames() {
		if name != "perplexity" && name != "again" {
			run(name, one(all, name), texts)
		}
	}
}

// traditionalPages are pages in traditional characters, by the inverse of the table where a character has one.
func traditionalPages(t testing.TB) []string {
	table, err := traditional()
	if err != nil {
		t.Fatal(err)
	}
	back := map[rune]rune{}
	var from []rune
	for r := range table.high {
		from = append(from, r)
	}
	slices.Sort(from)
	for _, r := range from {
		if to := []rune(table.high[r]); r < 1<<16 && len(to) == 1 && to[0] < 1<<16 && back[to[0]] == 0 && table.shape[to[0]] == isSimplified {
			back[to[0]] = r
		}
	}
	var out []string
	for _, text := range pages() {
		out = append(out, strings.Map(func(r rune) rune {
			if to, ok := back[r]; ok {
				return to
			}
			return r
		}, text))
	}
	return out
}

func BenchmarkSentences(b *testing.B) {
	text := strings.Join(pages(), "")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		n := 0
		for range Sentences(text) {
			n++
		}
	}
}
