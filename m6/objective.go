package m6

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"m6lab/datasets"
	"m6lab/datasets/text"
	"m6lab/m6/strict"
)

// Task is one of the four pretraining tasks (section 3.2). They differ in data alone.
type Task int

// The pretraining tasks.
const (
	TextDenoise  Task = iota // noised text in, the whole text out
	LM                       // nothing in, text out
	Caption                  // patches in, text out
	ImageDenoise             // patches and noised text in, the whole text out
)

var taskNames = [...]string{"text_denoise", "lm", "caption", "image_denoise"}

// TaskNames lists the tasks by the names that configs and logs use.
func TaskNames() []string { return taskNames[:] }

// String is the task's name.
func (t Task) String() string { return taskNames[t] }

// Pictured tells whether the task shows a picture.
func (t Task) Pictured() bool { return t == Caption || t == ImageDenoise }

// ParseTask finds a task by name, or says the nearest valid one.
func ParseTask(name string) (Task, error) {
	for i, n := range taskNames {
		if n == name {
			return Task(i), nil
		}
	}
	return 0, fmt.Errorf("unknown task %q: did you mean %q? (%s)", name, strict.Nearest(name, TaskNames()), strings.Join(TaskNames(), ", "))
}

// AnswerPrompt stands between a question and its answer, as in the paper's prompts (section 4).
const AnswerPrompt = "回答："

// Objective turns examples into sequences.
type Objective struct {
	Tokenizer *text.Tokenizer
	Vocab     *text.Vocab
	Data      Data
	Longest   int                                                 // tokens of the complete part, [CLS] and [SEP] included; a longer text is cut at its end
	NoisePart func(ids []int32, mask int32, r *rand.Rand) []int32 // [Parts.Noise]; nil is Noise
	// Own takes the text of an example with several right captions, never another of them: so are held-out losses made, in which one draw
	// more or less of a wording would show.
	Own bool
}

// CompleteText is what an example's complete part says: a question and its answer by the paper's prompt, or one of its texts. An
// example with several right captions gives one of them, drawn by r.
func CompleteText(ex datasets.Example, r *rand.Rand) string {
	switch {
	case ex.Question != "":
		return ex.Question + AnswerPrompt + ex.Answer
	case len(ex.References) > 1:
		return ex.References[r.IntN(len(ex.References))]
	}
	return ex.Text
}

// Encode makes the sequence of an example under a task. Of a question about a picture the captioning task learns the answer alone
// (DECISIONS.md#14): else it would learn to ask where a caption is wanted. The sequence is a function of (example, task, seed) alone.
// An example without what the task needs is an error: the loader never draws one.
func (o Objective) Encode(ex datasets.Example, task Task, seed uint64) (Sequence, error) {
	r := rand.New(rand.NewPCG(seed, uint64(task)))
	if o.Own && ex.Text != "" {
		ex.References = nil
	}
	ids := o.Tokenizer.Encode(CompleteText(ex, r))
	if len(ids) == 0 {
		return Sequence{}, fmt.Errorf("example %s has no text", ex.ID)
	}
	if task.Pictured() && ex.Image == nil {
		return Sequence{}, fmt.Errorf("example %s has no picture", ex.ID)
	}
	ids = ids[:min(len(ids), o.Longest-2)]
	s := Sequence{Task: task, Source: ex.Source, ID: ex.ID, Text: o.Frame(ids)}
	if task == Caption && ex.Question != "" {
		s.Given = min(1+len(o.Tokenizer.Encode(ex.Question+AnswerPrompt)), len(s.Text)-1)
	}
	if task.Pictured() {
		s.Picture = ex.Image
	}
	if task == TextDenoise || task == ImageDenoise {
		masked, err := o.masked(ids, r)
		if err != nil {
			return Sequence{}, fmt.Errorf("example %s: %w", ex.ID, err)
		}
		s.Masked = masked
	}
	return s, nil
}

// noiseError says what [Parts.Noise] does wrong: a mistake in the program, not in an example.
type noiseError string

func (e noiseError) Error() string { return string(e) }

// masked is the masked part of a denoising task, by the part or by [Objective.Noise].
func (o Objective) masked(ids []int32, r *rand.Rand) (masked []int32, err error) {
	if o.NoisePart == nil {
		return o.Noise(ids, r), nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = noiseError(fmt.Sprintf("the noise panics: %v", p))
		}
	}()
	masked = o.NoisePart(slices.Clone(ids), o.Vocab.Mask(), r)
	if len(masked) > len(ids) {
		return nil, noiseError(fmt.Sprintf("the noise makes %d tokens of %d: want at most as many", len(masked), len(ids)))
	}
	for _, id := range masked {
		if id < 0 || int(id) >= o.Vocab.Len() {
			return nil, noiseError(fmt.Sprintf("the noise gives id %d: want 0 to %d", id, o.Vocab.Len()-1))
		}
	}
	return masked, nil
}

// Frame puts [CLS] before and [SEP] behind token ids.
func (o Objective) Frame(ids []int32) []int32 {
	framed := make([]int32, 0, len(ids)+2)
	framed = append(framed, o.Vocab.Cls())
	framed = append(framed, ids...)
	return append(framed, o.Vocab.Sep())
}

// Begin is [CLS] and token ids: what a text that is to be written on begins with.
func (o Objective) Begin(ids ...int32) []int32 {
	framed := o.Frame(ids)
	return framed[:len(framed)-1]
}

// Noise hides about data.mask_rate of the tokens, at least one: contiguous spans, each replaced by a single [MASK] (section 3.2).
func (o Objective) Noise(ids []int32, r *rand.Rand) []int32 {
	var out []int32
	at := 0
	for _, s := range o.spans(len(ids), r) {
		out = append(out, ids[at:s.start]...)
		out = append(out, o.Vocab.Mask())
		at = s.start + s.length
	}
	return append(out, ids[at:]...)
}

type span struct{ start, length int }

// spans draws disjoint spans, in order and never touching, that cover round(rate*n) tokens: lengths by Poisson(span_mean), 0 drawn
// again, the last one cut to what is left; or a single span of that many. The paper gives no lengths (DECISIONS.md#4).
func (o Objective) spans(n int, r *rand.Rand) []span {
	left := max(1, int(math.Round(o.Data.MaskRate*float64(n))))
	var lengths []int
	for left > 0 {
		length := left
		if o.Data.Spans != "single" {
			length = min(left, positivePoisson(o.Data.SpanMean, r))
		}
		lengths = append(lengths, length)
		left -= length
	}
	// Between two spans stands at least one token: choose where the visible tokens are cut. Spans that find no room are joined.
	visible := n
	for _, l := range lengths {
		visible -= l
	}
	for len(lengths) > visible+1 {
		lengths[len(lengths)-2] += lengths[len(lengths)-1]
		lengths = lengths[:len(lengths)-1]
	}
	r.Shuffle(len(lengths), func(i, j int) { lengths[i], lengths[j] = lengths[j], lengths[i] })
	var out []span
	at, free := 0, visible-(len(lengths)-1) // visible tokens beside the one that must stand between two spans
	for i, gap := range cuts(free, len(lengths), r) {
		at += gap
		out = append(out, span{at, lengths[i]})
		at += lengths[i] + 1
	}
	return out
}

// cuts draws how many of n free tokens stand before each of k spans, uniformly among all ways.
func cuts(n, k int, r *rand.Rand) []int {
	places := make([]bool, n+k) // k spans among n tokens
	for chosen := 0; chosen < k; {
		if p := r.IntN(n + k); !places[p] {
			places[p], chosen = true, chosen+1
		}
	}
	gaps, gap := make([]int, 0, k), 0
	for _, isSpan := range places {
		if isSpan {
			gaps, gap = append(gaps, gap), 0
		} else {
			gap++
		}
	}
	return gaps
}

// positivePoisson draws from Poisson(mean) until the number is positive (Knuth's method; the mean is small).
func positivePoisson(mean float64, r *rand.Rand) int {
	limit := math.Exp(-mean)
	for {
		k, p := 0, r.Float64()
		for p > limit {
			k, p = k+1, p*r.Float64()
		}
		if k > 0 {
			return k
		}
	}
}
