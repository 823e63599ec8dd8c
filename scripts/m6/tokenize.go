package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"m6lab/datasets/text"
	"m6lab/scripts/command"
)

// tokenizeCommand is `m6 tokenize`: lines on standard input to ids or tokens, a line each.
func tokenizeCommand() *cobra.Command {
	var path string
	var lower, tokens bool
	cmd := &cobra.Command{
		Use:   "tokenize --vocab FILE [--lower] [--tokens]",
		Short: "Lines of text to token ids",
		Long: `Lines of text on standard input, split on "\n" only, to their token ids separated by spaces, without [CLS] and [SEP].

FILE is a BERT vocabulary, one token a line, and ids are those of Hugging Face's tokenizers. With --json a line is a JSON array.`,
		Example: "  printf '今天天气不错\\n' | m6 tokenize --vocab datasets/text/bert-base-chinese.txt --lower",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return command.Usagef("tokenize: no vocabulary: add --vocab FILE, such as the vocab.txt of a data set")
			}
			vocab, err := text.ReadVocab(path)
			if err != nil {
				return fmt.Errorf("tokenize: %w", err)
			}
			asJSON, err := cmd.Flags().GetBool("json")
			if err != nil {
				asJSON = false // no such flag where the command stands alone
			}
			l := lineTokenizer{tokenizer: text.New(vocab, text.Options{Lower: lower}), names: tokens, json: asJSON}
			return l.copy(cmd.OutOrStdout(), cmd.InOrStdin())
		},
	}
	cmd.Flags().StringVar(&path, "vocab", "", "vocabulary, one token a line")
	cmd.Flags().BoolVar(&lower, "lower", false, "lower-case and strip accents, as uncased BERT models do")
	cmd.Flags().BoolVar(&tokens, "tokens", false, "print tokens instead of ids")
	return cmd
}

// lineTokenizer writes the tokens of lines.
type lineTokenizer struct {
	tokenizer *text.Tokenizer
	names     bool // tokens instead of ids
	json      bool
}

// copy answers each line of r on w. It keeps no more than a line, and writes what it has before it waits for more.
func (l lineTokenizer) copy(w io.Writer, r io.Reader) error {
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriterSize(w, 1<<16)
	var line, buffer []byte
	var ids []int32
	for number := 1; ; {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && err != io.EOF {
			return errors.Join(fmt.Errorf("tokenize: standard input: line %d: %w", number, err), out.Flush())
		}
		if len(line) > 0 {
			ids = l.tokenizer.Append(ids[:0], string(line)) // a line end is white space
			buffer = l.format(buffer[:0], ids)
			if _, err := out.Write(buffer); err != nil {
				return fmt.Errorf("tokenize: standard output: line %d: %w", number, err)
			}
			number++
			line = line[:0]
		}
		if err == io.EOF || in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("tokenize: standard output: line %d: %w", number, err)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// format appends one line of output.
func (l lineTokenizer) format(dst []byte, ids []int32) []byte {
	open, between, shut := "", " ", "\n"
	if l.json {
		open, between, shut = "[", ",", "]\n"
	}
	dst = append(dst, open...)
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, between...)
		}
		switch {
		case !l.names:
			dst = strconv.AppendInt(dst, int64(id), 10)
		case l.json:
			quoted, _ := json.Marshal(l.tokenizer.Vocab().Token(id)) // a string cannot fail
			dst = append(dst, quoted...)
		default:
			dst = append(dst, l.tokenizer.Vocab().Token(id)...)
		}
	}
	return append(dst, shut...)
}
