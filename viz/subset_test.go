package viz

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// pack writes tables as an sfnt file.
func pack(tables []table) []byte {
	out := append([]byte{0, 1, 0, 0}, byte(len(tables)>>8), byte(len(tables)), 0, 0, 0, 0, 0, 0)
	offset := 12 + 16*len(tables)
	var body []byte
	for _, t := range tables {
		out = append(out, t.tag...)
		for _, v := range []uint32{checksum(t.data), uint32(offset + len(body)), uint32(len(t.data))} {
			out = binary.BigEndian.AppendUint32(out, v)
		}
		body = append(body, t.data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	return append(out, body...)
}

// A cut font has the outlines and widths of the whole one, and no other characters.
func TestCutFont(t *testing.T) {
	faces := loadFaces()
	for name, c := range map[string]struct {
		data  []byte
		whole *sfnt.Font
		codes []rune
	}{
		"sans":     {sansTTF, faces.sans, []rune(" !09AZaz~·—…“”。一丁三世猫蓝青蛙龘龙０～")},
		"semibold": {semiboldTTF, faces.semibold, []rune(" !AZaz~éŽ→")},
		"one":      {sansTTF, faces.sans, []rune("猫")},
	} {
		t.Run(name, func(t *testing.T) {
			tables, err := cutFont(c.data, c.whole, runesSorted(c.codes))
			if err != nil {
				t.Fatal(err)
			}
			cut, err := sfnt.Parse(pack(tables))
			if err != nil {
				t.Fatal(err)
			}
			kept := 0
			for r := rune(0x20); r < 0x10000; r++ {
				want := glyphOf(t, c.whole, r)
				if !has(cut, r) {
					if want.found && contains(c.codes, r) {
						t.Errorf("%q is missing", r)
					}
					continue
				}
				kept++
				if !contains(c.codes, r) {
					t.Errorf("%q was not asked for", r)
				}
				if diff := cmp.Diff(want, glyphOf(t, cut, r), cmp.AllowUnexported(glyph{})); diff != "" {
					t.Errorf("%q (- whole, + cut):\n%s", r, diff)
				}
			}
			checkBearings(t, tables)
			if kept == 0 || cut.NumGlyphs() != kept+1 {
				t.Errorf("%d characters, %d glyphs", kept, cut.NumGlyphs())
			}
		})
	}
}

// checkBearings compares the side bearing of each glyph with where its outline begins: in these fonts they are the same.
func checkBearings(t *testing.T, tables []table) {
	t.Helper()
	data := map[string][]byte{}
	for _, v := range tables {
		data[v.tag] = v.data
	}
	short := func(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) }
	for g := 0; 4*g+8 <= len(data["loca"]); g++ {
		start, end := binary.BigEndian.Uint32(data["loca"][4*g:]), binary.BigEndian.Uint32(data["loca"][4*g+4:])
		if start == end {
			continue // no outline: a space
		}
		if got, want := short(data["hmtx"][4*g+2:]), short(data["glyf"][start+2:]); got != want {
			t.Errorf("glyph %d has the side bearing %d, its outline begins at %d", g, got, want)
		}
	}
}

func runesSorted(codes []rune) []rune { return runesOf([]byte(string(codes))) }

func contains(codes []rune, r rune) bool {
	if r >= ' ' && r <= '~' {
		return true // always kept
	}
	for _, c := range codes {
		if c == r {
			return true
		}
	}
	return false
}

type glyph struct {
	found    bool
	advance  fixed.Int26_6
	segments []sfnt.Segment
}

func glyphOf(t *testing.T, f *sfnt.Font, r rune) glyph {
	t.Helper()
	var buf sfnt.Buffer
	i, err := f.GlyphIndex(&buf, r)
	if err != nil {
		t.Fatal(err)
	}
	if i == 0 {
		return glyph{}
	}
	advance, err := f.GlyphAdvance(&buf, i, fixed.I(1000), font.HintingNone)
	if err != nil {
		t.Fatal(err)
	}
	segments, err := f.LoadGlyph(&buf, i, fixed.I(1000), nil)
	if err != nil {
		t.Fatal(err)
	}
	return glyph{true, advance, append([]sfnt.Segment(nil), segments...)}
}

// The font covers what the model can write: level 1 and 2 of GB 2312 begin and end with these.
func TestFontCoverage(t *testing.T) {
	f := loadFaces().sans
	for _, r := range "啊阿齄鼾座亍丌鳢龠猫狗蛙蓝红黄雲龍龜々〇ぁんァンΑΩαωАЯая①⑩ⅠⅩ←→↑↓▁█□■△▲○●☆★✓，。！？；：「」『』《》〈〉【】（）％￥℃㎡—…·" {
		if !has(f, r) {
			t.Errorf("%q (U+%04X) is missing", r, r)
		}
	}
}

func TestMissing(t *testing.T) {
	for in, want := range map[string]struct{ text, note string }{
		"猫\n狗\tx":        {"猫 狗 x", ""},
		"𠮷野家":            {"U+20BB7野家", "1 character outside the embedded font, drawn: U+20BB7."},
		"a\u202eb\u0000": {"aU+202EbU+0000", "2 characters outside the embedded font, drawn: U+0000, U+202E."},
		"\xff":           {"U+FFFD", "1 character outside the embedded font, drawn: U+FFFD."},
		"😀😀😁😂😃😄😅😆😇😈😉": {"U+1F600U+1F600U+1F601U+1F602U+1F603U+1F604U+1F605U+1F606U+1F607U+1F608U+1F609", "11 characters outside the embedded font, drawn: U+1F600, U+1F601, U+1F602, U+1F603, U+1F604, U+1F605, U+1F606, U+1F607, and 2 more."},
		"":                 {"", ""},
		"plain ASCII, 全角！": {"plain ASCII, 全角！", ""},
	} {
		m := missing{}
		if got := m.clean(in); got != want.text {
			t.Errorf("clean(%q) = %q, want %q", in, got, want.text)
		}
		if got := m.note("drawn"); got != want.note {
			t.Errorf("note of %q = %q, want %q", in, got, want.note)
		}
	}
}
