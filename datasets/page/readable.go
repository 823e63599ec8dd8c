package page

import (
	"bytes"
	"net/url"
	"strings"

	readability "codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
)

// readable returns the main content of a page as go-readability cuts it out, as HTML, and "" or why there is none. Its tree is nested and its
// time is not bounded by its authors, so pages of too many elements and of too deep ones are refused.
func readable(text string, base *url.URL, elements int) (article, refused string) {
	defer func() {
		if recover() != nil { // on one page the library fails, the crawl goes on: the page is read by the other rule, and noted
			article, refused = "", "readability failed"
		}
	}()
	if strings.Count(text, "<") > 3*elements {
		return "", "too many elements for readability"
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return "", "nested too deep for readability"
	}
	parser := readability.NewParser()
	parser.MaxElemsToParse = elements
	found, err := parser.ParseAndMutate(root, base)
	if err != nil || found.Node == nil {
		return "", "readability found nothing"
	}
	var out bytes.Buffer
	if err := html.Render(&out, found.Node); err != nil || out.Len() == 0 {
		return "", "readability found nothing"
	}
	return out.String(), ""
}
