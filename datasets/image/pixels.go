package image

import "fmt"

// ImageNet's mean and deviation of RGB in [0,1], by which torchvision's networks normalise.
var (
	Mean      = [3]float32{0.485, 0.456, 0.406}
	Deviation = [3]float32{0.229, 0.224, 0.225}
)

// Pixels decodes a picture and scales it to size x size: RGB in [0,1] as f32 [size,size,3] into dst.
func Pixels(data []byte, size int, dst []float32) error {
	if len(dst) != size*size*3 {
		return fmt.Errorf("%d numbers for %d x %d pixels of RGB: want %d", len(dst), size, size, size*size*3)
	}
	decoded, err := Decode(data, Limits{})
	if err != nil {
		return err
	}
	scaled := Resize(decoded, size, size)
	for y := range size {
		row := scaled.Pix[y*scaled.Stride:]
		for x := range size {
			for c := range 3 {
				dst[(y*size+x)*3+c] = float32(row[4*x+c]) / 255
			}
		}
	}
	return nil
}

// Normalize subtracts ImageNet's mean from pixels [...,3] and divides by its deviation, in place.
func Normalize(pixels []float32) {
	for i := range pixels {
		pixels[i] = (pixels[i] - Mean[i%3]) / Deviation[i%3]
	}
}
