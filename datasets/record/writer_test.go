package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m6lab/datasets"
)

func TestWriteErrors(t *testing.T) {
	good := datasets.Example{ID: "a", Text: "诗"}
	tests := []struct {
		name string
		ex   datasets.Example
		want string
	}{
		{"duplicate id", datasets.Example{ID: "a", Text: "别的"}, `the id "a" was written before`},
		{"no id", datasets.Example{Text: "诗"}, "the id is empty"},
		{"nothing", datasets.Example{ID: "b"}, "neither text, picture, question nor answer"},
		{"path alone", datasets.Example{ID: "b", Text: "诗", ImagePath: "x.png"}, `image path "x.png" without a picture`},
		{"bad id", datasets.Example{ID: "b\xff", Text: "诗"}, "field id is not valid UTF-8 at byte 1"},
		{"bad source", datasets.Example{ID: "b", Source: "\xc3", Text: "诗"}, "field source is not valid UTF-8 at byte 0"},
		{"GBK text", datasets.Example{ID: "b", Text: "ab\xd6\xd0"}, "field text is not valid UTF-8 at byte 2"},
		{"bad question", datasets.Example{ID: "b", Question: "\xff"}, "field question is not"},
		{"bad answer", datasets.Example{ID: "b", Answer: "\xff"}, "field answer is not"},
		{"bad reference", datasets.Example{ID: "b", Text: "诗", References: []string{"好", "\xff"}}, "field references, number 1, is not valid UTF-8"},
		{"bad path", datasets.Example{ID: "b", Image: []byte("x"), ImagePath: "\xff"}, "field image path is not"},
		{"meta no object", datasets.Example{ID: "b", Text: "诗", Meta: "[1]"}, `meta "[1]" is not a JSON object`},
		{"meta no JSON", datasets.Example{ID: "b", Text: "诗", Meta: "{"}, `meta "{" is not a JSON object`},
	}
	dir := t.TempDir()
	w, err := Create(dir, "train", WriterOptions{})
	check(t, err)
	check(t, w.Write(good))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantLine(t, w.Write(test.ex), test.want)
		})
	}
	check(t, w.Write(datasets.Example{ID: "z", Text: "末"})) // the writer goes on
	check(t, w.Close())
	s, err := Open(dir, "train")
	check(t, err)
	defer s.Close()
	if got := s.Len(); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
	wantLine(t, w.Close(), "closed twice")
	wantLine(t, w.Write(good), "write after Close")
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "train", 0, 3, WriterOptions{})
	_, err := Create(dir, "train", WriterOptions{})
	wantLine(t, err, "train is not empty (it holds 00000.parquet): choose another name or remove it")
	for _, split := range []string{"", "..", "a/b", "Train", ".x"} {
		_, err := Create(dir, split, WriterOptions{})
		wantLine(t, err, fmt.Sprintf("split %q", split))
	}
	_, err = Create(dir, "valid", WriterOptions{RowGroup: -1})
	wantLine(t, err, "negative writer options")

	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o666))
	_, err = Create(file, "train", WriterOptions{})
	wantLine(t, err, "not a directory")
}

func TestCloseWithoutRows(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, "train", WriterOptions{})
	check(t, err)
	wantLine(t, w.Close(), "no rows were written")
	wantEmpty(t, dir)
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}

// TestAside shows that a split is not there before Close, that a second writer of it is refused, that Discard leaves nothing, and that what a killed writer
// left is removed.
func TestAside(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, "train", WriterOptions{RowsPerShard: 2})
	check(t, err)
	for i := range 5 {
		check(t, w.Write(example(i)))
	}
	if _, err := Open(dir, "train"); err == nil {
		t.Error("a split was opened before it was complete")
	}
	_, err = Create(dir, "train", WriterOptions{})
	wantLine(t, err, ".train.partial is being written by another process")
	check(t, w.Discard())
	check(t, w.Discard())
	wantEmpty(t, dir)

	left := filepath.Join(dir, ".train.partial", "00007.parquet")
	check(t, os.MkdirAll(filepath.Dir(left), 0o777))
	check(t, os.WriteFile(left, []byte("rest"), 0o666))
	write(t, dir, "train", 0, 3, WriterOptions{})
	if _, err := os.Stat(filepath.Join(dir, "train", "00007.parquet")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of a killed writer is in the split: %v", err)
	}
}

func TestSameRowsSameBytes(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	o := WriterOptions{RowsPerShard: 53, RowGroup: 17, PageBytes: 301, Made: map[string]any{"seed": 7, "by": "test", "rules": []string{"a"}}}
	for _, dir := range []string{one, two} {
		write(t, dir, "train", 0, 211, o)
		write(t, dir, "test", 211, 223, o)
	}
	check(t, filepath.WalkDir(one, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(one, path)
		check(t, err)
		got, err := os.ReadFile(filepath.Join(two, name))
		check(t, err)
		want, err := os.ReadFile(path)
		check(t, err)
		if string(got) != string(want) {
			t.Errorf("%s differs between two runs", name)
		}
		return nil
	}))
}

// TestNoCopiesInHeads: a shard of pictures and texts that cannot be packed is about as large as they are. Pages whose heads hold their smallest and
// greatest value, as Parquet allows, were five times as large.
func TestNoCopiesInHeads(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, "train", WriterOptions{})
	check(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	content := 0
	for i := range 50 {
		ex := datasets.Example{
			ID: fmt.Sprint(i), Text: hex.EncodeToString(noise(2000)), Image: noise(20000), ImagePath: "x.png",
			Question: hex.EncodeToString(noise(1000)), Answer: hex.EncodeToString(noise(1000)), Meta: `{"title":"` + hex.EncodeToString(noise(1000)) + `"}`,
		}
		content += 2000 + 20000 + 3*1000 // a byte of noise is two of hexadecimal digits, which zstd packs into little more than one
		check(t, w.Write(ex))
	}
	check(t, w.Close())
	m, err := ReadManifest(dir)
	check(t, err)
	if size := m.Splits["train"].Shards[0].Bytes; size > int64(content)*13/10 {
		t.Errorf("a shard of %d bytes holds %d bytes of content", size, content)
	}
}

func TestManifest(t *testing.T) {
	dir := t.TempDir()
	const n = 101
	write(t, dir, "train", 0, n, WriterOptions{RowsPerShard: 53, Made: map[string]any{"seed": 7.0}})
	write(t, dir, "valid", n, n+2, WriterOptions{Made: map[string]any{"by": "test"}})
	m, err := ReadManifest(dir)
	check(t, err)
	if diff := cmp.Diff(map[string]any{"seed": 7.0, "by": "test"}, m.Made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	var want Split
	for i := range n {
		ex := example(i)
		want.add(&ex)
	}
	got := m.Splits["train"]
	if diff := cmp.Diff(want.Counts, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Sources, got.Sources); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if len(got.Shards) != 2 || got.Shards[0].Rows != 53 || got.Shards[1].Rows != n-53 {
		t.Fatalf("shards = %+v, want 53 and %d rows", got.Shards, n-53)
	}
	for _, s := range got.Shards {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(s.File)))
		check(t, err)
		sum := sha256.Sum256(data)
		if s.Bytes != int64(len(data)) || s.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: manifest says %d bytes, %s; the file has %d, %x", s.File, s.Bytes, s.SHA256, len(data), sum)
		}
	}
}

func TestWhole(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "data")
	fail := errors.New("no more")
	err := Whole(dir, func(aside string) error {
		write(t, aside, "train", 0, 3, WriterOptions{})
		return fail
	})
	if !errors.Is(err, fail) {
		t.Errorf("error = %v, want %v", err, fail)
	}
	wantEmpty(t, filepath.Join(parent, "deep"))

	check(t, Whole(dir, func(aside string) error {
		write(t, aside, "train", 0, 3, WriterOptions{})
		write(t, aside, "valid", 3, 5, WriterOptions{})
		return nil
	}))
	if got, err := Splits(dir); err != nil || len(got) != 2 {
		t.Errorf("Splits = %v, %v, want two", got, err)
	}
	wantLine(t, Whole(dir, func(string) error { return nil }), "is not empty")
}

// TestFullDisk writes to a device that is always full.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	dir := t.TempDir()
	w, err := Create(dir, "train", WriterOptions{RowGroup: 2})
	check(t, err)
	check(t, os.Symlink("/dev/full", filepath.Join(dir, ".train.partial", shardName(0))))
	noise := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for i := range 23 {
		if err = w.Write(datasets.Example{ID: fmt.Sprint(i), Image: noise}); err != nil {
			break
		}
	}
	wantLine(t, err, "no space left on device")
	if got := w.Write(example(100)); got == nil {
		t.Error("a writer with a broken file goes on")
	}
	if err := w.Close(); err == nil {
		t.Error("Close of a broken writer gives no error")
	}
	wantEmpty(t, dir)
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("as root, permissions do not hold: a file takes the folder's place")
	}
	parent := t.TempDir()
	check(t, os.WriteFile(filepath.Join(parent, "f"), nil, 0o444))
	_, err := Create(filepath.Join(parent, "f", "data"), "train", WriterOptions{})
	wantLine(t, err, "not a directory")
}

// pictures makes a split of n rows with 2 KB of picture and a caption, and returns its folder.
func pictures(b *testing.B, n int) string {
	dir := b.TempDir()
	w, err := Create(dir, "train", WriterOptions{})
	check(b, err)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		check(b, w.Write(picturesExample(rng, i)))
	}
	check(b, w.Close())
	return dir
}

func picturesExample(rng *rand.Rand, i int) datasets.Example {
	image := make([]byte, 2048)
	for j := range image {
		image[j] = byte(rng.Uint32())
	}
	return datasets.Example{ID: fmt.Sprintf("scene/%d", i), Source: "scenes", Text: "红色背景上有三只小猫和一条狗", Image: image, ImagePath: fmt.Sprintf("%d.png", i)}
}

// cpuSeconds returns the processor time of this process: what a benchmark takes of one core, however busy the machine is with others.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func BenchmarkWrite(b *testing.B) {
	w, err := Create(b.TempDir(), "train", WriterOptions{})
	check(b, err)
	defer w.Discard()
	rng := rand.New(rand.NewPCG(1, 2))
	examples := make([]datasets.Example, 1000)
	for i := range examples {
		examples[i] = picturesExample(rng, i)
	}
	i, begin := 0, cpuSeconds(b)
	for b.Loop() {
		ex := examples[i%len(examples)]
		ex.ID = fmt.Sprint(i)
		check(b, w.Write(ex))
		i++
	}
	b.ReportMetric(float64(b.N)/(cpuSeconds(b)-begin), "rows/cpu-s")
}

// BenchmarkReadShuffled reads rows with 2 KB of picture in a shuffled order: with the set in the cache, and with a set far larger than the cache.
func BenchmarkReadShuffled(b *testing.B) {
	const n = 50_000
	dir := pictures(b, n)
	for name, cache := range map[string]int{"cached": 256 << 20, "bounded": 4 << 20} {
		b.Run(name, func(b *testing.B) {
			s, err := OpenCached(dir, "train", cache)
			check(b, err)
			defer s.Close()
			order := Order{Rows: n, Seed: 1}
			position, begin := 0, cpuSeconds(b)
			for b.Loop() {
				row, _ := order.At(position)
				_, err := s.Read(row)
				check(b, err)
				position++
			}
			b.ReportMetric(float64(b.N)/(cpuSeconds(b)-begin), "rows/cpu-s")
		})
	}
}

func BenchmarkReadInOrder(b *testing.B) {
	const n = 50_000
	s, err := OpenCached(pictures(b, n), "train", 4<<20)
	check(b, err)
	defer s.Close()
	i, begin := 0, cpuSeconds(b)
	for b.Loop() {
		_, err := s.Read(i % n)
		check(b, err)
		i++
	}
	b.ReportMetric(float64(b.N)/(cpuSeconds(b)-begin), "rows/cpu-s")
}

func BenchmarkOpen(b *testing.B) {
	dir := pictures(b, 50_000)
	for b.Loop() {
		s, err := Open(dir, "train")
		check(b, err)
		check(b, s.Close())
	}
}
