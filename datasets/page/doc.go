// Package page turns a web page into plain text and into pictures with the text around them (section 2 of the paper: HTML markup is
// stripped, and of crawled pages only pictures with their surrounding text are kept).
//
//	p, err := page.Parse(body, "https://example.org/a.html", "gb2312", page.Default())
//	p.Text                  // the main content, a line a paragraph
//	p.Pictures[0].Texts[0]  // the first text beside the first picture, and how it was found
//
// [Decode] finds the charset: a byte order mark, the protocol's header, the page's own declaration, and the bytes themselves. A declaration is
// a claim: the bytes are read by each of the likely charsets, and a reading that is much better Chinese than the declared one wins, so a page
// that says gb2312 and is UTF-8 is read right. What no charset can read is counted in [Page.Bad].
//
// # Main content
//
// Three rules find it ([Options.Main]): "density" looks at blocks of text, the share of links in them, and the part of the page where the
// sentences are; "readability" is the go-readability library, which takes four to five times as long; "strip" takes everything that a
// reader would see. Where a rule finds nothing, "strip" does the work, and [Page.Main] says so.
//
// # Pictures
//
// A picture's address is looked for where pages hide it: attributes of lazy loading, srcset, <picture>, <noscript>, data URIs. What is no
// picture of the page (spacers, counters, icons) is left out and counted by reason in [Page.Skipped]. Each text says how it was found and
// how far it is in the tree of elements, so that either can be varied in an experiment.
//
// # Security
//
// Pages are untrusted. Nothing recurses: elements lie in a flat list, nesting beyond [Options.Depth] is cut, and time and memory are
// linear in the bytes that [Options.Bytes] admits. "readability" is the exception: it builds a tree of its own, and pages of more elements
// than [Options.Elements] are not given to it. Pictures of a page whose address is a relative path have relative paths that do not climb above
// where it begins; where the page's address is absolute or a file URL, so are theirs, to any place. Whoever opens a path decides what may be
// opened.
package page
