package text

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func vocab(t testing.TB, tokens ...string) *Vocab {
	t.Helper()
	v, err := ParseVocab([]byte(strings.Join(tokens, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBertChinese(t *testing.T) {
	v := BertChinese()
	sum := md5.Sum(v.Bytes())
	if got, want := hex.EncodeToString(sum[:]), "3b5b76c4aef48ecf8cb3abaafe960f09"; got != want {
		t.Errorf("md5 %s, want %s", got, want)
	}
	if got, want := v.Len(), 21128; got != want {
		t.Errorf("%d tokens, want %d", got, want)
	}
	if got, want := [5]int32{v.Pad(), v.Unk(), v.Cls(), v.Sep(), v.Mask()}, [5]int32{0, 100, 101, 102, 103}; got != want {
		t.Errorf("special tokens %v, want %v", got, want)
	}
	for id, want := range map[int32]string{343: "\u2028", 13502: "##\u2028", 21127: "##😎", 21128: "", -1: ""} {
		if got := v.Token(id); got != want {
			t.Errorf("Token(%d) = %q, want %q", id, got, want)
		}
	}
	for id := range int32(v.Len()) {
		if got, ok := v.ID(v.Token(id)); got != id || !ok {
			t.Errorf("ID(%q) = %d, %v, want %d", v.Token(id), got, ok, id)
		}
	}
	if err := v.Check(); err != nil {
		t.Error(err)
	}
}

func TestParseVocab(t *testing.T) {
	tests := []struct {
		name, data string
		want       []string // nil where an error is wanted
		err        string
	}{
		{"last line ended", "[UNK]\na\n", []string{"[UNK]", "a"}, ""},
		{"last line open", "[UNK]\na", []string{"[UNK]", "a"}, ""},
		{"Windows", "[UNK]\r\na\r\n", []string{"[UNK]", "a"}, ""},
		{"a return in the last open line stays", "[UNK]\na\r", []string{"[UNK]", "a\r"}, ""},
		{"line separators and blanks are tokens", "[UNK]\n\u2028\n \n##\u2028\n", []string{"[UNK]", "\u2028", " ", "##\u2028"}, ""},
		{"an empty line keeps its number", "[UNK]\n\na\n", []string{"[UNK]", "", "a"}, ""},
		{"no [UNK]", "a\nb\n", nil, "no [UNK] among 2 lines"},
		{"empty", "", nil, "no [UNK]"},
		{"not UTF-8", "[UNK]\n\xff\n", nil, "not UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := ParseVocab([]byte(test.data))
			if test.want == nil {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, v.tokens); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(v.Bytes(), []byte(test.data)) {
				t.Error("Bytes is not the file")
			}
		})
	}
	t.Run("of equal tokens the later counts", func(t *testing.T) {
		v := vocab(t, "[UNK]", "a", "a")
		if got := New(v, Options{}).Encode("a"); !cmp.Equal(got, []int32{2}) || v.Len() != 3 {
			t.Errorf("got %v of %d tokens, want [2] of 3", got, v.Len())
		}
	})
}

func TestReadVocab(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "vocab.txt")
	if _, err := ReadVocab(missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error %v, want one that names %s", err, missing)
	}
	if err := os.WriteFile(missing, []byte("a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadVocab(missing); err == nil || !strings.Contains(err.Error(), missing) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that names %s", err, missing)
	}
	if err := os.WriteFile(missing, BertChinese().Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	v, err := ReadVocab(missing)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(BertChinese().tokens, v.tokens); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	v := vocab(t, "[PAD]", "[UNK]", "[SEP]")
	err := v.Check()
	if err == nil || !strings.Contains(err.Error(), "[CLS], [MASK]") {
		t.Errorf("error %v, want one that names [CLS] and [MASK]", err)
	}
	if v.Cls() != -1 || v.Mask() != -1 || v.Sep() != 2 {
		t.Errorf("Cls %d, Mask %d, Sep %d, want -1, -1, 2", v.Cls(), v.Mask(), v.Sep())
	}
}

func TestCharacters(t *testing.T) {
	if _, err := parseCharacters(unicodeText); err != nil {
		t.Error(err)
	}
	for _, data := range []string{"drop\n", "drop 0\n", "drop x 1\n", "blot 0 1\n", "lower 41 5A 0 20\n", "class 1 2\n", "\n"} {
		if _, err := parseCharacters(data); err == nil {
			t.Errorf("%q: no error", data)
		}
	}
}

// The trie finds every token, and no prefix of one that is not itself a token.
func TestTrie(t *testing.T) {
	v := BertChinese()
	tr := v.trie()
	for _, token := range v.tokens {
		want, _ := v.ID(token)
		if id, length := tr.longest(root, []byte(token)); id != want || length != len(token) {
			t.Errorf("longest(%q) = %d, %d, want %d, %d", token, id, length, want, len(token))
		}
		for cut := range len(token) {
			node := tr.walk(root, token[:cut])
			want, ok := v.ID(token[:cut])
			if got := tr.cells[node].id; ok && got != want || !ok && got != -1 {
				t.Errorf("%q ends with id %d, want %d, %v", token[:cut], got, want, ok)
			}
		}
	}
}
