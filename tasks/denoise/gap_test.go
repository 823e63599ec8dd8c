package denoise

import (
	"fmt"
	"slices"
	"testing"
)

func TestDraw(t *testing.T) {
	const unknown = 1
	ids := []int32{5, 6, unknown, 7, 8, 9, 10}
	lengths := map[int]int{}
	for i := range 300 {
		id := fmt.Sprint("row-", i)
		gap, ok := Draw(ids, unknown, 3, id)
		again, _ := Draw(ids, unknown, 3, id)
		if !ok || gap.Start != again.Start || gap.Length != again.Length {
			t.Fatalf("%s: %v %v, again %v", id, gap, ok, again)
		}
		if slices.Contains(gap.Span(), unknown) || gap.Length < 1 || gap.Length > maxSpan {
			t.Fatalf("%s: span %v", id, gap.Span())
		}
		if !slices.Equal(gap.With(gap.Span()), ids) {
			t.Fatalf("%s: the parts do not make the text", id)
		}
		lengths[gap.Length]++
	}
	if len(lengths) != maxSpan {
		t.Errorf("lengths drawn: %v, want 1 to %d", lengths, maxSpan)
	}
	if gap, ok := Draw([]int32{5, 6}, unknown, 3, "short"); ok {
		t.Errorf("two tokens: %v, want no gap", gap)
	}
}

func TestClosed(t *testing.T) {
	middle, end := Gap{IDs: []int32{1, 2, 3, 4}, Start: 1, Length: 2}, Gap{IDs: []int32{1, 2, 3}, Start: 2, Length: 1}
	for _, c := range []struct {
		name   string
		gap    Gap
		tokens []int32
		ended  bool
		want   bool
	}{
		{"span and what follows", middle, []int32{2, 3, 4, 9}, false, true},
		{"span that does not close", middle, []int32{2, 3, 9, 4}, false, false},
		{"other span", middle, []int32{2, 5, 4}, false, false},
		{"too short", middle, []int32{2, 3}, true, false},
		{"at the end", end, []int32{3}, true, true},
		{"at the end, going on", end, []int32{3, 1, 1, 1}, false, false},
	} {
		if got := c.gap.Closed(c.tokens, c.ended); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestInside(t *testing.T) {
	gap := Gap{IDs: []int32{1, 2, 3, 4, 5, 6, 7}, Start: 3, Length: 1}
	for _, c := range []struct {
		name   string
		gap    Gap
		tokens []int32
		want   bool
	}{
		{"the text", gap, gap.IDs, true},
		{"moved", gap, []int32{9, 9, 2, 3, 4, 5, 6, 9}, true},
		{"other span", gap, []int32{1, 2, 3, 8, 5, 6, 7}, false},
		{"at the beginning", Gap{IDs: gap.IDs, Start: 0, Length: 1}, []int32{1, 2, 3, 9}, true},
		{"at the beginning, moved", Gap{IDs: gap.IDs, Start: 0, Length: 1}, []int32{9, 1, 2, 3}, false},
		{"at the end, going on", Gap{IDs: gap.IDs, Start: 6, Length: 1}, []int32{5, 6, 7, 1}, false},
		{"nothing", gap, nil, false},
	} {
		if got := c.gap.Inside(c.tokens); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFilling(t *testing.T) {
	gap := Gap{IDs: []int32{1, 2, 3, 4}, Start: 1, Length: 2}
	for _, c := range []struct{ tokens, want []int32 }{
		{[]int32{7, 4, 5}, []int32{7}}, {[]int32{7, 8, 9, 4}, []int32{7, 8, 9}}, {[]int32{7, 8, 9}, []int32{7, 8}}, {nil, nil},
	} {
		if got := gap.Filling(c.tokens); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.tokens, got, c.want)
		}
	}
}

func TestGuesser(t *testing.T) {
	var texts [][]int32
	for range 20 {
		texts = append(texts, []int32{10, 11, 12, 13}, []int32{20, 11, 14, 15, 11, 14})
	}
	g, err := NewGuesser(texts)
	if err != nil {
		t.Fatal(err)
	}
	one, two := Gap{IDs: []int32{10, 11, 12, 13}, Start: 1, Length: 1}, Gap{IDs: []int32{10, 11, 12, 13}, Start: 1, Length: 2}
	if got, want := g.Frequent(one), []int32{11}; !slices.Equal(got, want) {
		t.Errorf("most frequent token %v, want %v", got, want)
	}
	if got, want := g.Frequent(two), []int32{11, 14}; !slices.Equal(got, want) {
		t.Errorf("most frequent pair %v, want %v", got, want)
	}
	frequent, best := g.Judge([]Gap{one, two})
	if want := []bool{true, false}; !slices.Equal(frequent, want) {
		t.Errorf("unigram guess right: %v, want %v", frequent, want)
	}
	if want := []bool{true, true}; !slices.Equal(best, want) {
		t.Errorf("3-gram's guess right: %v, want %v", best, want)
	}
}
