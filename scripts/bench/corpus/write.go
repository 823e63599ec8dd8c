package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"m6lab/datasets/record"
	"m6lab/scripts/corpus/proof/warc"
)

// numbers are what a file may hold: a file's documents have numbers of their own, so that files can be made at the same time and a bigger input
// begins with the files of a smaller one.
const numbers = 1 << 20

// made counts what was written, for input.json.
type made struct {
	documents, text, bytes, pictures, pictureBytes atomic.Int64
}

// amounts is input.json.
type amounts struct {
	Documents    int64 `json:"documents"`
	TextBytes    int64 `json:"text_bytes"` // of the documents' text
	Bytes        int64 `json:"bytes"`      // of lines or pages
	Pictures     int64 `json:"pictures"`
	PictureBytes int64 `json:"picture_bytes"`
}

func (m *made) json() ([]byte, error) {
	return json.MarshalIndent(amounts{m.documents.Load(), m.text.Load(), m.bytes.Load(), m.pictures.Load(), m.pictureBytes.Load()}, "", "  ")
}

// write makes the folder: files of about o.part MB, words.txt, and input.json, which has the numbers of documents, bytes of text, bytes and pictures.
func write(o options) error {
	m, err := gather()
	if err != nil {
		return err
	}
	var pictures [][]byte
	if o.form == "warc" {
		if pictures, err = drawPictures(); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(o.out); err != nil {
		return err
	}
	return record.Whole(o.out, func(dir string) error {
		var group errgroup.Group
		var total made
		group.SetLimit(runtime.GOMAXPROCS(0))
		left := o.size * 1e6
		for file := uint64(0); left > 0; file++ {
			size := min(left, o.part*1e6)
			left -= size
			group.Go(func() error {
				w := newWriter(m, o, &total)
				name := filepath.Join(dir, fmt.Sprintf("part-%05d", file))
				if o.form != "jsonl" {
					return w.crawl(name+".warc.gz", file*numbers, size, pictures)
				}
				return w.lines(name+".jsonl", file*numbers, size)
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		numbers, err := total.json()
		return errors.Join(err, os.WriteFile(filepath.Join(dir, "words.txt"), []byte(strings.Join(words, "\n")+"\n"), 0o644),
			os.WriteFile(filepath.Join(dir, "input.json"), numbers, 0o644))
	})
}

// lines writes documents as jsonl from number first on, until there are size bytes.
func (w *writer) lines(path string, first uint64, size int64) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, 1<<18)
	var text, line []byte
	for i, n := first, int64(0); n < size; i++ {
		text = w.document(text[:0], i, true)
		line = append(line[:0], `{"id":"d`...)
		line = strconv.AppendUint(line, i, 10)
		line = append(line, `","url":"https://forum.example/t/`...)
		line = strconv.AppendUint(line, i, 10)
		line = append(line, `","text":`...)
		line = append(quoted(line, text), "}\n"...)
		if _, err := out.Write(line); err != nil {
			return err
		}
		n += int64(len(line))
		w.count(len(text), len(line))
	}
	return out.Flush()
}

func (w *writer) count(text, bytes int) {
	w.made.documents.Add(1)
	w.made.text.Add(int64(text))
	w.made.bytes.Add(int64(bytes))
}

// The frame of a page: what a site has around its text.
const (
	pageHead = `<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>%s</title><meta name="description" content="本站提供各种教程与问答">
<link rel="stylesheet" href="/css/main.css"><script>var config={"page":%d,"ads":true};(function(){var s=document.createElement("script");s.src="/js/t.js";document.head.appendChild(s)})();</script>
</head><body><div id="top"><ul class="nav"><li><a href="/">首页</a></li><li><a href="/news">新闻</a></li><li><a href="/help">帮助</a></li><li><a href="/login">登录</a></li></ul></div>
<div class="main"><div class="crumb"><a href="/">首页</a> &gt; <a href="/a">文章</a></div><h1>%s</h1><div class="content"><p>`
	pageTail = `</p></div><div class="side"><ul><li><a href="/a/1.html">热门文章一</a></li><li><a href="/a/2.html">热门文章二</a></li><li><a href="/a/3.html">热门文章三</a></li></ul></div></div>
<div class="footer"><p>版权所有 &copy; 2026 <a href="/about">关于我们</a> <a href="/contact">联系方式</a></p><script src="/js/end.js"></script></div></body></html>
`
)

// crawl writes documents as pages of a WARC file, with their pictures behind them.
func (w *writer) crawl(path string, first uint64, size int64, pictures [][]byte) error {
	out, err := warc.Create(path, 1)
	if err != nil {
		return err
	}
	n := int64(0)
	send := func(address, media string, body []byte) {
		out.Write(warc.Response(address, warc.Answer{Status: "200 OK", Media: media, Body: body}))
		n += int64(len(body))
	}
	var text, page []byte
	for i := first; n < size; i++ {
		text = w.document(text[:0], i, false)
		w.source.Seed(w.seed+1, i)
		title := w.titles[w.rng.Uint64N(uint64(len(w.titles)))]
		page = fmt.Appendf(page[:0], pageHead, title, i, title)
		host := "https://s" + strconv.FormatUint(i%97, 10) + ".example"
		var shown []string
		for k, part := range strings.Split(string(text), "\n") {
			if k > 0 {
				page = append(page, "</p>\n<p>"...)
			}
			page = append(page, part...)
			if k < 2 && w.rng.Uint64N(3) == 0 {
				name := fmt.Sprintf("/img/%d-%d.jpg", i, k)
				page = fmt.Appendf(page, `</p><figure><img class="lazy" src="/img/blank.gif" data-src="%s" alt="%s"><figcaption>%s</figcaption></figure><p>`,
					name, title, w.sentence(w.rng.Uint64()))
				shown = append(shown, host+name)
			}
		}
		page = append(page, pageTail...)
		w.count(len(text), len(page))
		send(fmt.Sprintf("%s/a/%d.html", host, i), "text/html; charset=utf-8", page)
		for _, address := range shown {
			if pictures == nil {
				break
			}
			picture := numbered(pictures[w.rng.Uint64N(uint64(len(pictures)))], i)
			w.made.pictures.Add(1)
			w.made.pictureBytes.Add(int64(len(picture)))
			send(address, "image/jpeg", picture)
		}
	}
	return out.Close(false)
}
