package look

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"

	"m6lab/datasets"
	"m6lab/datasets/sample"
	"m6lab/datasets/text"
)

// Tokenizer is the tokenizer of the sample's own vocabulary of 4,096 tokens, the one of the `debug` model.
func Tokenizer() *text.Tokenizer {
	v, err := text.ParseVocab(sample.Vocab())
	if err != nil {
		Fail(err)
	}
	return text.New(v, text.Options{Lower: true, KeepPunctuation: true})
}

// tints are backgrounds that neighbours can be told apart by, in a light and in a dark notebook.
var tints = []string{"rgba(66,133,244,.28)", "rgba(251,188,4,.32)", "rgba(52,168,83,.28)", "rgba(234,67,53,.26)"}

// Tokens shows a sentence cut into its tokens, each with its number in the vocabulary below it. The colours lie on the very bytes of
// the sentence that the token stands for; bytes without a token, such as spaces, stay white.
func Tokens(sentence string) {
	v, err := text.ParseVocab(sample.Vocab())
	if err != nil {
		Fail(err)
	}
	HTML(tokensHTML(v, sentence))
}

func tokensHTML(v *text.Vocab, sentence string) string {
	ids, spans := text.New(v, text.Options{Lower: true, KeepPunctuation: true}).EncodeOffsets(sentence)
	var b strings.Builder
	b.WriteString(`<div style="display:flex;flex-wrap:wrap;gap:3px;margin:6px 0">`)
	at := 0
	for i, id := range ids {
		if spans[i].Start > at {
			fmt.Fprintf(&b, `<div style="padding:4px 5px;font-size:120%%;white-space:pre">%s</div>`, html.EscapeString(sentence[at:spans[i].Start]))
		}
		at = max(at, spans[i].End)
		note := v.Token(id)
		if id == v.Unk() {
			note = "not in the vocabulary"
		}
		fmt.Fprintf(&b, `<div title="%s" style="background:%s;border-radius:4px;padding:4px 6px;text-align:center"><span style="font-size:120%%">%s</span><br><span style="font-size:75%%;opacity:.75">%d<br>%s</span></div>`,
			html.EscapeString(note), tints[i%len(tints)], html.EscapeString(sentence[spans[i].Start:spans[i].End]), id, html.EscapeString(v.Token(id)))
	}
	b.WriteString(`</div>`)
	return b.String()
}

// Patches shows the picture of a row whole and cut into grid × grid patches, numbered in the order in which the model reads them.
func Patches(row datasets.Example, grid int) {
	picture, err := Picture(row)
	if err == nil && (grid < 1 || grid > min(picture.Bounds().Dx(), picture.Bounds().Dy())) {
		err = fmt.Errorf("a grid of %d: want 1 to %d", grid, min(picture.Bounds().Dx(), picture.Bounds().Dy()))
	}
	if err != nil {
		Fail(err)
	}
	HTML(patchesHTML(picture, grid))
}

func patchesHTML(picture image.Image, grid int) string {
	var b strings.Builder
	side := max(14, 288/grid)
	fmt.Fprintf(&b, `<div style="display:flex;gap:28px;align-items:center;flex-wrap:wrap"><img width="%d" style="image-rendering:pixelated" src="%s"><div style="display:grid;grid-template-columns:repeat(%d,max-content);gap:4px">`,
		side*grid, dataURL(picture), grid)
	bounds := picture.Bounds()
	for y := range grid {
		for x := range grid {
			part := image.Rect(bounds.Min.X+x*bounds.Dx()/grid, bounds.Min.Y+y*bounds.Dy()/grid, bounds.Min.X+(x+1)*bounds.Dx()/grid, bounds.Min.Y+(y+1)*bounds.Dy()/grid)
			fmt.Fprintf(&b, `<div style="position:relative"><img width="%d" height="%d" style="image-rendering:pixelated;display:block" src="%s"><span style="position:absolute;left:1px;top:0;font-size:9px;color:#000;background:rgba(255,255,255,.75);line-height:1.1;padding:0 1px">%d</span></div>`,
				side, side, dataURL(cut(picture, part)), y*grid+x)
		}
	}
	b.WriteString("</div></div>")
	return b.String()
}

// cut copies a part of a picture.
func cut(picture image.Image, part image.Rectangle) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, part.Dx(), part.Dy()))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(out, out.Bounds(), picture, part.Min, draw.Over)
	return out
}

// dataURL is a picture as a part of a page.
func dataURL(picture image.Image) string {
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "" // only pictures of no size cannot be encoded
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}
