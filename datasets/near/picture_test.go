package near

import (
	"bytes"
	"encoding/json"
	stdimage "image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/corona10/goimagehash"

	"m6lab/datasets/image"
	"m6lab/datasets/sample"
)

// waves is a random picture: a sum of waves whose amplitudes fall with the frequency, as those of photographs do.
func waves(seed uint64, w, h int) *stdimage.RGBA {
	rng := rand.New(rand.NewPCG(seed, 9))
	values := make([]float64, w*h)
	for range 40 {
		fx, fy, phase := rng.Float64()*12, rng.Float64()*12-6, rng.Float64()*7
		size := rng.Float64() / (1 + math.Hypot(fx, fy)/3)
		for y := range h {
			for x := range w {
				values[y*w+x] += size * math.Cos(math.Pi*(fx*(float64(x)+.5)/float64(w)+fy*(float64(y)+.5)/float64(h))+phase)
			}
		}
	}
	var mean, spread float64
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		spread += (v - mean) * (v - mean) / float64(len(values))
	}
	m := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	for i, v := range values {
		c := uint8(max(0, min(255, 128+45*(v-mean)/math.Sqrt(spread+1e-9))))
		m.SetRGBA(i%w, i/w, color.RGBA{c, uint8(float64(c) * 0.8), c/2 + 60, 255})
	}
	return m
}

func recompressed(t testing.TB, m *stdimage.RGBA, quality int) *stdimage.RGBA {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out, err := image.Decode(b.Bytes(), image.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func brighter(m *stdimage.RGBA) *stdimage.RGBA {
	out := stdimage.NewRGBA(m.Rect)
	for i, v := range m.Pix {
		if out.Pix[i] = uint8(min(255, int(v)*9/10+10)); i%4 == 3 {
			out.Pix[i] = 255
		}
	}
	return out
}

// A picture scaled, compressed or made brighter keeps its hash but for a few bits; another picture has another.
func TestPictureHash(t *testing.T) {
	const n = 40
	for name, hash := range map[string]func(*stdimage.RGBA) uint64{"phash": PictureHash, "dhash": DifferenceHash} {
		var hashes []uint64
		for i := range n {
			m := waves(uint64(i), 151+i, 117)
			h := hash(m)
			for change, other := range map[string]*stdimage.RGBA{
				"half size": image.Resize(m, m.Rect.Dx()/2, m.Rect.Dy()/2, image.Bicubic),
				"squeezed":  image.Resize(m, 97, 201, image.Bilinear),
				"quality":   recompressed(t, m, 50),
				"brighter":  brighter(m),
			} {
				if d := Distance(h, hash(other)); d > 4 {
					t.Errorf("%s: picture %d: %s: %d bits differ", name, i, change, d)
				}
			}
			for j, other := range hashes {
				if d := Distance(h, other); d <= 10 {
					t.Errorf("%s: pictures %d and %d differ in %d bits", name, i, j, d)
				}
			}
			hashes = append(hashes, h)
		}
	}
}

// The hashes of other programs are near ours, but for pictures where scaling matters most: one of 3 pixels across, and one of black and white dots.
func TestOtherHashes(t *testing.T) {
	data, err := os.ReadFile("testdata/imagehash.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct{ PHash, DHash string }
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != 10 {
		t.Fatalf("%d pictures", len(want))
	}
	for name, w := range want {
		data, err := os.ReadFile(filepath.Join("../image/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m, err := image.Decode(data, image.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		p, err1 := strconv.ParseUint(w.PHash, 16, 64)
		d, err2 := strconv.ParseUint(w.DHash, 16, 64)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		theirs, err := goimagehash.DifferenceHash(m)
		if err != nil {
			t.Fatal(err)
		}
		gotP, gotD := Distance(PictureHash(m), p), Distance(DifferenceHash(m), d)
		limit := 5
		if name == "narrow.jpg" || name == "bits.png" {
			limit = 24
		}
		if gotP > limit || gotD > limit {
			t.Errorf("%s: phash differs in %d bits, dhash in %d: want at most %d", name, gotP, gotD, limit)
		}
		t.Logf("%s: phash %d bits, dhash %d bits from ImageHash, %d from goimagehash", name, gotP, gotD, Distance(DifferenceHash(m), theirs.GetHash()))
	}
}

// Drawings on white of 64 pixels are the hardest: few frequencies, and sharp edges that compression blurs.
func TestSample(t *testing.T) {
	var hashes, again []uint64
	for ex, err := range sample.Examples("train") {
		if err != nil {
			t.Fatal(err)
		}
		if ex.Source != "emoji" {
			continue
		}
		m, err := image.Decode(ex.Image, image.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, PictureHash(m))
		again = append(again, PictureHash(recompressed(t, m, 75)))
		if len(hashes) == 200 {
			break
		}
	}
	far, near := 0, 0
	for i, h := range hashes {
		if Distance(h, again[i]) > 4 {
			far++
		}
		for _, other := range hashes[:i] {
			if Distance(h, other) <= 4 {
				near++
			}
		}
	}
	if far > len(hashes)/4 || near > 40 {
		t.Errorf("of %d emoji %d are more than 4 bits from themselves at quality 75, and %d pairs are near", len(hashes), far, near)
	}
	t.Logf("of %d emoji %d are more than 4 bits from themselves at quality 75; %d pairs are near", len(hashes), far, near)
}

func TestFlatPictures(t *testing.T) {
	flat := func(v uint8, w, h int) *stdimage.RGBA {
		m := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
		for i := range m.Pix {
			if m.Pix[i] = v; i%4 == 3 {
				m.Pix[i] = 255
			}
		}
		return m
	}
	noisy := flat(100, 64, 64)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noisy.Pix {
		if i%4 != 3 {
			noisy.Pix[i] += uint8(rng.IntN(2))
		}
	}
	for _, m := range []*stdimage.RGBA{nil, stdimage.NewRGBA(stdimage.Rect(0, 0, 0, 5)), flat(0, 1, 1), flat(255, 300, 7), flat(128, 33, 64), noisy} {
		if p, d := PictureHash(m), DifferenceHash(m); p != 0 || d != 0 {
			t.Errorf("a flat picture has the hashes %x and %x", p, d)
		}
	}
	for _, size := range [][2]int{{1, 50}, {50, 1}, {3, 3}, {31, 33}, {500, 8}} {
		if PictureHash(waves(7, size[0], size[1])) == 0 {
			t.Errorf("a picture of %v has hash 0", size)
		}
	}
	m := waves(3, 90, 70)
	inner := m.SubImage(stdimage.Rect(10, 20, 60, 60)).(*stdimage.RGBA)
	moved := stdimage.NewRGBA(stdimage.Rect(0, 0, 50, 40))
	for y := range 40 {
		copy(moved.Pix[y*moved.Stride:][:200], inner.Pix[inner.PixOffset(10, 20+y):])
	}
	if PictureHash(inner) != PictureHash(moved) || DifferenceHash(inner) != DifferenceHash(moved) {
		t.Error("a part of a picture has another hash than its copy")
	}
}

// areas is what a plain sum over a scaled-up picture gives.
func TestAreas(t *testing.T) {
	for _, size := range [][2]int{{9, 8}, {10, 9}, {4, 3}, {17, 23}, {1, 1}, {64, 40}} {
		m := waves(1, size[0], size[1])
		var got [72]float32
		areas(m, 9, 8, got[:])
		for i := range got {
			ax, ay := i%9, i/9
			var sum float64
			for y := ay * size[1]; y < (ay+1)*size[1]; y++ { // pixel of a picture 9 times as wide and 8 times as high
				for x := ax * size[0]; x < (ax+1)*size[0]; x++ {
					c := m.RGBAAt(x/9, y/8)
					sum += 0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)
				}
			}
			if want := sum / float64(size[0]*size[1]); math.Abs(float64(got[i])-want) > 1e-3 {
				t.Fatalf("%v: area %d is %v, want %v", size, i, got[i], want)
			}
		}
	}
}
