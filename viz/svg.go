package viz

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// drawSVG makes a document of its own: the glyphs it uses are inside, its paper is white.
func drawSVG(fig Figure) ([]byte, error) {
	f, err := fig.plan(0)
	if err != nil {
		return nil, err
	}
	body, err := svgBody(f)
	if err != nil {
		return nil, err
	}
	semibold := semiboldNowhere
	if strings.Contains(body, "font-weight:600") {
		semibold = semiboldInFamily
	}
	font, err := fontFor([]byte(f.title+body), semibold)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" %s font-family="%s">`+"\n", svgAttributes(f), html.EscapeString(font.stack()))
	fmt.Fprintf(&b, "<style>%simage{image-rendering:pixelated}text{white-space:pre}</style>\n", font.css)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="%s"/>`+"\n%s</svg>\n", hexOf(paper), body)
	return b.Bytes(), nil
}

// inlineSVG makes an element for an HTML page, whose font and colours it takes.
func inlineSVG(f *figure) (string, error) {
	body, err := svgBody(f)
	if err != nil {
		return "", err
	}
	return "<svg " + svgAttributes(f) + ">\n" + themeStyles(body) + "</svg>", nil
}

func svgAttributes(f *figure) string {
	return fmt.Sprintf(`width="%.0f" height="%.0f" viewBox="0 0 %g %g" role="img" aria-label="%s"`,
		f.width, f.height, float64(px(f.width)), float64(px(f.height)), html.EscapeString(f.title))
}

// svgBody draws f with gonum's SVG canvas and returns what lies inside its svg element, without what every text repeats.
func svgBody(f *figure) (string, error) {
	c := vgsvg.New(px(f.width), px(f.height))
	f.draw(&sheet{c: draw.New(c), height: f.height})
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", fmt.Errorf("viz: %s: writing SVG: %w", f.title, err)
	}
	out := b.String()
	out = out[strings.Index(out, "<svg"):]
	out = out[strings.Index(out, ">")+1 : strings.LastIndex(out, "</svg>")]
	out = mapStyles(out, shortStyle.Replace)
	return strings.ReplaceAll(out, ` xlink:href="data:image/jpg;`, ` preserveAspectRatio="none" href="data:image/png;`), nil
}

var shortStyle = strings.NewReplacer("font-family:"+typeface+";", "", "font-variant:none;", "", "font-style:normal;", "", "font-weight:normal;", "")

// mapStyles changes the value of every style attribute, and puts it on the line of its tag. Text is left alone: it has no quotation marks
// that are not escaped.
func mapStyles(body string, change func(string) string) string {
	const start = `style="`
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(body, start)
		if !ok {
			b.WriteString(body)
			return b.String()
		}
		value, after, _ := strings.Cut(rest, `"`)
		b.WriteString(strings.TrimRight(before, " \n\t") + " " + start + change(value) + `"`)
		body = after
	}
}

var hexColor = regexp.MustCompile(`#[0-9A-F]{6}`)

// themeStyles lets the colours of style attributes follow the theme of the page.
func themeStyles(body string) string {
	return mapStyles(body, func(style string) string { return hexColor.ReplaceAllStringFunc(style, themeColor) })
}

// themeColor returns the CSS variable of a colour. gonum writes the channels of transparent colours up to 1 too low.
func themeColor(code string) string {
	v, err := strconv.ParseUint(code[1:], 16, 32)
	if err != nil {
		return code
	}
	near := func(have, want uint8) bool { return have == want || have+1 == want }
	c := hex(uint32(v))
	for _, t := range themed {
		if near(c.R, t.light.R) && near(c.G, t.light.G) && near(c.B, t.light.B) {
			return fmt.Sprintf("var(--%s,%s)", t.name, hexOf(t.light))
		}
	}
	return code
}
