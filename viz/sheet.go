package viz

import (
	"image"
	"image/color"
	"math"
	"strings"
	"unicode"

	"golang.org/x/image/draw"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

const pointsPerPixel = 0.75

// px converts CSS pixels to the points of gonum.
func px(v float64) vg.Length { return vg.Length(v * pointsPerPixel) }

func ceil(v float64) float64 { return math.Ceil(v - 1e-9) }

// sheet is a gonum canvas measured in CSS pixels from the top left corner.
type sheet struct {
	c      vgdraw.Canvas
	height float64
	scale  int // dots per CSS pixel; 0 for vector formats
}

func (s *sheet) at(x, y float64) vg.Point { return vg.Point{X: px(x), Y: px(s.height - y)} }

// area is the part of the canvas with its top left corner at (x, y).
func (s *sheet) area(x, y, w, h float64) vgdraw.Canvas {
	return vgdraw.Canvas{Canvas: s.c.Canvas, Rectangle: vg.Rectangle{Min: s.at(x, y+h), Max: s.at(x+w, y)}}
}

func (s *sheet) rect(x, y, w, h float64, fill color.NRGBA) {
	if w <= 0 || h <= 0 {
		return
	}
	var p vg.Path
	p.Move(s.at(x, y))
	p.Line(s.at(x+w, y))
	p.Line(s.at(x+w, y+h))
	p.Line(s.at(x, y+h))
	p.Close()
	s.c.SetColor(fill)
	s.c.Fill(p)
}

// stroke is how a line is drawn.
type stroke struct {
	color color.NRGBA
	width float64
	dash  []float64
}

func (st stroke) style() vgdraw.LineStyle {
	out := vgdraw.LineStyle{Color: st.color, Width: px(st.width)}
	for _, d := range st.dash {
		out.Dashes = append(out.Dashes, px(d))
	}
	return out
}

func (s *sheet) line(points [][2]float64, st stroke) {
	var p vg.Path
	for i, q := range points {
		if i == 0 {
			p.Move(s.at(q[0], q[1]))
			continue
		}
		p.Line(s.at(q[0], q[1]))
	}
	s.c.SetLineStyle(st.style())
	s.c.Stroke(p)
}

// frame draws the outline of a rectangle.
func (s *sheet) frame(x, y, w, h float64, st stroke) {
	var p vg.Path
	p.Move(s.at(x, y))
	p.Line(s.at(x+w, y))
	p.Line(s.at(x+w, y+h))
	p.Line(s.at(x, y+h))
	p.Close()
	s.c.SetLineStyle(st.style())
	s.c.Stroke(p)
}

// dot draws a filled circle with a rim in the colour of the paper.
func (s *sheet) dot(x, y, radius float64, fill color.NRGBA) {
	s.disc(x, y, radius+1.25, paper)
	s.disc(x, y, radius, fill)
}

func (s *sheet) disc(x, y, radius float64, fill color.NRGBA) {
	var p vg.Path
	p.Move(s.at(x+radius, y))
	p.Arc(s.at(x, y), px(radius), 0, 2*math.Pi)
	p.Close()
	s.c.SetColor(fill)
	s.c.Fill(p)
}

// align is the share of a text's width that lies left of its x.
type align float64

const (
	left   align = 0
	center align = 0.5
	right  align = 1
)

// style is how text is drawn.
type style struct {
	size  float64
	color color.NRGBA
	bold  bool
	align align
}

// text draws one line; y is the height of the middle of its capitals.
func (s *sheet) text(x, y float64, str string, st style) {
	x -= float64(st.align) * textWidth(str, st.size, st.bold)
	cache := loadFaces().handler.Cache()
	s.c.SetColor(st.color)
	for _, r := range runs(str, st.bold) {
		f := fontOf(st.size, r.bold)
		face := cache.Lookup(f, f.Size)
		word := strings.TrimLeft(r.text, " ") // browsers drop spaces at the start of an SVG text
		space := float64(face.Width(r.text[:len(r.text)-len(word)])) / pointsPerPixel
		s.c.FillString(face, s.at(x+space, y+0.36*st.size), word)
		x += space + float64(face.Width(word))/pointsPerPixel
	}
}

// label draws one line on a veil of paper, so that it stays readable over lines.
func (s *sheet) label(x, y float64, str string, st style) {
	w := textWidth(str, st.size, st.bold)
	s.rect(x-float64(st.align)*w-3, y-0.62*st.size, w+6, 1.24*st.size, fade(paper, 0.85))
	s.text(x, y, str, st)
}

// textUp draws one line that reads upwards; (x, y) is where its end at the side st.align lies.
func (s *sheet) textUp(x, y float64, str string, st style) {
	s.c.Push()
	s.c.Translate(s.at(x, y))
	s.c.Rotate(math.Pi / 2)
	turned := sheet{c: s.c, scale: s.scale}
	turned.text(0, 0, str, st)
	s.c.Pop()
}

// image draws img into a rectangle. Small pictures keep their square pixels.
func (s *sheet) image(x, y, w, h float64, img image.Image) {
	if s.scale > 0 {
		dots := float64(s.scale)
		x, y = math.Round(x*dots)/dots, math.Round(y*dots)/dots
		w, h = math.Round(w*dots)/dots, math.Round(h*dots)/dots
		img = resize(img, int(w*dots), int(h*dots))
	}
	s.c.DrawImage(vg.Rectangle{Min: s.at(x, y+h), Max: s.at(x+w, y)}, img)
}

// cells draws img, a pixel for each cell, into a rectangle: all cells are seen as long as there are dots for them.
func (s *sheet) cells(x, y, w, h float64, img *image.NRGBA) {
	dotsX, dotsY := int(math.Round(w))*pixelScale, int(math.Round(h))*pixelScale
	n := img.Bounds().Size()
	cells := image.NewNRGBA(image.Rect(0, 0, min(n.X, dotsX), min(n.Y, dotsY)))
	draw.CatmullRom.Scale(cells, cells.Bounds(), img, img.Bounds(), draw.Src, nil)
	if s.scale > 0 {
		large := image.NewNRGBA(image.Rect(0, 0, dotsX, dotsY))
		draw.NearestNeighbor.Scale(large, large.Bounds(), cells, cells.Bounds(), draw.Src, nil)
		cells = large
	}
	s.image(x, y, math.Round(w), math.Round(h), cells)
}

// pixelArt is the largest side, in pixels, of a picture that is enlarged with square pixels.
const pixelArt = 128

func resize(img image.Image, w, h int) image.Image {
	b := img.Bounds()
	if b.Dx() == w && b.Dy() == h {
		return img
	}
	var scaler draw.Scaler = draw.CatmullRom
	if b.Dx() <= pixelArt && b.Dy() <= pixelArt && w >= b.Dx() {
		scaler = draw.NearestNeighbor
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	scaler.Scale(out, out.Bounds(), img, b, draw.Src, nil)
	return out
}

// Characters that do not begin or end a line.
const (
	notFirst = "，。、；：？！）」』】》〉”’…—·,.;:?!)]}%"
	notLast  = "（「『【《〈“‘([{"
)

// wrap breaks s into lines no wider than width: at spaces, and between Han characters except where punctuation forbids it.
func wrap(s string, size float64, bold bool, width float64) []string {
	var lines []string
	line := ""
	for _, piece := range pieces(s) {
		for _, chunk := range chunks(piece, size, bold, width) {
			if line != "" && textWidth(strings.TrimRight(line+chunk, " "), size, bold) > width {
				lines = append(lines, strings.TrimRight(line, " "))
				line = ""
			}
			line += chunk
		}
	}
	return append(lines, strings.TrimRight(line, " "))
}

// chunks breaks a piece by force where it alone is wider than a line.
func chunks(piece string, size float64, bold bool, width float64) []string {
	if textWidth(strings.TrimRight(piece, " "), size, bold) <= width {
		return []string{piece}
	}
	var out []string
	chunk := ""
	for _, r := range piece {
		if chunk != "" && textWidth(chunk+string(r), size, bold) > width {
			out = append(out, chunk)
			chunk = ""
		}
		chunk += string(r)
	}
	return append(out, chunk)
}

// pieces splits s where a line may break.
func pieces(s string) []string {
	var out []string
	start := 0
	rs := []rune(s)
	for i := 1; i < len(rs); i++ {
		a, b := rs[i-1], rs[i]
		breakable := a == ' ' && b != ' ' || isWide(a) || isWide(b) && a != ' '
		if breakable && !strings.ContainsRune(notFirst, b) && !strings.ContainsRune(notLast, a) {
			out = append(out, string(rs[start:i]))
			start = i
		}
	}
	return append(out, string(rs[start:]))
}

// isWide says whether r is as wide as a Han character.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303F || r >= 0xFF01 && r <= 0xFF60
}

// fit cuts s with three dots so that it is no wider than width.
func fit(s string, size, width float64) string {
	if textWidth(s, size, false) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && textWidth(string(r)+"...", size, false) > width {
		r = r[:len(r)-1]
	}
	return string(r) + "..."
}
