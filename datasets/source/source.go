package source

import (
	"errors"
	"fmt"
)

// Document is one raw document as it was found, before any rule. It belongs to the caller.
type Document struct {
	ID               string   // stable and unique in its input: the file, "#", and the record's offset, row or page id; the file alone where it is one document
	Source           string   // the paper's row (Table 1): encyclopedia, community_qa, forum, common_crawl, web, ecommerce; else the spec's name
	Address          string   // URL; file:///NAME for a file of a folder, NAME counted from the folder; else the same as ID
	Date             string   // RFC 3339 in UTC, "" unknown
	License          string   // as given, "" unknown
	Title            string   // plain text, "" none (for HTML it is found later)
	Media            string   // "text/html", "text/plain", or "" for pictures alone
	Charset          string   // as the protocol's header declares it, or "utf-8" where the format says so; "" unknown
	Body             []byte   // raw bytes (HTML or plain text), as found
	Images           []Image  // pictures that came with it (picture folders, WebDataset, tables, Parquet)
	Question, Answer string   // community QA, where the source has them
	References       []string // all captions where there are several
}

// Image is a picture of a document: its bytes, or where to get them.
type Image struct {
	Path    string // the name in its folder, archive or table; "" none
	Address string // URL, "" none
	Bytes   []byte // encoded; nil where only the address is known
}

// Fault is a record that gave no document. Reading goes on behind it where the next record can be found.
type Fault struct {
	Reason  string // one of the Fault and Skip constants
	Address string // of the record: a file, and what is behind "#" in a Document's ID
	Err     error  // what is wrong with it; nil where the reason says all
}

// Error says where and what, in one line.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Address + ": " + f.Reason
	}
	return f.Address + ": " + f.Reason + ": " + f.Err.Error()
}

// Unwrap returns what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Skip reports whether the record is sound but no document: one of the Skip reasons.
func (f *Fault) Skip() bool { return skips[f.Reason] }

// The reasons for which a damaged record gives no document.
const (
	FaultBomb      = "decompression bomb"       // the stream swells more than two hundredfold: the rest of it is given up
	FaultChunks    = "broken chunks"            // the chunked transfer encoding of an HTTP response
	FaultCompress  = "corrupt compression"      // gzip, bzip2 or zstd
	FaultCut       = "truncated compression"    // gzip, bzip2 or zstd that ends too soon
	FaultEmpty     = "empty"                    // a file or record without content
	FaultEncoding  = "corrupt content encoding" // of an HTTP response
	FaultFile      = "unreadable file"          // one file of a folder
	FaultHeader    = "unreadable header"        // of a WARC record, an HTTP response or a tar entry
	FaultJSON      = "unreadable JSON"
	FaultLarge     = "too large" // more than Options.MaxDocument
	FaultLength    = "wrong length"
	FaultPath      = "path outside the archive"
	FaultPicture   = "unreadable picture" // no base64, or no such file
	FaultRow       = "unreadable row"     // of a table or a Parquet file
	FaultTruncated = "truncated"          // the input ends inside the record
	FaultUTF8      = "not UTF-8"
	FaultXML       = "unreadable XML"
)

// The reasons for which a sound record is no document.
const (
	SkipCaption   = "picture without a caption"
	SkipHidden    = "hidden file"
	SkipInfo      = "warcinfo record"
	SkipKind      = "file of no known kind"
	SkipMedia     = "neither HTML nor text" // a response of another media type that is no picture
	SkipMetadata  = "metadata record"
	SkipNamespace = "page of another namespace" // of a wiki: talk, templates, categories
	SkipPicture   = "picture response"          // served by a Crawl
	SkipRecord    = "record of another type"
	SkipRedirect  = "redirect" // of a wiki
	SkipRequest   = "request record"
	SkipRevisit   = "revisit record"
	SkipStatus    = "status other than 200"
)

var skips = map[string]bool{
	SkipCaption: true, SkipHidden: true, SkipInfo: true, SkipKind: true, SkipMedia: true, SkipMetadata: true, SkipNamespace: true,
	SkipPicture: true, SkipRecord: true, SkipRedirect: true, SkipRequest: true, SkipRevisit: true, SkipStatus: true,
}

// Options bound what is read. A zero field takes the default.
type Options struct {
	// MaxDocument is the largest document, and the largest picture, in bytes after decompression: 16 MiB by default. Larger ones are faults.
	MaxDocument int `json:"max_document,omitempty"`
	// MaxImages is the largest number of pictures of one bucket of a crawl's index while it is joined, at 168 bytes of memory each: 4 million by
	// default.
	MaxImages int `json:"max_images,omitempty"`
}

// Default returns the options that a zero Options stands for.
func Default() Options { return Options{MaxDocument: 16 << 20, MaxImages: 4 << 20} }

// Validate says which field is out of its range.
func (o Options) Validate() error {
	const most = 1 << 30
	if o.MaxDocument < 0 || o.MaxDocument > most {
		return fmt.Errorf("max_document %d: want 1 to %d bytes, or 0 for the default", o.MaxDocument, most)
	}
	if o.MaxImages < 0 || o.MaxImages > most {
		return fmt.Errorf("max_images %d: want 1 to %d pictures, or 0 for the default", o.MaxImages, most)
	}
	return nil
}

func (o Options) orDefault() Options {
	d := Default()
	if o.MaxDocument == 0 {
		o.MaxDocument = d.MaxDocument
	}
	if o.MaxImages == 0 {
		o.MaxImages = d.MaxImages
	}
	return o
}

// errStopped ends reading when the caller wants no more.
var errStopped = errors.New("stopped")
