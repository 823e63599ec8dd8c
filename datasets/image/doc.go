// Package image turns encoded pictures into the numbers that a model reads: safe decoding, high-quality scaling, normalisation.
//
//	pixels := make([]float32, 224*224*3)
//	if err := image.Pixels(data, 224, pixels); err != nil { ... }
//	image.Normalize(pixels)
//
// PNG (all depths, palettes), JPEG (grey, YCbCr, RGB, CMYK, YCCK), the first frame of GIF, and still WebP are read. A picture is turned
// upright by its EXIF orientation and laid on white where it is transparent. Colours and scaling follow what Python programs get from Pillow,
// on which published encoders were trained: subsampled chroma is interpolated, WebP's colours have video range, and scaling is Pillow's
// antialiased bicubic. Colour profiles are not applied.
//
// # Security
//
// Sizes are read from the header and checked against [Limits] before anything is decoded, so a small file that claims to be a huge
// picture is an error and not an allocation. While decoding, a picture takes at most 20 bytes a pixel.
package image
