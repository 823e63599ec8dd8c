package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	stdimage "image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compare holds every channel of every pixel of got against the RGB bytes that Pillow wrote.
func compare(t *testing.T, got *stdimage.RGBA, golden string, limit int) {
	t.Helper()
	want := read(t, golden)
	w, h, rgb := int(binary.LittleEndian.Uint16(want)), int(binary.LittleEndian.Uint16(want[2:])), want[4:]
	if got.Rect != stdimage.Rect(0, 0, w, h) {
		t.Fatalf("%s: %v, want %d x %d", golden, got.Rect, w, h)
	}
	far, differ := 0, 0
	for i := range w * h {
		for c := range 3 {
			d := int(got.Pix[4*i+c]) - int(rgb[3*i+c])
			far = max(far, d, -d)
			if d != 0 {
				differ++
			}
		}
		if got.Pix[4*i+3] != 255 {
			t.Fatalf("%s: pixel %d has alpha %d, want 255", golden, i, got.Pix[4*i+3])
		}
	}
	t.Logf("%s: at most %d levels, %d of %d values differ", golden, far, differ, w*h*3)
	if far > limit {
		t.Errorf("%s: %d levels from Pillow's, want at most %d", golden, far, limit)
	}
}

func pictures(t testing.TB) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasSuffix(e.Name(), ".ref") {
			names = append(names, e.Name())
		}
	}
	return names
}

// What is not lossy, and WebP, is equal. JPEG's decoders may round luma and both chromas by one level apart, which in blue makes 1 + 1.772.
func TestDecode(t *testing.T) {
	names := pictures(t)
	if len(names) < 38 {
		t.Errorf("%d pictures in testdata, want 38: run scripts/reference/pillow_images.py", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(read(t, name), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			limit := 0
			if strings.HasSuffix(name, ".jpg") {
				limit = 3
			}
			compare(t, got, name+".ref", limit)
		})
	}
}

func TestResize(t *testing.T) {
	sizes := map[string][][2]int{
		"rgb.png":   {{17, 13}, {61, 47}, {5, 3}, {31, 7}, {13, 23}, {1, 1}, {211, 2}},
		"large.png": {{64, 64}, {7, 7}},
	}
	for name, sizes := range sizes {
		src, err := Decode(read(t, name), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range sizes {
			for f, filter := range []string{"bicubic", "bilinear"} {
				compare(t, Resize(src, size[0], size[1], Filter(f)), fmt.Sprintf("%s.%dx%d.%s.ref", name, size[0], size[1], filter), 0)
			}
		}
		if same := Resize(src, src.Rect.Dx(), src.Rect.Dy(), Bicubic); same != src {
			t.Errorf("%s: a picture of the wanted size was resampled", name)
		}
	}
}

func TestPixels(t *testing.T) {
	got := make([]float32, 64*64*3)
	if err := Pixels(read(t, "large.png"), 64, got); err != nil {
		t.Fatal(err)
	}
	want := read(t, "large.png.64x64.bicubic.ref")[4:]
	for i, v := range got {
		if w := float32(want[i]) / 255; v != w {
			t.Fatalf("value %d is %v, want %v", i, v, w)
		}
	}
	Normalize(got)
	for i, v := range got {
		w := (float64(want[i])/255 - []float64{0.485, 0.456, 0.406}[i%3]) / []float64{0.229, 0.224, 0.225}[i%3]
		if math.Abs(float64(v)-w) > 1e-6 {
			t.Fatalf("normalised value %d is %v, want %v", i, v, w)
		}
	}
	if err := Pixels(read(t, "rgb.png"), 64, got[1:]); err == nil || !strings.Contains(err.Error(), "64 x 64: room for 12287 numbers, want 12288") {
		t.Errorf("too small a destination: %v", err)
	}
}

// edited is a copy of data with other bytes at an offset.
func edited(data []byte, at int, bytes ...byte) []byte {
	data = slices.Clone(data)
	copy(data[at:], bytes)
	return data
}

func TestBadPictures(t *testing.T) {
	plain := read(t, "rgb.png")
	huge := resizedPNG(plain, 10000, 1000) // which 2 KB cannot hold
	animation := edited(read(t, "turned.webp"), 20, 0x02)
	for name, c := range map[string]struct {
		data  []byte
		limit Limits
		want  string
	}{
		"empty":        {nil, Limits{}, "picture of 0 bytes: there is nothing in it"},
		"text":         {[]byte("no picture"), Limits{}, `no PNG, JPEG, GIF or WebP picture: 10 bytes that begin with "no pictu"`},
		"bytes":        {plain, Limits{Bytes: 100}, "the limit is 100; encode it smaller"},
		"pixels":       {plain, Limits{Pixels: 712}, "PNG picture of 31 x 23 pixels: the limit is 712; scale it down first"},
		"png bomb":     {resizedPNG(plain, 1<<31-1, 23), Limits{}, "PNG picture of 2147483647 x 23 pixels: the limit is 50000000"},
		"png sparse":   {huge, Limits{}, "PNG picture of 10000 x 1000 pixels in"},
		"png no width": {resizedPNG(plain, 0, 23), Limits{}, "PNG picture of"},
		"png cut":      {plain[:len(plain)/2], Limits{}, "PNG picture of 31 x 23 pixels in"},
		"png header":   {plain[:20], Limits{}, "PNG picture of 20 bytes: no readable header"},
		"jpeg bomb":    {resizedJPEG(read(t, "420.jpg"), 65535, 65535), Limits{}, "JPEG picture of 65535 x 65535 pixels: the limit is 50000000"},
		"jpeg cut":     {read(t, "420.jpg")[:700], Limits{}, "JPEG picture of 37 x 29 pixels in 700 bytes"},
		"gif bomb":     {edited(read(t, "first.gif"), 6, 0xff, 0xff, 0xff, 0xff), Limits{}, "GIF picture of 65535 x 65535 pixels: the limit"},
		"gif frame":    {edited(read(t, "first.gif"), 6, 3, 0), Limits{}, "GIF picture of 3 x 23 pixels in"},
		"webp cut":     {read(t, "lossy.webp")[:60], Limits{}, "WebP picture of 37 x 29 pixels in 60 bytes"},
		"webp movie":   {animation, Limits{}, "it is an animation: save one of its frames"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(c.data, c.limit)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
				t.Errorf("%d bytes were allocated for an error, want at most 1 MiB", got)
			}
		})
	}
}

// resizedPNG gives a PNG another size in its header.
func resizedPNG(data []byte, w, h uint32) []byte {
	data = bytes.Clone(data)
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

// resizedJPEG gives a JPEG another size in its header.
func resizedJPEG(data []byte, w, h uint16) []byte {
	at := bytes.Index(data, []byte{0xff, 0xc0})
	return edited(data, at+5, byte(h>>8), byte(h), byte(w>>8), byte(w))
}

// A broken EXIF block means no orientation, never a panic.
func TestOrientation(t *testing.T) {
	block := jpegEXIF(read(t, "turned6.jpg"))
	if got := orientation(block); got != 6 {
		t.Fatalf("orientation %d, want 6", got)
	}
	for cut := range len(block) {
		if got := orientation(block[:cut]); got != 1 && got != 6 {
			t.Errorf("orientation %d of the first %d bytes, want 1 or 6", got, cut)
		}
	}
	if got := orientation(edited(block, 4, 0xff, 0xff, 0xff, 0xff)); got != 1 {
		t.Errorf("directory beyond the block: orientation %d, want 1", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range pictures(f) {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data, Limits{Pixels: 1 << 16})
		if err != nil {
			if got != nil || err.Error() == "" || strings.Contains(err.Error(), "\n") {
				t.Fatalf("picture %v with error %q", got, err)
			}
			return
		}
		if got.Rect.Min != (stdimage.Point{}) || got.Rect.Empty() || !got.Opaque() {
			t.Fatalf("picture with bounds %v, opaque %v", got.Rect, got.Opaque())
		}
		var again bytes.Buffer
		if err := png.Encode(&again, got); err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again.Bytes(), Limits{}); err != nil || !bytes.Equal(back.Pix, got.Pix) {
			t.Fatalf("decoded picture does not survive PNG: %v", err)
		}
	})
}

func FuzzResize(f *testing.F) {
	f.Add(uint8(31), uint8(23), uint8(7), uint8(61), true, uint8(200))
	f.Fuzz(func(t *testing.T, w, h, toW, toH uint8, bilinear bool, level uint8) {
		if w == 0 || h == 0 || toW == 0 || toH == 0 {
			return
		}
		filter := Bicubic
		if bilinear {
			filter = Bilinear
		}
		src := stdimage.NewRGBA(stdimage.Rect(0, 0, int(w), int(h)))
		for i := range src.Pix {
			src.Pix[i] = level
			if i%4 == 3 {
				src.Pix[i] = 255
			}
		}
		got := Resize(src, int(toW), int(toH), filter)
		if got.Rect != stdimage.Rect(0, 0, int(toW), int(toH)) {
			t.Fatalf("%v, want %d x %d", got.Rect, toW, toH)
		}
		for i, v := range got.Pix { // one colour stays that colour
			if i%4 != 3 && v != level || i%4 == 3 && v != 255 {
				t.Fatalf("value %d is %d, want %d", i, v, level)
			}
		}
	})
}

func ExampleNormalize() {
	pixels := []float32{1, 1, 1, 0, 0, 0}
	Normalize(pixels)
	fmt.Printf("%.3f\n", pixels)
	// Output:
	// [2.249 2.429 2.640 -2.118 -2.036 -1.804]
}

func BenchmarkPixels(b *testing.B) {
	square := stdimage.NewRGBA(stdimage.Rect(0, 0, 64, 64))
	for i := range square.Pix {
		square.Pix[i] = byte(i * i >> 7)
		if i%4 == 3 {
			square.Pix[i] = 255
		}
	}
	var same bytes.Buffer
	if err := png.Encode(&same, square); err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, 64*64*3)
	for name, data := range map[string][]byte{"png64": same.Bytes(), "png101x67": read(b, "large.png"), "jpeg37x29": read(b, "420.jpg")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Pixels(data, 64, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
