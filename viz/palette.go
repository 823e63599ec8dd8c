package viz

import (
	"fmt"
	"image/color"
	"math"
	"strings"
)

// The colours of all figures. Series are told apart by Okabe and Ito's colours, which hold for the common kinds of colour blindness
// (https://jfly.uni-koeln.de/color/), and by their dashes and labels: never by colour alone.
var (
	paper   = hex(0xFFFFFF)
	onColor = hex(0xFFFFFC) // signs on coloured discs: white on every page, so not the colour of the paper
	ink     = hex(0x1F2A37) // titles and labels
	soft    = hex(0x5B6775) // axes, notes
	grid    = hex(0xE3E8EE)
	blank   = hex(0xEEF1F5) // empty cells of matrices
	blue    = hex(0x0072B2)
	red     = hex(0xD55E00)
	green   = hex(0x009E73)
	purple  = hex(0xBC5F94) // a little darker than Okabe and Ito's, to be read on white
	orange  = hex(0xE69F00)
	sky     = hex(0x56B4E9)
	neutral = hex(0x7A8694)
	deep    = hex(0x07509E) // the full end of heat maps
	series  = []color.NRGBA{blue, red, green, purple, orange, sky, neutral}
)

// themed names the CSS variable of each colour that changes on a dark page, with its dark value.
var themed = []struct {
	name  string
	light color.NRGBA
	dark  color.NRGBA
}{
	{"paper", paper, hex(0x151B23)},
	{"ink", ink, hex(0xE6EBF1)},
	{"soft", soft, hex(0xA3AFBD)},
	{"grid", grid, hex(0x2D3744)},
	{"blank", blank, hex(0x222B36)},
	{"blue", blue, hex(0x4AA8E0)},
	{"red", red, hex(0xF0803C)},
	{"green", green, hex(0x2DBE93)},
	{"purple", purple, hex(0xDB8FBB)},
	{"orange", orange, hex(0xEBB03A)},
	{"neutral", neutral, hex(0x8F9BA9)},
	{"deep", deep, hex(0x86CBFA)},
}

func hex(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 255}
}

func hexOf(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }

// cssVariables declares the variables of one theme.
func cssVariables(dark bool) string {
	var b strings.Builder
	for _, t := range themed {
		c := t.light
		if dark {
			c = t.dark
		}
		fmt.Fprintf(&b, "--%s:%s;", t.name, hexOf(c))
	}
	return b.String()
}

// colorMap is a list of colours at equal distances from 0 to 1.
type colorMap []color.NRGBA

var (
	// blues is the scale of heat maps: deep over blank, the more the less transparent. So it also turns with the theme of a page.
	blues = colorMap{fade(deep, 0), deep}
	// ember goes from violet over red to light yellow: for weights over a picture.
	ember = colorMap{hex(0x420A68), hex(0x932667), hex(0xDD513A), hex(0xFCA50A), hex(0xFCFFA4)}
)

// at is the colour of t in [0, 1]; what lies outside takes the colour of the end.
func (m colorMap) at(t float64) color.NRGBA {
	if !(t > 0) {
		return m[0]
	}
	if t >= 1 {
		return m[len(m)-1]
	}
	i := int(t * float64(len(m)-1))
	f := t*float64(len(m)-1) - float64(i)
	return mix(m[i], m[i+1], f)
}

// mix is a + f·(b - a), channel by channel.
func mix(a, b color.NRGBA, f float64) color.NRGBA {
	ch := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + f*(float64(y)-float64(x)))) }
	return color.NRGBA{R: ch(a.R, b.R), G: ch(a.G, b.G), B: ch(a.B, b.B), A: ch(a.A, b.A)}
}

// fade is the colour c with an opacity in [0, 1].
func fade(c color.NRGBA, opacity float64) color.NRGBA {
	c.A = uint8(math.Round(255 * opacity))
	return c
}

// over is the colour of c on an opaque ground.
func over(c, ground color.NRGBA) color.NRGBA {
	opacity := float64(c.A) / 255
	c.A = 255
	return mix(ground, c, opacity)
}
