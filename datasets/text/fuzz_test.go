package text

import (
	"slices"
	"testing"
)

// Any bytes: no panic, both ways agree, spans lie in the text and ascend, and what has no [UNK] comes back.
func FuzzTokenizer(f *testing.F) {
	for _, c := range golden(f) {
		f.Add(c.Text, uint8(len(c.Text)))
	}
	f.Add("\xff\xfe\xe4\xb8", uint8(3))
	f.Add("[MASK][", uint8(16))
	toks := make([]*Tokenizer, 32)
	for i := range toks {
		toks[i] = New(BertChinese(), Options{Lower: i&1 > 0, KeepPunctuation: i&2 > 0, Accents: Accents(i >> 2 & 3 % 3), Special: i&16 > 0})
	}
	f.Fuzz(func(t *testing.T, s string, mode uint8) {
		tok := toks[mode%32]
		ids := tok.Encode(s)
		exact, spans := tok.EncodeOffsets(s)
		if !slices.Equal(ids, exact) || len(spans) != len(ids) {
			t.Fatalf("%+q: Encode %v, EncodeOffsets %v, %v", s, ids, exact, spans)
		}
		start := 0
		for i, span := range spans {
			if span.Start < start || span.End <= span.Start || span.End > len(s) {
				if !reordered(s) {
					t.Fatalf("%+q: span %d is %v after a start of %d", s, i, span, start)
				}
			}
			start = span.Start
		}
		normal := tok.Normalize(s)
		if !slices.Contains(ids, tok.vocab.Unk()) && !tok.options.Special {
			if got := tok.Decode(ids); got != normal {
				t.Fatalf("%+q: Decode %+q, Normalize %+q", s, got, normal)
			}
		}
		tok.DecodeSpecial(ids)
	})
}

// reordered reports whether s has marks that canonical ordering may move.
func reordered(s string) bool {
	for _, r := range s {
		if p := table().properties(r); p>>classShift != 0 && p&isMark == 0 {
			return true
		}
	}
	return false
}

// Any ids: no panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255})
	tok := New(BertChinese(), Options{KeepPunctuation: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		var ids []int32
		for i := 0; i+1 < len(data); i += 2 {
			ids = append(ids, int32(int16(data[i])<<8|int16(data[i+1])))
		}
		tok.Decode(ids)
	})
}

// Any file: an error or a vocabulary that gives the file back and encodes.
func FuzzVocab(f *testing.F) {
	f.Add([]byte("[UNK]\na\n##b\n"), "ab")
	f.Add([]byte("[UNK]\r\n\x00\n##\n\n"), "##")
	f.Fuzz(func(t *testing.T, data []byte, s string) {
		v, err := ParseVocab(data)
		if err != nil {
			return
		}
		if !slices.Equal(v.Bytes(), data) {
			t.Fatal("Bytes is not the file")
		}
		if len(data) < 1<<12 {
			tok := New(v, Options{Lower: true, KeepPunctuation: true})
			exact, _ := tok.EncodeOffsets(s)
			if got := tok.Encode(s); !slices.Equal(got, exact) {
				t.Fatalf("%q: Encode %v, EncodeOffsets %v", s, got, exact)
			}
		}
	})
}

func FuzzTrain(f *testing.F) {
	f.Add("春眠不觉晓 low lower", 50)
	f.Fuzz(func(t *testing.T, s string, size int) {
		v, err := Train(slices.Values([]string{s, s}), size%200, Options{Fill: true, KeepPunctuation: true})
		if err == nil && v.Len() != size%200 {
			t.Fatalf("%d tokens, want %d", v.Len(), size%200)
		}
	})
}
