package page

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"
)

// resolve returns the absolute address of a picture, or the bytes of a data URI, or why it is none of the page's pictures.
func (l *layout) resolve(b *base, ref string) (address string, data []byte, reason string) {
	if at := strings.IndexFunc(ref, func(r rune) bool { return r > ' ' }); at >= 0 && len(ref) >= at+5 && strings.EqualFold(ref[at:at+5], "data:") {
		data, reason = l.data(ref[at+5:])
		return "", data, reason
	}
	if address, reason = b.resolve(ref); reason != "" {
		return "", nil, reason
	}
	if reason = unwanted(address); reason != "" {
		return "", nil, reason
	}
	return address, nil, ""
}

// data decodes a data URI behind its scheme.
func (l *layout) data(s string) (data []byte, reason string) {
	media, body, ok := strings.Cut(s, ",")
	if !ok {
		return nil, "bad data URI"
	}
	media = strings.ToLower(strings.TrimSpace(media))
	kind, parameters, _ := strings.Cut(media, ";")
	switch kind = strings.TrimSpace(kind); {
	case strings.HasPrefix(kind, "image/svg"):
		return nil, "vector or icon"
	case !strings.HasPrefix(kind, "image/"):
		return nil, "data URI of no picture"
	case len(body) > 3*l.o.DataBytes+16:
		return nil, "data URI too large"
	}
	if at := strings.IndexByte(body, '#'); at >= 0 {
		body = body[:at]
	}
	if strings.Contains(body, "%") {
		plain, err := url.PathUnescape(body)
		if err != nil {
			return nil, "bad data URI"
		}
		body = plain
	}
	data = []byte(body)
	if encoding := parameters[strings.LastIndexByte(parameters, ';')+1:]; strings.TrimSpace(encoding) == "base64" {
		packed := strings.Map(func(r rune) rune {
			switch {
			case r <= ' ' || r == '=':
				return -1
			case r == '-':
				return '+'
			case r == '_':
				return '/'
			}
			return r
		}, body)
		var err error
		if data, err = base64.RawStdEncoding.DecodeString(packed); err != nil {
			return nil, "bad data URI"
		}
	}
	if len(data) > l.o.DataBytes {
		return nil, "data URI too large"
	}
	w, h := sides(data)
	switch {
	case len(data) < 8:
		return nil, "bad data URI"
	case w > 0 && w <= 2 || h > 0 && h <= 2:
		return nil, "spacer"
	case w > 0 && w < l.o.LeastSide || h > 0 && h < l.o.LeastSide:
		return nil, "small"
	}
	return data, ""
}

// sides returns the width and height that a GIF or PNG claims, 0 of others.
func sides(data []byte) (width, height int) {
	switch {
	case len(data) >= 10 && (string(data[:6]) == "GIF87a" || string(data[:6]) == "GIF89a"):
		return int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	case len(data) >= 24 && string(data[:8]) == "\x89PNG\r\n\x1a\n":
		return int(min(binary.BigEndian.Uint32(data[16:]), 1<<30)), int(min(binary.BigEndian.Uint32(data[20:]), 1<<30))
	}
	return 0, 0
}

// spacerNames are names of files, without digits and signs, that hold no picture of the page.
var spacerNames = wordSet(`spacer blank pixel transparent transp trans clear px dot empty grey gray loading loader lazyload lazy lazyloading placeholder
	space none nopic noimg noimage nophoto onepixel shim clearpixel cleardot nothing loadingimg imgloading preload spinner spaceball`)

// ornamentNames are names, in the same way, of what decorates a page.
var ornamentNames = wordSet(`logo icon avatar arrow btn button bullet qrcode erweima weixin weibo smiley emoji noavatar defaultavatar toplogo sitelogo logotop`)

// ornaments are parts of paths of what decorates a page.
var ornaments = []string{"/avatar", "/smiley", "/smilies", "/emoji", "/emoticon", "/emot/", "/userface/"}

// trackers are parts of addresses of counters.
var trackers = []string{"google-analytics.com/", "doubleclick.net/", "//hm.baidu.com/", "cnzz.com/", "//c.statcounter.com/", "scorecardresearch.com/", "facebook.com/tr", "/__utm.gif",
	"/hm.gif", "/stat.htm", "/counter.", "/counter/", "/pixel.", "/pixel?", "/pixel/", "/beacon", "/tracking/", "/track?", "/tracker/", "quantserve.com/", "51.la/", "51yes.com/", "alexa.com/", "/wf.gif",
	"//pixel.", "//stats.", "//counter.", "//beacon.", "//track.", "//analytics."}

// unwanted returns why the picture at an absolute address is none of the page's, "" where it may be.
func unwanted(address string) string {
	lower := strings.ToLower(address)
	for _, part := range trackers {
		if strings.Contains(lower, part) {
			return "counter"
		}
	}
	path, _, _ := strings.Cut(lower, "?")
	for _, part := range ornaments {
		if strings.Contains(path, part) {
			return "ornament"
		}
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	at := strings.LastIndexByte(name, '.')
	if at < 0 {
		at = len(name)
	}
	ext := strings.TrimLeft(name[at:], ".")
	switch ext {
	case "svg", "svgz", "ico", "cur", "eps", "ai":
		return "vector or icon"
	case "avif", "heic", "heif", "jxl", "jp2", "psd", "tif", "tiff":
		return "unreadable format"
	case "mp4", "webm", "mp3", "swf", "pdf", "html", "htm", "js", "css":
		return "no picture"
	}
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, name[:at])
	if ext != "jpg" && ext != "jpeg" && (spacerNames[letters] || letters == "x" && len(name) <= 8) {
		return "spacer"
	}
	if ornamentNames[letters] {
		return "ornament"
	}
	return ""
}
