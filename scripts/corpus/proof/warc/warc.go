// Package warc writes WARC files as crawlers leave them, and on purpose wrong ones. Nothing in it reads a clock or draws a random number: the same calls give
// the same bytes.
package warc

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// firstVisit is the moment of a crawl's first record; every record is a second later. No clock is read, so the same packages give the same bytes.
var firstVisit = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// Writer writes one file of a crawl: records, each in a gzip member of its own (ISO 28500, annex D). What fails is told by Close.
type Writer struct {
	Name    string // as the file calls itself
	Records int    // written

	file    *os.File
	members bytes.Buffer // the record's member, so that a fault can be made in it
	packer  *gzip.Writer
	bytes   int64 // written, packed
	last    int   // length of the last member
	err     error
}

// Create makes the file path; level is gzip's, 1 to 9. Its first record is a warcinfo.
func Create(path string, level int) (*Writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	packer, err := gzip.NewWriterLevel(nil, level)
	if err != nil {
		return nil, err
	}
	w := &Writer{Name: filepath.Base(path), file: file, packer: packer}
	info := "software: m6lab scripts/corpus/proof\r\nformat: WARC File Format 1.0\r\nrobots: obey\r\n"
	w.Write(Entry{Kind: "warcinfo", Address: "", Content: "application/warc-fields", Block: []byte(info)})
	return w, nil
}

// Entry is one WARC record before it is written.
type Entry struct {
	Kind    string   // response, request, revisit, warcinfo
	Address string   // the page's or picture's
	Content string   // its Content-Type
	Block   []byte   // the record's content
	More    []string // further header lines
	Claim   int      // what Content-Length says beyond the truth
	Spoil   bool     // a byte of the packed member is changed
}

// date is when the record was fetched.
func (w *Writer) date() string {
	return firstVisit.Add(time.Duration(w.Records) * time.Second).Format(time.RFC3339)
}

// Write writes one record.
func (w *Writer) Write(r Entry) {
	if w.err != nil {
		return
	}
	var head strings.Builder
	head.WriteString("WARC/1.0\r\n")
	line := func(name, value string) { fmt.Fprintf(&head, "%s: %s\r\n", name, value) }
	line("WARC-Type", r.Kind)
	line("WARC-Record-ID", w.recordID(r))
	line("WARC-Date", w.date())
	if r.Kind == "warcinfo" {
		line("WARC-Filename", w.Name)
	} else {
		line("WARC-Target-URI", r.Address)
	}
	for _, l := range r.More {
		head.WriteString(l + "\r\n")
	}
	line("WARC-Block-Digest", digest(r.Block))
	line("Content-Type", r.Content)
	line("Content-Length", fmt.Sprint(len(r.Block)+r.Claim))
	head.WriteString("\r\n")
	w.members.Reset()
	w.packer.Reset(&w.members)
	_, first := w.packer.Write([]byte(head.String()))
	_, second := w.packer.Write(r.Block)
	_, third := w.packer.Write([]byte("\r\n\r\n"))
	if w.err = errors.Join(first, second, third, w.packer.Close()); w.err != nil {
		return
	}
	member := w.members.Bytes()
	if r.Spoil {
		member[len(member)/2] ^= 0x55
	}
	w.put(member)
	w.Records++
}

func (w *Writer) put(data []byte) {
	if w.err == nil {
		_, w.err = w.file.Write(data)
	}
	w.bytes += int64(len(data))
	w.last = len(data)
}

// recordID is a name-based identifier (RFC 4122, version 5 in form) of file, position and address.
func (w *Writer) recordID(r Entry) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s\n%d\n%s\n%s", w.Name, w.Records, r.Kind, r.Address))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func digest(data []byte) string {
	sum := sha1.Sum(data)
	return "sha1:" + base32.StdEncoding.EncodeToString(sum[:])
}

// Close ends the file; with cut, in the middle of its last record.
func (w *Writer) Close(cut bool) error {
	if cut && w.err == nil {
		w.bytes -= int64(w.last / 2)
		w.err = w.file.Truncate(w.bytes)
	}
	return errors.Join(w.err, w.file.Close())
}

// Answer is what a server sends.
type Answer struct {
	Status   string   // "200 OK"
	Media    string   // the value of Content-Type
	Headers  []string // further lines
	Body     []byte
	Headless bool // no status line and no headers: the block begins with the body
	Garbled  bool // the status line is broken
}

// block is the answer as bytes of the protocol.
func (a Answer) block() []byte {
	if a.Headless {
		return a.Body
	}
	var b bytes.Buffer
	status := "HTTP/1.1 " + a.Status
	if a.Garbled {
		status = "HTP1.1-" + a.Status[:1]
	}
	fmt.Fprintf(&b, "%s\r\nServer: nginx\r\n", status)
	if a.Media != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", a.Media)
	}
	length := true
	for _, h := range a.Headers {
		length = length && !strings.HasPrefix(h, "Transfer-Encoding")
		b.WriteString(h + "\r\n")
	}
	if length {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(a.Body))
	}
	b.WriteString("\r\n")
	b.Write(a.Body)
	return b.Bytes()
}

// Visit writes the request and the response.
func (w *Writer) Visit(address string, a Answer) { w.Attempt(Response(address, a)) }

// Attempt writes the request and a response that may be made wrong.
func (w *Writer) Attempt(answered Entry) {
	host, path := splitAddress(answered.Address)
	get := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: */*\r\n\r\n"
	w.Write(Entry{Kind: "request", Address: answered.Address, Content: "application/http; msgtype=request", Block: []byte(get)})
	w.Write(answered)
}

// Response is the record of an answer.
func Response(address string, a Answer) Entry {
	return Entry{Kind: "response", Address: address, Content: "application/http; msgtype=response", Block: a.block(),
		More: []string{"WARC-Payload-Digest: " + digest(a.Body)}}
}

// Again writes a revisit: the crawl has been here and found the same bytes.
func (w *Writer) Again(address string, a Answer) {
	profile := "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"
	sum := "WARC-Payload-Digest: " + digest(a.Body)
	a.Body = nil
	w.Write(Entry{Kind: "revisit", Address: address, Content: "application/http; msgtype=response", Block: a.block(),
		More: []string{profile, "WARC-Refers-To-Target-URI: " + address, sum}})
}

func splitAddress(address string) (host, path string) {
	_, rest, _ := strings.Cut(address, "://")
	host, path, _ = strings.Cut(rest, "/")
	return host, "/" + path
}
