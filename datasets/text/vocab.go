package text

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// The names of the special tokens in the order in which [Train] numbers them.
const (
	padName  = "[PAD]"
	unkName  = "[UNK]"
	clsName  = "[CLS]"
	sepName  = "[SEP]"
	maskName = "[MASK]"
)

var specialNames = []string{padName, unkName, clsName, sepName, maskName}

// Vocab is a WordPiece vocabulary: the token on line i, counted from 0, has id i. It does not change and may be shared.
type Vocab struct {
	file    []byte
	tokens  []string
	ids     map[string]int32
	special [5]int32 // ids of specialNames, -1 where missing
	trie    func() *trie
}

//go:embed bert-base-chinese.txt
var bertChinese []byte

var loadBertChinese = sync.OnceValue(func() *Vocab {
	v, _ := ParseVocab(bertChinese) // part of the program: a test holds that it parses
	return v
})

// BertChinese returns the vocabulary of Google's BERT-Base, Chinese: 21,128 tokens, [PAD] 0, [UNK] 100, [CLS] 101,
// [SEP] 102, [MASK] 103. NOTICE beside this file has its licence.
func BertChinese() *Vocab { return loadBertChinese() }

// ReadVocab reads a vocabulary file: see [ParseVocab].
func ReadVocab(path string) (*Vocab, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w (one token a line, as in BERT's vocab.txt)", err)
	}
	v, err := ParseVocab(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// ParseVocab reads one token a line, split on "\n" only; a last "\n" ends the last token, and one "\r" before a "\n" is
// dropped. Nothing else is trimmed (tokens may be blanks such as U+2028). Of equal tokens the later counts, as in
// Hugging Face's loaders. Only [UNK] must be there: [Vocab.Check] asks for what models need besides.
func ParseVocab(data []byte) (*Vocab, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("vocabulary: not UTF-8: save the file as UTF-8, one token a line")
	}
	data = bytes.Clone(data)
	text := strings.TrimSuffix(string(data), "\n")
	v := &Vocab{file: data, tokens: strings.Split(text, "\n")}
	v.ids = make(map[string]int32, len(v.tokens))
	for i, token := range v.tokens {
		if i < len(v.tokens)-1 || len(text) < len(data) {
			token = strings.TrimSuffix(token, "\r")
		}
		v.tokens[i] = token
		v.ids[token] = int32(i)
	}
	for i, name := range specialNames {
		v.special[i] = -1
		if id, ok := v.ids[name]; ok {
			v.special[i] = id
		}
	}
	if v.Unk() < 0 {
		return nil, fmt.Errorf("vocabulary: no %s among %d lines: give a BERT vocabulary, one token a line", unkName, len(v.tokens))
	}
	v.trie = sync.OnceValue(func() *trie { return newTrie(v.ids) })
	return v, nil
}

// Check reports the special tokens of a model ([PAD], [UNK], [CLS], [SEP], [MASK]) that v lacks.
func (v *Vocab) Check() error {
	var missing []string
	for i, id := range v.special {
		if id < 0 {
			missing = append(missing, specialNames[i])
		}
	}
	if missing != nil {
		return fmt.Errorf("vocabulary: no %s among %d tokens: add a line for each", strings.Join(missing, ", "), v.Len())
	}
	return nil
}

// Len returns the number of tokens, lines that repeat a token included.
func (v *Vocab) Len() int { return len(v.tokens) }

// Token returns the token of an id, and "" for an id that v does not have.
func (v *Vocab) Token(id int32) string {
	if id < 0 || int(id) >= len(v.tokens) {
		return ""
	}
	return v.tokens[id]
}

// ID returns the id of a token and whether v has it.
func (v *Vocab) ID(token string) (int32, bool) {
	id, ok := v.ids[token]
	return id, ok
}

// Bytes returns the file's content. ParseVocab(v.Bytes()) equals v.
func (v *Vocab) Bytes() []byte { return bytes.Clone(v.file) }

// Pad returns the id of [PAD], -1 where v has none.
func (v *Vocab) Pad() int32 { return v.special[0] }

// Unk returns the id of [UNK], the token of what v cannot spell.
func (v *Vocab) Unk() int32 { return v.special[1] }

// Cls returns the id of [CLS], which opens a text, -1 where v has none.
func (v *Vocab) Cls() int32 { return v.special[2] }

// Sep returns the id of [SEP], which ends a text, -1 where v has none.
func (v *Vocab) Sep() int32 { return v.special[3] }

// Mask returns the id of [MASK], -1 where v has none.
func (v *Vocab) Mask() int32 { return v.special[4] }
