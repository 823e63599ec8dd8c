// Package text turns Chinese and mixed text into the token ids of BERT's WordPiece, and ids back into readable text.
//
// A [Vocab] is a file of tokens, one a line; [BertChinese] is the 21,128-entry vocabulary of Google's Chinese BERT, which
// the paper's models use, and [Train] makes small ones. A [Tokenizer] is a vocabulary with [Options]:
//
//	t := text.New(text.BertChinese(), text.Options{Lower: true})
//	ids := t.Encode("今天天气不错")
//
// # Equal to Hugging Face
//
// With the zero Options (or Lower alone) ids are those of Hugging Face tokenizers 0.23.3: BertNormalizer (clean_text,
// handle_chinese_chars, strip_accents, lowercase), BertPreTokenizer and WordPiece with at most 100 characters a word, and
// the spans of [Tokenizer.EncodeOffsets] are its offsets, in bytes. That library mixes tables of several Unicode versions:
// it differs from Go 1.26 in 648 code points (438 marks, 129 punctuation characters, 112 combining classes, 56 lower
// cases, 20 controls and a decomposition). So unicode.txt has its answers for every code point, and ids do not change
// with Go's version. Two habits of it are kept: U+2B820 to U+2B91F of the Han extensions are letters, not words of their
// own, and so are extensions G and later.
//
// Bytes that are not UTF-8 count as U+FFFD, which is dropped, as Python's errors="replace" would have it.
//
// # Punctuation that the vocabulary lacks
//
// BERT's Chinese vocabulary has no “ ” ‘ ’ — … – ―: all become [UNK], and a model that has learned from [UNK] writes
// texts without quotation marks. [Options].KeepPunctuation maps them into reserved tokens, by a fixed table:
//
//	“ [unused1]   ” [unused2]   ‘ [unused3]   ’ [unused4]
//	— [unused5]   … [unused6]   – [unused7]   ― [unused8]
//
// A character that the vocabulary has keeps its own token. The option is off by default, for ids equal to Hugging Face's.
//
// # Text and back
//
// What WordPiece keeps of a text is its words. [Tokenizer.Normalize] writes them down as a reader expects, without blanks
// between Han characters and with blanks between other words, and Decode(Encode(s)) equals Normalize(s) whenever no token
// is [UNK].
//
// # Caveats
//
// Line ends and the number of blanks are lost. A text that spells "[MASK]" is three words unless Options.Special is set:
// leave it off for text from strangers. A vocabulary is split on "\n" only, because two tokens of BERT's are U+2028.
package text
