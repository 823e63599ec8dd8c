package text

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrain(t *testing.T) {
	specials := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	reserved := []string{"[unused1]", "[unused2]", "[unused3]", "[unused4]", "[unused5]", "[unused6]", "[unused7]", "[unused8]"}
	tests := []struct {
		name    string
		texts   []string
		size    int
		options Options
		want    []string // after specials
	}{
		{"Han and punctuation are words", []string{"春眠不觉晓，", "春晓。"}, 100, Options{}, []string{"。", "不", "春", "晓", "眠", "觉", "，"}},
		{"the most frequent where there is not room", []string{"春春春眠眠不"}, 7, Options{}, []string{"春", "眠"}},
		{"equally frequent ones by code point", []string{"三二一"}, 7, Options{}, []string{"一", "三"}},
		{"both forms of letters, then pieces", []string{"ab ab"}, 100, Options{}, []string{"a", "b", "##a", "##b", "ab"}},
		{"a pair seen once is no piece", []string{"ab"}, 100, Options{}, []string{"a", "b", "##a", "##b"}},
		{
			"pieces by frequency", []string{"low low low lower lower newest newest newest"}, 5 + 16 + 4, Options{},
			[]string{"e", "l", "n", "o", "r", "s", "t", "w", "##e", "##l", "##n", "##o", "##r", "##s", "##t", "##w", "lo", "##we", "ne", "##st"},
		},
		{"lower case", []string{"AB Ab"}, 100, Options{Lower: true}, []string{"a", "b", "##a", "##b", "ab"}},
		{"rare characters are left out", []string{"春春眠"}, 100, Options{MinCount: 2}, []string{"春"}},
		{"filled", []string{"春"}, 8, Options{Fill: true}, []string{"春", "[unused1]", "[unused2]"}},
		{"reserved quotes are no characters", []string{"“春”"}, 100, Options{KeepPunctuation: true}, append(slices.Clone(reserved), "春")},
		{"reserved and filled", []string{"春"}, 16, Options{KeepPunctuation: true, Fill: true}, append(slices.Clone(reserved), "春", "[unused9]", "[unused10]")},
		{"a letter of another script keeps its place", []string{"да"}, 100, Options{}, []string{"д", "##а"}},
		{"words beyond the limit teach nothing", []string{strings.Repeat("x", 101) + " 春"}, 100, Options{}, []string{"春"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := Train(slices.Values(test.texts), test.size, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(slices.Clone(specials), test.want...), v.tokens); diff != "" {
				t.Error(diff)
			}
			if err := v.Check(); err != nil {
				t.Error(err)
			}
			slices.Reverse(test.texts)
			again, err := Train(slices.Values(test.texts), test.size, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.tokens, again.tokens); diff != "" {
				t.Errorf("the same texts in another order:\n%s", diff)
			}
		})
	}
}

func TestTrainErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		texts []string
		size  int
		want  string
	}{
		{"too small", []string{"春"}, 5, "5 are reserved"},
		{"negative", []string{"春"}, -1, "5 are reserved"},
		{"no words", []string{" ", "\x00"}, 50, "no words"},
		{"no texts", nil, 50, "no words"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Train(slices.Values(test.texts), test.size, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// What was trained on real lines spells all of them without [UNK], and in fewer tokens than characters.
func TestTrainedVocabulary(t *testing.T) {
	o := Options{Lower: true, KeepPunctuation: true}
	texts := lines(t)
	v, err := Train(slices.Values(texts), 1024, o)
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() > 1024 {
		t.Errorf("%d tokens, want at most 1024", v.Len())
	}
	tok := New(v, o)
	for _, text := range texts {
		ids := tok.Encode(text)
		if slices.Contains(ids, v.Unk()) {
			t.Errorf("%q has [UNK]: %q", text, tok.DecodeSpecial(ids))
		}
		if got, want := tok.Decode(ids), tok.Normalize(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if ids := tok.Encode("tokenizers and tokenization"); len(ids) > 12 {
		t.Errorf("words that were seen take %d tokens: %v", len(ids), ids)
	}
}
