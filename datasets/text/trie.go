package text

import (
	"maps"
	"slices"
)

// trie is a double array over the bytes of the tokens (Aoe 1989): the child of node n by byte c is cell n.base+c, if that
// cell's parent is n.
type trie struct {
	cells []cell
	more  int32 // the node of "##", from which a word goes on; 0 where no token begins so
}

type cell struct {
	base   int32
	parent int32 // -1: free
	id     int32 // of the token that ends here, or -1
}

const root int32 = 0

// newTrie builds the trie of the tokens of ids, the empty one left out.
func newTrie(ids map[string]int32) *trie {
	tokens := slices.Sorted(maps.Keys(ids))
	if len(tokens) > 0 && tokens[0] == "" {
		tokens = tokens[1:]
	}
	t := &trie{}
	t.grow(512)
	t.cells[root].parent = root
	b := trieBuilder{trie: t, tokens: tokens, ids: ids}
	b.place(root, 0, len(tokens), 0)
	t.more = t.walk(root, "##")
	return t
}

func (t *trie) grow(n int) {
	for len(t.cells) < n {
		t.cells = append(t.cells, cell{parent: -1, id: -1})
	}
}

// child returns the child of a node, 0 where there is none.
func (t *trie) child(node int32, c byte) int32 {
	next := t.cells[node].base + int32(c)
	if int(next) < len(t.cells) && t.cells[next].parent == node {
		return next
	}
	return 0
}

func (t *trie) walk(node int32, s string) int32 {
	for i := 0; i < len(s); i++ {
		if node = t.child(node, s[i]); node == 0 {
			return 0
		}
	}
	return node
}

// longest returns the id and length of the longest token that word begins with, read from node; length 0 for none.
func (t *trie) longest(node int32, word []byte) (id int32, length int) {
	cells := t.cells
	for i, c := range word {
		next := cells[node].base + int32(c)
		if int(next) >= len(cells) || cells[next].parent != node || next == root {
			break
		}
		node = next
		if cells[node].id >= 0 {
			id, length = cells[node].id, i+1
		}
	}
	return id, length
}

// trieBuilder places the children of sorted tokens, depth first.
type trieBuilder struct {
	*trie
	tokens []string
	ids    map[string]int32
	from   [9]int32 // where the search for room for so many children begins, 8 or more together
}

// place gives cells to the children of node, whose tokens are [first, last) and agree in their first depth bytes.
func (b *trieBuilder) place(node int32, first, last, depth int) {
	if first < last && len(b.tokens[first]) == depth {
		b.cells[node].id = b.ids[b.tokens[first]]
		first++
	}
	if first == last {
		return
	}
	var bytes []byte
	var starts []int
	for i := first; i < last; i++ {
		if c := b.tokens[i][depth]; len(bytes) == 0 || bytes[len(bytes)-1] != c {
			bytes = append(bytes, c)
			starts = append(starts, i)
		}
	}
	starts = append(starts, last)
	base := b.fit(bytes)
	b.cells[node].base = base
	for _, c := range bytes {
		b.cells[base+int32(c)].parent = node
	}
	for i, c := range bytes {
		b.place(base+int32(c), starts[i], starts[i+1], depth+1)
	}
}

// fit returns a base, at least 1, at which the cells of all bytes are free. Where the search was long, the next one for
// as many bytes begins where this one ended: the array has a few more holes and is built in linear time.
func (b *trieBuilder) fit(bytes []byte) int32 {
	from := &b.from[min(len(bytes), len(b.from)-1)]
	for first, tried := max(*from, int32(bytes[0])+1), 0; ; first++ {
		base := first - int32(bytes[0])
		b.grow(int(base) + 256)
		if b.cells[first].parent >= 0 {
			continue
		}
		if tried++; tried == 1 || tried > 16 {
			*from = first
		}
		if !slices.ContainsFunc(bytes, func(c byte) bool { return b.cells[base+int32(c)].parent >= 0 }) {
			return base
		}
	}
}
