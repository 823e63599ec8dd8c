package source

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// slot is what a column or key of a table is for.
type slot uint8

const (
	slotNone slot = iota
	slotText
	slotHTML
	slotTitle
	slotAbout // a description beside a title
	slotQuestion
	slotAnswer
	slotAddress
	slotDate
	slotLicense
	slotSource
	slotImage
	slotReferences
	slotAnswerID // its presence says that the text answers the title
	numSlots
)

// columns are the names that slots have in public data, the better one first: our records, MUGE, Wukong and Zero (image and caption), nlp_chinese_corpus
// (news2016zh, baike2018qa, webtext2019zh, wiki_zh), chinese-poetry, CC-derived corpora.
var columns = [numSlots][]string{
	slotText:       {"text", "content", "body", "article", "passage", "maintext", "paragraphs", "caption", "description"},
	slotHTML:       {"html", "raw_html"},
	slotTitle:      {"title", "headline", "subject", "name", "product_title"},
	slotAbout:      {"desc"},
	slotQuestion:   {"question", "query_text", "query", "prompt"},
	slotAnswer:     {"answer", "response"},
	slotAddress:    {"url", "uri", "link", "page_url", "source_url", "target_uri", "warc-target-uri", "address"},
	slotDate:       {"date", "time", "timestamp", "published", "publish_date", "crawl_date", "warc-date"},
	slotLicense:    {"license", "licence"},
	slotSource:     {"source"},
	slotImage:      {"image", "image_path", "img", "image_url", "imageurl", "picture", "pic", "file_name", "base64", "imgbase64", "image_base64"},
	slotReferences: {"references", "captions"},
	slotAnswerID:   {"answer_id"},
}

// paragraphsRank is the place of the name whose list is one text.
var paragraphsRank = int8(slices.Index(columns[slotText], "paragraphs"))

// ranked is a slot with the place of a name in its list.
type ranked struct {
	slot slot
	rank int8
}

var slotsByName = func() map[string]ranked {
	m := map[string]ranked{}
	for s, names := range columns {
		for rank, name := range names {
			m[name] = ranked{slot(s), int8(rank)}
		}
	}
	return m
}()

// slotOf returns the slot of a column's or key's name, in whatever case.
func slotOf(name []byte) ranked {
	if r, found := slotsByName[string(name)]; found {
		return r
	}
	const longest = 32
	if len(name) > longest {
		return ranked{}
	}
	return slotsByName[string(bytes.ToLower(name))]
}

// row is a record of a table on its way to a document.
type row struct {
	texts  [numSlots]string
	ranks  [numSlots]int8 // of the names that gave the texts, plus 1; 0 for none
	lists  [numSlots][]string
	images []Image
	bare   bool // a title alone is the text: product tables, pictures
}

// set takes a value where no better name gave one. An empty value counts as none.
func (r *row) set(at ranked, value string) {
	if value != "" && (r.ranks[at.slot] == 0 || at.rank+1 <= r.ranks[at.slot]) {
		r.texts[at.slot], r.ranks[at.slot], r.lists[at.slot] = value, at.rank+1, nil
	}
}

// setList takes a list of values.
func (r *row) setList(at ranked, values []string) {
	values = slices.DeleteFunc(values, func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(values) == 0 {
		return
	}
	r.set(at, values[0])
	if r.ranks[at.slot] == at.rank+1 {
		r.lists[at.slot] = values
	}
}

var errNoText = errors.New("there is no text: want one of the names " + strings.Join(columns[slotText], ", ") + ", or question and answer")

// rowFault is why a row gives no document.
type rowFault struct {
	reason string
	err    error
}

// rowDocument makes a document of a row.
func (s *sink) rowDocument(r *row) (*Document, *rowFault) {
	t := &r.texts
	d := &Document{
		Title: oneParagraph(t[slotTitle]), Address: t[slotAddress], License: t[slotLicense], Date: rowDate(t[slotDate]),
		Question: strings.TrimSpace(t[slotQuestion]), Answer: strings.TrimSpace(t[slotAnswer]), Media: "text/plain", Charset: "utf-8",
	}
	if rows[t[slotSource]] {
		d.Source = t[slotSource]
	}
	text := t[slotText]
	if d.Question == "" && d.Title != "" {
		answer := d.Answer
		if answer == "" && r.ranks[slotAnswerID] > 0 {
			answer, text = strings.TrimSpace(text), ""
		}
		if answer != "" {
			d.Question, d.Answer, d.Title = joinTexts(d.Title, t[slotAbout]), answer, ""
			t[slotAbout] = ""
		}
	}
	references := slices.Concat(r.lists[slotText], r.lists[slotReferences])
	if t[slotReferences] != "" && r.lists[slotReferences] == nil {
		references = append(references, t[slotReferences])
	}
	if text == "" && len(references) > 0 {
		text = references[0]
	}
	if len(references) > 1 {
		d.References = references
	}
	if fault := s.rowImages(d, r); fault != nil {
		return nil, fault
	}
	if len(d.Images) == 0 && d.Address != "" && r.captioned() { // Wukong: the address is the picture's
		d.Images = []Image{{Address: d.Address}}
	}
	if strings.TrimSpace(text) == "" {
		text = strings.TrimSpace(t[slotAbout])
	}
	switch {
	case t[slotHTML] != "":
		d.Media, d.Body = "text/html", []byte(t[slotHTML])
	case text != "":
		d.Body = []byte(text)
	case d.Title != "" && (r.bare || len(d.Images) > 0):
		d.Body, d.Title = []byte(d.Title), ""
	case d.Question == "" || d.Answer == "":
		return nil, &rowFault{FaultEmpty, errNoText}
	}
	if len(d.Body) > s.o.MaxDocument {
		return nil, &rowFault{FaultLarge, errTooLarge}
	}
	return d, nil
}

// captioned reports whether the text is named a caption.
func (r *row) captioned() bool {
	rank := r.ranks[slotText]
	return rank > 0 && columns[slotText][rank-1] == "caption" || r.ranks[slotText] == 0 && r.ranks[slotReferences] > 0
}

// rows are those of the paper's Table 1.
var rows = map[string]bool{"encyclopedia": true, "community_qa": true, "forum": true, "common_crawl": true, "web": true, "ecommerce": true}

func oneParagraph(s string) string { return strings.Join(strings.Fields(s), " ") }

func joinTexts(title, about string) string {
	if about = strings.TrimSpace(about); about == "" || about == title {
		return title
	}
	return title + "\n" + about
}

// rowDate reads a date: a form of date, or seconds or milliseconds since 1970.
func rowDate(s string) string {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		const year2000, year2100 = 946684800, 4102444800
		switch {
		case n >= year2000 && n < year2100:
			return inUTC(time.Unix(n, 0))
		case n >= year2000*1000 && n < year2100*1000:
			return inUTC(time.UnixMilli(n))
		}
	}
	return date(s)
}

// rowImages adds the pictures that a row has or names.
func (s *sink) rowImages(d *Document, r *row) *rowFault {
	d.Images = r.images
	names := r.lists[slotImage]
	if names == nil && r.texts[slotImage] != "" {
		names = []string{r.texts[slotImage]}
	}
	for _, name := range names {
		image, err := s.namedImage(name)
		if err != nil {
			return &rowFault{FaultPicture, err}
		}
		d.Images = append(d.Images, image)
	}
	return nil
}

// namedImage returns the picture that a text stands for: a URL, base64, a data URI, or the name of a file below the table's folder.
func (s *sink) namedImage(name string) (Image, error) {
	name = strings.TrimSpace(name)
	if _, encoded, found := strings.Cut(name, ";base64,"); found && strings.HasPrefix(name, "data:") {
		name = encoded
	}
	if data := fromBase64(name); data != nil {
		if len(data) > s.o.MaxDocument {
			return Image{}, errTooLarge
		}
		return Image{Bytes: data}, nil
	}
	if strings.Contains(name[:min(len(name), 16)], "://") || strings.HasPrefix(name, "//") {
		return Image{Address: name}, nil
	}
	const longest = 1024
	if len(name) > longest {
		return Image{}, fmt.Errorf("%.40q... is neither a URL, nor a name, nor base64 of a picture", name)
	}
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	data, err := readInside(s.ctx, s.store, s.dir, name, s.o.MaxDocument)
	if err != nil {
		return Image{}, fmt.Errorf("%.200q: %w", name, oneLine(err))
	}
	return Image{Path: name, Bytes: data}, nil
}

// fromBase64 decodes a picture in base64 of either alphabet, with or without padding; nil where it is none.
func fromBase64(s string) []byte {
	const shortest = 64
	if len(s) < shortest {
		return nil
	}
	plain := strings.NewReplacer("-", "+", "_", "/")
	head, err := base64.RawStdEncoding.DecodeString(plain.Replace(s[:16]))
	if err != nil || !pictureBytes(head) {
		return nil
	}
	if strings.ContainsAny(s, "-_") {
		s = plain.Replace(s)
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "= \r\n"))
	if err != nil {
		return nil
	}
	return data
}
