package viz

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font/sfnt"
)

// webFont is the CSS of a font that holds only the characters of one page.
type webFont struct {
	family string // a name of its own for every set of characters, so that several fragments can live on one page
	css    string // the @font-face rules, fonts as data
}

// stack is the value of font-family: the embedded font, then the system's.
func (f webFont) stack() string { return `"` + f.family + `",` + fallbackFamilies }

// strong is stack for bold text where the semi-bold font is a family of its own.
func (f webFont) strong() string { return `"` + f.family + apartEnding + `",` + f.stack() }

// Where the semi-bold font stands. It has Latin only, and for a character that it lacks a browser looks into the next family, never at another
// weight of the same one. So a page, whose titles may be Chinese, has it apart; a drawing tells the runs of both fonts by itself.
type semiboldPlace int

const (
	semiboldNowhere semiboldPlace = iota
	semiboldInFamily
	semiboldApart

	apartEnding = "-semibold" // of its family
)

// fontFor cuts the embedded fonts to the characters of content.
func fontFor(content []byte, semibold semiboldPlace) (webFont, error) {
	codes := runesOf(content)
	hash := fnv.New64a()
	for _, r := range codes {
		fmt.Fprintf(hash, "%x,", r)
	}
	out := webFont{family: fmt.Sprintf("m6-%012x", hash.Sum64()>>16)}
	f := loadFaces()
	var css strings.Builder
	apart := out.family
	if semibold == semiboldApart {
		apart += apartEnding
	}
	for _, part := range []struct {
		family string
		data   []byte
		font   *sfnt.Font
		weight int
	}{{out.family, sansTTF, f.sans, 400}, {apart, semiboldTTF, f.semibold, 600}} {
		cut, err := cutFont(part.data, part.font, codes)
		if err != nil {
			return out, fmt.Errorf("viz: cutting the font: %w", err)
		}
		if cut == nil || part.weight == 600 && semibold == semiboldNowhere {
			continue
		}
		packed, err := woff(cut)
		if err != nil {
			return out, fmt.Errorf("viz: packing the font: %w", err)
		}
		fmt.Fprintf(&css, `@font-face{font-family:"%s";font-weight:%d;src:url(data:font/woff;base64,%s) format("woff")}`,
			part.family, part.weight, base64.StdEncoding.EncodeToString(packed))
	}
	out.css = css.String()
	return out, nil
}

// runesOf returns the distinct characters of content in order, at least printable ASCII.
func runesOf(content []byte) []rune {
	seen := make(map[rune]bool)
	for r := ' '; r <= '~'; r++ {
		seen[r] = true
	}
	for _, r := range string(content) {
		if r >= utf8.RuneSelf {
			seen[r] = true
		}
	}
	out := make([]rune, 0, len(seen))
	for r := range seen {
		out = append(out, r)
	}
	slices.Sort(out)
	return out
}

// table is one table of an sfnt file.
type table struct {
	tag  string
	data []byte
}

// cutFont keeps the glyphs of codes and numbers them anew. It relies on what fonts/subset.py makes: simple glyf outlines
// and no layout tables. The tables come back in the order of their tags; nil if no character is in the font.
func cutFont(data []byte, f *sfnt.Font, codes []rune) ([]table, error) {
	old, err := readTables(data)
	if err != nil {
		return nil, err
	}
	glyphs := []int{0} // .notdef
	var kept []rune
	var buf sfnt.Buffer
	for _, r := range codes {
		i, err := f.GlyphIndex(&buf, r)
		if err != nil {
			return nil, err
		}
		if i != 0 {
			kept = append(kept, r)
			glyphs = append(glyphs, int(i))
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	glyf, loca := cutOutlines(old["glyf"], longOffsets(old["loca"], old["head"]), glyphs)
	head, hhea, maxp := slices.Clone(old["head"]), slices.Clone(old["hhea"]), slices.Clone(old["maxp"])
	binary.BigEndian.PutUint32(head[8:], 0) // checkSumAdjustment: browsers do not look at it, and WOFF readers make it anew
	binary.BigEndian.PutUint16(head[50:], 1)
	binary.BigEndian.PutUint16(hhea[34:], uint16(len(glyphs)))
	binary.BigEndian.PutUint16(maxp[4:], uint16(len(glyphs)))
	return []table{
		{"OS/2", old["OS/2"]}, {"cmap", charMap(kept)}, {"glyf", glyf}, {"head", head}, {"hhea", hhea},
		{"hmtx", cutMetrics(old["hmtx"], int(binary.BigEndian.Uint16(old["hhea"][34:])), glyphs)},
		{"loca", loca}, {"maxp", maxp}, {"name", old["name"]}, {"post", old["post"]},
	}, nil
}

// readTables reads the directory of an sfnt file.
func readTables(data []byte) (map[string][]byte, error) {
	out := make(map[string][]byte)
	for i := range int(binary.BigEndian.Uint16(data[4:])) {
		entry := data[12+16*i:]
		offset, length := binary.BigEndian.Uint32(entry[8:]), binary.BigEndian.Uint32(entry[12:])
		out[string(entry[:4])] = data[offset : offset+length]
	}
	for _, tag := range []string{"OS/2", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name", "post"} {
		if out[tag] == nil {
			return nil, fmt.Errorf("table %s is missing: make the fonts again with fonts/make.sh", tag)
		}
	}
	return out, nil
}

// longOffsets returns the offset table in its long form; the field at 50 of table head tells which it has.
func longOffsets(loca, head []byte) []byte {
	if head[51] == 1 {
		return loca
	}
	var out []byte
	for i := 0; i+1 < len(loca); i += 2 {
		out = binary.BigEndian.AppendUint32(out, 2*uint32(binary.BigEndian.Uint16(loca[i:])))
	}
	return out
}

// cutOutlines copies the outlines of glyphs; both offset tables are in the long form.
func cutOutlines(glyf, loca []byte, glyphs []int) (outlines, offsets []byte) {
	for _, g := range glyphs {
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(len(outlines)))
		outlines = append(outlines, glyf[binary.BigEndian.Uint32(loca[4*g:]):binary.BigEndian.Uint32(loca[4*g+4:])]...)
		for len(outlines)%4 != 0 {
			outlines = append(outlines, 0)
		}
	}
	return outlines, binary.BigEndian.AppendUint32(offsets, uint32(len(outlines)))
}

// cutMetrics writes advance and side bearing of every glyph; the last of the long entries holds for all glyphs after it.
func cutMetrics(hmtx []byte, long int, glyphs []int) []byte {
	var out []byte
	for _, g := range glyphs {
		bearing := 4*g + 2
		if g >= long {
			bearing = 4*long + 2*(g-long)
		}
		advance := 4 * min(g, long-1)
		out = append(out, hmtx[advance:advance+2]...)
		out = append(out, hmtx[bearing:bearing+2]...)
	}
	return out
}

// charMap is a cmap table of format 12: the i-th code is glyph i+1.
func charMap(codes []rune) []byte {
	var groups []byte
	n := uint32(0)
	for i := 0; i < len(codes); {
		j := i + 1
		for j < len(codes) && codes[j] == codes[j-1]+1 {
			j++
		}
		for _, v := range []int{int(codes[i]), int(codes[j-1]), i + 1} {
			groups = binary.BigEndian.AppendUint32(groups, uint32(v))
		}
		n++
		i = j
	}
	out := []byte{0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12, 0, 12, 0, 0} // one table: Windows, full Unicode, at 12; format 12
	for _, v := range []uint32{16 + uint32(len(groups)), 0, n} {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return append(out, groups...)
}

// woff packs tables as a WOFF 1.0 file (https://www.w3.org/TR/WOFF/).
func woff(tables []table) ([]byte, error) {
	const header, entry = 44, 20
	var directory, body []byte
	sfntSize := 12 + 16*len(tables)
	z := zlib.NewWriter(nil)
	for _, t := range tables {
		packed, err := deflate(z, t.data)
		if err != nil {
			return nil, err
		}
		directory = append(directory, t.tag...)
		offset := header + entry*len(tables) + len(body)
		for _, v := range []uint32{uint32(offset), uint32(len(packed)), uint32(len(t.data)), checksum(t.data)} {
			directory = binary.BigEndian.AppendUint32(directory, v)
		}
		body = append(body, packed...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		sfntSize += (len(t.data) + 3) / 4 * 4
	}
	out := append([]byte("wOFF"), 0, 1, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(header+len(directory)+len(body)))
	out = binary.BigEndian.AppendUint16(out, uint16(len(tables)))
	out = binary.BigEndian.AppendUint16(out, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(sfntSize))
	out = append(out, make([]byte, header-len(out))...) // version, metadata, private data: none
	return append(append(out, directory...), body...), nil
}

// deflate returns data packed by z, or data itself where that is not shorter.
func deflate(z *zlib.Writer, data []byte) ([]byte, error) {
	var b bytes.Buffer
	z.Reset(&b)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() >= len(data) {
		return data, nil
	}
	return b.Bytes(), nil
}

// checksum is the sum of the big-endian words of data, zero-padded.
func checksum(data []byte) uint32 {
	sum := uint32(0)
	for i := 0; i < len(data); i += 4 {
		var word [4]byte
		copy(word[:], data[i:])
		sum += binary.BigEndian.Uint32(word[:])
	}
	return sum
}
