package main

import (
	"strings"
	"testing"
)

// A streamed text is printed piece by piece, and the whole of it stands there in the end, whatever later tokens do to earlier ones.
func TestStreamer(t *testing.T) {
	words := []string{"春", "眠", " un", "changed"}
	for name, c := range map[string]struct {
		decode func(ids []int32) string
		end    string
		want   []string // what stands there after each token
	}{
		"growing": {func(ids []int32) string {
			text := ""
			for _, id := range ids {
				text += words[id]
			}
			return text
		}, "春眠 unchanged…", []string{"春", "春眠", "春眠 un", "春眠 unchanged"}},
		"changing": {func(ids []int32) string { return []string{"“", "\"a", "“a”", "“a”b"}[len(ids)-1] }, "“a”b", []string{"“", "“", "“a”", "“a”b"}},
		"other":    {func(ids []int32) string { return []string{"a", "b", "c", "d"}[len(ids)-1] }, "d", []string{"a", "a", "a", "a"}},
	} {
		var out strings.Builder
		s := streamer{w: &out, decode: c.decode}
		for i, want := range c.want {
			s.add([]int32{int32(i)})
			if out.String() != want {
				t.Errorf("%s: after %d tokens %q, want %q", name, i+1, out.String(), want)
			}
		}
		if err := s.end(c.end); err != nil || !strings.HasSuffix(out.String(), c.end+"\n") {
			t.Errorf("%s: %q, %v, want it to end with %q", name, out.String(), err, c.end)
		}
	}
}
