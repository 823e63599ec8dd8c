package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"m6lab/scripts/corpus/proof/warc"
)

// fault is a kind of record that is wrong on purpose: made of a real page, written beside it, never in its place.
type fault struct {
	kind  string
	times int
	write func(r *recorder, p page, a warc.Answer) // address and answer are the page's
}

// faults of a crawl, in the order in which they are written. One more, the cut end of the last file, is written by [recorder.breakSome].
var faults = []fault{
	{"not found (404)", 12, func(r *recorder, p page, a warc.Answer) {
		a.Status, a.Body = "404 Not Found", []byte("<html><head><title>404</title></head><body><h1>404 Not Found</h1></body></html>")
		r.send(p.address+".old", a)
	}},
	{"moved (301)", 8, func(r *recorder, p page, a warc.Answer) {
		r.send(strings.Replace(p.address, "://", "://www.", 1), warc.Answer{Status: "301 Moved Permanently", Headers: []string{"Location: " + p.address}})
	}},
	{"claims more bytes than it has", 3, func(r *recorder, p page, a warc.Answer) {
		one := warc.Response(p.address+"?retry=1", a)
		one.Claim = 1000
		r.w.Attempt(one)
	}},
	{"claims fewer bytes than it has", 2, func(r *recorder, p page, a warc.Answer) {
		one := warc.Response(p.address+"?retry=2", a)
		one.Claim = -min(500, len(one.Block)/2)
		r.w.Attempt(one)
	}},
	{"a damaged gzip member", 3, func(r *recorder, p page, a warc.Answer) {
		one := warc.Response(p.address+"?retry=3", a)
		one.Spoil = true
		r.w.Attempt(one)
	}},
	{"no headers of the protocol", 3, func(r *recorder, p page, a warc.Answer) {
		a.Headless = true
		r.send(p.address+"?retry=4", a)
	}},
	{"a broken status line", 2, func(r *recorder, p page, a warc.Answer) {
		a.Garbled = true
		r.send(p.address+"?retry=5", a)
	}},
	{"an empty page", 4, func(r *recorder, p page, a warc.Answer) {
		a.Body = nil
		r.send(p.address+"?retry=6", a)
	}},
	{"GBK, said to be UTF-8", 4, func(r *recorder, p page, a warc.Answer) {
		body, err := wrongWay.encode(p.html)
		r.err = err
		a.Body, a.Media = body, wrongWay.media()
		r.send(p.address+"?retry=7", a)
	}},
	{"bytes of no text, said to be a page", 2, func(r *recorder, p page, a warc.Answer) {
		a.Body = packed(a.Body)
		r.send(p.address+"?retry=8", a)
	}},
	{"a page cut in the middle of a character", 3, func(r *recorder, p page, a warc.Answer) {
		a.Body, a.Media = []byte(p.html)[:len(p.html)/2], "text/html; charset=utf-8"
		for len(a.Body) > 0 && a.Body[len(a.Body)-1] < 0xe0 { // up to the first byte of three
			a.Body = a.Body[:len(a.Body)-1]
		}
		r.send(p.address+"?retry=9", a)
	}},
	{"20,000 elements inside each other", 2, func(r *recorder, p page, a warc.Answer) {
		a.Media = "text/html; charset=utf-8"
		a.Body = []byte("<html><body>" + strings.Repeat("<div>", 20000) + "深处" + strings.Repeat("</div>", 20000) + "</body></html>")
		r.send(p.address+"?deep", a)
	}},
	{"a line of a megabyte", 1, func(r *recorder, p page, a warc.Answer) {
		a.Media = "text/html; charset=utf-8"
		a.Body = []byte("<html><body><p>" + strings.Repeat("长长的一行没有尽头", 39000) + "</p></body></html>")
		r.send(p.address+"?long", a)
	}},
	{"256 MB of blanks in a small packed answer", 1, func(r *recorder, p page, a warc.Answer) {
		a.Body, a.Headers = bomb(), []string{"Content-Encoding: gzip"}
		r.send(p.address+"?bomb", a)
	}},
	{"a picture that is cut", 4, func(r *recorder, p page, _ warc.Answer) {
		r.withPicture(p, "cut", warc.Answer{Status: "200 OK", Media: "image/png", Body: claimingPNG(640, 480)})
	}},
	{"a picture that claims 60,000 by 60,000 pixels", 2, func(r *recorder, p page, _ warc.Answer) {
		r.withPicture(p, "huge", warc.Answer{Status: "200 OK", Media: "image/png", Body: claimingPNG(60000, 60000)})
	}},
	{"a page where a picture should be", 3, func(r *recorder, p page, _ warc.Answer) {
		r.withPicture(p, "login", warc.Answer{Status: "200 OK", Media: "image/jpeg", Body: []byte("<html><body>登录后才能查看图片</body></html>")})
	}},
	{"a picture without an answer", 2, func(r *recorder, p page, a warc.Answer) {
		r.withPicture(p, "gone", warc.Answer{})
	}},
}

// withPicture records a small page with one picture, and the picture's answer.
func (r *recorder) withPicture(p page, name string, a warc.Answer) {
	address := p.address + "." + name + ".png"
	text := "<html><head><title>" + name + "</title></head><body><h1>带有一张图片的页面</h1><p>这张图片显示了对话框中的各个选项和它们的位置。</p><figure><img src=\"" +
		address + "\" alt=\"对话框\"><figcaption>对话框中的各个选项（" + name + "）</figcaption></figure></body></html>"
	r.send(p.address+"?picture="+name, warc.Answer{Status: "200 OK", Media: "text/html; charset=utf-8", Body: []byte(text)})
	if a.Status != "" {
		r.send(address, a)
	}
}

// breakSome writes every kind of fault, made of pages chosen by hash, and tells whether the last file is to be cut.
func (r *recorder) breakSome(pages []page) (cut bool) {
	if len(pages) == 0 {
		return false
	}
	for _, f := range faults {
		for i := range f.times {
			if !r.open() {
				return false
			}
			p := pages[pick(r.name, f.kind+string(rune('a'+i)), uint64(len(pages)))]
			f.write(r, p, warc.Answer{Status: "200 OK", Media: "text/html; charset=utf-8", Body: []byte(p.html)})
			r.counts.Broken[f.kind]++
		}
	}
	if r.open() {
		r.counts.Broken["a file cut in the middle of a record"]++
		r.w.Attempt(warc.Response(pages[0].address+"?last", warc.Answer{Status: "200 OK", Media: "text/html; charset=utf-8", Body: []byte(pages[0].html)}))
	}
	return true
}

// bomb is 256 MB of blanks, packed.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	for range 256 {
		z.Write(blanks)
	}
	z.Close()
	return b.Bytes()
})

// claimingPNG is the head of a PNG of that size, and nothing more of it than a few bytes of its pixels.
func claimingPNG(width, height uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	head = binary.BigEndian.AppendUint32(head, height)
	head = append(head, 8, 2, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, 13)
	b = binary.BigEndian.AppendUint32(append(b, head...), crc32.ChecksumIEEE(head))
	b = binary.BigEndian.AppendUint32(b, 4096)
	return append(b, "IDAT\x78\x9c\x01\x00"...)
}
