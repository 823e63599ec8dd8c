package main

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/zeebo/xxh3"

	"m6lab/scripts/corpus/proof/warc"
)

// fileSize is the size of bodies after which a crawl goes on in its next file: enough files for a few workers.
const fileSize = 6 << 20

// pick is a number below n, of a hash of address and purpose: it moves with neither order nor number of pages.
func pick(address, purpose string, n uint64) uint64 { return xxh3.HashString(purpose+"\n"+address) % n }

// counts are what a manifest says of a crawl.
type counts struct {
	Pages    int            `json:"pages"`    // documents that can be read, each once
	Pictures int            `json:"pictures"` // answers that hold a picture, each once
	Charsets map[string]int `json:"charsets"` // of the pages
	Forms    map[string]int `json:"forms"`    // how pages were sent or written; duplicates too
	Broken   map[string]int `json:"broken"`   // records that are wrong on purpose, beside the good ones
	Links    map[string]int `json:"links"`    // pictures that pages name: kept, of another site, not in the package
}

// recorder writes a crawl over its files.
type recorder struct {
	dir, name string
	counts    counts
	w         *warc.Writer
	files     []fileEntry
	size      int
	kept      map[string]string // address of a picture to the file that has it
	err       error
}

func newRecorder(dir, name string) *recorder {
	return &recorder{dir: dir, name: name, kept: map[string]string{},
		counts: counts{Charsets: map[string]int{}, Forms: map[string]int{}, Broken: map[string]int{}, Links: map[string]int{}}}
}

// open makes sure that a file is open and not full.
func (r *recorder) open() bool {
	if r.err == nil && (r.w == nil || r.size > fileSize) {
		r.err = r.finish(false)
		if r.err == nil {
			name := fmt.Sprintf("%s-%05d.warc.gz", r.name, len(r.files))
			r.w, r.err = warc.Create(filepath.Join(r.dir, name), 6)
			r.size = 0
		}
	}
	return r.err == nil
}

func (r *recorder) finish(cut bool) error {
	if r.w == nil {
		return nil
	}
	r.files = append(r.files, fileEntry{Name: "crawl/" + r.w.Name, Records: r.w.Records})
	err := r.w.Close(cut)
	r.w = nil
	return err
}

// record writes a whole crawl, its good and its broken records.
func (c crawl) record(dir string) (counts, []fileEntry, error) {
	r := newRecorder(dir, c.name)
	var all []page
	for _, s := range c.sites {
		slices.SortFunc(s.pages, func(a, b page) int { return strings.Compare(a.address, b.address) })
		for _, p := range s.pages {
			r.page(s, p)
		}
		all = append(all, s.pages...)
	}
	cut := r.breakSome(all)
	if err := r.finish(cut); r.err == nil {
		r.err = err
	}
	return r.counts, r.files, r.err
}

// page records a page, its pictures, and what a crawl meets again.
func (r *recorder) page(s site, p page) {
	if !r.open() {
		return
	}
	way := p.way()
	text := r.form(s, p)
	body, err := way.encode(text)
	if err != nil {
		r.err = fmt.Errorf("%s: %s: %w", p.address, way.Kind, err)
		return
	}
	r.counts.Pages++
	r.counts.Charsets[way.Kind]++
	a := warc.Answer{Status: "200 OK", Media: way.media(), Body: body}
	r.send(p.address, r.transfer(p, a))
	for _, address := range p.pictures() {
		r.picture(s, address)
	}
	r.repeat(p, a, way, text)
}

func (r *recorder) send(address string, a warc.Answer) {
	r.size += len(a.Body)
	r.w.Visit(address, a)
}

// form writes some pages' pictures as lazily loaded ones or inside the page, as sites do.
func (r *recorder) form(s site, p page) string {
	at := pick(p.address, "form", 100)
	switch {
	case at < 6 && imageTag.MatchString(p.html):
		r.counts.Forms["pictures loaded lazily (data-src)"]++
		return imageTag.ReplaceAllStringFunc(p.html, func(tag string) string {
			return strings.Replace(tag, ` src="`, ` src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="`, 1)
		})
	case at < 9 && imageTag.MatchString(p.html):
		r.counts.Forms["pictures in srcset"]++
		return imageTag.ReplaceAllStringFunc(p.html, func(tag string) string {
			name := imageTag.FindStringSubmatch(tag)[1]
			return tag + ` srcset="` + name + ` 1x, ` + name + `?2x 2x"`
		})
	}
	return p.html
}

// transfer sends some answers packed or in chunks.
func (r *recorder) transfer(p page, a warc.Answer) warc.Answer {
	switch at := pick(p.address, "transfer", 100); {
	case at < 8:
		r.counts.Forms["sent packed (gzip)"]++
		a.Body, a.Headers = packed(a.Body), []string{"Content-Encoding: gzip"}
	case at < 14:
		r.counts.Forms["sent in chunks"]++
		a.Body, a.Headers = chunks(a.Body), []string{"Transfer-Encoding: chunked"}
	}
	return a
}

func packed(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func chunks(data []byte) []byte {
	var b bytes.Buffer
	for part := range slices.Chunk(data, 4096) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

// picture records a picture once; in another file half of them are revisits, the others are there again.
func (r *recorder) picture(s site, address string) {
	name, ours := strings.CutPrefix(address, s.root)
	if !ours {
		r.counts.Links["of another site"]++
		return
	}
	data, ok := s.load(name)
	if !ok {
		r.counts.Links["not in the package"]++
		return
	}
	r.counts.Links["kept"]++
	a := warc.Answer{Status: "200 OK", Media: mediaOf(name), Body: data}
	switch file, seen := r.kept[address]; {
	case !seen:
		r.kept[address] = r.w.Name
		r.counts.Pictures++
		r.send(address, a)
	case file != r.w.Name && pick(address, "again", 2) == 0:
		r.kept[address] = r.w.Name
		r.counts.Forms["pictures met again (revisit)"]++
		r.w.Again(address, a)
	case file != r.w.Name:
		r.kept[address] = r.w.Name
		r.counts.Forms["pictures fetched again"]++
		r.send(address, a)
	}
}

func mediaOf(name string) string {
	media := map[string]string{".png": "image/png", ".svg": "image/svg+xml", ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}[strings.ToLower(path.Ext(name))]
	if media == "" {
		return "application/octet-stream"
	}
	return media
}

// repeat records some pages a second time: the same bytes behind another address, nearly the same text, or a revisit.
func (r *recorder) repeat(p page, a warc.Answer, way written, text string) {
	switch at := pick(p.address, "repeat", 100); {
	case at < 4:
		r.counts.Forms["pages again behind another address"]++
		r.send(p.address+"?from=index", a)
	case at < 7:
		r.counts.Forms["pages again, nearly the same"]++
		body, err := way.encode(strings.Replace(text, "</body>", printNote(p)+"</body>", 1))
		if err != nil {
			r.err = err
			return
		}
		a.Body = body
		r.send(p.address+"?print=1", a)
	case at < 9:
		r.counts.Forms["pages met again (revisit)"]++
		r.w.Again(p.address, a)
	}
}

func printNote(p page) string {
	if p.traditional {
		return "<p>本頁為適合列印的版本，內容與原頁相同。</p>"
	}
	return "<p>本页为适合打印的版本，内容与原页相同。</p>"
}
