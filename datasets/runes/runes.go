// Package runes answers two questions about UTF-8 that a corpus asks of every byte several times, several times as fast on Chinese text as
// unicode/utf8 does: whether it is valid, and how many characters it has.
package runes

import (
	"math/bits"
	"unicode/utf8"
)

// ascii are the high bits of eight bytes.
const ascii = 0x8080808080808080

// Valid tells whether s is UTF-8, as utf8.Valid does. Eight bytes of ASCII, or two characters of three bytes (all common Chinese), take one step.
func Valid[T string | []byte](s T) bool {
	i := 0
	for i+8 <= len(s) {
		v := load(s, i)
		switch {
		case v&0x0000C0C0F0C0C0F0 == 0x00008080E08080E0 && plainLead(byte(v)) && plainLead(byte(v>>24)):
			i += 6
		case v&ascii == 0:
			i += 8
		case v&0x80 == 0:
			i += bits.TrailingZeros64(v&ascii) / 8
		case v&0x00C0C0F0 == 0x008080E0 && plainLead(byte(v)):
			i += 3
		default:
			n := sequence(s, i)
			if n == 0 {
				return false
			}
			i += n
		}
	}
	for i < len(s) {
		n := sequence(s, i)
		if n == 0 {
			return false
		}
		i += n
	}
	return true
}

// plainLead tells whether any two continuation bytes may follow the first byte of three: not behind E0 (overlong) and ED (surrogates).
func plainLead(b byte) bool { return b != 0xE0 && b != 0xED }

// load reads eight bytes, the first as the lowest; the compiler makes one instruction of it.
func load[T string | []byte](s T, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// sequence is the number of bytes of the character at i, 0 where none is.
func sequence[T string | []byte](s T, i int) int {
	if s[i] < utf8.RuneSelf {
		return 1
	}
	r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

// Count is the number of characters of s, as utf8.RuneCount has it, where s is valid UTF-8: all bytes that continue no character.
func Count[T string | []byte](s T) int {
	n, i := len(s), 0
	for ; i+8 <= len(s); i += 8 {
		v := load(s, i)
		n -= bits.OnesCount64(v & ^(v << 1) & ascii)
	}
	for ; i < len(s); i++ {
		if s[i]&0xC0 == 0x80 {
			n--
		}
	}
	return n
}
