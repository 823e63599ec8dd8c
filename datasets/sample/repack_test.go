package sample

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// plainPicture is a picture of 11x13 pixels with three of the palette's colours.
func plainPicture(t testing.TB, colours int) (*image.Paletted, []byte) {
	t.Helper()
	var palette color.Palette
	for i := range colours {
		palette = append(palette, color.RGBA{uint8(9 * i), uint8(200 - 5*i), uint8(7 * i), 255})
	}
	img := image.NewPaletted(image.Rect(0, 0, 11, 13), palette)
	for i := range img.Pix {
		img.Pix[i] = []uint8{6, 0, 2, 3, 5}[i*i%5] // squares modulo 5 are 0, 1 and 4
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return img, b.Bytes()
}

func TestRepackKeepsThePixels(t *testing.T) {
	for colours, left := range map[int]int{7: 7, 23: 3} { // below 17 the indices have 4 bits and stay
		want, data := plainPicture(t, colours)
		small, err := new(packer).repack(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(small))
		if err != nil {
			t.Fatal(err)
		}
		for y := range 13 {
			for x := range 11 {
				if got.At(x, y) != want.At(x, y) {
					t.Fatalf("%d colours: pixel %d,%d is %v, want %v", colours, x, y, got.At(x, y), want.At(x, y))
				}
			}
		}
		if n := len(got.(*image.Paletted).Palette); n != left {
			t.Errorf("%d colours: %d left, want %d", colours, n, left)
		}
	}
}

func TestRepackErrors(t *testing.T) {
	_, data := plainPicture(t, 23)
	var grey bytes.Buffer
	if err := png.Encode(&grey, image.NewGray(image.Rect(0, 0, 3, 5))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "no PNG"},
		{"cut off", data[:60], "cut off"},
		{"grey", grey.Bytes(), "not of palette indices"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := new(packer).repack(test.data); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}
