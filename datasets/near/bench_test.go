package near

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// prose returns about so many bytes of text with punctuation, like what is cleaned.
func prose(rng *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		for range 5 + rng.IntN(20) {
			b.WriteRune(0x4e00 + rune(rng.ExpFloat64()*600))
		}
		b.WriteString([]string{"，", "。", "、", " Linux ", "2024", "\n"}[rng.IntN(6)])
	}
	return b.String()
}

func texts(n, size int) []string {
	rng := rand.New(rand.NewPCG(1, 1))
	out := make([]string, n)
	for i := range out {
		out[i] = prose(rng, size)
	}
	return out
}

// processor runs a benchmark's loop and reports its bytes by processor time, which a busy machine does not lengthen as it does the
// time on the clock.
func processor(b *testing.B, size int, loop func()) {
	used := func() float64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
	}
	before := used()
	loop()
	b.ReportMetric(float64(b.N)*float64(size)/1e6/(used()-before), "MB/cpu-s")
}

func benchTexts(b *testing.B, do func(text string)) {
	for _, size := range []int{150, 1500, 15000} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			all := texts(64, size)
			b.SetBytes(int64(len(all[0])))
			b.ReportAllocs()
			processor(b, len(all[0]), func() {
				for i := 0; b.Loop(); i++ {
					do(all[i%len(all)])
				}
			})
		})
	}
}

func BenchmarkNormal(b *testing.B) {
	var buf []byte
	benchTexts(b, func(text string) { buf = appendNormal(buf[:0], text, keepWords) })
}

func BenchmarkExact(b *testing.B) {
	benchTexts(b, func(text string) { Exact(text) })
}

func BenchmarkMinHash(b *testing.B) {
	m := NewMinHash(Default().Texts)
	var bands []uint64
	benchTexts(b, func(text string) { bands, _ = m.Bands(bands[:0], text) })
}

func BenchmarkIndex(b *testing.B) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, passages := range []int{1000, 50000} {
		var all []Passage
		for i := range passages {
			all = append(all, Passage{"set", fmt.Sprint(i), prose(rng, 300)})
		}
		x, err := BuildIndex(slices.Values(all), DefaultIndexOptions())
		if err != nil {
			b.Fatal(err)
		}
		_, grams, _ := x.Len()
		b.Run(fmt.Sprintf("%d n-grams", grams), func(b *testing.B) {
			benchTexts(b, func(text string) { x.Find(text) })
		})
	}
}

func BenchmarkPictureHash(b *testing.B) {
	m := waves(1, 256, 256)
	b.Run("phash", func(b *testing.B) {
		processor(b, 1e6, func() { // so that MB/cpu-s is pictures
			for b.Loop() {
				PictureHash(m)
			}
		})
	})
	b.Run("dhash", func(b *testing.B) {
		processor(b, 1e6, func() {
			for b.Loop() {
				DifferenceHash(m)
			}
		})
	})
}

func BenchmarkDuplicates(b *testing.B) {
	f, err := New(Default())
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var k Keys
	for doc := range uint64(1_000_000) {
		k.packed[EqualTexts][0] = AppendKey(k.packed[EqualTexts][0], Hash128{Hi: rng.Uint64(), Lo: rng.Uint64()}, doc)
		k.band(rng.Uint64()>>6, Sketch{}, doc)
		k.packed[NearPictures][0] = append(k.packed[NearPictures][0], k.packed[EqualTexts][0][len(k.packed[EqualTexts][0])-15:]...)
		k.packed[NearPictures][0][len(k.packed[NearPictures][0])-15] = 3
	}
	for _, kind := range Kinds() {
		b.Run(kind.String(), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := f.Duplicates(kind, [][]byte{k.Bucket(kind, 0)}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*1e6/b.Elapsed().Seconds(), "keys/s")
		})
	}
}
