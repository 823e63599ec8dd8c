package viz

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
)

//go:embed page/*.tmpl page/style.css
var pageFiles embed.FS

var templates = template.Must(template.ParseFS(pageFiles, "page/*.tmpl"))

var styleSheet = func() string {
	data, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		panic("viz: " + err.Error()) // the file is embedded
	}
	return string(data)
}()

type markup = template.HTML

// Block is a part of a page: a figure, [Prose], [Cells], [Poem], [Fill], [Commands], or one of these with a caption ([Captioned]).
type Block interface {
	// block renders the block as HTML.
	block(p *page) (markup, error)
}

// page collects what the blocks of one page share.
type page struct {
	miss  missing
	wide  float64 // width of figures; 0 for their own
	small float64 // width of the figures for phones; 0 for none
	count int     // blocks with an id of their own
	css   strings.Builder
}

// render runs one of the templates.
func (p *page) render(name string, data any) (markup, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("viz: page: %w", err)
	}
	return markup(b.String()), nil
}

// id returns a name that no other block of the page has.
func (p *page) id() string {
	p.count++
	return fmt.Sprintf("m6-%d", p.count)
}

// figure renders fig as inline SVG, on a page once for wide and once for narrow screens.
func (p *page) figure(fig Figure) (markup, error) {
	f, err := fig.plan(p.wide)
	if err != nil {
		return "", err
	}
	wide, err := inlineSVG(f)
	if err != nil {
		return "", err
	}
	if p.small == 0 || f.width <= p.small {
		return p.render("drawing", []view{{Class: "only", SVG: markup(wide)}})
	}
	f, err = fig.plan(p.small)
	if err != nil {
		return "", err
	}
	small, err := inlineSVG(f)
	if err != nil {
		return "", err
	}
	return p.render("drawing", []view{{"wide", markup(wide)}, {"small", markup(small)}})
}

type view struct {
	Class string
	SVG   markup // from inlineSVG, which escapes all text
}

// drawHTML makes a fragment of one block.
func drawHTML(b Block) ([]byte, error) {
	p := &page{miss: missing{}}
	body, err := b.block(p)
	if err != nil {
		return nil, err
	}
	font, err := fontFor([]byte(body), semiboldApart)
	if err != nil {
		return nil, err
	}
	out, err := p.render("fragment", map[string]any{
		"Style": p.style(font), "Body": body, "Note": p.miss.note("shown with the reader's own fonts"), "Stack": template.CSS(font.stack()), "Strong": template.CSS(font.strong()),
	})
	return []byte(out), err
}

// style is the whole style sheet of a page: nothing in it comes from the caller.
func (p *page) style(font webFont) template.CSS {
	return template.CSS(font.css + "\n.m6viz{" + cssVariables(false) + "}\n" + styleSheet +
		"\n[data-jp-theme-light=false] .m6viz{" + cssVariables(true) + "}\n@media (prefers-color-scheme:dark){.m6page{" + cssVariables(true) +
		"}}\n@media print{.m6viz{" + cssVariables(false) + "}}\n" + p.css.String())
}

// text counts the characters of s that the page's font lacks and returns s as it is, for the templates to escape.
func (p *page) text(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	p.miss.count(s)
	return s
}

func (p *page) texts(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = p.text(s)
	}
	return out
}

// picture is a picture inside a page.
type picture struct {
	URL           template.URL
	Width, Height int
	Pixelated     bool
}

// largestPicture is the larger side of pictures in pages, in pixels.
const largestPicture = 448

// picture encodes img as data: a small one exactly, a large one scaled down and, if it is opaque, as JPEG.
func (p *page) picture(img image.Image) (picture, error) {
	img = shrink(img, largestPicture)
	size := img.Bounds().Size()
	if size.X == 0 || size.Y == 0 {
		return picture{}, fmt.Errorf("the picture is empty: give one of at least one pixel")
	}
	var b bytes.Buffer
	out := picture{Width: size.X, Height: size.Y, Pixelated: size.X <= pixelArt && size.Y <= pixelArt}
	opaque, ok := img.(interface{ Opaque() bool })
	kind := "png"
	var err error
	if !out.Pixelated && ok && opaque.Opaque() {
		kind = "jpeg"
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 88})
	} else {
		err = png.Encode(&b, img)
	}
	if err != nil {
		return picture{}, fmt.Errorf("encoding a picture: %w", err)
	}
	out.URL = template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
	return out, nil
}

// shrink scales img down so that no side is longer than limit.
func shrink(img image.Image, limit int) image.Image {
	size := img.Bounds().Size()
	if largest := max(size.X, size.Y); largest > limit {
		return resize(img, max(1, size.X*limit/largest), max(1, size.Y*limit/largest))
	}
	return img
}
