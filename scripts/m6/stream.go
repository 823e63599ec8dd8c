package main

import (
	"fmt"
	"io"
	"strings"
)

// streamer prints a text while it is written. What was printed stays: where more tokens change the reading of earlier ones, the text goes on
// when it agrees with what stands there again.
type streamer struct {
	w       io.Writer
	decode  func(ids []int32) string
	tokens  []int32
	printed string
}

// add takes new tokens.
func (s *streamer) add(tokens []int32) {
	s.tokens = append(s.tokens, tokens...)
	s.show(s.decode(s.tokens))
}

// show prints what is new in a text.
func (s *streamer) show(text string) {
	if rest, ok := strings.CutPrefix(text, s.printed); ok {
		fmt.Fprint(s.w, rest)
		s.printed = text
	}
}

// end finishes the line with the whole text; one that does not begin with what was printed follows on a line of its own.
func (s *streamer) end(line string) error {
	rest, ok := strings.CutPrefix(line, s.printed)
	if !ok {
		rest = "\n" + line
	}
	_, err := fmt.Fprintln(s.w, rest)
	return err
}
