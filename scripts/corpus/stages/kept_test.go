package stages

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"m6lab/datasets"
)

func TestKept(t *testing.T) {
	want := []kept{
		{},
		{
			Example: datasets.Example{
				ID: "甲#1", Source: "web", Text: strings.Repeat("文", 300_000), Image: bytes.Repeat([]byte{0, 255}, 70_000), ImagePath: "a.png",
				References: []string{"一", ""}, Question: "问", Answer: "答", Meta: "{}",
			},
			number: math.MaxUint64, doc: 7, split: 2, pair: true, width: 13, height: 17, address: "http://a.example/",
		},
		{Example: datasets.Example{ID: "last"}, number: 3},
	}
	path := filepath.Join(t.TempDir(), "x.kept")
	f, err := os.Create(path)
	check(t, err)
	w := newKeptFile(f)
	for i := range want {
		check(t, w.write(&want[i]))
	}
	check(t, w.close())
	check(t, f.Close())
	n := 0
	check(t, readKept(path, func(r *kept) error {
		if !reflect.DeepEqual(*r, want[n]) {
			t.Errorf("record %d is %+v, want %+v", n, *r, want[n])
		}
		n++
		return nil
	}))
	if n != len(want) {
		t.Errorf("%d records, want %d", n, len(want))
	}
	whole, err := os.ReadFile(path)
	check(t, err)
	for _, cut := range []int{1, 30, len(whole) / 2, len(whole) - 1} {
		check(t, os.WriteFile(path, whole[:cut], 0o666))
		if err := readKept(path, func(*kept) error { return nil }); err == nil {
			t.Errorf("a file cut to %d of %d bytes is read without an error", cut, len(whole))
		}
	}
}

func TestHistogram(t *testing.T) {
	var h, g Histogram
	for _, v := range []float64{0, 0.5, 1, 1.4, 1.5, 2, 2.8, 2.9, 4, 1000, math.NaN(), math.Inf(1)} {
		h.Add(v)
	}
	for i, n := range h.Bins {
		for _, v := range []float64{Edge(i), (Edge(i) + Edge(i+1)) / 2} {
			if got := bin(v); got != i {
				t.Errorf("%v falls into bin %d, want %d", v, got, i)
			}
		}
		g.N += n
	}
	if h.N != 10 || g.N != 10 || h.Max != 1000 || h.Bins[0] != 2 {
		t.Errorf("%+v: want 10 values, 2 of them below 1, the largest 1000", h)
	}
	if median := h.Quantile(0.5); median < 2 || median > 2.9 {
		t.Errorf("the median is about %v, want about 2", median)
	}
	h.merge(&h)
	if h.N != 20 || h.Bins[0] != 4 {
		t.Errorf("merged: %+v", h)
	}
}

func TestPlace(t *testing.T) {
	want := Place{70, "000001-ab.keys", 12, 1 << 40}
	got, err := ParsePlace(want.String())
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "1", "a b 1 2", "1 b 2"} {
		if _, err := ParsePlace(bad); err == nil {
			t.Errorf("%q is read as a place", bad)
		}
	}
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "f"), []byte("abc"), 0o666))
	for _, p := range []Place{{0, "f", 0, 4}, {0, "f", -1, 1}, {0, "f", 1, 1 << 60}, {0, "f", 1 << 62, 1}, {0, "g", 0, 1}} {
		if _, err := readPlace(dir, p); err == nil {
			t.Errorf("%v is read", p)
		}
	}
}

func FuzzKept(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeKept(data); err == nil && len(r.Text)+len(r.Image) > len(data) {
			t.Error("more was read than there is")
		}
	})
}
