package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	stdimage "image"
	"io"
	"strings"

	_ "image/gif"  // headers
	_ "image/jpeg" // headers
	_ "image/png"  // headers

	_ "golang.org/x/image/webp" // headers

	"m6lab/datasets/image"
)

// Faults are the details of the reason "decodable".
const (
	FaultEmpty     = "empty"           // no bytes
	FaultUnknown   = "unknown format"  // no PNG, JPEG, GIF or WebP
	FaultHeader    = "corrupt header"  // the size cannot be read
	FaultBytes     = "too many bytes"  // beyond Decodable.MaxBytes
	FaultPixels    = "too many pixels" // beyond Decodable.MaxPixels, by the header: a bomb, or a picture to be scaled down first
	FaultScans     = "too many scans"  // beyond Decodable.MaxScans
	FaultAnimation = "animation"       // an animated WebP; of an animated GIF or PNG the first frame counts
	FaultTruncated = "truncated"       // the data ends early
	FaultCorrupt   = "corrupt"         // the data is wrong in another way
)

// decodableRule drops what datasets/image cannot decode.
func decodableRule(o Decodable) *rule {
	return &rule{
		Rule: Rule{
			Name: "decodable", Version: 1, Level: section2, On: o.On, Keeps: atLeast, Threshold: 1, Unit: "decoded",
			Doc: "The paper takes it for granted. PNG, JPEG, GIF and WebP are known by their content, not by their name. A picture is decoded whole: " +
				"one that ends early is dropped, where a browser would show its upper part. Of an animated GIF the first frame counts; CMYK is converted.",
		},
		measure: func(v *view) (float64, bool, string) {
			if v.decoded() {
				return 1, true, ""
			}
			return 0, true, v.fault
		},
	}
}

// newView reads the header of a picture.
func newView(data []byte, o Decodable) *view {
	v := &view{data: data, options: o}
	switch {
	case len(data) == 0:
		v.fault = FaultEmpty
		return v
	case len(data) > o.MaxBytes:
		v.fault = FaultBytes
		return v
	}
	config, format, err := stdimage.DecodeConfig(bytes.NewReader(data))
	switch {
	case errors.Is(err, stdimage.ErrFormat):
		v.fault = FaultUnknown
	case ended(err):
		v.fault = FaultTruncated
	case err != nil || config.Width <= 0 || config.Height <= 0:
		v.fault = FaultHeader
	default:
		v.width, v.height, v.format = config.Width, config.Height, format
		if config.Width > o.MaxPixels/config.Height {
			v.fault = FaultPixels
		}
	}
	return v
}

// decode returns the pixels, upright and on white, or the fault.
func decode(data []byte, format string, o Decodable) (*stdimage.RGBA, string) {
	// The marker of a scan cannot stand within one, and each scan may pass over the whole picture.
	if format == "jpeg" && bytes.Count(data, []byte{0xff, 0xda}) > o.MaxScans {
		return nil, FaultScans
	}
	pixels, err := image.Decode(data, image.Limits{Pixels: o.MaxPixels, Bytes: o.MaxBytes})
	switch {
	case err == nil:
		return pixels, ""
	case format == "webp" && strings.Contains(err.Error(), "animation"):
		return nil, FaultAnimation
	case ended(err) || strings.Contains(err.Error(), ": truncated: ") || !hasEnd(data, format):
		return nil, FaultTruncated
	}
	return nil, FaultCorrupt
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// hasEnd tells whether the data has the mark that ends a file of its format. Decoders name what they miss first, and that is seldom the end.
func hasEnd(data []byte, format string) bool {
	switch format {
	case "png":
		return bytes.Contains(data, []byte("IEND"))
	case "jpeg": // after the last scan began: a preview within has an end of its own
		scan := max(0, bytes.LastIndex(data, []byte{0xff, 0xda}))
		return bytes.Contains(data[scan:], []byte{0xff, 0xd9})
	case "gif":
		return data[len(data)-1] == 0x3b
	case "webp":
		return len(data) >= 8 && uint64(len(data)) >= 8+uint64(binary.LittleEndian.Uint32(data[4:]))
	}
	return true
}
