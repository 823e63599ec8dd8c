package page

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fit returns s cut to Options.MostChars between sentences, keeping its end where fromEnd is set and its beginning otherwise; "" where it is
// too short, or where not one sentence fits.
func (l *layout) fit(s string, fromEnd bool) string {
	if chars := utf8.RuneCountInString(s); chars <= l.o.MostChars {
		if chars < l.o.LeastChars {
			return ""
		}
		return s
	}
	cuts := sentenceEnds(s)
	if fromEnd {
		at := len(s)
		for i := len(cuts) - 2; i >= 0 && utf8.RuneCountInString(s[cuts[i]:]) <= l.o.MostChars; i-- {
			at = cuts[i]
		}
		s = s[at:]
	} else {
		at, chars, from := 0, 0, 0
		for _, cut := range cuts {
			chars += utf8.RuneCountInString(s[from:cut])
			if from = cut; chars > l.o.MostChars {
				break
			}
			at = cut
		}
		s = s[:at]
	}
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) < l.o.LeastChars {
		return ""
	}
	return s
}

// sentenceEnds returns the places behind the sentences of s; the last is its end.
func sentenceEnds(s string) []int {
	var ends []int
	ended := false
	for i, r := range s {
		switch {
		case r == '。' || r == '！' || r == '？' || r == '…' || r == '；' || r == '!' || r == '?':
			ended = true
		case ended && (r == '”' || r == '」' || r == '』' || r == '’' || r == '）' || r == ')' || r == '"'):
		case ended:
			ends = append(ends, i)
			ended = false
		case r == ' ' && i > 0 && s[i-1] == '.':
			ends = append(ends, i)
		}
	}
	return append(ends, len(s))
}

// pictureWords are words that stand for a picture and say nothing about it.
var pictureWords = map[string]bool{"image": true, "img": true, "photo": true, "picture": true, "pic": true, "logo": true, "icon": true, "banner": true, "thumbnail": true, "cover": true,
	"avatar": true, "untitled": true, "图片": true, "照片": true, "图像": true, "配图": true, "插图": true, "封面": true, "缩略图": true, "头像": true, "頭像": true, "图标": true, "点击查看大图": true,
	"点击看大图": true, "点击放大": true, "点击查看原图": true, "点击图片查看大图": true, "查看大图": true, "查看图片": true, "加载中": true, "图片加载中": true, "圖片": true, "照片加载中": true, "在这里插入图片描述": true, "此处输入图片的描述": true, "请输入图片描述": true, "输入图片说明": true}

// isName reports whether s is but the name of a file, an address, a word for pictures, or signs and digits.
func isName(s string) bool {
	lower := strings.ToLower(strings.TrimSpace(s))
	if pictureWords[strings.Trim(lower, "0123456789 ()（）[]【】.…。!！_-")] {
		return true
	}
	if strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "//") || strings.HasPrefix(lower, "data:") {
		return true
	}
	for _, ext := range [...]string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".svg"} {
		if strings.HasSuffix(lower, ext) {
			return true
		}
	}
	letters, han := 0, 0
	for _, r := range lower {
		switch {
		case isHan(r):
			han++
		case r >= 'a' && r <= 'z' || r >= 0xc0 && unicode.IsLetter(r):
			letters++
		}
	}
	if han+letters == 0 {
		return true
	}
	for _, prefix := range [...]string{"img", "dsc", "image", "pic", "photo", "screenshot", "微信图片", "微信截图", "截屏", "屏幕截图", "qq截图", "qq图片", "mmexport", "wechat"} {
		if rest, ok := strings.CutPrefix(lower, prefix); ok && rest != "" && strings.Trim(rest, "0123456789 _-.():") == "" {
			return true
		}
	}
	return false
}
