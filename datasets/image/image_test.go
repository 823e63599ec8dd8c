package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	stdimage "image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// reference is a picture that Pillow wrote as raw RGB.
func reference(t *testing.T, name string) (w, h int, rgb []byte) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return int(binary.LittleEndian.Uint16(data)), int(binary.LittleEndian.Uint16(data[2:])), data[4:]
}

func compare(t *testing.T, name string, got *stdimage.RGBA, want string, limit int) {
	t.Helper()
	w, h, rgb := reference(t, want)
	if got.Rect.Dx() != w || got.Rect.Dy() != h {
		t.Errorf("%s is %v, want %d x %d", name, got.Rect, w, h)
		return
	}
	for i := range w * h {
		for c := range 3 {
			a, b := int(got.Pix[4*i+c]), int(rgb[3*i+c])
			if a-b > limit || b-a > limit {
				t.Errorf("%s: pixel %d,%d channel %d is %d, want %d ± %d", name, i%w, i/w, c, a, b, limit)
				return
			}
		}
	}
}

// Every format and orientation as Pillow reads it. JPEG decoders may differ by a few levels.
func TestDecode(t *testing.T) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasSuffix(name, ".ref") {
			continue
		}
		n++
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		limit := 1
		if strings.HasSuffix(name, ".jpg") {
			limit = 6
		}
		compare(t, name, got, name+".ref", limit)
	}
	if n < 17 {
		t.Errorf("%d fixtures, want 17", n)
	}
}

// Resizing equals Pillow's bicubic within one level, up and down, at odd sizes.
func TestResize(t *testing.T) {
	for _, c := range []struct {
		name string
		w, h int
	}{{"rgb.png", 17, 13}, {"rgb.png", 61, 47}, {"rgb.png", 5, 3}, {"rgb.png", 31, 7}, {"large.png", 64, 64}, {"large.png", 7, 7}} {
		data, err := os.ReadFile(filepath.Join("testdata", c.name))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Decode(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%s.%dx%d", c.name, c.w, c.h)
		compare(t, name, Resize(src, c.w, c.h), name+".ref", 1)
	}
}

// A header that claims a huge picture is an error before anything is allocated; garbage is an error.
func TestLimits(t *testing.T) {
	var small bytes.Buffer
	if err := png.Encode(&small, stdimage.NewRGBA(stdimage.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	bomb := bytes.Clone(small.Bytes())
	binary.BigEndian.PutUint32(bomb[16:], 1<<30)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"bomb": {bomb, "limit"}, "garbage": {[]byte("no picture"), "no PNG"}, "empty": {nil, "no PNG"}, "truncated": {small.Bytes()[:40], "png picture of 9 x 9"},
	} {
		if _, err := Decode(c.data, Limits{}); err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "invalid") {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := Decode(small.Bytes(), Limits{Pixels: 80}); err == nil || !strings.Contains(err.Error(), "9 x 9 pixels, over the limit of 80") {
		t.Errorf("81 pixels under a limit of 80: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.???")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := Decode(data, Limits{Pixels: 1 << 16})
		if err == nil && (im.Rect.Dx() == 0 || im.Rect.Dy() == 0) {
			t.Errorf("an empty picture %v without an error", im.Rect)
		}
	})
}

func BenchmarkPixels(b *testing.B) {
	data, err := os.ReadFile("testdata/large.png")
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, 64*64*3)
	for b.Loop() {
		if err := Pixels(data, 64, dst); err != nil {
			b.Fatal(err)
		}
	}
}
