package page

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html/atom"
)

// head is what a page says about itself.
type head struct {
	title, card       string // of og:title; address of og:image
	license, language string
	date              string
	base              string // of <base href>
	canonical         string
}

// dateNames are the names of dates in <meta name|property|itemprop>, best first.
var dateNames = []string{"article:published_time", "og:published_time", "datepublished", "og:release_date", "weibo: article:create_at", "pubdate", "publishdate",
	"publish_date", "publish-date", "pub_date", "dc.date.issued", "dcterms.issued", "dc.date", "dcterms.created", "dc.date.created", "date", "article:modified_time"}

// mostDates bounds the dates of a page that are read: a page needs one.
const mostDates = 64

// about reads the head and whatever else of the page names a date or a licence.
func (t *tree) about() head {
	var h head
	dateRank, licenseRank := 100, 100
	tries := 0
	date := func(rank int, value string) {
		if rank < dateRank && tries < mostDates {
			tries++
			if d := parseDate(value); d != "" {
				h.date, dateRank = d, rank
			}
		}
	}
	license := func(rank int, value string) {
		if value = strings.TrimSpace(value); rank < licenseRank && value != "" && len(value) <= 500 {
			h.license, licenseRank = value, rank
		}
	}
	get := func(n int32, name string) string {
		if v := t.attr(n, name); len(v) <= longestAddress {
			return string(v)
		}
		return ""
	}
	for _, n := range t.metas {
		switch t.nodes[n].atom {
		case atom.Html:
			if h.language == "" {
				h.language = strings.TrimSpace(get(n, "lang"))
			}
			if h.language == "" {
				h.language = strings.TrimSpace(get(n, "xml:lang"))
			}
		case atom.Base:
			if h.base == "" {
				h.base = get(n, "href")
			}
		case atom.Meta:
			content := t.attr(n, "content")
			if len(content) == 0 || len(content) > longestAddress {
				continue
			}
			for _, key := range [...]string{"property", "name", "itemprop"} {
				name := strings.ToLower(get(n, key))
				if name == "" || len(name) > 40 {
					continue
				}
				switch name {
				case "og:title", "twitter:title":
					if h.title == "" {
						h.title = collapsed(content)
					}
				case "og:image", "og:image:url", "og:image:secure_url", "twitter:image":
					if h.card == "" {
						h.card = string(content)
					}
				case "license", "dc.rights.license", "dcterms.license", "dc.license":
					license(1, collapsed(content))
				case "dc.rights", "dcterms.rights", "rights":
					if s := string(content); strings.Contains(s, "creativecommons.org/") {
						license(4, collapsed(content))
					}
				default:
					if rank := slices.Index(dateNames, name); rank >= 0 {
						date(rank, string(content))
					}
				}
			}
		case atom.Link, atom.A:
			rel := strings.Fields(strings.ToLower(get(n, "rel")))
			switch {
			case slices.Contains(rel, "license") || slices.Contains(rel, "licence"):
				license(0, get(n, "href"))
			case slices.Contains(rel, "canonical") && h.canonical == "":
				h.canonical = get(n, "href")
			}
		case atom.Time:
			rank := 40
			if t.has(n, "pubdate") || strings.EqualFold(get(n, "itemprop"), "datePublished") {
				rank = 5
			}
			date(rank, get(n, "datetime"))
		}
	}
	for _, script := range t.scripts {
		published, licence := linkedData(script)
		date(2, published)
		license(2, licence)
	}
	if h.license == "" {
		license(3, t.commons())
	}
	return h
}

// commons returns the first link to a Creative Commons licence.
func (t *tree) commons() string {
	for i := range t.nodes {
		if n := &t.nodes[i]; !n.text && n.atom == atom.A && n.to > n.from {
			href := string(t.attr(int32(i), "href"))
			if at := strings.Index(href, "creativecommons.org/"); at >= 0 && at <= len("https://www.") {
				if path := href[at+len("creativecommons.org/"):]; strings.HasPrefix(path, "licenses/") || strings.HasPrefix(path, "publicdomain/") {
					return href
				}
			}
		}
	}
	return ""
}

// linkedData returns datePublished and license of a JSON-LD script: of its object, or of the first that has them in its list or graph.
func linkedData(script string) (published, license string) {
	var value any
	if json.Unmarshal([]byte(script), &value) != nil {
		return "", ""
	}
	objects, _ := value.([]any)
	if o, ok := value.(map[string]any); ok {
		graph, _ := o["@graph"].([]any)
		objects = append([]any{o}, graph...)
	}
	for _, o := range objects {
		if m, ok := o.(map[string]any); ok {
			if s, ok := m["datePublished"].(string); ok && published == "" {
				published = s
			}
			if s, ok := m["license"].(string); ok && license == "" {
				license = s
			}
		}
	}
	return published, license
}

// dateForms are the ways in which pages write dates: with an offset, without one, and days.
var dateForms = [3][]string{
	{time.RFC3339, "2006-01-02T15:04:05.999Z0700", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
		time.RFC1123Z, time.RFC1123, "2006-01-02 15:04:05 Z0700"},
	{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05.999", "2006-01-02 15:04:05.999", "2006-01-02T15:04", "2006-01-02 15:04", "2006/01/02 15:04:05",
		"2006/01/02 15:04", "2006/1/2 15:04:05", "2006/1/2 15:04", "2006-1-2 15:04:05", "2006-1-2 15:04", "2006年01月02日 15:04:05", "2006年01月02日 15:04", "2006年1月2日 15:04:05",
		"2006年1月2日 15:04", "2006年01月02日15:04", "2006年1月2日15:04", "20060102150405"},
	{"2006-01-02", "2006/01/02", "2006.01.02", "2006-1-2", "2006/1/2", "2006年01月02日", "2006年1月2日", "20060102", "January 2, 2006", "Jan 2, 2006", "2 January 2006"},
}

// parseDate returns a date as RFC 3339 writes it, "" where it is none. An offset that is not given is -00:00, RFC 3339's sign for an unknown
// one; a day without a time stays a full-date.
func parseDate(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 8 || len(s) > 40 {
		return ""
	}
	for kind, forms := range dateForms {
		for _, form := range forms {
			d, err := time.Parse(form, s)
			if err != nil || d.Year() < 1970 || d.Year() > 2200 {
				continue
			}
			switch kind {
			case 0:
				return d.Format(time.RFC3339)
			case 1:
				return d.Format("2006-01-02T15:04:05") + "-00:00"
			}
			return d.Format("2006-01-02")
		}
	}
	return ""
}
