package near

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// corpus returns random texts, some of which repeat others exactly or nearly, and random pictures, some near others.
func corpus(seed uint64, n int) []Document {
	rng := rand.New(rand.NewPCG(seed, 1))
	docs := make([]Document, n)
	for i := range docs {
		text, _ := edited(rng, 30+rng.IntN(60), 0)
		if i > 0 {
			switch other := []rune(docs[rng.IntN(i)].Text); rng.IntN(4) {
			case 0:
				text = string(other[:10]) + "， " + string(other[10:])
			case 1:
				other[rng.IntN(len(other))] = '变'
				text = string(other)
			}
		}
		docs[i].Text = text
		for range rng.IntN(3) {
			hash := rng.Uint64()
			if k := rng.IntN(i + 1); len(docs[k].Pictures) > 0 && rng.IntN(2) == 0 {
				hash = docs[k].Pictures[0]
				for range rng.IntN(7) {
					hash ^= 1 << rng.IntN(64)
				}
			}
			docs[i].Pictures = append(docs[i].Pictures, hash)
		}
	}
	return docs
}

// brute finds the drops by comparing all pairs by their definition.
func brute(docs []Document, o Options) (drops [kinds][]Drop) {
	m := NewMinHash(o.Texts)
	var bands [][]uint64
	var sketches []Sketch
	for _, d := range docs {
		b, s := m.Bands(nil, d.Text)
		bands, sketches = append(bands, b), append(sketches, s)
	}
	same := [kinds]func(i, j int) bool{
		func(i, j int) bool { return Normal(docs[i].Text) == Normal(docs[j].Text) },
		func(i, j int) bool {
			for k := range bands[i] {
				if bands[i][k] == bands[j][k] {
					return sketches[i].Similarity(sketches[j]) >= o.Texts.Similarity-1e-9
				}
			}
			return false
		},
		func(i, j int) bool {
			for _, p := range docs[i].Pictures {
				for _, q := range docs[j].Pictures {
					if bits.OnesCount64(p^q) <= o.Pictures.Distance {
						return true
					}
				}
			}
			return false
		},
	}
	for kind := range same {
		for j := range docs {
			for i := range j {
				if same[kind](i, j) {
					drops[kind] = append(drops[kind], Drop{uint64(j), uint64(i)})
					break
				}
			}
		}
	}
	return drops
}

func TestFindAgainstAllPairs(t *testing.T) {
	docs := corpus(1, 400)
	for _, edit := range []func(*Options){
		func(*Options) {},
		func(o *Options) { o.Texts.Bands, o.Texts.Rows, o.Texts.Similarity = 40, 2, 0.95 },
		func(o *Options) { o.Texts.Bands, o.Texts.Rows, o.Texts.Similarity = 30, 2, 0 },
		func(o *Options) { o.Pictures.Distance, o.Pictures.Blocks = 0, 1 },
		func(o *Options) { o.Pictures.Distance, o.Pictures.Blocks = 6, 1 },
		func(o *Options) { o.Pictures.Distance, o.Pictures.Blocks = 3, 3 },
	} {
		o := Default()
		edit(&o)
		found, err := Find(slices.Values(docs), o)
		if err != nil {
			t.Fatal(err)
		}
		want := brute(docs, o)
		for _, kind := range Kinds() {
			if !reflect.DeepEqual(found.Drops[kind], want[kind]) {
				t.Errorf("%+v: %s: %d drops %v, all pairs say %d %v", o, kind, len(found.Drops[kind]), found.Drops[kind], len(want[kind]), want[kind])
			}
			if len(want[kind]) < 10 {
				t.Errorf("%+v: %s: only %d drops: the test sees little", o, kind, len(want[kind]))
			}
		}
	}
}

// A bucket's drops do not depend on the order of its keys nor on how they were cut, and the input is left as it was.
func TestDuplicatesOrder(t *testing.T) {
	f, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	docs := corpus(2, 500)
	rng := rand.New(rand.NewPCG(8, 8))
	var want [kinds][Buckets][]byte
	for round := range 4 {
		lanes := make([]Keys, 1+3*round)
		for _, i := range rng.Perm(len(docs)) {
			k := &lanes[rng.IntN(len(lanes))]
			if err := f.Add(k, uint64(i), docs[i].Text); err != nil {
				t.Fatal(err)
			}
			for _, hash := range docs[i].Pictures {
				if err := f.AddPicture(k, uint64(i), hash); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, kind := range Kinds() {
			total := 0
			for bucket := range Buckets {
				var packed [][]byte
				for i := range lanes {
					packed = append(packed, lanes[i].Bucket(kind, bucket))
				}
				before := bytes.Join(packed, nil)
				drop, counts, err := f.Duplicates(kind, packed)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(before, bytes.Join(packed, nil)) {
					t.Fatal("the keys were changed")
				}
				if counts.Keys != int64(len(before)/kind.KeyBytes()) || counts.Dropped != int64(len(drop)/dropBytes) {
					t.Errorf("counts %+v of %d bytes, %d dropped", counts, len(before), len(drop)/dropBytes)
				}
				if round == 0 {
					want[kind][bucket] = drop
				} else if !bytes.Equal(drop, want[kind][bucket]) {
					t.Errorf("round %d: %s: bucket %d differs", round, kind, bucket)
				}
				total += len(drop)
			}
			if total == 0 {
				t.Errorf("%s: nothing dropped", kind)
			}
		}
	}
}

func TestChains(t *testing.T) {
	o := Default()
	o.Pictures.Distance, o.Pictures.Blocks = 2, 1
	// 1 and 2, 2 and 3, 3 and 4 are two bits apart; 5 is a copy of 3; 6 stands alone.
	hashes := []uint64{0xff00, 0xff03, 0xff0f, 0xff3f, 0xff0f, 1 << 60}
	found, err := Find(func(yield func(Document) bool) {
		for _, h := range hashes {
			yield(Document{Pictures: []uint64{h, h}})
		}
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []Drop{{1, 0}, {2, 1}, {3, 2}, {4, 1}}
	if !reflect.DeepEqual(found.Drops[NearPictures], want) {
		t.Errorf("drops %v, want %v", found.Drops[NearPictures], want)
	}
}

// Of a key that very many documents share, so many are compared, and the rest is counted.
func TestSkipped(t *testing.T) {
	o := Default()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for doc := range uint64(mostTexts + 10) {
		var k Keys
		k.band(7, Sketch{High: mix(doc), Low: uint16(mix(doc + 1<<40))}, doc)
		b = append(b, k.Bucket(NearTexts, 0)...)
	}
	drop, c, err := f.Duplicates(NearTexts, [][]byte{b})
	if err != nil || len(drop) > 0 || c.Skipped != 9 || c.Groups != 1 {
		t.Errorf("%d bytes dropped, counts %+v, %v; want 9 skipped", len(drop), c, err)
	}
}

func TestMasksMissNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for k := range 9 {
		for s := 1; s <= 4; s++ {
			all := masks(k, s)
			if len(all) != choices(k+s, s) {
				t.Fatalf("%d masks for %d and %d", len(all), k, s)
			}
			for range 300 {
				var wrong uint64
				for range k {
					wrong |= 1 << rng.IntN(64)
				}
				if !slices.ContainsFunc(all, func(mask uint64) bool { return wrong&mask == 0 }) {
					t.Fatalf("distance %d, %d blocks: no key finds %064b", k, s, wrong)
				}
			}
		}
	}
}

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		file, record int
		bad          bool
	}{
		{0, 0, false}, {1<<22 - 1, 1<<26 - 1, false}, {17, 4, false}, {1 << 22, 0, true}, {0, 1 << 26, true}, {-1, 0, true}, {0, -1, true},
	} {
		doc, err := Number(test.file, test.record)
		if (err != nil) != test.bad {
			t.Errorf("Number(%d, %d): %v", test.file, test.record, err)
		}
		if file, record := Place(doc); err == nil && (file != test.file || record != test.record || doc>>docBits != 0) {
			t.Errorf("Number(%d, %d) = %d, which is record %d of file %d", test.file, test.record, doc, record, file)
		}
	}
}

func TestDrops(t *testing.T) {
	a, _ := Number(3, 5)
	b, _ := Number(3, 9)
	c, _ := Number(4, 0)
	one := appendDrops([]Drop{{c, b}, {a, 2}, {a, 1}, {b, a}})
	two := appendDrops([]Drop{{a, 0}})
	drops, err := Drops(one, nil, two)
	if want := []Drop{{a, 0}, {b, a}, {c, b}}; err != nil || !reflect.DeepEqual(drops, want) {
		t.Fatalf("Drops: %v, %v, want %v", drops, err, want)
	}
	if kept, ok := Kept(drops, b); !ok || kept != a {
		t.Errorf("Kept: %d, %v", kept, ok)
	}
	if _, ok := Kept(drops, 1); ok {
		t.Error("a document that was not dropped was found")
	}
	var files []string
	for file, packed := range ByFile(one) {
		files = append(files, fmt.Sprint(file, len(packed)/dropBytes))
	}
	if got := strings.Join(files, ", "); got != "3 2, 4 1" {
		t.Errorf("ByFile: %s", got)
	}
	if _, err := Drops(one[:13]); err == nil {
		t.Error("a list that was cut is taken")
	}
}

func TestEmptyTextHasNoKeys(t *testing.T) {
	f, _ := New(Default())
	var k Keys
	for _, text := range []string{"", " \n\t", "\u3000"} {
		if err := f.Add(&k, 1, text); err != nil {
			t.Fatal(err)
		}
	}
	f.AddPicture(&k, 1, 0)
	for _, kind := range Kinds() {
		if k.Len(kind) != 0 {
			t.Errorf("%s: %d keys", kind, k.Len(kind))
		}
	}
	if err := f.Add(&k, 1<<48, "x"); err == nil {
		t.Error("a number of 49 bits is taken")
	}
	if err := f.AddPicture(&k, 1<<48, 5); err == nil {
		t.Error("a number of 49 bits is taken")
	}
}

func TestKeyBytes(t *testing.T) {
	f, _ := New(Default())
	var k Keys
	f.Add(&k, 1, "一段文字")
	f.AddPicture(&k, 1, 12345)
	for kind, want := range map[Kind][2]int{EqualTexts: {16, 1}, NearTexts: {24, 14}, NearPictures: {15, 15}} {
		if kind.KeyBytes() != want[0] || k.Len(kind) != want[1] {
			t.Errorf("%s: %d keys of %d bytes, want %d of %d", kind, k.Len(kind), kind.KeyBytes(), want[1], want[0])
		}
	}
	k.Reset()
	if k.Len(NearTexts) != 0 {
		t.Error("Reset left keys")
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		key  string
		edit func(*Options)
	}{
		{"", func(o *Options) {}},
		{"texts.characters", func(o *Options) { o.Texts.Characters = 0 }},
		{"texts.bands", func(o *Options) { o.Texts.Bands = 257 }},
		{"texts.rows", func(o *Options) { o.Texts.Rows = -1 }},
		{"texts.similarity", func(o *Options) { o.Texts.Similarity = 1.1 }},
		{"pictures.hash", func(o *Options) { o.Pictures.Hash = "ahash" }},
		{"pictures.distance", func(o *Options) { o.Pictures.Distance = 17 }},
		{"pictures.blocks", func(o *Options) { o.Pictures.Blocks = 0 }},
		{"pictures.blocks", func(o *Options) { o.Pictures.Distance, o.Pictures.Blocks = 10, 4 }},
	} {
		o := Default()
		test.edit(&o)
		if err := o.Validate(); (err == nil) != (test.key == "") || err != nil && !strings.HasPrefix(err.Error(), test.key+":") {
			t.Errorf("want an error of %q, have %v", test.key, err)
		}
	}
	if err := Paper().Validate(); err != nil {
		t.Error(err)
	}
}

// Packed bytes from anywhere are sorted or refused.
func FuzzDuplicates(f *testing.F) {
	f.Add([]byte{}, []byte{1}, 0)
	f.Add(bytes.Repeat([]byte{1, 2, 3}, 32), bytes.Repeat([]byte{1}, 48), 1)
	f.Add(bytes.Repeat([]byte{0}, 45), bytes.Repeat([]byte{14}, 15), 2)
	f.Fuzz(func(t *testing.T, a, b []byte, kind int) {
		finder, _ := New(Default())
		drop, c, err := finder.Duplicates(Kind(kind), [][]byte{a, b})
		if err != nil {
			return
		}
		drops, err := Drops(drop)
		if err != nil || int64(len(drops)) != c.Dropped {
			t.Fatalf("%d drops, counts %+v, %v", len(drops), c, err)
		}
		for _, d := range drops {
			if d.Kept >= d.Doc {
				t.Fatalf("%v", d)
			}
		}
		again, _, _ := finder.Duplicates(Kind(kind), [][]byte{b, a})
		if !bytes.Equal(drop, again) {
			t.Fatal("the order matters")
		}
		n := 0
		for _, packed := range ByFile(a) {
			n += len(packed)
		}
		if n != len(a) {
			t.Fatalf("ByFile gave %d of %d bytes", n, len(a))
		}
	})
}
