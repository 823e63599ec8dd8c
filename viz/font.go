package viz

import (
	_ "embed"
	"fmt"
	"sort"
	"strings"
	"sync"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

//go:embed fonts/sans.ttf
var sansTTF []byte

//go:embed fonts/semibold.ttf
var semiboldTTF []byte

const (
	typeface = "M6lab Sans"
	// fallbackFamilies follow the embedded font, for characters that it lacks and for programs that ignore it.
	fallbackFamilies = `"Noto Sans SC","Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif`
)

// faces holds the two embedded fonts, parsed once.
type faces struct {
	sans, semibold *sfnt.Font
	handler        text.Handler
}

var loadFaces = sync.OnceValue(func() faces {
	parse := func(data []byte) *opentype.Font {
		f, err := opentype.Parse(data)
		if err != nil {
			panic("viz: an embedded font is damaged: " + err.Error()) // a fault of the build, not of the caller
		}
		return f
	}
	sans, semibold := parse(sansTTF), parse(semiboldTTF)
	cache := font.NewCache(font.Collection{
		{Font: font.Font{Typeface: typeface}, Face: sans},
		{Font: font.Font{Typeface: typeface, Weight: xfont.WeightSemiBold}, Face: semibold},
	})
	return faces{sans: sans, semibold: semibold, handler: text.Plain{Fonts: cache}}
})

// has says whether the font has a glyph for r.
func has(f *sfnt.Font, r rune) bool {
	var buf sfnt.Buffer
	i, err := f.GlyphIndex(&buf, r)
	return err == nil && i != 0
}

// fontOf is the font of one run of text; size in CSS pixels.
func fontOf(size float64, bold bool) font.Font {
	f := font.Font{Typeface: typeface, Size: px(size)}
	if bold {
		f.Weight = xfont.WeightSemiBold
	}
	return f
}

// run is a piece of a string in one weight.
type run struct {
	text string
	bold bool
}

// runs splits s where the semi-bold font ends: it has Latin only, so Han in a bold string is drawn in the regular weight.
func runs(s string, bold bool) []run {
	if !bold {
		return []run{{s, false}}
	}
	var out []run
	semibold := loadFaces().semibold
	for _, r := range s {
		b := has(semibold, r)
		if len(out) == 0 || out[len(out)-1].bold != b {
			out = append(out, run{bold: b})
		}
		out[len(out)-1].text += string(r)
	}
	return out
}

// textWidth is the width of s in CSS pixels.
func textWidth(s string, size float64, bold bool) float64 {
	cache := loadFaces().handler.Cache()
	width := vg.Length(0)
	for _, r := range runs(s, bold) {
		f := fontOf(size, r.bold)
		face := cache.Lookup(f, f.Size)
		width += face.Width(r.text)
	}
	return float64(width) / pointsPerPixel
}

// missing counts the characters that the embedded font lacks.
type missing map[rune]int

// clean returns s with every character that cannot be drawn written as its code, and counts them. Line breaks become spaces.
func (m missing) clean(s string) string {
	var b strings.Builder
	sans := loadFaces().sans
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case has(sans, r):
			b.WriteRune(r)
		default:
			m[r]++
			b.WriteString(codeOf(r))
		}
	}
	return b.String()
}

// count counts what clean would replace, for text that a browser shows with its own fonts.
func (m missing) count(s string) {
	sans := loadFaces().sans
	for _, r := range s {
		if r != '\n' && r != '\t' && r != '\r' && !has(sans, r) {
			m[r]++
		}
	}
}

func codeOf(r rune) string { return fmt.Sprintf("U+%04X", r) }

// note names the characters outside the font, at most eight of them; "" if there are none.
func (m missing) note(how string) string {
	if len(m) == 0 {
		return ""
	}
	var codes []rune
	total := 0
	for r, n := range m {
		codes = append(codes, r)
		total += n
	}
	sort.Slice(codes, func(i, j int) bool { return codes[i] < codes[j] })
	var names []string
	for _, r := range codes[:min(len(codes), 8)] {
		names = append(names, codeOf(r))
	}
	if rest := len(codes) - len(names); rest > 0 {
		names = append(names, fmt.Sprintf("and %d more", rest))
	}
	return fmt.Sprintf("%s outside the embedded font, %s: %s.", plural(total, "character"), how, strings.Join(names, ", "))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(float64(n)) + " " + noun + "s"
}
