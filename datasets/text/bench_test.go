package text

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// lines are Chinese and mixed sentences, also those of scripts/bench/tokenizer.sh.
func lines(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func benchmark(b *testing.B, encode func(*Tokenizer, string)) {
	tok := New(BertChinese(), Options{Lower: true})
	texts, size := lines(b), 0
	for _, text := range texts {
		size += len(text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			encode(tok, text)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	benchmark(b, func(tok *Tokenizer, s string) { tok.Encode(s) })
}

func BenchmarkAppend(b *testing.B) {
	dst := make([]int32, 0, 1024)
	benchmark(b, func(tok *Tokenizer, s string) { tok.Append(dst, s) })
}

func BenchmarkEncodeOffsets(b *testing.B) {
	benchmark(b, func(tok *Tokenizer, s string) { tok.EncodeOffsets(s) })
}

func BenchmarkDecode(b *testing.B) {
	tok := New(BertChinese(), Options{Lower: true})
	ids := map[string][]int32{}
	for _, text := range lines(b) {
		ids[text] = tok.Encode(text)
	}
	benchmark(b, func(tok *Tokenizer, s string) { tok.Decode(ids[s]) })
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(BertChinese(), Options{Lower: true})
	}
}

func BenchmarkTrain(b *testing.B) {
	texts := lines(b)
	for b.Loop() {
		if _, err := Train(slices.Values(texts), 1024, Options{Lower: true}); err != nil {
			b.Fatal(err)
		}
	}
}
