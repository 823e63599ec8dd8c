package runes_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"m6lab/datasets/runes"
)

// check compares with unicode/utf8.
func check(t *testing.T, s string) {
	t.Helper()
	want := utf8.ValidString(s)
	if got := runes.Valid(s); got != want {
		t.Errorf("Valid(%+q) is %v, want %v", s, got, want)
	}
	if got := runes.Valid([]byte(s)); got != want {
		t.Errorf("Valid of the bytes %+q is %v, want %v", s, got, want)
	}
	if want && (runes.Count(s) != utf8.RuneCountInString(s) || runes.Count([]byte(s)) != utf8.RuneCountInString(s)) {
		t.Errorf("Count(%+q) is %d, want %d", s, runes.Count(s), utf8.RuneCountInString(s))
	}
}

// sides are put around a sequence, so that it stands at every place of a word of eight bytes and between others of each length.
var sides = []string{"", "a", "ab", "abcdefg", "中", "中文", "é", "𠀀", "a中", "中a", "中文中文中"}

func TestEveryLead(t *testing.T) {
	edges := []byte{0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xED, 0xFF}
	for lead := range 256 {
		for _, b := range edges {
			for _, c := range edges {
				core := string([]byte{byte(lead), b, c})
				for _, side := range sides {
					check(t, side+core+"中文和")
					check(t, side+core)
				}
				check(t, core+string([]byte{0x80})+"tail of text")
			}
		}
	}
}

func TestEveryCharacter(t *testing.T) {
	for r := range rune(utf8.MaxRune + 1) {
		s := string(r)
		if !runes.Valid(s+"中文字") || runes.Count("中文"+s+"a文字") != 6 {
			t.Fatalf("%U", r)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range sides {
		f.Add(s + "\xff" + s)
	}
	f.Fuzz(func(t *testing.T, s string) { check(t, s) })
}

func Example() {
	fmt.Println(runes.Valid("汉字"), runes.Valid("汉\xe5\xad"), runes.Count("汉字 ok"))
	// Output: true false 5
}

func Benchmark(b *testing.B) {
	text := strings.Repeat("定义电子表格在迭代引用、日期设置和小数位数等方面的设置，SQL 命令。", 100)
	valid, n := false, 0
	for name, do := range map[string]func(){
		"Valid": func() { valid = runes.Valid(text) }, "utf8.ValidString": func() { valid = utf8.ValidString(text) },
		"Count": func() { n = runes.Count(text) }, "utf8.RuneCountInString": func() { n = utf8.RuneCountInString(text) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				do()
			}
		})
	}
	if !valid || n == 0 {
		b.Error("the text is none")
	}
}
