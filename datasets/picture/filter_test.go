package picture

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	stdimage "image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// painted is an opaque picture of w x h pixels.
func painted(w, h int, at func(x, y int) color.RGBA) *stdimage.RGBA {
	p := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := at(x, y)
			c.A = 255
			p.SetRGBA(x, y, c)
		}
	}
	return p
}

// wavy is a picture that no rule of the paper drops.
func wavy(w, h int) *stdimage.RGBA {
	return painted(w, h, func(x, y int) color.RGBA {
		return color.RGBA{R: uint8(x*37 ^ y*11), G: uint8(x*x + 3*y), B: uint8(y * 29)}
	})
}

func asPNG(t testing.TB, p stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, p stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// foreign is a file that Pillow wrote for package datasets/image.
func foreign(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "image", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func must(t testing.TB, o Options) *Filter {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// claimed is a PNG whose header claims another size.
func claimed(data []byte, w, h uint32) []byte {
	data = slices.Clone(data)
	binary.BigEndian.PutUint32(data[16:], w)
	binary.BigEndian.PutUint32(data[20:], h)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

// scans is a JPEG with its last scan's header n times more before the end.
func scans(data []byte, n int) []byte {
	at := bytes.LastIndex(data, []byte{0xff, 0xda})
	header := data[at : at+2+int(binary.BigEndian.Uint16(data[at+2:]))]
	end := len(data) - 2
	return slices.Concat(data[:end], bytes.Repeat(slices.Concat(header, []byte{0}), n), data[end:])
}

func animatedGIF(t testing.TB) []byte {
	t.Helper()
	palette := color.Palette{color.White, color.RGBA{R: 200, A: 255}, color.RGBA{G: 120, A: 255}, color.RGBA{B: 250, A: 255}}
	g := &gif.GIF{}
	for f := range 3 {
		p := stdimage.NewPaletted(stdimage.Rect(0, 0, 83, 71), palette)
		for i := range p.Pix {
			p.Pix[i] = uint8((i*i>>3 + f) % 4)
		}
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, 5)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBadInput(t *testing.T) {
	good := asPNG(t, wavy(101, 67))
	photo := asJPEG(t, wavy(101, 67))
	animation := []byte("RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x64\x00\x00\x42\x00\x00ANIM\x00\x00\x00\x00")
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 0x55
	files := []struct {
		name   string
		data   []byte
		reason string
		format string
	}{
		{"png", good, "", "png"},
		{"jpeg", photo, "", "jpeg"},
		{"animated gif: its first frame", animatedGIF(t), "", "gif"},
		{"nothing", nil, "decodable: empty", ""},
		{"text", []byte("<html>404 Not Found</html>"), "decodable: unknown format", ""},
		{"svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "decodable: unknown format", ""},
		{"a name alone", []byte("\x89PNG\r\n\x1a\n"), "decodable: truncated", ""},
		{"header without size", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIDAT"), "decodable: corrupt header", ""},
		{"no pixels", claimed(good, 0, 67), "decodable: corrupt header", ""},
		{"truncated png", good[:len(good)/2], "decodable: truncated", "png"},
		{"truncated jpeg", photo[:len(photo)/2], "decodable: truncated", "jpeg"},
		{"truncated gif", animatedGIF(t)[:300], "decodable: truncated", "gif"},
		{"corrupt png", flipped, "decodable: corrupt", "png"},
		{"bomb", claimed(good, 60000, 60000), "decodable: too many pixels", "png"},
		{"claims more than it holds", claimed(good, 7000, 7000), "decodable: truncated", "png"},
		{"scans of a small one", scans(foreign(t, "progressive.jpg"), 200), "pixels", "jpeg"},
		{"animated webp", animation, "decodable: animation", "webp"},
		{"one pixel", asPNG(t, wavy(1, 1)), "pixels", "png"},
		{"cmyk", foreign(t, "cmyk.jpg"), "pixels", "jpeg"},
		{"turned by EXIF", foreign(t, "turned6.jpg"), "pixels", "jpeg"},
	}
	f := must(t, Paper())
	counts := f.NewCounts()
	for _, c := range files {
		p, reason := f.Check(c.data)
		counts.Add(p, reason)
		if reason != c.reason || p.Format != c.format || p.Bytes != len(c.data) {
			t.Errorf("%s: %q, format %q, %d bytes, want %q, %q, %d", c.name, reason, p.Format, p.Bytes, c.reason, c.format, len(c.data))
		}
	}
	if err := counts.Check(); err != nil {
		t.Error(err)
	}
	want := map[string]int64{
		"decodable: empty": 1, "decodable: unknown format": 2, "decodable: corrupt header": 2, "decodable: truncated": 5, "decodable: corrupt": 1,
		"decodable: too many pixels": 1, "decodable: animation": 1, "pixels": 4,
	}
	if !reflect.DeepEqual(counts.Reasons, want) || counts.Kept != 3 || counts.Pictures != int64(len(files)) {
		t.Errorf("counts %+v, want reasons %v", counts, want)
	}
	if n := counts.Rules["pixels"]; n.In != int64(len(files)) || n.Dropped != 4 || n.Unjudged != 6 {
		t.Errorf("pixels has %+v", n)
	}

	o := Paper()
	o.Decodable.MaxBytes = len(good) - 1
	if _, reason := must(t, o).Check(good); reason != "decodable: too many bytes" {
		t.Errorf("beyond the limit of bytes: %q", reason)
	}
	o = Paper()
	o.Pixels.Min = 0
	if _, reason := must(t, o).Check(scans(foreign(t, "progressive.jpg"), 200)); reason != "decodable: too many scans" {
		t.Errorf("200 scans: %q", reason)
	}
	if _, reason := must(t, o).Check(foreign(t, "progressive.jpg")); RuleOf(reason) == "decodable" {
		t.Errorf("an ordinary progressive JPEG: %q", reason)
	}
	o = Paper()
	o.Decodable.On = false
	if _, reason := must(t, o).Check([]byte("text")); reason != "" {
		t.Errorf("with decodable off a file that is no picture is dropped by %q", reason)
	}
}

// TestSmallPictures: CMYK and pictures of a single pixel, row or column are judged by every rule without harm.
func TestSmallPictures(t *testing.T) {
	o := everything()
	o.Pixels.On = false
	f := must(t, o)
	files := map[string][]byte{"cmyk.jpg": foreign(t, "cmyk.jpg"), "ycck.jpg": foreign(t, "ycck.jpg"), "alpha.png": foreign(t, "alpha.png")}
	for _, size := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 700}, {700, 1}, {3, 3}, {31, 33}, {257, 3}, {1999, 2}} {
		files[fmt.Sprintf("%d x %d", size[0], size[1])] = asPNG(t, wavy(size[0], size[1]))
	}
	for name, data := range files {
		p, _ := f.Explain(data, func(s Score) {
			if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
				t.Errorf("%s: %s is %g", name, s.Rule, s.Value)
			}
		})
		if p.Width == 0 {
			t.Errorf("%s: no size", name)
		}
	}
}

func TestCheckIsExplain(t *testing.T) {
	f := must(t, everything())
	rules := f.Rules()
	for _, l := range labelledSet(t)[:60] {
		p, reason := f.Check(l.data)
		var seen []Score
		q, why := f.Explain(l.data, func(s Score) { seen = append(seen, s) })
		if reason != why || p.Width != q.Width || p.Format != q.Format {
			t.Fatalf("%s: Check says %q, Explain %q", l.Name, reason, why)
		}
		if !reflect.DeepEqual(seen, q.Scores) || len(seen) != len(rules) {
			t.Fatalf("%s: %d scores watched, %d returned, %d rules", l.Name, len(seen), len(q.Scores), len(rules))
		}
		for i, s := range seen {
			if s.Rule != rules[i].Name || s.Threshold != rules[i].Threshold {
				t.Fatalf("%s: score %d is of %s", l.Name, i, s.Rule)
			}
		}
		if last := p.Scores[len(p.Scores)-1]; reason != "" && (!last.Drops || last.Rule != RuleOf(reason)) {
			t.Fatalf("%s: dropped by %q, and the last score is %+v", l.Name, reason, last)
		}
	}
}

// TestSwitches: each rule drops what it should, and does not where it is off.
func TestSwitches(t *testing.T) {
	grey := func(v uint8) func(x, y int) color.RGBA {
		return func(x, y int) color.RGBA { return color.RGBA{R: v, G: v, B: v} }
	}
	off := Imagine()
	for _, on := range switches(&off) {
		*on = false
	}
	for _, c := range []struct {
		rule string
		p    *stdimage.RGBA
	}{
		{"pixels", wavy(70, 71)},
		{"aspect", wavy(400, 20)},
		{"uniform", painted(80, 80, grey(90))},
		{"entropy", painted(80, 80, func(x, y int) color.RGBA { return grey(uint8(90+100*(x/79)*(y/79)))(x, y) })},
		{"blur", painted(90, 90, func(x, y int) color.RGBA { return grey(uint8(2*(x+y)/2))(x, y) })},
		{"border", painted(100, 100, func(x, y int) color.RGBA {
			if y < 30 || y >= 70 {
				return color.RGBA{}
			}
			return color.RGBA{R: uint8(100 + x), G: uint8(70 + 30*(y%5)), B: 50}
		})},
		{"white", painted(80, 80, grey(10))},
		{"objects", painted(200, 200, func(x, y int) color.RGBA {
			if x%50 < 20 && y%50 < 20 && x > 20 && y > 20 {
				return color.RGBA{R: 200}
			}
			return color.RGBA{R: 255, G: 255, B: 255}
		})},
	} {
		data := asPNG(t, c.p)
		one := off
		*switches(&one)[c.rule] = true
		if _, reason := must(t, one).Check(data); reason != c.rule {
			t.Errorf("%s alone: dropped by %q", c.rule, reason)
		}
		if _, reason := must(t, off).Check(data); reason != "" {
			t.Errorf("%s off: dropped by %q", c.rule, reason)
		}
	}
}

func switches(o *Options) map[string]*bool {
	return map[string]*bool{
		"pixels": &o.Pixels.On, "decodable": &o.Decodable.On, "aspect": &o.Aspect.On, "uniform": &o.Uniform.On, "entropy": &o.Entropy.On, "blur": &o.Blur.On,
		"border": &o.Border.On, "white": &o.White.On, "text": &o.Text.On, "objects": &o.Objects.On, "illegal": &o.Illegal.On, "quality": &o.Quality.On,
	}
}

func TestRecipes(t *testing.T) {
	on := func(o Options) (names []string) {
		for _, r := range must(t, o).Rules() {
			if r.On {
				names = append(names, r.Name)
			}
			if r.Doc == "" || r.Unit == "" || r.Version < 1 || !slices.Contains([]string{section2, section41, addition}, r.Level) || !slices.Contains([]string{atLeast, atMost}, r.Keeps) {
				t.Errorf("rule %+v lacks something", r)
			}
		}
		return names
	}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"Paper", Paper(), "pixels decodable uniform entropy blur illegal quality"},
		{"Default", Default(), "pixels decodable aspect uniform entropy blur border illegal quality"},
		{"Imagine", Imagine(), "pixels decodable uniform entropy blur white text objects illegal quality"},
	} {
		if got := strings.Join(on(c.o), " "); got != c.want {
			t.Errorf("%s has %s, want %s", c.name, got, c.want)
		}
		data, err := json.Marshal(c.o)
		if err != nil {
			t.Fatal(err)
		}
		var back Options
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(&back); err != nil || !reflect.DeepEqual(back, c.o) {
			t.Errorf("%s does not survive JSON: %v\n%s", c.name, err, data)
		}
	}
	if Paper().Pixels.Min != 5000 || Imagine().Objects.Max != 3 {
		t.Error("the paper's numbers are 5000 pixels and 3 objects")
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(o *Options)
		want   string
	}{
		{func(o *Options) { o.Pixels.Min = -1 }, "picture.pixels.min is -1: want 0 to"},
		{func(o *Options) { o.Decodable.MaxPixels = 0 }, "picture.decodable.max_pixels is 0"},
		{func(o *Options) { o.Decodable.MaxScans = -3 }, "picture.decodable.max_scans is -3"},
		{func(o *Options) { o.Aspect.Max = 0.5 }, "picture.aspect.max is 0.5: want 1"},
		{func(o *Options) { o.Uniform.Max = 1.1 }, "picture.uniform.max is 1.1: want 0 to 1"},
		{func(o *Options) { o.Entropy.Min = 9 }, "picture.entropy.min is 9: want 0 to 8"},
		{func(o *Options) { o.Blur.Min = math.NaN() }, "picture.blur.min is NaN"},
		{func(o *Options) { o.Small = -1 }, "Small is -1"},
		{func(o *Options) { o.Text.Model = ModelFile{Path: "a.onnx"} }, `picture.text.model.kind is "": want map`},
		{func(o *Options) { o.Text.Model = ModelFile{Path: "a.onnx", Kind: "map", Side: 9000} }, "picture.text.model.side is 9000"},
		{func(o *Options) { o.Text.Model = ModelFile{Path: "a.onnx", Kind: "map", Above: 1} }, "picture.text.model.above is 1"},
		{func(o *Options) { o.Text.Model = ModelFile{Path: "a.onnx", Kind: "map", Elongated: -1} }, "picture.text.model.elongated is -1"},
		{func(o *Options) { o.Quality.Model = ModelFile{Path: "a.onnx", Kind: "classes"} }, "picture.quality.model.classes is empty"},
		{func(o *Options) { o.Quality.Model = ModelFile{Path: "a.onnx", Kind: "number", Fit: "crop"} }, `picture.quality.model.fit is "crop"`},
		{func(o *Options) { o.Illegal.Models = []ModelFile{{Kind: "detector"}} }, "picture.illegal.models[0].path is empty"},
		{func(o *Options) {
			o.Illegal.Models = []ModelFile{{Path: "a", Kind: "detector"}, {Path: "b", Kind: "detector", Order: "bgra"}}
		}, `picture.illegal.models[1].order is "bgra"`},
		{func(o *Options) {
			o.Illegal.Models = []ModelFile{{Path: "a", Kind: "detector", Deviation: [3]float64{1, 0, 1}}}
		}, "deviation is [1 0 1]: want numbers above 0"},
		{func(o *Options) {
			o.Illegal.Models = []ModelFile{{Path: "a", Kind: "detector", Classes: []int{-2}}}
		}, "classes has -2"},
	} {
		o := Paper()
		c.change(&o)
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line with %q", err, c.want)
		}
	}
}

// fixed is a model that always says the same.
type fixed struct {
	score  float64
	err    error
	closed *int
}

func (m fixed) Score(*stdimage.RGBA) (float64, error) { return m.score, m.err }
func (m fixed) Close() error                          { *m.closed++; return nil }

func TestModels(t *testing.T) {
	data := asPNG(t, wavy(120, 90))
	o := Imagine()
	o.White.On, o.Objects.On = false, false
	o.Text.Model = ModelFile{Path: "text", Kind: "map"}
	o.Illegal.Models = []ModelFile{{Path: "one", Kind: "detector"}, {Path: "two", Kind: "detector"}}
	o.Quality.Model = ModelFile{Path: "scorer", Kind: "number"}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "picture.text.model names text, and this program loads no models") {
		t.Errorf("without an opener: %v", err)
	}
	for _, c := range []struct {
		name                     string
		text, one, two, scorer   float64
		textErr, twoErr, qualErr error
		want                     string
	}{
		{"all content", 0, 0.1, 0.2, 0.9, nil, nil, nil, ""},
		{"text", 0.4, 0.1, 0.2, 0.9, nil, nil, nil, "text"},
		{"the second model", 0, 0.1, 0.7, 0.9, nil, nil, nil, "illegal"},
		{"poor", 0, 0.1, 0.2, 0.3, nil, nil, nil, "quality"},
		{"text fails", 0, 0, 0, 1, errors.New("broken"), nil, nil, "text: model failed"},
		{"illegal fails", 0, 0, 0, 1, nil, errors.New("broken"), nil, "illegal: model failed"},
		{"illegal says nothing", 0, 0, math.NaN(), 1, nil, nil, nil, "illegal: model failed"},
		{"quality fails", 0, 0, 0, 1, nil, nil, errors.New("broken"), "quality: model failed"},
	} {
		closed := 0
		open := func(file ModelFile, runtime string) (Model, error) {
			return map[string]Model{
				"text": fixed{c.text, c.textErr, &closed}, "one": fixed{c.one, nil, &closed},
				"two": fixed{c.two, c.twoErr, &closed}, "scorer": fixed{c.scorer, c.qualErr, &closed},
			}[file.Path], nil
		}
		f, err := NewWithModels(o, open)
		if err != nil {
			t.Fatal(err)
		}
		p, reason := f.Check(data)
		counts := f.NewCounts()
		counts.Add(p, reason)
		if reason != c.want || counts.Check() != nil {
			t.Errorf("%s: %q, want %q", c.name, reason, c.want)
		}
		if err := f.Close(); err != nil || closed != 4 {
			t.Errorf("%s: %d models closed: %v", c.name, closed, err)
		}
	}
	// An error of the opener names the key, and what was open is closed.
	closed := 0
	_, err := NewWithModels(o, func(file ModelFile, runtime string) (Model, error) {
		if file.Path == "two" {
			return nil, errors.New("no such file")
		}
		return fixed{closed: &closed}, nil
	})
	if err == nil || err.Error() != "picture.illegal.models[1]: no such file" || closed != 2 {
		t.Errorf("%v, %d closed", err, closed)
	}
	// A rule that is off loads nothing.
	o.Text.On, o.Illegal.On, o.Quality.On = false, false, false
	if _, err := New(o); err != nil {
		t.Errorf("rules that are off: %v", err)
	}
}

// TestCounts: counts of parts, merged in any order, are the counts of the whole; and many goroutines see what one sees.
func TestCounts(t *testing.T) {
	f := must(t, everything())
	all := labelledSet(t)[:120]
	whole := f.NewCounts()
	var parts [4]*Counts
	var wait sync.WaitGroup
	for i := range parts {
		parts[i] = f.NewCounts()
		wait.Go(func() {
			for j := i; j < len(all); j += len(parts) {
				parts[i].Add(f.Check(all[j].data))
			}
		})
	}
	for _, l := range all {
		p, reason := f.Explain(l.data, nil)
		whole.Add(p, reason)
	}
	wait.Wait()
	sum := &Counts{}
	for _, i := range []int{2, 0, 3, 1} {
		sum.Merge(parts[i])
	}
	if !reflect.DeepEqual(sum, whole) {
		t.Errorf("parts give\n%+v, the whole\n%+v", sum, whole)
	}
	if err := sum.Check(); err != nil {
		t.Error(err)
	}
	data, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	var back Counts
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(&back, sum) {
		t.Errorf("counts do not survive JSON: %v", err)
	}
	sum.Kept--
	if sum.Check() == nil {
		t.Error("a lost picture is not seen")
	}
}

func TestSmall(t *testing.T) {
	o := Paper()
	o.Small = 64
	f := must(t, o)
	for _, c := range []struct{ w, h, wantW, wantH int }{{640, 320, 64, 32}, {100, 77, 64, 49}, {64, 80, 51, 64}, {2000, 10, 64, 1}} {
		p, reason := f.Check(asPNG(t, wavy(c.w, c.h)))
		if reason != "" {
			t.Fatalf("%d x %d: %s", c.w, c.h, reason)
		}
		if p.Small == nil || p.Small.Rect != stdimage.Rect(0, 0, c.wantW, c.wantH) {
			t.Errorf("%d x %d: Small is %v, want %d x %d", c.w, c.h, p.Small.Bounds(), c.wantW, c.wantH)
		}
	}
	if p, _ := f.Check(asPNG(t, wavy(20, 20))); p.Small != nil {
		t.Error("a dropped picture has pixels")
	}
	if p, _ := f.Check(foreign(t, "turned6.jpg")); p.Width == 0 || p.Small != nil {
		t.Errorf("turned: %+v", p)
	}
}
