package page

import (
	"bytes"
	"strings"
)

// declarationBytes is how far into a document its own declaration is looked for. The standard says 1024 bytes; pages that keep scripts
// before it are many.
const declarationBytes = 8 << 10

// declaration returns the charset that a document claims for itself, in lower case: <meta charset>, <meta http-equiv content>, or the
// encoding of an XML declaration; "" none.
func declaration(body []byte) string {
	head := body[:min(len(body), declarationBytes)]
	if rest, ok := bytes.CutPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<?xml")); ok {
		if end := bytes.Index(rest, []byte("?>")); end >= 0 {
			if label := valueOf(rest[:end], "encoding"); label != "" {
				return label
			}
		}
	}
	for {
		at := bytes.IndexByte(head, '<')
		if at < 0 {
			return ""
		}
		head = head[at+1:]
		switch {
		case bytes.HasPrefix(head, []byte("!--")):
			end := bytes.Index(head[3:], []byte("-->"))
			if end < 0 {
				return ""
			}
			head = head[3+end+3:]
		case len(head) > 5 && bytes.EqualFold(head[:4], []byte("meta")) && (isSpace(head[4]) || head[4] == '/'):
			end := bytes.IndexByte(head, '>')
			if end < 0 {
				end = len(head)
			}
			if label := valueOf(head[4:end], "charset"); label != "" {
				return label
			}
			head = head[end:]
		}
	}
}

// valueOf returns what follows name and an equals sign in s, in quotes or not, in lower case; "" nothing.
func valueOf(s []byte, name string) string {
	for {
		at := bytes.Index(bytes.ToLower(s), []byte(name))
		if at < 0 {
			return ""
		}
		s = bytes.TrimLeft(s[at+len(name):], " \t\r\n")
		if len(s) == 0 || s[0] != '=' {
			continue
		}
		v := bytes.TrimLeft(s[1:], " \t\r\n\"'")
		end := bytes.IndexAny(v, " \t\r\n\"';>/?")
		if end < 0 {
			end = len(v)
		}
		if end > 40 {
			return ""
		}
		return strings.ToLower(string(v[:end]))
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
