package clean

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxARPALine bounds a line of an ARPA file in bytes.
const maxARPALine = 1 << 16

// arpaReader reads lines and knows their number.
type arpaReader struct {
	s    *bufio.Scanner
	line int
	text string
}

// next moves to the next line that is not empty.
func (r *arpaReader) next() error {
	for r.s.Scan() {
		r.line++
		if r.text = strings.Trim(r.s.Text(), " \t\r"); r.text != "" {
			return nil
		}
	}
	switch err := r.s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d: longer than %d bytes: this is no ARPA file of characters", r.line+1, maxARPALine)
	case err != nil:
		return fmt.Errorf("line %d: %w", r.line+1, err)
	}
	return fmt.Errorf(`line %d: the file ends before \end\: copy it again`, r.line)
}

func (r *arpaReader) fail(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", r.line, fmt.Sprintf(format, args...))
}

// ReadARPA reads a back-off model of characters in the ARPA format, as KenLM's lmplz writes it when every character is a word: log10
// of probabilities and back-off weights, words <s>, </s> and <unk>, and all others of one character each. Where <unk> is missing its
// log10 is -100, as in KenLM. The context of every n-gram must be an n-gram. Errors name the line.
//
// It reads as far as the line \end\. Percentiles are unknown until [LM.Calibrate].
func ReadARPA(from io.Reader) (*LM, error) {
	r := &arpaReader{s: bufio.NewScanner(from)}
	r.s.Buffer(make([]byte, 4096), maxARPALine)
	m, err := readARPA(r)
	if err != nil {
		return nil, fmt.Errorf("read an ARPA file: %w", err)
	}
	return m, nil
}

func readARPA(r *arpaReader) (*LM, error) {
	if err := r.next(); err != nil {
		return nil, err
	}
	if strings.TrimPrefix(r.text, "\ufeff") != `\data\` {
		return nil, r.fail(`%.40q: an ARPA file begins with \data\`, r.text)
	}
	var counts []int
	for {
		if err := r.next(); err != nil {
			return nil, err
		}
		rest, ok := strings.CutPrefix(r.text, "ngram ")
		if !ok {
			break
		}
		length, count, _ := strings.Cut(rest, "=")
		k, err := strconv.Atoi(strings.TrimSpace(length))
		n, err2 := strconv.Atoi(strings.TrimSpace(count))
		if err != nil || err2 != nil || n < 0 || k != len(counts)+1 {
			return nil, r.fail("%.40q: want \"ngram %d=COUNT\"", r.text, len(counts)+1)
		}
		counts = append(counts, n)
	}
	if len(counts) == 0 || len(counts) > maxARPAOrder {
		return nil, r.fail("n-grams of up to %d words: want 1 to %d", len(counts), maxARPAOrder)
	}
	m := &LM{order: len(counts), closed: true}
	for k := 1; k <= m.order; k++ {
		if r.text != fmt.Sprintf(`\%d-grams:`, k) {
			return nil, r.fail(`%.40q: want \%d-grams:`, r.text, k)
		}
		read := m.readARPALevel
		if k == 1 {
			read = m.readARPAWords
		}
		n, err := read(r, k)
		if err != nil {
			return nil, err
		}
		if n != counts[k-1] {
			return nil, r.fail("%d %d-grams end here, the head said %d: copy the file again", n, k, counts[k-1])
		}
	}
	if r.text != `\end\` {
		return nil, r.fail(`%.40q: want \end\`, r.text)
	}
	return m, nil
}

// arpaGram is a line of an n-gram.
type arpaGram struct {
	words [maxARPAOrder]string
	value lmValue
}

// gram reads the line "log10 word ... word [back-off]".
func (r *arpaReader) gram(k int, longest bool, g *arpaGram) error {
	rest := r.text
	field := func() (string, bool) {
		i := strings.IndexAny(rest, " \t")
		if i < 0 {
			f := rest
			rest = ""
			return f, f != ""
		}
		f := rest[:i]
		rest = strings.TrimLeft(rest[i:], " \t")
		return f, true
	}
	number, _ := field()
	prob, err := strconv.ParseFloat(number, 32)
	if err != nil || math.IsNaN(prob) || math.IsInf(prob, 0) || prob > 0 {
		return r.fail("%.40q is no log10 of a probability: want a number of at most 0", number)
	}
	for i := range k {
		word, ok := field()
		if !ok {
			return r.fail("%d words: want %d", i, k)
		}
		g.words[i] = word
	}
	g.value = lmValue{prob: float32(prob)}
	if number, ok := field(); ok {
		backoff, err := strconv.ParseFloat(number, 32)
		if err != nil || math.IsNaN(backoff) || math.IsInf(backoff, 0) {
			return r.fail("%.40q is no log10 of a back-off weight: want a number", number)
		}
		if longest && backoff != 0 {
			return r.fail("a back-off weight %s in the longest n-grams: want none", number)
		}
		g.value.backoff = float32(backoff)
	}
	if rest != "" {
		return r.fail("%.40q follows a %d-gram and its back-off weight", rest, k)
	}
	return nil
}

// readARPAWords reads the 1-grams.
func (m *LM) readARPAWords(r *arpaReader, _ int) (n int, err error) {
	type word struct {
		r     rune
		value lmValue
		line  int
	}
	var words []word
	special := [firstSymbol]*lmValue{}
	var g arpaGram
	for {
		if err := r.next(); err != nil {
			return n, err
		}
		if r.text[0] == '\\' {
			break
		}
		if err := r.gram(1, m.order == 1, &g); err != nil {
			return n, err
		}
		n++
		if symbol, ok := arpaSpecial(g.words[0]); ok {
			if special[symbol] != nil {
				return n, r.fail("%s stands here a second time", g.words[0])
			}
			v := g.value
			special[symbol] = &v
			continue
		}
		c, err := r.character(g.words[0])
		if err != nil {
			return n, err
		}
		words = append(words, word{c, g.value, r.line})
	}
	if len(words) == 0 {
		return n, r.fail("no characters among the 1-grams")
	}
	slices.SortStableFunc(words, func(a, b word) int { return int(a.r) - int(b.r) })
	for i, w := range words {
		if i > 0 && w.r == words[i-1].r {
			return n, fmt.Errorf("line %d: %q stands here a second time, first on line %d", w.line, w.r, words[i-1].line)
		}
		m.runes = append(m.runes, w.r)
	}
	m.unigrams = make([]lmValue, len(words)+int(firstSymbol))
	for symbol, name := range arpaNames {
		switch v := special[symbol]; {
		case v != nil:
			m.unigrams[symbol] = *v
		case uint32(symbol) == unknownSymbol:
			m.unigrams[symbol].prob = lmUnknownLog10
		default:
			return n, r.fail("%s is missing among the 1-grams", name)
		}
	}
	for i, w := range words {
		m.unigrams[i+int(firstSymbol)] = w.value
	}
	m.index()
	return n, nil
}

// arpaNames are the words of the first symbols.
var arpaNames = [firstSymbol]string{"<s>", "</s>", "<unk>"}

func arpaSpecial(word string) (uint32, bool) {
	switch word {
	case "<s>":
		return beginSymbol, true
	case "</s>":
		return endSymbol, true
	case "<unk>", "<UNK>":
		return unknownSymbol, true
	}
	return 0, false
}

// character is the rune of a word.
func (r *arpaReader) character(word string) (rune, error) {
	c, size := utf8.DecodeRuneInString(word)
	switch {
	case c == utf8.RuneError && size <= 1:
		return 0, r.fail("%.40q is not UTF-8", word)
	case size != len(word):
		return 0, r.fail("the word %.40q has %d characters: this program wants a model of characters, one a word", word, utf8.RuneCountInString(word))
	case isLMSpace(c):
		return 0, r.fail("the word %q is white space: write U+2581 in its place", word)
	}
	return c, nil
}

// symbol is the number of a word that the 1-grams have.
func (m *LM) symbol(r *arpaReader, word string) (uint32, error) {
	if symbol, ok := arpaSpecial(word); ok {
		return symbol, nil
	}
	c, err := r.character(word)
	if err != nil {
		return 0, err
	}
	symbol := m.numberOf(c)
	if symbol == unknownSymbol {
		return 0, r.fail("%q is not among the 1-grams", word)
	}
	return symbol, nil
}

// readARPALevel reads the n-grams of k words.
func (m *LM) readARPALevel(r *arpaReader, k int) (n int, err error) {
	var entries []lmEntry
	var g arpaGram
	var symbols [maxARPAOrder]uint32
	for {
		if err := r.next(); err != nil {
			return n, err
		}
		if r.text[0] == '\\' {
			break
		}
		if err := r.gram(k, k == m.order, &g); err != nil {
			return n, err
		}
		for i, word := range g.words[:k] {
			if symbols[i], err = m.symbol(r, word); err != nil {
				return n, err
			}
		}
		context, ok := m.locate(symbols[:k-1])
		if !ok {
			return n, r.fail("%.80q: its context is not among the %d-grams", strings.Join(g.words[:k], " "), k-1)
		}
		if m.closed {
			_, m.closed = m.locate(symbols[1:k])
		}
		entries = append(entries, lmEntry{lmKey(context, symbols[k-1]), g.value})
		n++
	}
	table, twin, ok := newLMTable(entries, k == m.order)
	if !ok {
		symbols := m.spell(k, twin)
		return n, r.fail("the %d-gram %q stands above twice", k, m.appendWords(nil, symbols[:k]))
	}
	m.tables = append(m.tables, table)
	return n, nil
}

// locate returns the place of an n-gram.
func (m *LM) locate(symbols []uint32) (uint64, bool) {
	place := uint64(symbols[0])
	for i, symbol := range symbols[1:] {
		var ok bool
		if place, ok = m.tables[i].find(lmKey(place, symbol)); !ok {
			return 0, false
		}
	}
	return place, true
}

// spell returns the symbols of the n-gram of k of them, 2 or more, that has this key.
func (m *LM) spell(k int, key uint64) (symbols [maxARPAOrder]uint32) {
	for ; ; k-- {
		symbols[k-1] = uint32(key & (1<<lmSymbolBits - 1))
		place := key >> lmSymbolBits
		if k == 2 {
			symbols[0] = uint32(place)
			return symbols
		}
		key = m.tables[k-3].keys[place]
	}
}

// appendWords appends the words of symbols with spaces between.
func (m *LM) appendWords(dst []byte, symbols []uint32) []byte {
	for i, symbol := range symbols {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if symbol < firstSymbol {
			dst = append(dst, arpaNames[symbol]...)
		} else {
			dst = utf8.AppendRune(dst, m.runes[symbol-firstSymbol])
		}
	}
	return dst
}

func (m *LM) appendARPA(dst []byte, symbols []uint32, v lmValue, longest bool) []byte {
	dst = strconv.AppendFloat(dst, float64(v.prob), 'g', -1, 32)
	dst = append(dst, '\t')
	dst = m.appendWords(dst, symbols)
	if !longest {
		dst = append(dst, '\t')
		dst = strconv.AppendFloat(dst, float64(v.backoff), 'g', -1, 32)
	}
	return append(dst, '\n')
}

// WriteARPA writes the model as an ARPA file that KenLM reads, every character a word. Numbers are written so that they are read back
// to the last bit. n-grams stand in the order of the tables.
func (m *LM) WriteARPA(to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<20)
	w.WriteString("\\data\\\n")
	for i, n := range m.NGrams() {
		fmt.Fprintf(w, "ngram %d=%d\n", i+1, n)
	}
	var line []byte
	for k := 1; k <= m.order; k++ {
		fmt.Fprintf(w, "\n\\%d-grams:\n", k)
		if k == 1 {
			for symbol, v := range m.unigrams {
				line = m.appendARPA(line[:0], []uint32{uint32(symbol)}, v, m.order == 1)
				w.Write(line)
			}
			continue
		}
		t := &m.tables[k-2]
		for place, key := range t.keys {
			if key != lmEmpty {
				symbols := m.spell(k, key)
				line = m.appendARPA(line[:0], symbols[:k], t.value(uint64(place)), k == m.order)
				w.Write(line)
			}
		}
	}
	w.WriteString("\n\\end\\\n")
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write an ARPA file: %w", err)
	}
	return nil
}
