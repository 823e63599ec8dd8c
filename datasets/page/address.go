package page

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// longestAddress bounds an address in bytes; browsers and servers refuse longer ones.
const longestAddress = 4096

// base is what relative addresses are resolved against.
type base struct {
	u     url.URL
	local bool // the page is a file: addresses are paths
	root  bool // and its own path begins with a slash
}

// newBase returns the base of a page at address (a URL, or the path of a file), which a <base href> may move.
func newBase(address, href string) base {
	var b base
	if u, err := url.Parse(tidy(address)); err == nil && u.Scheme != "" && (u.Host != "" || u.Scheme == "file") {
		b.u = *u
	} else {
		b.local = true
		b.root = strings.HasPrefix(address, "/")
		b.u.Path = "/" + strings.TrimPrefix(strings.ReplaceAll(address, "\\", "/"), "/")
	}
	if href == "" {
		return b
	}
	u, err := url.Parse(tidy(href))
	if err != nil || u.Scheme == "data" || u.Scheme == "javascript" || u.Opaque != "" {
		return b // as the standard has it: such a base is none
	}
	if u.Host != "" && b.local {
		if u.Scheme == "" {
			u.Scheme = "https"
		}
		return base{u: *u}
	}
	b.u = *b.u.ResolveReference(u)
	return b
}

// String returns the base as an address.
func (b *base) String() string {
	if b.local {
		return b.path(&b.u)
	}
	return b.u.String()
}

// path returns a URL of a local page as a path. It is cleaned once more, as escaped dots are dots now: it does not leave the root.
func (b *base) path(u *url.URL) string {
	p := path.Clean("/" + strings.ReplaceAll(u.Path, "\\", "/"))
	if b.root || p == "/" {
		return strings.TrimSuffix(p, "/")
	}
	return p[1:]
}

// resolve returns the absolute form of an address as a browser requests it, or why there is none.
func (b *base) resolve(ref string) (address, reason string) {
	ref = tidy(ref)
	switch {
	case ref == "" || ref[0] == '#':
		return "", "no address"
	case len(ref) > longestAddress:
		return "", "address too long"
	}
	u, err := url.Parse(ref)
	if err != nil {
		return "", "bad address"
	}
	u = b.u.ResolveReference(u)
	if u.Opaque != "" {
		return "", "scheme of no picture"
	}
	if u.Host != "" && (u.Scheme == "" || !web(u.Scheme) && !web(b.u.Scheme) && u.Host != b.u.Host) {
		u.Scheme = "https" // //host/picture.png on a page that is no web page
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	if b.local && u.Host == "" && u.Scheme == "" {
		switch p := b.path(u); {
		case p == "":
			return "", "no address"
		case strings.ContainsAny(p, "\x00\n\r"):
			return "", "bad address"
		default:
			return p, ""
		}
	}
	switch {
	case !web(u.Scheme) && u.Scheme != b.u.Scheme:
		return "", "scheme of no picture"
	case u.Host == "" && u.Scheme != "file":
		return "", "bad address"
	}
	if web(u.Scheme) {
		host, err := asciiHost(u.Host)
		if err != nil {
			return "", "bad address"
		}
		u.Host = host
	}
	u.RawQuery = escape(u.RawQuery)
	return u.String(), ""
}

func web(scheme string) bool { return scheme == "http" || scheme == "https" }

// asciiHost returns a host in lower case and in the form that name servers know.
func asciiHost(host string) (string, error) {
	host = strings.ToLower(host)
	for i := 0; i < len(host); i++ {
		if host[i] >= utf8.RuneSelf {
			name, port, _ := strings.Cut(host, ":")
			name, err := idna.Lookup.ToASCII(name)
			if err != nil || port == "" {
				return name, err
			}
			return name + ":" + port, nil
		}
	}
	return host, nil
}

// tidy does to an address what browsers do before they parse it: white space at the ends and line breaks inside go, spaces and bare percent
// signs are escaped, and a backslash is a slash before the query.
func tidy(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' || r == 0x3000 || r == 0xa0 })
	plain := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == '\\' || c == '%' || c == '"' || c == '<' || c == '>' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}' || c == '[' || c == ']' || c == 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	query := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\t' || c == '\n' || c == '\r':
		case c == '\\' && !query:
			b.WriteByte('/')
		case c == '%' && !(i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])):
			b.WriteString("%25")
		case c <= ' ' || c == '"' || c == '<' || c == '>' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}' || c == 0x7f:
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		default:
			query = query || c == '?' || c == '#'
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// escape escapes the bytes beyond ASCII of a query.
func escape(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			var b strings.Builder
			b.WriteString(s[:i])
			for ; i < len(s); i++ {
				if c := s[i]; c >= utf8.RuneSelf {
					b.WriteByte('%')
					b.WriteByte("0123456789ABCDEF"[c>>4])
					b.WriteByte("0123456789ABCDEF"[c&15])
				} else {
					b.WriteByte(c)
				}
			}
			return b.String()
		}
	}
	return s
}
