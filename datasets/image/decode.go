package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	stdimage "image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// Limits bound what is decoded. A zero field takes the default.
type Limits struct {
	Pixels int // of the picture, width times height; 50 million by default
	Bytes  int // of the encoded picture; 64 MiB by default
}

func (l Limits) orDefault() Limits {
	if l.Pixels == 0 {
		l.Pixels = 50_000_000
	}
	if l.Bytes == 0 {
		l.Bytes = 64 << 20
	}
	return l
}

// format is one way to encode pictures.
type format struct {
	name   string
	is     func(data []byte) bool
	config func(io.Reader) (stdimage.Config, error)
	decode func(data []byte, size stdimage.Point) (stdimage.Image, error)
	exif   func(data []byte) []byte // the EXIF block, or nil
}

var formats = []format{
	{"PNG", begins("\x89PNG\r\n\x1a\n"), png.DecodeConfig, decodePNG, pngEXIF},
	{"JPEG", begins("\xff\xd8\xff"), jpeg.DecodeConfig, decodeJPEG, jpegEXIF},
	{"GIF", begins("GIF8"), gif.DecodeConfig, decodeGIF, nil},
	{"WebP", isWebP, webp.DecodeConfig, decodeWebP, webpEXIF},
}

func begins(magic string) func([]byte) bool {
	return func(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }
}

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// Decode decodes a PNG, JPEG, GIF (first frame) or WebP picture, turns it upright by its EXIF orientation and lays it on white. The result
// begins at (0,0) and has no transparency. An error names the format and the sizes, and says what to do where the picture is too large.
func Decode(data []byte, l Limits) (*stdimage.RGBA, error) {
	l = l.orDefault()
	if len(data) > l.Bytes {
		return nil, fmt.Errorf("picture of %d bytes: the limit is %d; encode it smaller", len(data), l.Bytes)
	}
	f, err := sniff(data)
	if err != nil {
		return nil, err
	}
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s picture of %d bytes: no readable header: %w", f.name, len(data), err)
	}
	w, h := config.Width, config.Height
	if w <= 0 || h <= 0 {
		return nil, fmt.Errorf("%s picture of %d x %d pixels: there is nothing in it", f.name, w, h)
	}
	if w > l.Pixels/h {
		return nil, fmt.Errorf("%s picture of %d x %d pixels: the limit is %d; scale it down first", f.name, w, h, l.Pixels)
	}
	decoded, err := f.decode(data, stdimage.Pt(w, h))
	if err != nil {
		return nil, fmt.Errorf("%s picture of %d x %d pixels in %d bytes: %w", f.name, w, h, len(data), err)
	}
	upright := onWhite(decoded, f.name == "WebP", stdimage.Rect(0, 0, w, h))
	if f.exif != nil {
		upright = oriented(upright, orientation(f.exif(data)))
	}
	return upright, nil
}

func sniff(data []byte) (format, error) {
	for _, f := range formats {
		if f.is(data) {
			return f, nil
		}
	}
	if len(data) == 0 {
		return format{}, errors.New("picture of 0 bytes: there is nothing in it")
	}
	return format{}, fmt.Errorf("no PNG, JPEG, GIF or WebP picture: %d bytes that begin with %q; convert it to one of these", len(data), data[:min(8, len(data))])
}

// decodePNG refuses a picture that so few bytes cannot hold, before the decoder sets its pixels aside: deflate packs at most 1032 to 1.
func decodePNG(data []byte, size stdimage.Point) (stdimage.Image, error) {
	const depthAt, packed = 24, 1032
	if len(data) > depthAt {
		if lines := size.Y * (size.X * int(data[depthAt]) / 8); lines/packed > len(data) {
			return nil, fmt.Errorf("truncated: at least %d bytes are missing", lines/packed-len(data))
		}
	}
	return png.Decode(bytes.NewReader(data))
}

// decodeJPEG decodes also CMYK pictures without Adobe's marker, which the standard library refuses: like Pillow it takes them as Adobe's.
func decodeJPEG(data []byte, _ stdimage.Point) (stdimage.Image, error) {
	decoded, err := jpeg.Decode(bytes.NewReader(data))
	var unsupported jpeg.UnsupportedError
	if !errors.As(err, &unsupported) || jpegSegment(data, 0xee, "Adobe") != nil {
		return decoded, err
	}
	marker := "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00" // version 100, no flags, transform 0: CMYK
	return jpeg.Decode(io.MultiReader(bytes.NewReader(data[:2]), bytes.NewReader([]byte(marker)), bytes.NewReader(data[2:])))
}

func decodeGIF(data []byte, _ stdimage.Point) (stdimage.Image, error) {
	return gif.Decode(bytes.NewReader(data))
}

func decodeWebP(data []byte, _ stdimage.Point) (stdimage.Image, error) {
	const flags, animation = 20, 1 << 1
	if len(data) > flags && string(data[12:16]) == "VP8X" && data[flags]&animation != 0 {
		return nil, errors.New("it is an animation: save one of its frames")
	}
	return webp.Decode(bytes.NewReader(data))
}

// pngEXIF is the content of the eXIf chunk.
func pngEXIF(data []byte) []byte {
	for at := 8; at+8 <= len(data); {
		size, end := int(binary.BigEndian.Uint32(data[at:])), 0
		if end = at + 8 + size; end > len(data) || end < at {
			break
		}
		if string(data[at+4:at+8]) == "eXIf" {
			return data[at+8 : end]
		}
		at = end + 4
	}
	return nil
}

// jpegEXIF is what follows "Exif" in the first such APP1 segment.
func jpegEXIF(data []byte) []byte { return jpegSegment(data, 0xe1, "Exif\x00\x00") }

// jpegSegment is the rest of the first segment with that marker and prefix before the pixels, or nil.
func jpegSegment(data []byte, marker byte, prefix string) []byte {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		if data[at+1] == 0xff { // a fill byte
			at++
			continue
		}
		size := int(binary.BigEndian.Uint16(data[at+2:]))
		if data[at+1] == 0xda || size < 2 || at+2+size > len(data) {
			break
		}
		if segment := data[at+4 : at+2+size]; data[at+1] == marker && bytes.HasPrefix(segment, []byte(prefix)) {
			return segment[len(prefix):]
		}
		at += 2 + size
	}
	return nil
}

// webpEXIF is the content of the EXIF chunk, which comes after the pixels.
func webpEXIF(data []byte) []byte {
	for at := 12; at+8 <= len(data); {
		size, end := int(binary.LittleEndian.Uint32(data[at+4:])), 0
		if end = at + 8 + size; end > len(data) || end < at {
			break
		}
		if string(data[at:at+4]) == "EXIF" {
			return bytes.TrimPrefix(data[at+8:end], []byte("Exif\x00\x00"))
		}
		at = end + size%2
	}
	return nil
}
