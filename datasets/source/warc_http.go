package source

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// response is what the header of an HTTP response tells, and its body.
type response struct {
	status  int
	media   string // without parameters, in small letters
	charset string
	coding  []string // content codings, in the order in which they were applied
	chunked bool
	body    []byte
}

// parseResponse reads a block of a WARC record. One that is no HTTP message is the body itself, of the record's own media type.
func parseResponse(block []byte, media string) (response, error) {
	if !bytes.HasPrefix(block, []byte("HTTP/")) {
		r := response{status: 200, body: block}
		r.setMedia(media)
		if r.media == "application/http" {
			return r, errors.New("an HTTP response begins with HTTP/")
		}
		return r, nil
	}
	end := headerEnd(block[:min(len(block), maxHTTPHeaders)])
	if end == 0 {
		if len(block) >= maxHTTPHeaders {
			return response{}, errors.New("there is no empty line behind the HTTP header")
		}
		end = len(block)
	}
	r := response{body: block[end:]}
	first := true
	for line := range bytes.Lines(block[:end]) {
		if first {
			first = false
			fields := bytes.Fields(line)
			if len(fields) < 2 {
				return r, fmt.Errorf("no status in %.40q", line)
			}
			status, err := strconv.Atoi(string(fields[1]))
			if err != nil || status < 100 || status > 999 {
				return r, fmt.Errorf("no status in %.40q", line)
			}
			r.status = status
			continue
		}
		name, value := field(line)
		switch {
		case named(name, "Content-Type"):
			r.setMedia(string(value))
		case named(name, "Content-Encoding"):
			for coding := range strings.SplitSeq(strings.ToLower(string(value)), ",") {
				if coding = strings.TrimSpace(coding); coding != "" && coding != "identity" {
					r.coding = append(r.coding, coding)
				}
			}
		case named(name, "Transfer-Encoding"):
			r.chunked = r.chunked || strings.Contains(strings.ToLower(string(value)), "chunked")
		}
	}
	return r, nil
}

// setMedia reads a Content-Type, as carelessly as servers write it.
func (r *response) setMedia(value string) {
	if strings.IndexByte(value, ';') < 0 {
		r.media = strings.ToLower(strings.TrimSpace(value))
		return
	}
	media, parameters, err := mime.ParseMediaType(value)
	if err == nil {
		r.media, r.charset = media, strings.ToLower(parameters["charset"])
		return
	}
	media, rest, _ := strings.Cut(strings.ToLower(value), ";")
	r.media = strings.TrimSpace(media)
	if _, charset, found := strings.Cut(rest, "charset="); found {
		charset, _, _ = strings.Cut(charset, ";")
		r.charset = strings.Trim(charset, " \t\"'")
	}
}

// page returns the media type of a document, "" where it is none.
func (r *response) page() string {
	switch r.media {
	case "text/html", "application/xhtml+xml":
		return "text/html"
	case "text/plain":
		return "text/plain"
	case "":
		start := bytes.ToLower(bytes.TrimSpace(r.body[:min(len(r.body), 512)]))
		if bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html")) {
			return "text/html"
		}
	}
	return ""
}

// picture reports whether the response is a picture, by its media type or its first bytes.
func (r *response) picture() bool {
	if strings.HasPrefix(r.media, "image/") {
		return true
	}
	return (r.media == "" || strings.HasSuffix(r.media, "/octet-stream")) && pictureBytes(r.body)
}

// pictureBytes reports whether data begin as PNG, JPEG, GIF or WebP.
func pictureBytes(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) || bytes.HasPrefix(data, []byte("\xff\xd8\xff")) || bytes.HasPrefix(data, []byte("GIF8")) ||
		len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// decode undoes the transfer and content encodings of the body, which is a copy then. Crawlers that undo them without changing the header are
// common: a body that does not begin as its encoding would is taken as it is. partial keeps what a truncated body has.
func (r *response) decode(limit int, partial bool) error {
	shared := true
	if r.chunked {
		body, err := dechunk(r.body, partial)
		if err != nil {
			return &codingError{FaultChunks, err}
		}
		if body != nil {
			r.body, shared = body, false
		}
	}
	if len(r.coding) > 3 {
		return &codingError{FaultEncoding, fmt.Errorf("%d content encodings", len(r.coding))}
	}
	for i := len(r.coding) - 1; i >= 0; i-- {
		z, err := decoder(r.coding[i], r.body)
		if err != nil {
			return &codingError{FaultEncoding, err}
		}
		if z == nil {
			continue
		}
		body, err := readUpTo(z, limit)
		if err != nil && !(partial && len(body) > 0 && !errors.Is(err, errTooLarge)) {
			if errors.Is(err, errTooLarge) {
				return &codingError{FaultLarge, err}
			}
			return &codingError{FaultEncoding, fmt.Errorf("%s: %w", r.coding[i], err)}
		}
		r.body, shared = body, false
	}
	if len(r.body) > limit {
		return &codingError{FaultLarge, errTooLarge}
	}
	if shared {
		r.body = bytes.Clone(r.body)
	}
	return nil
}

// codingError is why a body cannot be had.
type codingError struct {
	reason string
	err    error
}

func (e *codingError) Error() string { return e.reason + ": " + e.err.Error() }

var errTooLarge = errors.New("it is larger than max_document")

// readUpTo reads at most limit bytes; more is errTooLarge.
func readUpTo(r io.Reader, limit int) ([]byte, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if err == nil && n > int64(limit) {
		err = errTooLarge
	}
	return b.Bytes(), err
}

// decoder returns a reader that undoes a content coding, nil where the body does not have it.
func decoder(coding string, body []byte) (io.Reader, error) {
	in := bytes.NewReader(body)
	switch coding {
	case "gzip", "x-gzip":
		if !bytes.HasPrefix(body, gzipMagic) {
			return nil, nil
		}
		return gzip.NewReader(in)
	case "deflate": // zlib as the standard wants, or bare as many servers send it
		if len(body) >= 2 && body[0]&0x0f == 8 && (uint(body[0])<<8|uint(body[1]))%31 == 0 {
			return zlib.NewReader(in)
		}
		if looksLikeText(body) {
			return nil, nil
		}
		return flate.NewReader(in), nil
	case "br":
		if looksLikeText(body) {
			return nil, nil
		}
		return brotli.NewReader(in), nil
	case "zstd":
		if packingOf(body) != ".zst" {
			return nil, nil
		}
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20)) // RFC 9659
	}
	return nil, nil // an unknown word, as "utf-8": servers write such things
}

// looksLikeText reports whether the body begins with "<", as HTML does and compressed data hardly ever.
func looksLikeText(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body[:min(len(body), 64)], "\xef\xbb\xbf \t\r\n"), []byte{'<'})
}

// dechunk undoes the chunked transfer encoding; nil where the body does not begin with a chunk.
func dechunk(body []byte, partial bool) ([]byte, error) {
	out := make([]byte, 0, len(body))
	for at := 0; ; {
		i := bytes.IndexByte(body[at:], '\n')
		var size uint64
		var err error = io.ErrUnexpectedEOF
		if i >= 0 {
			digits, _, _ := bytes.Cut(body[at:at+i], []byte{';'})
			size, err = strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 32)
		}
		switch {
		case err != nil && at == 0:
			return nil, nil
		case err != nil && partial:
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("no size of a chunk at byte %d", at)
		case size == 0:
			return out, nil // trailers are of no use
		}
		at += i + 1
		if size > uint64(len(body)-at) {
			if partial {
				return append(out, body[at:]...), nil
			}
			return nil, fmt.Errorf("a chunk of %d bytes at byte %d, where %d are left", size, at, len(body)-at)
		}
		out = append(out, body[at:at+int(size)]...)
		at += int(size)
		switch {
		case bytes.HasPrefix(body[at:], []byte("\r\n")):
			at += 2
		case bytes.HasPrefix(body[at:], []byte("\n")):
			at++
		case partial:
			return out, nil
		default:
			return nil, fmt.Errorf("the chunk does not end at byte %d", at)
		}
	}
}
