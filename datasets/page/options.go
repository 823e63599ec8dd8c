package page

import (
	"fmt"
	"slices"
	"strings"
)

// The rules that find the main content, by the names of Options.Main.
const (
	MainDensity     = "density"
	MainReadability = "readability"
	MainStrip       = "strip"
)

// The ways in which a text beside a picture is found, as Around.Found says and Options.Kinds orders them.
const (
	FoundFigcaption = "figcaption"       // the caption of the enclosing <figure>
	FoundCaption    = "caption"          // a neighbour whose class says caption, or that begins as a caption does (图1, ▲)
	FoundAlt        = "alt"              // the alt attribute
	FoundTitle      = "title"            // the title attribute
	FoundAria       = "aria"             // aria-label, or the elements that aria-labelledby and aria-describedby name
	FoundLink       = "link"             // the text, or else the title, of the enclosing link
	FoundParagraph  = "paragraph"        // the paragraph in which the picture stands
	FoundAfter      = "paragraph_after"  // a paragraph behind it
	FoundBefore     = "paragraph_before" // a paragraph before it
	FoundHeading    = "heading"          // the heading above it
	FoundPage       = "page"             // the page's title
)

// kinds are all of them, in the order of Default.
var kinds = []string{FoundFigcaption, FoundCaption, FoundAlt, FoundParagraph, FoundAfter, FoundBefore, FoundAria, FoundTitle, FoundLink, FoundHeading, FoundPage}

// Options say how a page is read. The recipe holds them under "page".
type Options struct {
	Main     string `json:"main"`     // density, readability or strip
	Depth    int    `json:"depth"`    // elements nested deeper lie flat in their ancestor at this depth
	Bytes    int    `json:"bytes"`    // bytes of UTF-8 of one document that are read; the rest is cut and noted
	Elements int    `json:"elements"` // elements of a page that readability is given; larger pages are left to density
	Cell     string `json:"cell"`     // what divides the cells of a table's row
	Marks    bool   `json:"marks"`    // list items begin with "- ", or with their number

	Pictures  bool     `json:"pictures"`   // whether pictures are looked for
	Within    string   `json:"within"`     // "main": pictures of the main content; "page": also others, but none of menus, footers and asides
	Most      int      `json:"most"`       // pictures of one page
	Width     int      `json:"width"`      // pixels: of a srcset the widest candidate up to this, or else the narrowest
	LeastSide int      `json:"least_side"` // pixels: pictures whose declared width or height is less are skipped
	DataBytes int      `json:"data_bytes"` // bytes of a decoded data URI
	Lazy      []string `json:"lazy"`       // attributes that hold the address of a picture loaded late, best first
	Card      bool     `json:"card"`       // also the picture that the page names for cards (og:image)

	Kinds      []string `json:"kinds"`       // ways of finding a text, best first; one that is missing is not used
	Texts      int      `json:"texts"`       // texts of one picture; 0: all that are found
	Paragraphs int      `json:"paragraphs"`  // paragraphs on either side
	Distance   int      `json:"distance"`    // edges of the tree between a picture and a paragraph or heading
	LeastChars int      `json:"least_chars"` // characters of a text
	MostChars  int      `json:"most_chars"`  // characters of a text; a longer one is cut between sentences, the nearest kept
	Cross      bool     `json:"cross"`       // paragraphs may lie beyond another picture
	Names      bool     `json:"names"`       // keep texts that are but a file's name or a word such as "image"
}

// Default is what web pages of today want. The paper gives no figures for this step: the distance and the lengths are ours.
func Default() Options {
	return Options{
		Main: MainDensity, Depth: 512, Bytes: 8 << 20, Elements: 20000, Cell: "\t",
		Pictures: true, Within: "page", Most: 200, Width: 2048, LeastSide: 32, DataBytes: 4 << 20,
		Lazy: []string{"data-original", "data-src", "data-lazy-src", "data-lazyload", "data-lazy", "data-echo", "data-actualsrc", "data-original-src",
			"data-src-pc", "data-img", "data-image", "data-url", "data-hi-res-src", "data-full-src", "data-large", "data-zoom-image", "data-ks-lazyload",
			"original", "lazy-src", "lazysrc", "_src", "file", "zoomfile"},
		Kinds: slices.Clone(kinds), Paragraphs: 1, Distance: 8, LeastChars: 4, MostChars: 200,
	}
}

// Validate returns an error that names the first field that is out of its range.
func (o Options) Validate() error {
	if o.Main != MainDensity && o.Main != MainReadability && o.Main != MainStrip {
		return fmt.Errorf("page: main is %q: choose density, readability or strip", o.Main)
	}
	if o.Within != "page" && o.Within != "main" {
		return fmt.Errorf("page: within is %q: choose page or main", o.Within)
	}
	for _, f := range [...]struct {
		name            string
		value, from, to int
	}{
		{"depth", o.Depth, 8, 4096}, {"bytes", o.Bytes, 1024, 1 << 30}, {"elements", o.Elements, 0, 1 << 20}, {"most", o.Most, 0, 1 << 20},
		{"width", o.Width, 1, 1 << 20}, {"least_side", o.LeastSide, 0, 1 << 20}, {"data_bytes", o.DataBytes, 0, 1 << 30},
		{"texts", o.Texts, 0, 1000}, {"paragraphs", o.Paragraphs, 0, 100}, {"distance", o.Distance, 0, 8192},
		{"least_chars", o.LeastChars, 1, 1 << 20}, {"most_chars", o.MostChars, o.LeastChars, 1 << 24},
	} {
		if f.value < f.from || f.value > f.to {
			return fmt.Errorf("page: %s is %d: choose %d to %d", f.name, f.value, f.from, f.to)
		}
	}
	for i, kind := range o.Kinds {
		if !slices.Contains(kinds, kind) {
			return fmt.Errorf("page: kinds has %q: choose of %s", kind, strings.Join(kinds, ", "))
		}
		if slices.Contains(o.Kinds[:i], kind) {
			return fmt.Errorf("page: kinds has %q twice: name each once", kind)
		}
	}
	for _, name := range o.Lazy {
		if name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, " =\"'<>/\t\n") {
			return fmt.Errorf("page: lazy has %q: name attributes in lower case", name)
		}
	}
	return nil
}
