package text

import (
	"testing"
)

func TestDecode(t *testing.T) {
	tok := New(BertChinese(), Options{Lower: true, KeepPunctuation: true})
	same := []string{
		"他说：“人工智能（ai）——改变了世界……”", "‘单引号’与“双引号”、破折号—和省略号…", "今天天气不错，我们去公园散步吧。", "《红楼梦》是清代作家曹雪芹创作的章回体长篇小说。",
		"iphone 15 pro很贵", "售价9999元起，约合$1,234.56！", "the quick brown fox, jumps over (the) lazy dog.", "he said, \"hello\" (world) and left.",
		"don't stop", "12:30:45", "a-b/c_d@e", "红色背景上，香蕉在猫脸的左边。", "one–two ― three“quoted”and",
	}
	for _, want := range same[:len(same)-1] {
		if got := tok.Decode(tok.Encode(want)); got != want {
			t.Errorf("Decode(Encode(%q)) = %q", want, got)
		}
	}
	tests := []struct {
		name, text, want string
	}{
		{"case and accents go", "Café AU Lait", "cafe au lait"},
		{"blanks between Han go", "今 天　天 气", "今天天气"},
		{"blanks between Han and Latin go", "用 Go 写", "用go写"},
		{"full-width letters stay", "ＡＢＣ１２３", "ａｂｃ１２３"},
		{"quotes in English", "He said “hello” to her", "he said “hello” to her"},
		{"blanks about punctuation", "a , b ; c . 3 . 5", "a, b; c. 3.5"},
		{"controls go", "a\x00b\ufffd c", "ab c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := tok.Decode(tok.Encode(test.text)); got != test.want {
				t.Errorf("Decode(Encode(%q)) = %q, want %q", test.text, got, test.want)
			}
			if got := tok.Normalize(test.text); got != test.want {
				t.Errorf("Normalize(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestDecodeSpecial(t *testing.T) {
	v := BertChinese()
	ids := []int32{v.Cls(), 872, v.Unk(), v.Mask(), 1, 50, 1962, v.Sep(), v.Pad(), -3, 30000}
	tests := []struct {
		name    string
		options Options
		special bool
		want    string
	}{
		{"left out", Options{}, false, "你好"},
		{"unknown is shown", Options{Unknown: "□"}, false, "你□好"},
		{"kept punctuation comes back", Options{KeepPunctuation: true}, false, "你“好"},
		{"all shown", Options{KeepPunctuation: true}, true, "[CLS]你[UNK] [MASK] “[unused50]好[SEP] [PAD]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tok := New(v, test.options)
			got := tok.Decode(ids)
			if test.special {
				got = tok.DecodeSpecial(ids)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("pieces that the tokenizer would not give", func(t *testing.T) {
		v := vocab(t, "[UNK]", "##好", "你", "##s", "##")
		if got, want := New(v, Options{}).Decode([]int32{3, 2, 1, 3, 4}), "s你好s ##"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestKeepPunctuation(t *testing.T) {
	text := "“”‘’—…–―"
	off, on := New(BertChinese(), Options{}), New(BertChinese(), Options{KeepPunctuation: true})
	for i, id := range on.Encode(text) {
		if want := int32(i + 1); id != want { // [unused1] is line 1
			t.Errorf("character %d has id %d, want %d", i, id, want)
		}
	}
	for i, id := range off.Encode(text) {
		if id != off.Vocab().Unk() {
			t.Errorf("character %d has id %d without KeepPunctuation, want [UNK]", i, id)
		}
	}
	own := New(vocab(t, "[UNK]", "—", "[unused1]", "[unused5]"), Options{KeepPunctuation: true})
	got := own.Encode("“—”")
	if want := []int32{2, 1, 0}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("a vocabulary with its own dash: got %v, want %v", got, want)
	}
}
