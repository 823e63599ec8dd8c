package sample

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/zlib"
)

// pngSignature begins every PNG.
const pngSignature = "\x89PNG\r\n\x1a\n"

// palettePicture is a PNG of palette indices without interlace, as the archives hold it.
type palettePicture struct {
	header  []byte // content of IHDR
	palette []byte // three bytes a colour
	lines   []byte // inflated: per row a filter byte, always 0, and the pixels
}

// packer repacks pictures one after the other with the same compressor, whose making costs more than its use. The zero value is ready.
type packer struct {
	in    io.ReadCloser
	out   *zlib.Writer
	lines bytes.Buffer
}

// repack turns an archive's picture, whose pixels are stored plain and whose palette is that of its whole ground, into an ordinary small PNG: the same
// pixels, only the colours that occur, deflated. The archives need the plain form, readers the small one.
func (k *packer) repack(data []byte) ([]byte, error) {
	p, err := k.parse(data)
	if err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	if err := p.trim(); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	var pixels bytes.Buffer
	if k.out == nil {
		k.out = zlib.NewWriter(&pixels)
	}
	k.out.Reset(&pixels)
	if _, err := k.out.Write(p.lines); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	if err := k.out.Close(); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	out := []byte(pngSignature)
	out = appendChunk(out, "IHDR", p.header)
	out = appendChunk(out, "PLTE", p.palette)
	out = appendChunk(out, "IDAT", pixels.Bytes())
	return appendChunk(out, "IEND", nil), nil
}

func (k *packer) parse(data []byte) (*palettePicture, error) {
	rest, ok := bytes.CutPrefix(data, []byte(pngSignature))
	if !ok {
		return nil, errors.New("no PNG")
	}
	var p palettePicture
	var pixels []byte
	for len(rest) >= 12 {
		n := int(binary.BigEndian.Uint32(rest))
		if n > len(rest)-12 {
			return nil, errors.New("a chunk that is cut off")
		}
		content := rest[8 : 8+n]
		switch string(rest[4:8]) {
		case "IHDR":
			p.header = content
		case "PLTE":
			p.palette = content
		case "IDAT":
			pixels = append(pixels, content...)
		}
		rest = rest[12+n:]
	}
	if len(p.header) != 13 || p.header[9] != 3 || p.header[12] != 0 {
		return nil, errors.New("not of palette indices")
	}
	if err := k.inflate(pixels); err != nil {
		return nil, err
	}
	p.lines = k.lines.Bytes()
	return &p, nil
}

func (k *packer) inflate(pixels []byte) error {
	var err error
	if k.in == nil {
		k.in, err = zlib.NewReader(bytes.NewReader(pixels))
	} else {
		err = k.in.(zlib.Resetter).Reset(bytes.NewReader(pixels), nil)
	}
	if err != nil {
		return err
	}
	k.lines.Reset()
	_, err = k.lines.ReadFrom(k.in)
	return err
}

// trim renumbers the colours so that only those that occur are left, in the order of the palette. Pictures of less than 8 bits have few anyway.
func (p *palettePicture) trim() error {
	if p.header[8] != 8 {
		return nil
	}
	stride := int(binary.BigEndian.Uint32(p.header)) + 1
	var used [256]bool
	for line := range slices.Chunk(p.lines, stride) {
		if line[0] != 0 {
			return errors.New("rows with a filter")
		}
		for _, index := range line[1:] {
			used[index] = true
		}
	}
	var number [256]byte
	var palette []byte
	for i, is := range used {
		if !is {
			continue
		}
		if 3*i+3 > len(p.palette) {
			return errors.New("an index beyond the palette")
		}
		number[i] = byte(len(palette) / 3)
		palette = append(palette, p.palette[3*i:3*i+3]...)
	}
	for line := range slices.Chunk(p.lines, stride) {
		for i, index := range line[1:] {
			line[1+i] = number[index]
		}
	}
	p.palette = palette
	return nil
}

func appendChunk(out []byte, name string, content []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(content)))
	start := len(out)
	out = append(append(out, name...), content...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}
