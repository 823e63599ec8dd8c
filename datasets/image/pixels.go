package image

import "fmt"

// ImageNet's mean and deviation of RGB in [0,1], by which torchvision's networks normalise.
var (
	Mean      = [3]float32{0.485, 0.456, 0.406}
	Deviation = [3]float32{0.229, 0.224, 0.225}
)

// Pixels decodes a picture under the default [Limits] and scales it to size x size by [Bicubic]: RGB in [0,1], [size,size,3], into dst. A
// picture of that size already is not resampled. It is not normalised yet: see [Normalize].
func Pixels(data []byte, size int, dst []float32) error {
	if size < 1 || len(dst) != size*size*3 {
		return fmt.Errorf("picture to be scaled to %d x %d: room for %d numbers, want %d", size, size, len(dst), size*size*3)
	}
	decoded, err := Decode(data, Limits{})
	if err != nil {
		return err
	}
	scaled := Resize(decoded, size, size, Bicubic)
	for i, out := 0, dst; len(out) >= 3; i, out = i+4, out[3:] {
		pixel := scaled.Pix[i : i+3 : i+3]
		out[0], out[1], out[2] = unit[pixel[0]], unit[pixel[1]], unit[pixel[2]]
	}
	return nil
}

// unit maps 0 to 255 to [0,1].
var unit = func() (table [256]float32) {
	for i := range table {
		table[i] = float32(i) / 255
	}
	return table
}()

// Normalize subtracts ImageNet's mean from pixels [...,3] and divides by its deviation, in place.
func Normalize(pixels []float32) {
	for ; len(pixels) >= 3; pixels = pixels[3:] {
		for c := range 3 {
			pixels[c] = (pixels[c] - Mean[c]) / Deviation[c]
		}
	}
}
