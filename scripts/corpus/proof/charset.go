package main

import (
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// written is how a page says what charset it is in, and what it is in.
type written struct {
	Kind   string            // as the manifest counts it
	Coder  encoding.Encoding // nil is UTF-8
	Header string            // charset of the protocol's header; "" none
	Meta   string            // charset of the page's own meta; "" none
	wrong  bool
}

// The ways, and how many of a thousand pages are written so. The rest is UTF-8 as the package has it.
var (
	simplifiedWays = []share{
		{120, written{Kind: "GBK, by header", Coder: simplifiedchinese.GBK, Header: "gbk", Meta: "gb2312"}},
		{80, written{Kind: "GBK, by meta (gb2312)", Coder: simplifiedchinese.GBK, Meta: "gb2312"}},
		{50, written{Kind: "GB18030, by header", Coder: simplifiedchinese.GB18030, Header: "GB18030"}},
		{30, written{Kind: "GBK, not said", Coder: simplifiedchinese.GBK}},
		{150, written{Kind: "UTF-8, not said"}},
	}
	traditionalWays = []share{
		{300, written{Kind: "Big5, by header", Coder: traditionalchinese.Big5, Header: "big5", Meta: "big5"}},
		{200, written{Kind: "Big5, by meta", Coder: traditionalchinese.Big5, Meta: "Big5"}},
		{60, written{Kind: "Big5, not said", Coder: traditionalchinese.Big5}},
	}
	plainWay = written{Kind: "UTF-8, by header and meta", Header: "utf-8", Meta: "utf-8"}
	wrongWay = written{Kind: "GBK, said to be UTF-8", Coder: simplifiedchinese.GBK, Header: "utf-8", Meta: "utf-8", wrong: true}
)

type share struct {
	permille uint64
	way      written
}

// way chooses by a hash of the address.
func (p page) way() written {
	at, ways := pick(p.address, "charset", 1000), simplifiedWays
	if p.traditional {
		ways = traditionalWays
	}
	for _, s := range ways {
		if at < s.permille {
			return s.way
		}
		at -= s.permille
	}
	return plainWay
}

var metaCharset = regexp.MustCompile(`(?i)<meta\s+(?:http-equiv="Content-Type"\s+content="text/html;\s*charset=[^"]*"|charset="[^"]*")\s*/?>|\s*<\?xml[^>]*encoding="[^"]*"[^>]*\?>`)

// encode writes a page so: its own word about the charset is replaced; a character that the charset lacks becomes a numeric reference.
func (w written) encode(text string) ([]byte, error) {
	meta := ""
	if w.Meta != "" {
		meta = `<meta http-equiv="Content-Type" content="text/html; charset=` + w.Meta + `">`
	}
	text = metaCharset.ReplaceAllLiteralString(text, "")
	if i := strings.Index(text, "<head>"); i >= 0 {
		text = text[:i+6] + meta + text[i+6:]
	}
	if w.Coder == nil {
		return []byte(text), nil
	}
	return encoding.HTMLEscapeUnsupported(w.Coder.NewEncoder()).Bytes([]byte(text))
}

// media is the value of the protocol's Content-Type.
func (w written) media() string {
	if w.Header == "" {
		return "text/html"
	}
	return "text/html; charset=" + w.Header
}
