package near

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/zeebo/xxh3"
)

func buildIndex(t testing.TB, o IndexOptions, passages ...Passage) *Index {
	t.Helper()
	x, err := BuildIndex(slices.Values(passages), o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestIndex(t *testing.T) {
	x := buildIndex(t, DefaultIndexOptions(),
		Passage{"vqa", "1", "图里有几只青蛙？回答：图里一共有三只绿色的青蛙。"},
		Passage{"captions", "7", "蓝色背景上有三只青蛙。"},
		Passage{"captions", "8", "红色背景上，香蕉在猫脸的左边，太阳在右上角。"},
		Passage{"captions", "9", "有"},
		Passage{"english", "a", "The quick brown fox"},
	)
	tests := []struct{ text, where string }{
		{"", ""},
		{"今天天气很好，我们去公园里看花和看鸟，然后回家吃饭。", ""},
		{"前面的话。图里有几只青蛙? 回答: 图里一共 有三只绿色的青蛙！后面的话。", "vqa: 1: 图里有几只青蛙？回答：图里一共有三只绿色的青蛙。"},
		{"只青蛙回答图里一共有三只", ""}, // 12 characters
		{"只青蛙回答图里一共有三只绿", "vqa: 1: 图里有几只青蛙？回答：图里一共有三只绿色的青蛙。"},
		{"蓝色背景上有三只青蛙", "captions: 7: 蓝色背景上有三只青蛙。"},
		{"第一行\n 蓝色背景上，有3三只青蛙！\n第三行", "captions: 7: 蓝色背景上有三只青蛙。"},
		{"他说蓝色背景上有三只青蛙", ""},
		{"有", ""},
		{"THE QUICK BROWN FOX!", "english: a: The quick brown fox"},
		{"xTHEQUICKBROWNFOXx", "english: a: The quick brown fox"},
	}
	for _, test := range tests {
		if where, ok := x.Hit(test.text); where != test.where || ok != (where != "") {
			t.Errorf("Hit(%q) = %q, %v, want %q", test.text, where, ok, test.where)
		}
	}
	if passages, _, left := x.Len(); passages != 4 || left != 1 {
		t.Errorf("%d passages, %d left out, want 4 and 1", passages, left)
	}
}

func TestShare(t *testing.T) {
	passage := "一二三四五六七八九十甲乙丙丁戊己庚辛壬癸" // 8 n-grams of 13
	for _, test := range []struct {
		share float64
		ok    bool
	}{{0, true}, {0.25, true}, {0.26, false}, {1, false}} {
		o := DefaultIndexOptions()
		o.Share = test.share
		x := buildIndex(t, o, Passage{"set", "id", passage})
		h, ok := x.Find(passage + "子丑寅卯辰巳午未申酉戌亥子丑寅卯辰巳午未申酉戌亥") // 32 n-grams
		if ok != test.ok || ok && (h.Grams != 32 || h.Found != 8 || h.Passage != 8 || h.Share() != 0.25) {
			t.Errorf("share %v: %+v, %v", test.share, h, ok)
		}
	}
}

// lettersOf is what the index compares.
func lettersOf(text string) []rune {
	var out []rune
	for _, r := range plainNormal(text, false) {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			out = append(out, r)
		}
	}
	return out
}

// Against sets of strings, on random texts that share pieces.
func TestIndexAgainstSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{2, 3, 7, 13} {
		o := DefaultIndexOptions()
		o.Characters, o.Shortest = n, 1
		text := func(size int) string {
			var b strings.Builder
			for range size {
				b.WriteString([]string{"一", "二", "三", "a", "B", "，", " ", "1", "é", "\n"}[rng.IntN(10)])
			}
			return b.String()
		}
		var passages []Passage
		grams := map[string]int{} // the first passage
		short := map[string]int{}
		for i := range 40 {
			p := text(3 + rng.IntN(30))
			letters := lettersOf(p)
			if len(letters) == 0 {
				continue
			}
			passages = append(passages, Passage{"s", fmt.Sprint(i), p})
			if len(letters) < n {
				if _, ok := short[string(letters)]; !ok {
					short[string(letters)] = i
				}
			}
			for k := 0; k+n <= len(letters); k++ {
				if _, ok := grams[string(letters[k:k+n])]; !ok {
					grams[string(letters[k:k+n])] = i
				}
			}
		}
		x := buildIndex(t, o, passages...)
		hits := 0
		for range 500 {
			p := text(1 + rng.IntN(25))
			of := map[int]int{}
			found := 0
			pieces := strings.Split(p, "\n")
			if _, ok := short[string(lettersOf(p))]; ok {
				pieces = []string{p}
			}
			for _, piece := range pieces {
				if i, ok := short[string(lettersOf(piece))]; ok {
					of[i]++
					found++
				}
			}
			letters := lettersOf(p)
			for k := 0; k+n <= len(letters); k++ {
				if i, ok := grams[string(letters[k:k+n])]; ok {
					of[i]++
					found++
				}
			}
			best := -1
			for i, count := range of {
				if best < 0 || count > of[best] || count == of[best] && i < best {
					best = i
				}
			}
			h, ok := x.Find(p)
			if ok != (found > 0) || ok && (h.Found != found || h.ID != fmt.Sprint(best)) {
				t.Fatalf("n = %d: Find(%q) = %+v, %v; sets say %d found, passage %d", n, p, h, ok, found, best)
			}
			if ok {
				hits++
			}
		}
		if hits == 0 || n > 3 && hits == 500 {
			t.Errorf("n = %d: %d of 500 texts were hits: the test sees little", n, hits)
		}
	}
}

func TestFindPicture(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, distance := range []int{0, 4, 9} {
		o := DefaultIndexOptions()
		o.Distance = distance
		b, err := NewBuilder(o)
		if err != nil {
			t.Fatal(err)
		}
		var hashes []uint64
		for i := range 500 {
			hashes = append(hashes, rng.Uint64())
			b.AddPicture("vqa", fmt.Sprint(i), hashes[i])
		}
		b.AddPicture("vqa", "flat", 0)
		x := b.Index()
		if _, _, left := x.Len(); left != 1 {
			t.Errorf("%d left out, want 1", left)
		}
		for range 2000 {
			i := rng.IntN(len(hashes))
			hash := hashes[i]
			flips := rng.IntN(distance + 3)
			for _, bit := range rng.Perm(64)[:flips] {
				hash ^= 1 << bit
			}
			h, ok := x.FindPicture(hash)
			if ok != (flips <= distance) || ok && (h.ID != fmt.Sprint(i) || h.Distance != flips || h.String() != "vqa: "+h.ID) {
				t.Fatalf("distance %d, %d bits flipped: %+v, %v", distance, flips, h, ok)
			}
		}
		if _, ok := x.FindPicture(0); ok {
			t.Error("a picture without structure is found")
		}
	}
}

func fullIndex(t testing.TB) *Index {
	b, err := NewBuilder(DefaultIndexOptions())
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range readPairs(t)[:20] {
		b.Add(Passage{[]string{"one", "two"}[i%2], fmt.Sprint(i), p.A})
	}
	b.Add(Passage{"one", "short", "蓝色背景上有三只青蛙"})
	b.Add(Passage{"one", "shorter", "有"})
	b.AddPicture("pictures", "p", 12345)
	b.AddPicture("pictures", "q", 99)
	return b.Index()
}

func TestIndexFile(t *testing.T) {
	x := fullIndex(t)
	var b bytes.Buffer
	if n, err := x.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatal(n, err)
	}
	data := bytes.Clone(b.Bytes())
	y, err := ReadIndex(&b)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	y.WriteTo(&again)
	if !bytes.Equal(again.Bytes(), data) {
		t.Error("written, read and written again it is another")
	}
	for _, p := range readPairs(t)[:30] {
		h, ok := x.Find(p.B)
		g, ok2 := y.Find(p.B)
		if h != g || ok != ok2 {
			t.Errorf("%+v, %v before, %+v, %v after", h, ok, g, ok2)
		}
	}
	if h, ok := y.FindPicture(98); !ok || h.ID != "q" {
		t.Errorf("%+v, %v", h, ok)
	}

	// Every cut and every changed byte is refused, in one line.
	refused := func(what string, data []byte) {
		t.Helper()
		if _, err := ReadIndex(bytes.NewReader(data)); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := 0; i < len(data); i += 1 + len(data)/700 {
		refused(fmt.Sprintf("cut at %d", i), data[:i])
		changed := bytes.Clone(data)
		changed[i] ^= 4
		refused(fmt.Sprintf("byte %d changed", i), changed)
	}
	refused("longer", append(bytes.Clone(data), 0))
	newer := bytes.Clone(data)
	newer[8] = 2
	if _, err := ReadIndex(bytes.NewReader(newer)); err == nil || !strings.Contains(err.Error(), "version is 2") {
		t.Errorf("version 2: %v", err)
	}
}

// Bytes with a right checksum are an index or refused, without a panic and without memory for what they claim.
func FuzzReadIndex(f *testing.F) {
	var b bytes.Buffer
	x := buildIndex(f, DefaultIndexOptions(), Passage{"set", "id", "一二三四五六七八九十甲乙丙丁"}, Passage{"set", "2", "一二三四五六七八九"})
	x.WriteTo(&b)
	body := b.Bytes()[len(indexMagic)+4 : b.Len()-8]
	f.Add(body)
	f.Add(body[:20])
	f.Add(binary.LittleEndian.AppendUint32(bytes.Clone(body[:len(body)-4]), 1<<31))
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append(binary.LittleEndian.AppendUint32([]byte(indexMagic), indexVersion), body...)
		data = binary.LittleEndian.AppendUint64(data, xxh3.Hash(data))
		x, err := ReadIndex(bytes.NewReader(data))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		x.Find("一二三四五六七八九十甲乙丙丁戊己庚辛\n一二三四五六七八九")
		x.FindPicture(77)
		var again bytes.Buffer
		x.WriteTo(&again)
		if _, err := ReadIndex(&again); err != nil {
			t.Error(err)
		}
	})
}

func TestIndexOptions(t *testing.T) {
	for _, test := range []struct {
		key  string
		edit func(*IndexOptions)
	}{
		{"", func(o *IndexOptions) {}},
		{"characters", func(o *IndexOptions) { o.Characters = 1 }},
		{"characters", func(o *IndexOptions) { o.Characters = 65 }},
		{"shortest", func(o *IndexOptions) { o.Shortest = 0 }},
		{"shortest", func(o *IndexOptions) { o.Shortest = 14 }},
		{"share", func(o *IndexOptions) { o.Share = -0.1 }},
		{"hash", func(o *IndexOptions) { o.Hash = "" }},
		{"distance", func(o *IndexOptions) { o.Distance = 20 }},
	} {
		o := DefaultIndexOptions()
		test.edit(&o)
		if err := o.Validate(); (err == nil) != (test.key == "") || err != nil && !strings.HasPrefix(err.Error(), test.key+":") {
			t.Errorf("want an error of %q, have %v", test.key, err)
		}
	}
}
