package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"

	"golang.org/x/image/draw"

	"m6lab/datasets/sample"
)

// drawn is how many different pictures there are; in the files each gets a comment of its own, so that no two have the same bytes.
const drawn = 100

// drawPictures makes pictures of 256 pixels: the sample's drawings, one to three, in different sizes over a ground with a slow change of colour and grain.
func drawPictures() ([][]byte, error) {
	var drawings []image.Image
	for ex, err := range sample.Examples("train") {
		if err != nil {
			return nil, err
		}
		if ex.Source != "emoji" || ex.Image == nil {
			continue
		}
		m, err := png.Decode(bytes.NewReader(ex.Image))
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", ex.ID, err)
		}
		if drawings = append(drawings, m); len(drawings) == 400 {
			break
		}
	}
	out := make([][]byte, drawn)
	for i := range out {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, drawOne(drawings, uint64(i)), &jpeg.Options{Quality: 80}); err != nil {
			return nil, err
		}
		out[i] = b.Bytes()
	}
	return out, nil
}

func drawOne(drawings []image.Image, seed uint64) image.Image {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := image.NewRGBA(image.Rect(0, 0, 256, 256))
	from, to := rng.Uint32(), rng.Uint32()
	for y := range 256 {
		for x := range 256 {
			channel := func(shift int) uint8 {
				a, b := int(from>>shift&255), int(to>>shift&255)
				return uint8(max(0, min(255, a+(b-a)*(x+y)/510+rng.IntN(9)-4)))
			}
			m.SetRGBA(x, y, color.RGBA{channel(0), channel(8), channel(16), 255})
		}
	}
	for range 1 + rng.IntN(3) {
		side := 60 + rng.IntN(120)
		at := image.Pt(rng.IntN(256-side), rng.IntN(256-side))
		d := drawings[rng.IntN(len(drawings))]
		draw.ApproxBiLinear.Scale(m, image.Rectangle{at, at.Add(image.Pt(side, side))}, d, d.Bounds(), draw.Over, nil)
	}
	return m
}

// numbered puts a comment with a number behind a JPEG's first marker.
func numbered(data []byte, n uint64) []byte {
	out := make([]byte, 0, len(data)+12)
	out = append(out, data[:2]...)
	out = append(out, 0xff, 0xfe, 0, 10)
	out = binary.BigEndian.AppendUint64(out, n)
	return append(out, data[2:]...)
}
