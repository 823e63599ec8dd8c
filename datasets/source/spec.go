package source

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The formats of inputs. [FormatFolder] is a folder in which each file has a format of its own.
const (
	FormatFolder     = "folder"
	FormatHTML       = "html"
	FormatJSONL      = "jsonl"
	FormatLines      = "lines"
	FormatParquet    = "parquet"
	FormatPictures   = "pictures"
	FormatTable      = "table"
	FormatText       = "text"
	FormatTHUCTC     = "thuctc"
	FormatWARC       = "warc"
	FormatWebDataset = "webdataset"
	FormatWET        = "wet"
	FormatWiki       = "wiki"
)

// defaultSources maps formats to rows of the paper's Table 1. Records of jsonl and Parquet differ too much for one row: see [DefaultSource].
var defaultSources = map[string]string{
	FormatFolder: "", FormatHTML: "web", FormatJSONL: "", FormatLines: "common_crawl", FormatParquet: "", FormatPictures: "web",
	FormatTable: "ecommerce", FormatText: "common_crawl", FormatTHUCTC: "common_crawl", FormatWARC: "web", FormatWebDataset: "web",
	FormatWET: "common_crawl", FormatWiki: "encyclopedia",
}

// Formats returns the names of all formats, in order.
func Formats() []string {
	names := make([]string, 0, len(defaultSources))
	for name := range defaultSources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// DefaultSource returns the row of the paper's Table 1 that a format counts for where the spec names none. The paper does not say how its rows
// were stored: WARC, HTML, picture folders and WebDataset are its crawled webpages (web), WET and plain text its Common Crawl, wiki dumps its
// encyclopedia, product tables its e-commerce. "" (folder, jsonl, parquet) means that each document decides: its own `source` where that is a row of the table, else community_qa
// with a question and an answer, web with a picture, common_crawl without; in a folder each file's format.
func DefaultSource(format string) string { return defaultSources[format] }

// Spec is one input as the user names it, with the row that it counts for.
type Spec struct {
	Address string `json:"address"`          // a file, folder or pattern (* ? [a-z], and ** for folders of any depth); file://, s3://, gs://, azblob://
	Format  string `json:"format,omitempty"` // one of the Format constants; "" is by name and content
	Source  string `json:"source,omitempty"` // "" is the format's default
}

var sourceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// ParseSpec reads [SOURCE=][FORMAT:]ADDRESS, as "crawl/", "web=warc:crawl/*.warc.gz", "encyclopedia=zhwiki.xml.bz2", "s3://bucket/wet/*.gz". A local
// name that looks like more than an address is written with "./" before it.
func ParseSpec(s string) (Spec, error) {
	spec := Spec{Address: s}
	if name, rest, found := strings.Cut(s, "="); found && sourceName.MatchString(name) {
		spec.Source, spec.Address = name, rest
	}
	if name, rest, found := strings.Cut(spec.Address, ":"); found && sourceName.MatchString(name) && !strings.HasPrefix(rest, "//") {
		if _, known := defaultSources[name]; !known {
			return Spec{}, fmt.Errorf("input %q: no format is called %s; want one of %s, or ./%s for a file of that name", s, name, strings.Join(Formats(), ", "), spec.Address)
		}
		spec.Format, spec.Address = name, rest
	}
	if spec.Address == "" {
		return Spec{}, fmt.Errorf("input %q: there is no address; want [SOURCE=][FORMAT:]ADDRESS, as web=warc:crawl/*.warc.gz", s)
	}
	return spec, spec.validate()
}

func (s Spec) validate() error {
	if _, known := defaultSources[s.Format]; s.Format != "" && !known {
		return fmt.Errorf("input %s: no format is called %s; want one of %s", s.Address, s.Format, strings.Join(Formats(), ", "))
	}
	_, err := parseAddress(s.Address)
	return err
}

// packings are endings of compressed files.
var packings = []string{".gz", ".zst", ".bz2"}

// formatsByEnding are the formats of files by the end of their names, without that of a packing.
var formatsByEnding = map[string]string{
	".warc": FormatWARC, ".wet": FormatWET, ".xml": FormatWiki, ".jsonl": FormatJSONL, ".ndjson": FormatJSONL, ".json": FormatJSONL,
	".parquet": FormatParquet, ".tar": FormatWebDataset, ".tgz": FormatWebDataset, ".csv": FormatTable, ".tsv": FormatTable,
	".html": FormatHTML, ".htm": FormatHTML, ".xhtml": FormatHTML, ".shtml": FormatHTML, ".php": FormatHTML, ".asp": FormatHTML, ".aspx": FormatHTML,
	".jsp": FormatHTML, ".txt": FormatText,
	".png": FormatPictures, ".jpg": FormatPictures, ".jpeg": FormatPictures, ".gif": FormatPictures, ".webp": FormatPictures,
}

// formatOfName returns the format that a file's name tells, "" for none.
func formatOfName(name string) string {
	lower, _, _ := strings.Cut(strings.ToLower(path.Base(name)), "?") // a mirrored page with its query
	ending := path.Ext(lower)
	if slices.Contains(packings, ending) {
		lower = strings.TrimSuffix(lower, ending)
		ending = path.Ext(lower)
	}
	return formatsByEnding[ending]
}

// formatOfContent returns the format that the first bytes of a file, decompressed, tell, "" for none.
func formatOfContent(head []byte) string {
	text := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head[:min(len(head), 1024)]), "\xef\xbb\xbf"), " \t\r\n"))
	switch {
	case strings.HasPrefix(text, "warc/"):
		return FormatWARC
	case strings.HasPrefix(text, "par1"):
		return FormatParquet
	case strings.HasPrefix(text, "<mediawiki"), strings.HasPrefix(text, "<?xml") && strings.Contains(text, "<mediawiki"):
		return FormatWiki
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"):
		return FormatHTML
	case strings.HasPrefix(text, "{"):
		return FormatJSONL
	case len(head) >= 512 && validTarHeader(head[:512]):
		return FormatWebDataset
	}
	return ""
}

var errFormat = errors.New("neither the name nor the content tells a known format; name it, as in warc:ADDRESS")
