package text

import (
	"cmp"
	"container/heap"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Train makes a vocabulary of at most size tokens from texts: [PAD] [UNK] [CLS] [SEP] [MASK]; with
// Options.KeepPunctuation the reserved [unusedN]; the characters of the texts, the most frequent first where there is not
// room for all; then pieces of words, by joining the most frequent pair of neighbours again and again (as byte pair
// encoding does). Han characters and punctuation are words of their own and so never joined. The letters and digits of
// ASCII are added as beginning and as continuation where either is seen. Lines are in that order, each group sorted, and
// the same texts give the same vocabulary in any order.
//
// Where the texts give fewer tokens the vocabulary is shorter, or filled with [unusedN] where Options.Fill is set. The
// Options must be those of the Tokenizer that will use it.
func Train(texts iter.Seq[string], size int, o Options) (*Vocab, error) {
	tr := trainer{options: o, words: map[string]int{}, ids: map[string]int32{}}
	for _, name := range specialNames {
		tr.add(name)
	}
	if o.KeepPunctuation {
		for i := range keptPunctuation {
			tr.add(fmt.Sprintf("[unused%d]", i+1))
		}
	}
	if size <= len(tr.tokens) {
		return nil, fmt.Errorf("train a vocabulary of %d tokens: %d are reserved, so give a larger size", size, len(tr.tokens))
	}
	for s := range texts {
		tr.count(s)
	}
	if len(tr.words) == 0 {
		return nil, fmt.Errorf("train a vocabulary of %d tokens: the texts have no words", size)
	}
	tr.addCharacters(size)
	tr.addPieces(size)
	for n := 1; o.Fill && len(tr.tokens) < size; n++ {
		tr.add(fmt.Sprintf("[unused%d]", n))
	}
	v, err := ParseVocab([]byte(strings.Join(tr.tokens, "\n") + "\n"))
	if err != nil {
		return nil, fmt.Errorf("train a vocabulary of %d tokens: %w", size, err)
	}
	return v, nil
}

// trainer gathers the tokens of a vocabulary.
type trainer struct {
	options Options
	words   map[string]int // how often each is seen
	tokens  []string
	ids     map[string]int32
}

// add adds a token unless it is there, and returns its id.
func (tr *trainer) add(token string) int32 {
	id, ok := tr.ids[token]
	if !ok {
		id = int32(len(tr.tokens))
		tr.ids[token] = id
		tr.tokens = append(tr.tokens, token)
	}
	return id
}

// count adds the words of a text.
func (tr *trainer) count(s string) {
	words(tr.options.normalize(s, 0), func(word []unit) {
		if len(word) > maxWord {
			return // always [UNK]
		}
		spelled := make([]byte, 0, 4*len(word))
		for _, u := range word {
			spelled = utf8.AppendRune(spelled, u.r)
		}
		tr.words[string(spelled)]++
	})
}

// split spells a word in characters, all but the first with ##.
func split(word string) []string {
	parts := make([]string, 0, len(word))
	for i, r := range word {
		part := string(r)
		if i > 0 {
			part = "##" + part
		}
		parts = append(parts, part)
	}
	return parts
}

// addCharacters adds the most frequent characters while there is room.
func (tr *trainer) addCharacters(size int) {
	counts := map[string]int{}
	for word, n := range tr.words {
		for _, part := range split(word) {
			counts[part] += n
		}
	}
	for r := '0'; r <= 'z'; r++ {
		first, next := string(r), "##"+string(r)
		both := counts[first] + counts[next]
		if both > 0 && table().properties(r)&isPunct == 0 {
			counts[first], counts[next] = both, both
		}
	}
	if tr.options.KeepPunctuation {
		for _, r := range keptPunctuation {
			delete(counts, string(r))
		}
	}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n < max(1, tr.options.MinCount) })
	order := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	order = order[:min(len(order), size-len(tr.tokens))]
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a)-len(strings.TrimPrefix(a, "##")), len(b)-len(strings.TrimPrefix(b, "##"))), cmp.Compare(a, b))
	})
	for _, token := range order {
		tr.add(token)
	}
}

// pair is two neighbouring tokens.
type pair struct{ left, right int32 }

// spelling is a distinct word in tokens.
type spelling struct {
	tokens []int32
	count  int
}

// merger joins pairs of tokens in all words.
type merger struct {
	*trainer
	spellings []spelling
	counts    map[pair]int
	where     map[pair]map[int]bool // the spellings that have the pair, or had it
	queue     pairQueue
}

// addPieces joins the most frequent pair until the vocabulary has its size or no pair is frequent.
func (tr *trainer) addPieces(size int) {
	m := merger{trainer: tr, counts: map[pair]int{}, where: map[pair]map[int]bool{}}
	for _, word := range slices.Sorted(maps.Keys(tr.words)) {
		if tokens := tr.known(split(word)); len(tokens) > 1 {
			m.spellings = append(m.spellings, spelling{tokens, tr.words[word]})
		}
	}
	for i := range m.spellings {
		m.note(i, 1)
	}
	for p, n := range m.counts {
		m.queue = append(m.queue, counted{p, n})
	}
	heap.Init(&m.queue)
	least := max(2, tr.options.MinCount)
	for len(tr.tokens) < size && len(m.queue) > 0 {
		best := heap.Pop(&m.queue).(counted)
		if n := m.counts[best.pair]; n != best.count {
			continue // an entry from before a merge: a newer one is in the queue
		}
		if best.count < least {
			break
		}
		m.merge(best.pair)
	}
}

// known returns the ids of tokens, nil where one is not in the vocabulary.
func (tr *trainer) known(tokens []string) []int32 {
	ids := make([]int32, len(tokens))
	for i, token := range tokens {
		id, ok := tr.ids[token]
		if !ok {
			return nil
		}
		ids[i] = id
	}
	return ids
}

// note adds the pairs of a spelling to the counts, or takes them away.
func (m *merger) note(i, sign int) {
	s := m.spellings[i]
	for j := 1; j < len(s.tokens); j++ {
		p := pair{s.tokens[j-1], s.tokens[j]}
		m.counts[p] += sign * s.count
		if m.where[p] == nil {
			m.where[p] = map[int]bool{}
		}
		m.where[p][i] = true
	}
}

// merge joins p in every word and queues the pairs whose counts have changed.
func (m *merger) merge(p pair) {
	token := m.add(m.tokens[p.left] + strings.TrimPrefix(m.tokens[p.right], "##"))
	changed := map[pair]bool{}
	for i := range m.where[p] {
		m.change(i, changed, -1)
		s := &m.spellings[i]
		joined := s.tokens[:0]
		for j := 0; j < len(s.tokens); j++ {
			if j+1 < len(s.tokens) && s.tokens[j] == p.left && s.tokens[j+1] == p.right {
				joined = append(joined, token)
				j++
			} else {
				joined = append(joined, s.tokens[j])
			}
		}
		s.tokens = joined
		m.change(i, changed, 1)
	}
	delete(m.where, p)
	for q := range changed {
		if n := m.counts[q]; n > 0 {
			heap.Push(&m.queue, counted{q, n})
		} else {
			delete(m.counts, q)
		}
	}
}

// change is note that remembers which pairs it touched.
func (m *merger) change(i int, changed map[pair]bool, sign int) {
	tokens := m.spellings[i].tokens
	for j := 1; j < len(tokens); j++ {
		changed[pair{tokens[j-1], tokens[j]}] = true
	}
	m.note(i, sign)
}

// counted is an entry of the queue: valid while the pair still has that count.
type counted struct {
	pair
	count int
}

// pairQueue is a heap with the most frequent pair on top; of equals the one of earlier tokens.
type pairQueue []counted

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right)) < 0
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(counted)) }
func (q *pairQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
