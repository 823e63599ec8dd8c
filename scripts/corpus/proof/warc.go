package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// firstVisit is the moment of a crawl's first record; every record is a second later. No clock is read, so the same packages give the same bytes.
var firstVisit = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// warc writes one crawl's file: records, each in a gzip member of its own (ISO 28500, annex D).
type warc struct {
	name    string
	file    *os.File
	members bytes.Buffer // the record's member, so that a fault can be made in it
	packer  *gzip.Writer
	records int
	bytes   int64 // written, packed
	last    int   // length of the last member
	err     error
}

func createWARC(path, name string) (*warc, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	packer, err := gzip.NewWriterLevel(nil, 6)
	if err != nil {
		return nil, err
	}
	w := &warc{name: name, file: file, packer: packer}
	info := "software: m6lab scripts/corpus/proof\r\nformat: WARC File Format 1.0\r\nrobots: obey\r\n"
	w.write(entry{kind: "warcinfo", address: "", content: "application/warc-fields", block: []byte(info)})
	return w, nil
}

// entry is one WARC record before it is written.
type entry struct {
	kind    string // response, request, revisit, warcinfo
	address string
	content string // its Content-Type
	block   []byte
	more    []string // further header lines
	claim   int      // what Content-Length says beyond the truth
	spoil   bool     // a byte of the packed member is changed
}

// date is when the record was fetched.
func (w *warc) date() string {
	return firstVisit.Add(time.Duration(w.records) * time.Second).Format(time.RFC3339)
}

func (w *warc) write(r entry) {
	if w.err != nil {
		return
	}
	var head strings.Builder
	head.WriteString("WARC/1.0\r\n")
	line := func(name, value string) { fmt.Fprintf(&head, "%s: %s\r\n", name, value) }
	line("WARC-Type", r.kind)
	line("WARC-Record-ID", w.recordID(r))
	line("WARC-Date", w.date())
	if r.kind == "warcinfo" {
		line("WARC-Filename", w.name)
	} else {
		line("WARC-Target-URI", r.address)
	}
	for _, l := range r.more {
		head.WriteString(l + "\r\n")
	}
	line("WARC-Block-Digest", digest(r.block))
	line("Content-Type", r.content)
	line("Content-Length", fmt.Sprint(len(r.block)+r.claim))
	head.WriteString("\r\n")
	w.members.Reset()
	w.packer.Reset(&w.members)
	_, first := w.packer.Write([]byte(head.String()))
	_, second := w.packer.Write(r.block)
	_, third := w.packer.Write([]byte("\r\n\r\n"))
	if w.err = errors.Join(first, second, third, w.packer.Close()); w.err != nil {
		return
	}
	member := w.members.Bytes()
	if r.spoil {
		member[len(member)/2] ^= 0x55
	}
	w.put(member)
	w.records++
}

func (w *warc) put(data []byte) {
	if w.err == nil {
		_, w.err = w.file.Write(data)
	}
	w.bytes += int64(len(data))
	w.last = len(data)
}

// recordID is a name-based identifier (RFC 4122, version 5 in form) of file, position and address.
func (w *warc) recordID(r entry) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s\n%d\n%s\n%s", w.name, w.records, r.kind, r.address))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func digest(data []byte) string {
	sum := sha1.Sum(data)
	return "sha1:" + base32.StdEncoding.EncodeToString(sum[:])
}

// close ends the file; with cut, in the middle of its last record.
func (w *warc) close(cut bool) error {
	if cut && w.err == nil {
		w.bytes -= int64(w.last / 2)
		w.err = w.file.Truncate(w.bytes)
	}
	return errors.Join(w.err, w.file.Close())
}

// answer is what a server sends.
type answer struct {
	status   string // "200 OK"
	media    string // the value of Content-Type
	headers  []string
	body     []byte
	headless bool // no status line and no headers: the block begins with the body
	garbled  bool // the status line is broken
}

// block is the answer as bytes of the protocol.
func (a answer) block() []byte {
	if a.headless {
		return a.body
	}
	var b bytes.Buffer
	status := "HTTP/1.1 " + a.status
	if a.garbled {
		status = "HTP1.1-" + a.status[:1]
	}
	fmt.Fprintf(&b, "%s\r\nServer: nginx\r\n", status)
	if a.media != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", a.media)
	}
	length := true
	for _, h := range a.headers {
		length = length && !strings.HasPrefix(h, "Transfer-Encoding")
		b.WriteString(h + "\r\n")
	}
	if length {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(a.body))
	}
	b.WriteString("\r\n")
	b.Write(a.body)
	return b.Bytes()
}

// visit writes the request and the response.
func (w *warc) visit(address string, a answer) { w.attempt(response(address, a)) }

// attempt writes the request and a response that may be made wrong.
func (w *warc) attempt(answered entry) {
	host, path := splitAddress(answered.address)
	get := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: */*\r\n\r\n"
	w.write(entry{kind: "request", address: answered.address, content: "application/http; msgtype=request", block: []byte(get)})
	w.write(answered)
}

func response(address string, a answer) entry {
	return entry{kind: "response", address: address, content: "application/http; msgtype=response", block: a.block(),
		more: []string{"WARC-Payload-Digest: " + digest(a.body)}}
}

// again writes a revisit: the crawl has been here and found the same bytes.
func (w *warc) again(address string, a answer) {
	profile := "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"
	sum := "WARC-Payload-Digest: " + digest(a.body)
	a.body = nil
	w.write(entry{kind: "revisit", address: address, content: "application/http; msgtype=response", block: a.block(),
		more: []string{profile, "WARC-Refers-To-Target-URI: " + address, sum}})
}

func splitAddress(address string) (host, path string) {
	_, rest, _ := strings.Cut(address, "://")
	host, path, _ = strings.Cut(rest, "/")
	return host, "/" + path
}
