package origin

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	xdraw "golang.org/x/image/draw"
)

// Sizes of a drawing inside a scene, in pixels.
const (
	smallest = 20
	largest  = 28
)

// Item is one drawing in a scene; X and Y are its upper left corner.
type Item struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Set  string `json:"set"`
	X    int    `json:"x"`
	Y    int    `json:"y"`
	Size int    `json:"size"`
}

type spriteKey struct {
	kind, set string
	size      int
}

// composer draws scenes: the scaled drawings, one palette per ground, and the drawings that hardly show on a ground (a grey elephant on grey).
type composer struct {
	sprites  map[spriteKey]*image.RGBA
	palettes map[string]color.Palette
	lost     map[lostKey]bool
}

type lostKey struct{ kind, set, ground string }

// newComposer scales the drawings of all kinds and chooses the palettes.
func newComposer(emojis []Emoji) (*composer, error) {
	files := map[string]map[string]string{}
	for _, e := range emojis {
		files[plainCode(e.Code)] = e.Drawings
	}
	c := &composer{sprites: map[spriteKey]*image.RGBA{}, palettes: map[string]color.Palette{}, lost: map[lostKey]bool{}}
	for _, k := range kinds {
		for _, r := range renderings {
			file := files[k.Code][r.Set]
			if file == "" {
				return nil, fmt.Errorf("scenes: no drawing of %s (%s) by %s", k.Name, k.Code, r.Set)
			}
			drawing, err := readPNG(file)
			if err != nil {
				return nil, err
			}
			for size := smallest; size <= largest; size++ {
				c.sprites[spriteKey{k.Code, r.Set, size}] = scaled(drawing, size)
			}
		}
	}
	for _, g := range grounds {
		c.palettes[g.Name] = c.palette(g)
	}
	return c, nil
}

func scaled(drawing image.Image, size int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, size, size))
	xdraw.CatmullRom.Scale(out, out.Rect, drawing, drawing.Bounds(), xdraw.Src, nil)
	return out
}

// palette gathers the colours of every drawing on the ground, and notes those that hardly show there.
func (c *composer) palette(g Ground) color.Palette {
	h := map[rgb]int{}
	for _, k := range kinds {
		for _, r := range renderings {
			for size := smallest; size <= largest; size++ {
				canvas := plain(g, size)
				draw.Draw(canvas, canvas.Rect, c.sprites[spriteKey{k.Code, r.Set, size}], image.Point{}, draw.Over)
				if !visible(canvas, rgb(g.RGB).color(), clear) {
					c.lost[lostKey{k.Code, r.Set, g.Name}] = true
				}
				histogramOf(canvas, h)
			}
		}
	}
	return paletteOf(h, 256, g.RGB)
}

// shows tells whether every item stands out on g.
func (c *composer) shows(g Ground, items []Item) bool {
	for _, it := range items {
		if c.lost[lostKey{it.Kind, it.Set, g.Name}] {
			return false
		}
	}
	return true
}

func plain(g Ground, size int) *image.RGBA {
	canvas := image.NewRGBA(image.Rect(0, 0, size, size))
	draw.Draw(canvas, canvas.Rect, image.NewUniform(rgb(g.RGB).color()), image.Point{}, draw.Src)
	return canvas
}

// draw returns the picture of the items on g, as PNG.
func (c *composer) draw(g Ground, items []Item) ([]byte, error) {
	canvas := plain(g, pictureSize)
	for _, it := range items {
		sprite := c.sprites[spriteKey{it.Kind, it.Set, it.Size}]
		at := image.Rect(it.X, it.Y, it.X+it.Size, it.Y+it.Size)
		draw.Draw(canvas, at, sprite, image.Point{}, draw.Over)
	}
	return encodePalette(canvas, c.palettes[g.Name])
}
