package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/scripts/command"
)

// writeFlags are what every command that writes text shares.
type writeFlags struct {
	dir    string
	seed   uint64
	stream bool
	m6.Generate
}

// add declares the flags; a command's own defaults are in f.
func (f *writeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "dir", "", "folder of the run whose model writes")
	flags.Uint64Var(&f.seed, "seed", 1, "of the draws")
	flags.Float64Var(&f.Temperature, "temperature", f.Temperature, "of the draws; 0 takes the most probable token")
	flags.IntVar(&f.TopK, "top-k", f.TopK, "draw among the k most probable tokens; 0 is all")
	flags.Float64Var(&f.TopP, "top-p", f.TopP, "draw among the most probable tokens that together reach p; 0 is all")
	flags.IntVar(&f.Beams, "beams", f.Beams, "beam search over so many texts, instead of draws")
	flags.Float64Var(&f.LengthPower, "length-penalty", 1, "beam search divides a score by length^penalty")
	flags.IntVar(&f.NoRepeat, "no-repeat", 0, "beam search writes no n-gram of this length twice")
	flags.IntVar(&f.MaxTokens, "max-tokens", f.MaxTokens, "new tokens at most")
	flags.BoolVar(&f.stream, "stream", false, "print the text while it is written; for one input, without --beams and --json")
	command.Require(cmd, "dir")
}

// answer is one written text.
type answer struct {
	Input string  `json:"input"`
	Text  string  `json:"text"`
	Score float64 `json:"score"` // log-probability
	Ended bool    `json:"ended"` // false: cut at max-tokens
}

// ask is one input of a writing command: what the text begins with and the picture's file.
type ask struct {
	name  string // how the result names it
	text  string // the prompt
	image string // file of a picture; empty for none
}

// write answers every ask with the saved model; show is told the text as it comes, and may be nil.
func (f *writeFlags) write(cmd *cobra.Command, asks []ask, show *streamer) ([]answer, error) {
	if err := f.Validate(); err != nil {
		return nil, command.Usagef("%w", err)
	}
	if asJSON, _ := cmd.Flags().GetBool("json"); f.stream && (asJSON || f.Beams > 1 || len(asks) > 1) {
		return nil, command.Usagef("--stream shows one text while it is drawn: leave out --json and --beams, and give one input")
	}
	s, err := m6.OpenSaved(m6.Folder(f.dir))
	if err != nil {
		return nil, err
	}
	for _, line := range s.Skips {
		fmt.Fprintln(cmd.ErrOrStderr(), line)
	}
	o := s.Objective()
	prompts := make([]m6.Prompt, len(asks))
	for i, a := range asks {
		prompts[i] = m6.Prompt{Text: o.Begin(o.Tokenizer.Encode(a.text)...), Seed: seedOf(f.seed, i, a)}
		if a.image == "" {
			continue
		}
		if s.Run.Model.Encoder.Patches() == 0 {
			return nil, fmt.Errorf("the model of %s takes no pictures", f.dir)
		}
		data, err := os.ReadFile(a.image)
		if err != nil {
			return nil, err
		}
		if prompts[i].Pixels, err = m6.Pixels(data, s.Run.Model.Encoder.Size); err != nil {
			return nil, fmt.Errorf("%s: %w", a.image, err)
		}
	}
	g, err := s.Generator()
	if err != nil {
		return nil, err
	}
	if show != nil {
		show.decode = o.Tokenizer.Decode
		f.Stream = func(tokens [][]int32) { show.add(tokens[0]) }
	}
	written, err := g.Run(cmd.Context(), prompts, f.Generate)
	if err != nil {
		return nil, err
	}
	answers := make([]answer, len(asks))
	for i, w := range written {
		answers[i] = answer{Input: asks[i].name, Text: o.Tokenizer.Decode(w.Tokens), Score: w.Score, Ended: w.Ended}
	}
	return answers, nil
}

// seedOf makes the seed of one text's draws: the same input and seed give the same text, whatever else is asked.
func seedOf(seed uint64, i int, a ask) uint32 {
	h := fnv.New32a()
	fmt.Fprint(h, seed, i, a.text, a.image)
	return h.Sum32()
}

// answer writes and prints: the text alone for a single input, else each behind its input.
func (f *writeFlags) answer(cmd *cobra.Command, asks []ask) error {
	var show *streamer
	if f.stream {
		show = &streamer{w: cmd.OutOrStdout()}
	}
	answers, err := f.write(cmd, asks, show)
	if err != nil {
		return err
	}
	return command.PrintResult(cmd, answers, func(w io.Writer) error {
		for _, a := range answers {
			line := a.Text
			if len(answers) > 1 {
				line = a.Input + "\t" + a.Text
			}
			if !a.Ended {
				line += "…"
			}
			if show != nil {
				return show.end(line)
			}
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
		return nil
	})
}

func captionCommand() *cobra.Command {
	f := writeFlags{Generate: m6.Generate{MaxTokens: 64}}
	cmd := &cobra.Command{
		Use:     "caption --dir RUN IMAGE...",
		Short:   "Captions of pictures",
		Example: "  m6 caption --dir runs/demo picture.png\n  m6 caption --dir runs/demo --beams 5 a.png b.jpg",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, images []string) error {
			var asks []ask
			for _, path := range images {
				asks = append(asks, ask{name: path, image: path})
			}
			return f.answer(cmd, asks)
		},
	}
	f.add(cmd)
	return cmd
}

func vqaCommand() *cobra.Command {
	f := writeFlags{Generate: m6.Generate{MaxTokens: 32}}
	var image string
	cmd := &cobra.Command{
		Use:   "vqa --dir RUN --image IMAGE [QUESTION...]",
		Short: "Answers to questions about a picture",
		Long:  "Answers to questions about a picture, by the paper's prompt: the question, then 回答：. Without a question it is the paper's 这是什么？",
		Example: `  m6 vqa --dir runs/demo --image picture.png 图里有几只青蛙？
  m6 vqa --dir runs/demo --image picture.png`,
		RunE: func(cmd *cobra.Command, questions []string) error {
			if len(questions) == 0 {
				questions = []string{"这是什么？"}
			}
			if err := refuseBlank("question", questions); err != nil {
				return err
			}
			var asks []ask
			for _, q := range questions {
				asks = append(asks, ask{name: q, text: q + m6.AnswerPrompt, image: image})
			}
			return f.answer(cmd, asks)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&image, "image", "", "file of the picture")
	command.Require(cmd, "image")
	return cmd
}

func qaCommand() *cobra.Command {
	f := writeFlags{Generate: m6.Generate{MaxTokens: 96, Temperature: 0.8, TopP: 0.9}}
	cmd := &cobra.Command{
		Use:     "qa --dir RUN QUESTION...",
		Short:   "Answers to questions",
		Long:    "Answers to questions, by the paper's prompt: the question, ？ where it ends without one, then 回答：.",
		Example: "  m6 qa --dir runs/demo 李白是谁？",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, questions []string) error {
			if err := refuseBlank("question", questions); err != nil {
				return err
			}
			var asks []ask
			for _, q := range questions {
				asks = append(asks, ask{name: q, text: asQuestion(q) + m6.AnswerPrompt})
			}
			return f.answer(cmd, asks)
		},
	}
	f.add(cmd)
	return cmd
}

// refuseBlank is a usage error where a text says nothing.
func refuseBlank(what string, texts []string) error {
	for i, s := range texts {
		if strings.TrimSpace(s) == "" {
			return command.Usagef("%s %d is empty", what, i+1)
		}
	}
	return nil
}

// asQuestion ends a question with a question mark.
func asQuestion(q string) string {
	r := []rune(q)
	if n := len(r); n > 0 && (r[n-1] == '？' || r[n-1] == '?') {
		return q
	}
	return q + "？"
}

func poemCommand() *cobra.Command {
	f := writeFlags{Generate: m6.Generate{MaxTokens: 96, Temperature: 0.8, TopK: 50}}
	var author, dynasty string
	cmd := &cobra.Command{
		Use:     "poem --dir RUN TITLE",
		Short:   "A poem to a title",
		Long:    "A poem to a title, by the paper's prompt, such as: 见情郎 作者: 唐 李白 正文:",
		Example: "  m6 poem --dir runs/demo --author 李白 --seed 7 见情郎",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseBlank("title", args); err != nil {
				return err
			}
			prompt := fmt.Sprintf("%s 作者: %s %s 正文:", args[0], dynasty, author)
			return f.answer(cmd, []ask{{name: prompt, text: prompt}})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&author, "author", "李白", "the poet")
	cmd.Flags().StringVar(&dynasty, "dynasty", "唐", "the poet's dynasty")
	return cmd
}
